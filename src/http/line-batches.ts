/**
 * Whole lines out of a body while it arrives, so many at a time; where a batch ends depends on the lines alone, not on how they came. Memory: the
 * batch being gathered, which is handed over as one piece.
 */
import { tooLarge } from "./unread-body.ts";

export interface LineBatch {
  readonly bytes: Buffer;
  /** Number of its first line, counted from 1, empty lines too. */
  readonly firstLine: number;
  /** Lines of it that hold anything. */
  readonly lines: number;
}

const NEWLINE = 10;
const RETURN = 13;

/** Batches of `size` lines that hold anything. Errors: ENGRAM_BODY_TOO_LARGE; a stream that breaks off ends with its own error. */
export async function* lineBatches(body: AsyncIterable<Uint8Array>, size: number, bytesMax: number): AsyncIterable<LineBatch> {
  let parts: Buffer[] = [];
  let lines = 0;
  let firstLine = 1;
  let line = 1;
  let read = 0;
  /** Bytes of the line that is under way, and whether they are a lone carriage return. */
  let lineBytes = 0;
  let isReturn = false;
  const holdsAnything = (): boolean => lineBytes > 0 && !isReturn;
  const batchOf = (last: Buffer): LineBatch => ({ bytes: Buffer.concat([...parts, last]), firstLine, lines });

  for await (const chunk of body) {
    read += chunk.length;
    if (read > bytesMax) throw tooLarge();
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let taken = 0;
    for (let at = 0; at < bytes.length; ) {
      const found = bytes.indexOf(NEWLINE, at);
      const end = found < 0 ? bytes.length : found;
      isReturn = lineBytes === 0 ? end - at === 1 && bytes[at] === RETURN : isReturn && end === at;
      lineBytes += end - at;
      at = end + 1;
      if (found < 0) break;
      if (holdsAnything()) lines += 1;
      line += 1;
      lineBytes = 0;
      if (lines < size) continue;
      yield batchOf(bytes.subarray(taken, at));
      parts = [];
      lines = 0;
      firstLine = line;
      taken = at;
    }
    // Copied: a chunk of the socket is a view of a larger piece that would be kept alive.
    if (taken < bytes.length) parts.push(Buffer.from(bytes.subarray(taken)));
  }
  if (holdsAnything()) lines += 1;
  if (lines > 0) yield batchOf(Buffer.alloc(0));
}
