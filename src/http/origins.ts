/**
 * Which web pages may use the server. There is no authentication, so a page of another origin, open in a browser on this machine, must not
 * reach what its user never showed it: it gets no header that lets it read, and nothing it sends changes anything. Origins named in the
 * settings are welcome, with credentials. Programs send no origin and notice nothing. Cost: one header look-up a request.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import { EngineError } from "../errors.ts";

/** Headers of answers that a page may read beside the usual ones. */
const EXPOSED = "x-session-id, x-trace-id, x-engram-notice, retry-after, content-encoding";
const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";
/** Seconds a browser may remember a permission: the settings do not change while the server runs. */
const PREFLIGHT_SECONDS = "600";
const READS = new Set(["GET", "HEAD", "OPTIONS"]);

/** `*` welcomes every origin. */
export function guardOrigins(welcome: readonly string[]) {
  const all = welcome.includes("*");
  const named = new Set(welcome);
  return (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
    const { origin } = request.headers;
    // What is answered to one origin must not be kept for another.
    if (named.size > 0) reply.header("vary", "origin");
    if (origin === undefined || isOwn(origin, request.headers.host)) {
      done();
    } else if (all || named.has(origin)) {
      reply
        .header("access-control-allow-origin", origin)
        .header("access-control-allow-credentials", "true")
        .header("access-control-expose-headers", EXPOSED);
      if (request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined) answerPreflight(request, reply);
      else done();
    } else if (READS.has(request.method) && request.headers.upgrade === undefined) {
      done();
    } else {
      done(
        new EngineError(
          "ENGRAM_ORIGIN_REFUSED",
          `Pages of ${origin.slice(0, 200)} may not use this server. Name the origin in the setting corsOrigins to allow it.`,
        ),
      );
    }
  };
}

function answerPreflight(request: FastifyRequest, reply: FastifyReply): void {
  const asked = request.headers["access-control-request-headers"];
  if (asked !== undefined) reply.header("access-control-allow-headers", asked);
  reply
    .header("access-control-allow-methods", METHODS)
    .header("access-control-max-age", PREFLIGHT_SECONDS)
    .header("content-type", "text/plain")
    .send("OK");
}

/** A page that this server (or a proxy that passes its name on) served itself. */
function isOwn(origin: string, host: string | undefined): boolean {
  try {
    return new URL(origin).host === host;
  } catch {
    // "null" of sandboxed pages and files, and whatever is no address.
    return false;
  }
}
