/**
 * Documents out of a file, one after the other: BSON as mongodump writes it, or extended JSON as mongoexport writes it (one a line, an array,
 * or indented), gzipped or plain by the file's name. A document that cannot be read is handed on as a fault when the next one can still be found
 * (JSON, or BSON of a sound length); when it cannot, the file is damaged and reading ends with an error that says where.
 *
 * Places count bytes of the unpacked stream. Memory: one chunk and one document.
 */
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { BSON } from "mongodb";
import { EngineError } from "../errors.ts";
import type { MongoDocument } from "./mongo-documents.ts";

/** MongoDB's own limit of a document is 16 MiB; its tools allow a little more. */
const DOCUMENT_BYTES_MAX = 17 * 2 ** 20;
/** The length itself and the closing zero. */
const BSON_BYTES_MIN = 5;

export type FileDocument = { readonly end: number } & (
  | { readonly document: MongoDocument; readonly fault?: undefined }
  | { readonly document?: undefined; readonly fault: string }
);

/** Documents that end after place `from`. Errors: ENGRAM_FILE_UNREADABLE. */
export async function* documentsOf(file: string, from: number): AsyncIterable<FileDocument> {
  const isGzip = file.endsWith(".gz");
  const read = /\.bson(\.gz)?$/.test(file) ? bsonDocuments : jsonDocuments;
  const raw = createReadStream(file, isGzip ? {} : { start: from });
  const stream = isGzip ? raw.pipe(createGunzip()) : raw;
  // A pipe does not hand errors on.
  if (isGzip) raw.on("error", (error) => stream.destroy(error));
  try {
    yield* read(isGzip ? skip(stream, from) : stream, from, file);
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw new EngineError("ENGRAM_FILE_UNREADABLE", `${file} cannot be read to its end: ${(cause as Error).message}.`, { cause });
  } finally {
    raw.destroy();
    stream.destroy();
  }
}

async function* skip(stream: AsyncIterable<Buffer>, bytes: number): AsyncIterable<Buffer> {
  let left = bytes;
  for await (const chunk of stream) {
    if (left >= chunk.length) left -= chunk.length;
    else {
      yield left === 0 ? chunk : chunk.subarray(left);
      left = 0;
    }
  }
}

async function* bsonDocuments(chunks: AsyncIterable<Buffer>, from: number, file: string): AsyncIterable<FileDocument> {
  let rest: Buffer = Buffer.alloc(0);
  let place = from;
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length - at >= 4) {
      const length = rest.readInt32LE(at);
      if (length < BSON_BYTES_MIN || length > DOCUMENT_BYTES_MAX) throw damaged(file, place, `a document of ${length} bytes`);
      if (rest.length - at < length) break;
      const bytes = rest.subarray(at, at + length);
      at += length;
      place += length;
      yield { end: place, ...parsed(() => BSON.deserialize(bytes, { promoteLongs: true })) };
    }
    rest = rest.subarray(at);
  }
  if (rest.length > 0) throw damaged(file, place, `${rest.length} bytes of a document that was cut off`);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** Objects of the outermost level, whatever stands between them. UTF-8 keeps these bytes for themselves, so none is part of a letter. */
async function* jsonDocuments(chunks: AsyncIterable<Buffer>, from: number, file: string): AsyncIterable<FileDocument> {
  let place = from;
  let depth = 0;
  let inText = false;
  let isEscaped = false;
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (inText) {
        if (isEscaped) isEscaped = false;
        else if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) inText = false;
      } else if (byte === QUOTE) {
        // Outside of a document there is no text in these files; a stray quote would swallow the rest.
        if (depth === 0) throw damaged(file, place + at, "a text outside of any document");
        inText = true;
      } else if (byte === OPEN) {
        if (depth++ === 0) start = at;
      } else if (byte === CLOSE) {
        if (depth === 0) throw damaged(file, place + at, "a closing brace too many");
        if (--depth === 0) {
          parts.push(chunk.subarray(start, at + 1));
          const text = Buffer.concat(parts).toString("utf8");
          parts = [];
          bytes = 0;
          yield { end: place + at + 1, ...parsed(() => BSON.EJSON.parse(text, { relaxed: true }) as MongoDocument) };
        }
      }
    }
    if (depth > 0) {
      parts.push(chunk.subarray(start));
      bytes += chunk.length - start;
      if (bytes > 4 * DOCUMENT_BYTES_MAX) throw damaged(file, place, "a document without an end");
    }
    place += chunk.length;
  }
  if (depth > 0) throw damaged(file, place, "a document that was cut off");
}

function parsed(parse: () => MongoDocument): { document: MongoDocument } | { fault: string } {
  try {
    return { document: parse() };
  } catch (error) {
    return { fault: (error as Error).message };
  }
}

const damaged = (file: string, place: number, what: string): EngineError =>
  new EngineError("ENGRAM_FILE_UNREADABLE", `${file} is damaged at byte ${place}: ${what}. Dump it again, or repair it with bsondump.`);
