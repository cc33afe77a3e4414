/**
 * Outside `/sessions/…` a call may name a session in `X-Session-ID` or the cookie `session_id`: if that session lives, its expiry slides
 * and the id is echoed. docs/wire.md. Costs nothing when neither is sent.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import { EngineError } from "../errors.ts";
import type { RouteContext } from "./context.ts";

const COOKIE = /(?:^|;\s*)session_id=([^;]*)/;

export function slideNamedSession({ engine, log }: RouteContext) {
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const id = namedSession(request);
    if (id === undefined) {
      done();
      return;
    }
    engine
      .session(id)
      .then(() => {
        reply.header("x-session-id", id);
      })
      .catch((error: unknown) => {
        if (error instanceof EngineError && error.code === "ENGRAM_SESSION_UNKNOWN") return;
        // The call itself does not need the session.
        log.warn({ err: error, session: id }, "a named session was not extended");
      })
      .then(done);
  };
}

function namedSession(request: FastifyRequest): string | undefined {
  const { "x-session-id": named, cookie } = request.headers;
  if (named === undefined && cookie === undefined) return undefined;
  if (/^\/sessions(?:[/?]|$)/.test(request.url)) return undefined;
  const id = typeof named === "string" && named !== "" ? named : COOKIE.exec(cookie ?? "")?.[1];
  return id === "" ? undefined : id;
}
