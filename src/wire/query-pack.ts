/**
 * Many sealed query blocks in one piece of shared memory, so that a message to a thread names a range of them with two numbers.
 *
 *  ┌───────┬──────────────────┬─────────┬─────────┬───┐
 *  │ count │ starts u32       │ query 0 │ query 1 │ … │   starts: count + 1 of them, from the pack's first byte;
 *  │ u32   │ [count + 1]      │         │         │   │   queries 8-byte aligned
 *  └───────┴──────────────────┴─────────┴─────────┴───┘
 *
 * Cost: one copy of the blocks. Not for one query: that travels as it is.
 */

import { align8 } from "./align.ts";
import type { PreparedQuery } from "./query-spec.ts";

export interface QueryPack {
  readonly count: number;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
}

export function packQueries(queries: readonly PreparedQuery[]): QueryPack {
  const { length: count } = queries;
  const head = align8(4 * (count + 2));
  const total = queries.reduce((sum, { bytes }) => sum + align8(bytes.length), head);
  const bytes = new Uint8Array(new SharedArrayBuffer(total));
  const words = new Uint32Array(bytes.buffer, 0, count + 2);
  words[0] = count;
  let at = head;
  queries.forEach((query, i) => {
    words[i + 1] = at;
    bytes.set(query.bytes, at);
    at += align8(query.bytes.length);
  });
  words[count + 1] = at;
  return { count, bytes };
}

/** The sealed block of query `index`; its own header says how long it is. */
export function packedQuery(pack: Uint8Array<SharedArrayBuffer>, index: number): Uint8Array {
  const words = new DataView(pack.buffer, pack.byteOffset, pack.byteLength);
  if (index < 0 || index >= words.getUint32(0, true)) throw new RangeError(`query ${index} of a pack of ${words.getUint32(0, true)}`);
  const start = words.getUint32(4 * (index + 1), true);
  // A block's third word is its size (wire/query-block.ts); what follows it is padding.
  return pack.subarray(start, start + words.getUint32(start + 8, true));
}
