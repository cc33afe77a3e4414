/** Candidate columns joined into one, in memory of their own: how small runs of learned patterns become larger ones. Cost: one copy. */
import type { CandidateColumns } from "./candidate-columns.ts";

/** All rows of `parts`, in order; offsets count from 0. */
export function joinColumns(parts: readonly CandidateColumns[]): CandidateColumns {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  return {
    rows,
    patternIds: joinBytes(parts.map((part) => part.patternIds.subarray(0, part.rows * 8))),
    names: joinBytes(parts.map((part) => part.names.subarray(0, part.rows * 20))),
    distinctCounts: joinBytes(parts.map((part) => part.distinctCounts.subarray(0, part.rows * 2))),
    symbolEnds: joinEnds(
      rows,
      parts.map((part) => ({ rows: part.rows, ends: part.symbolEnds, base: part.symbolBase })),
    ),
    symbolBase: 0,
    symbolIds: joinBytes(parts.map((part) => part.symbolIds.subarray(0, itemsOf(part.symbolEnds, part.symbolBase, part.rows) * 4))),
    eventOffsets: joinEnds(
      rows,
      parts.map((part) => ({ rows: part.rows, ends: part.eventOffsets, base: part.eventBase })),
    ),
    eventBase: 0,
    eventEnds: joinBytes(parts.map((part) => part.eventEnds.subarray(0, itemsOf(part.eventOffsets, part.eventBase, part.rows) * 2))),
  };
}

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Items that `rows` rows hold. */
function itemsOf(ends: Uint8Array, base: number, rows: number): number {
  return rows === 0 ? 0 : Number(viewOf(ends).getBigUint64((rows - 1) * 8, true)) - base;
}

/** Ends of all parts, counted through from 0. Numbers stay below 2^32: what is joined fits memory. */
function joinEnds(rows: number, parts: readonly { rows: number; ends: Uint8Array; base: number }[]): Uint8Array {
  const joined = new Uint8Array(rows * 8);
  const to = viewOf(joined);
  let row = 0;
  let before = 0;
  for (const part of parts) {
    const from = viewOf(part.ends);
    let end = 0;
    for (let r = 0; r < part.rows; r++) {
      end = from.getUint32(r * 8, true) + from.getUint32(r * 8 + 4, true) * 2 ** 32 - part.base;
      to.setUint32(row * 8, before + end, true);
      row++;
    }
    before += end;
  }
  return joined;
}
