/**
 * From an error to what the client reads. Under `/v1` that is `{"error": {code, message, details}}`; on KATO's paths the bodies KATO's
 * clients know: `{"detail": …}`, the session check's own shape, and the list of issues of a 422. docs/wire.md, docs/errors.md.
 */
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { Engine } from "../engine-types.ts";
import { EngineError, type ErrorCode } from "../errors.ts";
import type { Logger } from "../log.ts";
import { RequestRefused } from "./issues.ts";
import { unknownSession } from "./session-nodes.ts";

/** Seconds a busy answer asks for: queues here are drained in far less, and the header knows no smaller unit. */
const RETRY_AFTER_SECONDS = "1";

const SESSION_PATH = /^\/sessions\/([^/?]+)(\/[^?]*)?(?:\?|$)/;
/** Reads of a session that answer for themselves when it is unknown: `GET /sessions/{id}` and `…/exists`. */
const isProbe = (request: FastifyRequest, rest: string): boolean =>
  rest === "/exists" || (rest === "" && (request.method === "GET" || request.method === "HEAD"));

export class ErrorReplies {
  readonly #engine: Pick<Engine, "peekSession">;
  readonly #log: Logger;

  constructor(engine: Pick<Engine, "peekSession">, log: Logger) {
    this.#engine = engine;
    this.#log = log;
  }

  /** Fastify's error handler. */
  async handle(thrown: FastifyError | EngineError | Error, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    let error = asEngineError(thrown);
    const session = sessionOf(request);
    // KATO looks for the session before it looks at the request: an unknown session outranks what else is wrong.
    if (session !== undefined && error.kind === "input" && error.code !== "ENGRAM_SESSION_UNKNOWN") {
      const lives = await this.#lives(session);
      if (lives === false) error = unknownSession(session);
      else if (lives === true) reply.header("x-session-id", session);
    }
    this.#record(error, thrown, request);
    // The trace id again: what the router itself refuses passes no hook.
    reply.code(error.status).header("content-type", "application/json").header("x-trace-id", request.id);
    if (error.status === 503) reply.header("retry-after", RETRY_AFTER_SECONDS);
    return reply.send(JSON.stringify(request.url.startsWith("/v1/") ? ownBody(error) : katoBody(error, session)));
  }

  /** Whether the session lives; undefined when the store cannot say, which must not hide the error at hand. */
  async #lives(id: string): Promise<boolean | undefined> {
    try {
      return (await this.#engine.peekSession(id)) !== undefined;
    } catch (cause) {
      this.#log.warn({ err: cause, session: id }, "session check of an error reply failed");
      return undefined;
    }
  }

  #record(error: EngineError, thrown: Error, request: FastifyRequest): void {
    const fields = { code: error.code, trace: request.id, method: request.method, route: request.routeOptions.url };
    if (error.kind === "fault") this.#log.fatal({ ...fields, err: thrown }, error.message);
    else if (error.kind === "backend") this.#log.error({ ...fields, err: thrown }, error.message);
    else if (error.kind === "busy") this.#log.warn(fields, error.message);
    else this.#log.debug(fields, error.message);
  }
}

/** The id in a path under `/sessions/{id}` that KATO's session check guards. */
function sessionOf(request: FastifyRequest): string | undefined {
  const match = SESSION_PATH.exec(request.url);
  if (match === null) return undefined;
  const [, encoded = "", rest = ""] = match;
  if (isProbe(request, rest) || (encoded === "count" && rest === "")) return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    // No id is written with broken escapes, so there is no session to look for.
    return undefined;
  }
}

function asEngineError(error: FastifyError | EngineError | Error): EngineError {
  if (error instanceof EngineError) return error;
  const { code, statusCode } = error as Partial<FastifyError>;
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return new EngineError("ENGRAM_BODY_TOO_LARGE", "The body is larger than the server takes. Send it in parts.", { cause: error });
  }
  // What Fastify and Node refuse about the form of a request: broken framing, media types, escapes.
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    const issue = { type: "value_error", loc: ["request"], msg: error.message, input: null };
    return new RequestRefused([issue]);
  }
  return new EngineError("ENGRAM_INTERNAL", "Internal Server Error", { cause: error });
}

function ownBody(error: EngineError): object {
  return { error: { code: error.code, message: error.message, details: error.details ?? {} } };
}

/** Details with their own KATO body. */
const KATO_BODIES: Partial<Record<ErrorCode, (error: EngineError, session: string | undefined) => object>> = {
  ENGRAM_SESSION_UNKNOWN: (error, session) =>
    session === undefined
      ? { detail: error.message }
      : { error: { code: "SESSION_NOT_FOUND", message: `Session ${session} not found or expired`, session_id: session } },
  // Clients look for these very words.
  ENGRAM_STM_EMPTY: () => ({ detail: "Cannot learn from empty STM" }),
  ENGRAM_CONFIG_INVALID: (error) => ({
    detail: { error: "Configuration validation failed", validation_errors: error.details?.validation_errors ?? {} },
  }),
  ENGRAM_VECTOR_SHAPE: (error) => ({ detail: { error: "VectorDimensionError", message: error.message, ...error.details } }),
};

function katoBody(error: EngineError, session: string | undefined): object {
  const own = KATO_BODIES[error.code];
  if (own !== undefined) return own(error, session);
  if (error instanceof RequestRefused) return { detail: error.issues };
  // A refusal of the engine's, in the form every 422 has.
  if (error.status === 422) return { detail: [{ type: "value_error", loc: ["body"], msg: error.message, input: null }] };
  return { detail: error.message };
}
