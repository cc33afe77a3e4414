/**
 * Compresses large answers for clients that say they can read it: brotli or gzip, at their fastest levels, on the threads of libuv. Smaller answers
 * leave as they are: below COMPRESS_FROM_BYTES the coding takes longer than a local network needs for what it saves (bench/compression.ts,
 * docs/performance.md). Answers that come in chunks are compressed chunk by chunk, and each is sent at once. Bodies of requests are not.
 */
import { constants } from "node:zlib";
import compress from "@fastify/compress";
import type { FastifyInstance } from "fastify";

export const COMPRESS_FROM_BYTES = 16_384;

/** Before any route. 0 compresses nothing. */
export function addCompression(app: FastifyInstance, fromBytes: number): void {
  if (fromBytes === 0) return;
  app.register(compress, {
    threshold: fromBytes,
    // Brotli's fastest level gives less in less time than gzip's.
    encodings: ["br", "gzip"],
    customTypes: /^text\/|[/+](?:json|x-ndjson|javascript|xml)(?:;|$)/,
    // Never on the main thread.
    syncThreshold: 0,
    globalDecompression: false,
    brotliOptions: {
      flush: constants.BROTLI_OPERATION_FLUSH,
      params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT },
    },
    zlibOptions: { level: 1, flush: constants.Z_SYNC_FLUSH },
  });
}
