/**
 * Request bodies: JSON whatever the media type says, unless it names another one; an empty body is no body. Keys such as `__proto__` are
 * data: JSON.parse makes them own properties, and whoever reads an object here reads own properties only.
 */
import { isUtf8 } from "node:buffer";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { RequestRefused } from "./issues.ts";

const BYTE_ORDER_MARK = 0xfeff;
const JSON_TYPE = /^application\/(?:json|[^;]*\+json)\s*(?:;|$)/i;

export function addBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    done(null, decode(request, body as Buffer, true));
  });
  app.addContentTypeParser("*", { parseAs: "buffer" }, (request, body, done) => {
    const type = request.headers["content-type"];
    done(null, decode(request, body as Buffer, type === undefined || JSON_TYPE.test(type)));
  });
}

/** The value of a body, undefined for none. Errors: RequestRefused. */
function decode(request: FastifyRequest, body: Buffer, isJson: boolean): unknown {
  if (body.length === 0 || request.routeOptions.config.bodyless === true) return undefined;
  // Bytes that are no text would become replacement characters, and different symbols one symbol.
  if (!isUtf8(body)) throw refusal("The body is not UTF-8", 0);
  const text = body.toString("utf8");
  // Of another media type KATO takes the text itself, which then fails to be an object.
  if (!isJson) return text;
  try {
    return JSON.parse(text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text);
  } catch (error) {
    const message = (error as SyntaxError).message;
    throw refusal(message, Number(/position (\d+)/.exec(message)?.[1] ?? 0));
  }
}

/** `position` is where the text stops being JSON, 0 where the parser does not say. */
function refusal(reason: string, position: number): RequestRefused {
  return new RequestRefused([
    { type: "json_invalid", loc: ["body", position], msg: "JSON decode error", input: {}, ctx: { error: reason } },
  ]);
}
