/**
 * Bodies and queries of the session calls: creation, settings, extension. Read by their schemas (schema/requests.ts). Errors: RequestRefused,
 * and ENGRAM_CONFIG_INVALID for settings.
 */
import { EngineError } from "../errors.ts";
import { type ConfigUpdate, checkConfig, mergeConfig, type SessionConfig } from "../model/session-config.ts";
import { isObject } from "./coercion.ts";
import { Issues } from "./issues.ts";
import type { HttpLimits } from "./limits.ts";
import { bodyObject } from "./observation-body.ts";
import { readerOf } from "./schema/reader.ts";
import { createBody, EXTEND_SECONDS_DEFAULT, extendQuery } from "./schema/requests.ts";

export interface CreateBody {
  readonly nodeId: string;
  readonly config?: SessionConfig;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly ttlSeconds?: number;
  readonly notices: readonly string[];
}

/** A checked update, and what the caller should know of it. */
interface ConfigChange {
  readonly update: ConfigUpdate;
  readonly notices: readonly string[];
}

interface NewConfig {
  readonly config: SessionConfig;
  readonly notices: readonly string[];
}

const NO_METADATA: Readonly<Record<string, unknown>> = Object.freeze({});

export function createReader(limits: HttpLimits): (body: unknown) => CreateBody {
  const read = readerOf(createBody(limits));
  return (body) => {
    const issues = new Issues();
    const given = read(bodyObject(body, issues), ["body"], issues) as {
      node_id: string;
      metadata?: Readonly<Record<string, unknown>> | null;
      ttl_seconds?: number | null;
      config?: Readonly<Record<string, unknown>> | null;
    };
    issues.assertNone();
    return {
      nodeId: given.node_id,
      metadata: given.metadata ?? NO_METADATA,
      // 0 counts as absent.
      ...(given.ttl_seconds && { ttlSeconds: given.ttl_seconds }),
      ...(given.config ? readNewConfig(given.config) : { notices: [] }),
    };
  };
}

/** Settings that start from nothing: null means "not set". */
export function readNewConfig(settings: Readonly<Record<string, unknown>>): NewConfig {
  const { update, notices } = readSettings(settings, "create");
  return { config: mergeConfig({}, update), notices };
}

/** The update in `{"config": {…}}` or in the bare object. */
export function readConfigBody(body: unknown): ConfigChange {
  const issues = new Issues();
  const given = bodyObject(body, issues);
  const settings = Object.hasOwn(given, "config") ? given.config : given;
  if (!isObject(settings)) issues.add("dict_type", ["body", "config"], settings);
  issues.assertNone();
  return readSettings(settings as Readonly<Record<string, unknown>>, "update");
}

export function extendReader(limits: HttpLimits): (query: Readonly<Record<string, unknown>>) => number {
  const read = readerOf(extendQuery(limits));
  return (query) => {
    const issues = new Issues();
    // Of a repeated parameter the last one counts.
    const given = Array.isArray(query.ttl_seconds) ? query.ttl_seconds.at(-1) : query.ttl_seconds;
    const { ttl_seconds } = read({ ttl_seconds: given ?? EXTEND_SECONDS_DEFAULT }, ["query"], issues) as { ttl_seconds: number };
    issues.assertNone();
    return ttl_seconds;
  };
}

function readSettings(settings: Readonly<Record<string, unknown>>, occasion: "create" | "update"): ConfigChange {
  const check = checkConfig(settings, occasion);
  if (check.ok) return check;
  throw new EngineError("ENGRAM_CONFIG_INVALID", `Settings refused: ${Object.keys(check.errors).join(", ")}`, {
    details: { validation_errors: check.errors },
  });
}
