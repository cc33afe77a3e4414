/**
 * Calls of the HTTP interface for commands, wherever the memory lives: sent to a running server (found by `--url` or by the data folder's
 * lock), or answered by the same routes inside this process. So a command is written once, against docs/wire.md and docs/knowledge-bases.md.
 */
import { EngineError, ERROR_TABLE, type ErrorCode } from "../errors.ts";
import { openOwnEngine, type Place, serverOf } from "./place.ts";
import { programVersion } from "./version.ts";

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly bytes: Buffer;
}

type App = ReturnType<typeof import("../http/app.ts").buildApp>;
type Method = "GET" | "POST" | "PUT" | "DELETE";
type Send = (method: Method, path: string, body: Buffer | undefined, headers: Readonly<Record<string, string>>) => Promise<Reply>;

export class Caller {
  /** For messages: "the server at http://…" or "this process". */
  readonly where: string;
  readonly #send: Send;
  readonly close: () => Promise<void>;

  constructor(where: string, send: Send, close: () => Promise<void>) {
    this.where = where;
    this.#send = send;
    this.close = close;
  }

  /** Errors: the server's own, by code; ENGRAM_STORE_UNREACHABLE; ENGRAM_STORE_REPLY for an answer that is none of ours. */
  async bytes(method: Method, path: string, body?: Buffer): Promise<Reply> {
    return checked(path, await this.#send(method, path, body, body === undefined ? {} : { "content-type": "application/octet-stream" }));
  }

  async json<T>(method: Method, path: string, body?: object): Promise<T> {
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const reply = checked(path, await this.#send(method, path, bytes, bytes === undefined ? {} : { "content-type": "application/json" }));
    return JSON.parse(reply.bytes.toString("utf8")) as T;
  }
}

function checked(path: string, reply: Reply): Reply {
  if (reply.status >= 200 && reply.status < 300) return reply;
  let error: { code?: string; message?: string } | undefined;
  try {
    ({ error } = JSON.parse(reply.bytes.toString("utf8")) as { error?: { code?: string; message?: string } });
  } catch {
    // Not JSON: the status below says more than the text.
  }
  const known = error?.code !== undefined && Object.hasOwn(ERROR_TABLE, error.code);
  throw new EngineError(
    known ? (error!.code as ErrorCode) : "ENGRAM_STORE_REPLY",
    error?.message ?? `The server answered ${reply.status} to ${path}. Is it an Engram of this version?`,
  );
}

/** Calls answered by the routes of an app in this process. */
export function callerWithin(app: App, close: () => Promise<void>): Caller {
  const send: Send = async (method, path, body, headers) => {
    const reply = await app.inject({ method, url: path, headers, ...(body !== undefined && { payload: body }) });
    return { status: reply.statusCode, headers: reply.headers as Reply["headers"], bytes: reply.rawPayload };
  };
  return new Caller("this process", send, close);
}

export async function openCaller(place: Place): Promise<Caller> {
  const url = await serverOf(place);
  if (url !== undefined) return remote(url);
  const own = await openOwnEngine(place);
  try {
    // Loaded here for the same reason as the engine.
    const { buildApp } = await import("../http/app.ts");
    const { config, log } = place;
    const app = buildApp({ engine: own.engine, log, serviceName: config.serviceName, version: programVersion() });
    return callerWithin(app, async () => {
      try {
        await app.close();
      } finally {
        await own.close();
      }
    });
  } catch (error) {
    await own.close();
    throw error;
  }
}

function remote(url: string): Caller {
  const send: Send = async (method, path, body, headers) => {
    try {
      const reply = await fetch(`${url}${path}`, { method, headers, ...(body !== undefined && { body }) });
      return { status: reply.status, headers: Object.fromEntries(reply.headers), bytes: Buffer.from(await reply.arrayBuffer()) };
    } catch (cause) {
      throw new EngineError("ENGRAM_STORE_UNREACHABLE", `The server at ${url} does not answer. Check the address and that it runs.`, {
        cause,
      });
    }
  };
  return new Caller(`the server at ${url}`, send, async () => undefined);
}
