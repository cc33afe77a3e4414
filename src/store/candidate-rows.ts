/** Rows of the `patterns` table, as a Native block brings them, seen as candidate columns: views, nothing is copied. */
import { EngineError } from "../errors.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";
import type { NativeBlock, NativeColumn } from "./native-blocks.ts";

/** What a query must select for `candidatesOf`. */
export const CANDIDATE_COLUMNS = "pattern_id, name, distinct_count, symbols, event_ends";

/** A column by its name. Errors: ENGRAM_STORE_REPLY. */
export function columnOf(block: NativeBlock, name: string): NativeColumn {
  const found = block.columns.find((candidate) => candidate.name === name);
  if (found === undefined) throw new EngineError("ENGRAM_STORE_REPLY", `The pattern store's answer lacks the column ${name}.`);
  return found;
}

/** A column of UInt64 as numbers. */
export function numbersOf(block: NativeBlock, name: string): number[] {
  const { items } = columnOf(block, name);
  const view = new DataView(items.buffer, items.byteOffset, items.byteLength);
  return Array.from({ length: block.rows }, (_, row) => Number(view.getBigUint64(row * 8, true)));
}

function arrayColumn(block: NativeBlock, name: string): { ends: Uint8Array; items: Uint8Array } {
  const { ends, items } = columnOf(block, name);
  if (ends === null) throw new EngineError("ENGRAM_STORE_REPLY", `The pattern store's column ${name} is no array.`);
  return { ends, items };
}

export function candidatesOf(block: NativeBlock): CandidateColumns {
  const symbols = arrayColumn(block, "symbols");
  const events = arrayColumn(block, "event_ends");
  return {
    rows: block.rows,
    patternIds: columnOf(block, "pattern_id").items,
    names: columnOf(block, "name").items,
    distinctCounts: columnOf(block, "distinct_count").items,
    symbolEnds: symbols.ends,
    symbolBase: 0,
    symbolIds: symbols.items,
    eventOffsets: events.ends,
    eventBase: 0,
    eventEnds: events.items,
  };
}
