/** Bodies that a handler reads itself, as they arrive: the parsers are given nothing of them. */
import { Readable } from "node:stream";
import type { RouteShorthandOptions } from "fastify";
import { EngineError } from "../errors.ts";

export const UNREAD: RouteShorthandOptions = {
  config: { bodyless: true },
  preParsing: (request, _reply, _payload, done) => {
    const nothing: Readable & { receivedEncodedLength?: number } = Readable.from([]);
    nothing.receivedEncodedLength = Number(request.headers["content-length"] ?? 0);
    done(null, nothing);
  },
};

export const tooLarge = (): EngineError =>
  new EngineError("ENGRAM_BODY_TOO_LARGE", "The body is larger than the server takes. Send it in parts.");

/** All of a body. Errors: ENGRAM_BODY_TOO_LARGE. */
export async function readWhole(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
