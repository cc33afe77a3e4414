/** The unflushed tail as candidate columns: patterns that were learned and are not in the pattern store yet. */

import type { CandidateColumns } from "../wire/candidate-columns.ts";
import type { OutboxEntry } from "./state-store.ts";

type Learn = Extract<OutboxEntry, { kind: "learn" }>;

/** A learn that brought a new pattern, as far as its pattern goes. */
export type NewPattern = Pick<Learn, "patternId" | "symbolIds"> & {
  readonly pattern: Pick<Learn["pattern"], "name" | "distinct" | "flat" | "eventEnds">;
};

/** The entries that brought a new pattern, in id order. */
export function newPatterns(tail: readonly OutboxEntry[]): Learn[] {
  return tail.filter((entry): entry is Learn => entry.kind === "learn" && entry.isNew).sort((a, b) => a.patternId - b.patternId);
}

/** Columns of new patterns, in the order given. */
export function tailColumns(patterns: readonly NewPattern[]): CandidateColumns {
  const rows = patterns.length;
  const symbols = patterns.reduce((sum, entry) => sum + entry.pattern.flat.length, 0);
  const events = patterns.reduce((sum, entry) => sum + entry.pattern.eventEnds.length, 0);
  const patternIds = new BigUint64Array(rows);
  const names = Buffer.alloc(rows * 20);
  const distinctCounts = new Uint16Array(rows);
  const symbolEnds = new BigUint64Array(rows);
  const symbolIds = new Uint32Array(symbols);
  const eventOffsets = new BigUint64Array(rows);
  const eventEnds = new Uint16Array(events);
  let symbolAt = 0;
  let eventAt = 0;
  patterns.forEach((entry, row) => {
    const { pattern } = entry;
    patternIds[row] = BigInt(entry.patternId);
    names.write(pattern.name, row * 20, "hex");
    distinctCounts[row] = pattern.distinct.length;
    for (const at of pattern.flat) symbolIds[symbolAt++] = entry.symbolIds[at]!;
    for (const end of pattern.eventEnds) eventEnds[eventAt++] = end;
    symbolEnds[row] = BigInt(symbolAt);
    eventOffsets[row] = BigInt(eventAt);
  });
  const bytes = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return {
    rows,
    patternIds: bytes(patternIds),
    names,
    distinctCounts: bytes(distinctCounts),
    symbolEnds: bytes(symbolEnds),
    symbolBase: 0,
    symbolIds: bytes(symbolIds),
    eventOffsets: bytes(eventOffsets),
    eventBase: 0,
    eventEnds: bytes(eventEnds),
  };
}
