/** Sending JSON text that is already text: whole, or chunk by chunk when there is more than one chunk. */
import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";

const JSON_TYPE = "application/json";

export function sendText(reply: FastifyReply, text: string): FastifyReply {
  return reply.header("content-type", JSON_TYPE).send(text);
}

/**
 * A generator's chunks: one chunk goes out with its length, more as a stream, which waits for the client and lets other requests run.
 * An error in the first chunk becomes an error reply; later ones break the connection, so that a client cannot take a part for the whole.
 */
export function sendChunks(reply: FastifyReply, chunks: Generator<string>): FastifyReply {
  const first = chunks.next();
  if (first.done === true) throw new Error("an answer has at least one chunk");
  const second = chunks.next();
  if (second.done === true) return sendText(reply, first.value);
  return sendStream(
    reply,
    (function* () {
      yield first.value;
      yield second.value;
      yield* chunks;
    })(),
  );
}

export function sendStream(reply: FastifyReply, chunks: Iterable<string> | AsyncIterable<string>): FastifyReply {
  return reply.header("content-type", JSON_TYPE).send(Readable.from(chunks));
}
