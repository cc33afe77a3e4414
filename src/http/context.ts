/** What every route file is handed: the engine and what belongs to this server, made once by `buildApp`. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { CallOptions, Engine } from "../engine-types.ts";
import type { Logger } from "../log.ts";
import type { Monitor } from "../monitor/monitor.ts";
import { RequestRefused } from "./issues.ts";
import type { HttpLimits } from "./limits.ts";
import type { SessionNodes } from "./session-nodes.ts";

/** What the server tells of its settings. */
export interface About {
  /** Folder of the data; where it lies tells which disk is watched. */
  readonly dataDir: string;
  /** Address of Redis without user and password, or null. */
  readonly redisAddress: string | null;
  readonly sessionTtlSeconds: number;
}

export interface RouteContext {
  readonly engine: Engine;
  readonly log: Logger;
  readonly limits: HttpLimits;
  readonly nodes: SessionNodes;
  readonly serviceName: string;
  readonly version: string;
  readonly startedAtMs: number;
  readonly monitor: Monitor;
  readonly about: About;
  /** Where the documents are, if anywhere. */
  readonly docs: string | null;
}

/** Route options that the hooks read. */
declare module "fastify" {
  interface FastifyContextConfig {
    /** The call reads no body: whatever is sent is not parsed. */
    bodyless?: boolean;
    /** Answered however full the house is. */
    alwaysAdmitted?: boolean;
    /** Has a limit of its own and is no request under way. */
    uncounted?: boolean;
    /** Methods of the path, for the `Allow` header of a 405. */
    allow?: string;
  }
}

/** Options of a route that reads no body. */
export const BODYLESS = { config: { bodyless: true } } as const;

export interface SessionRoute {
  Params: { id: string };
}

const NO_OPTIONS: CallOptions = Object.freeze({});

/** `Idempotency-Key` of a call. Errors: RequestRefused when it is too long. */
export function callOptions(request: FastifyRequest, limits: HttpLimits): CallOptions {
  const key = request.headers["idempotency-key"];
  if (typeof key !== "string" || key === "") return NO_OPTIONS;
  const max = limits.idempotencyKeyCharsMax;
  if (key.length <= max) return { idempotencyKey: key };
  const issue = { type: "too_long", loc: ["header", "idempotency-key"], msg: `At most ${max} characters, not ${key.length}`, input: null };
  throw new RequestRefused([issue], true);
}

/** Aborts when the client goes away before the answer was written. */
export function clientSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  const raw = reply.raw;
  raw.once("close", () => {
    if (!raw.writableFinished) controller.abort();
  });
  return controller.signal;
}

/** The node of a node-level call: query, then `X-Test-ID`, then `X-Node-ID`. docs/wire.md. */
export function nodeOf(request: FastifyRequest, { engine, monitor }: Pick<RouteContext, "engine" | "monitor">): string {
  const node = namedNode(request);
  monitor.nodes.used(node, engine.kbOf);
  return node;
}

function namedNode(request: FastifyRequest): string {
  const query = (request.query as Readonly<Record<string, string | string[] | undefined>>).node_id;
  const asked = Array.isArray(query) ? query.at(-1) : query;
  if (asked) return asked;
  const test = header(request, "x-test-id");
  if (test) return test.startsWith("test_") ? test : `test_${test}`;
  return header(request, "x-node-id") || "default_node";
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
