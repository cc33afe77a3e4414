/** Bodies and queries of the session calls: creation, settings, extension. Errors: RequestRefused, and ENGRAM_CONFIG_INVALID for settings. */
import { EngineError } from "../errors.ts";
import { type ConfigUpdate, checkConfig, mergeConfig, type SessionConfig } from "../model/session-config.ts";
import { isObject, toInteger } from "./coercion.ts";
import { Issues, type Loc } from "./issues.ts";
import type { HttpLimits } from "./limits.ts";
import { readMetadata } from "./metadata-body.ts";
import { bodyObject } from "./observation-body.ts";
import { addSymbolFault, symbolFault } from "./strings.ts";

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

/** What `extend` sets when its query names no time. KATO's constant. */
const EXTEND_SECONDS_DEFAULT = 3_600;

export function readCreateBody(body: unknown, limits: HttpLimits): CreateBody {
  const issues = new Issues();
  const given = bodyObject(body, issues);
  const nodeId = given.node_id;
  if (nodeId === undefined) issues.add("missing", ["body", "node_id"], given);
  else {
    const fault = symbolFault(nodeId, limits.nodeIdBytesMax);
    if (fault !== undefined) addSymbolFault(fault, nodeId, limits.nodeIdBytesMax, ["body", "node_id"], issues);
  }
  const metadata = readMetadata(given.metadata ?? undefined, ["body", "metadata"], limits, issues);
  // 0 counts as absent.
  const ttlSeconds = readSeconds(given.ttl_seconds ?? 0, ["body", "ttl_seconds"], 0, limits, issues);
  const settings = given.config ?? undefined;
  if (settings !== undefined && !isObject(settings)) issues.add("dict_type", ["body", "config"], settings);
  issues.assertNone();
  return {
    nodeId: nodeId as string,
    metadata,
    ...(ttlSeconds > 0 && { ttlSeconds }),
    ...(settings === undefined ? { notices: [] } : readNewConfig(settings as Readonly<Record<string, unknown>>)),
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

export function readExtendQuery(query: Readonly<Record<string, unknown>>, limits: HttpLimits): number {
  const issues = new Issues();
  // Of a repeated parameter the last one counts.
  const given = Array.isArray(query.ttl_seconds) ? query.ttl_seconds.at(-1) : query.ttl_seconds;
  const seconds = readSeconds(given ?? EXTEND_SECONDS_DEFAULT, ["query", "ttl_seconds"], 1, limits, issues);
  issues.assertNone();
  return seconds;
}

function readSeconds(value: unknown, loc: Loc, min: number, limits: HttpLimits, issues: Issues): number {
  const seconds = toInteger(value);
  if (typeof seconds === "string") issues.add(seconds, loc, value);
  else if (seconds < min || seconds > limits.ttlSecondsMax) {
    issues.addValue(loc, `Input should be between ${min} and ${limits.ttlSecondsMax} seconds`, value);
  } else return seconds;
  return min;
}

function readSettings(settings: Readonly<Record<string, unknown>>, occasion: "create" | "update"): ConfigChange {
  const check = checkConfig(settings, occasion);
  if (check.ok) return check;
  throw new EngineError("ENGRAM_CONFIG_INVALID", `Settings refused: ${Object.keys(check.errors).join(", ")}`, {
    details: { validation_errors: check.errors },
  });
}
