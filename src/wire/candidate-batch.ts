/**
 * A candidate batch: a range of rows of the pattern store's columns, copied as they are behind a header, in one slot of the pool's memory.
 * Offsets stay ClickHouse's cumulative u64 ends; the header says what they are counted from. Sealed once written. Cost: one copy.
 *
 *  ┌────────┬─────────────┬───────────┬──────────────┬────────────┬──────────────┬───────────────┬────────────┐
 *  │ header │ pattern ids │ names     │ distinct u16 │ symbol ends│ symbol ids   │ event offsets │ event ends │  little-endian
 *  │ 72 B   │ u64 a row   │ 20 B a row│ a row        │ u64 a row  │ u32 a symbol │ u64 a row     │ u16 a event│
 *  └────────┴─────────────┴───────────┴──────────────┴────────────┴──────────────┴───────────────┴────────────┘
 *
 * Columns come from the store at any address, and each lies here at the same remainder of 8 as there: V8 copies into shared memory by
 * words when both sides have one alignment, else byte by byte (0.04 against 0.67 ns a byte: more than the scoring). So nothing is aligned, and
 * readers must not rely on it; the kernels' loads do not care.
 */
import {
  BATCH_BYTES,
  BATCH_DISTINCT_AT,
  BATCH_EVENT_BASE,
  BATCH_EVENT_ENDS_AT,
  BATCH_EVENT_OFFSETS_AT,
  BATCH_EVENTS,
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  BATCH_MAGIC_VALUE,
  BATCH_NAMES_AT,
  BATCH_PATTERN_IDS_AT,
  BATCH_ROWS,
  BATCH_ROWS_MAX,
  BATCH_SYMBOL_BASE,
  BATCH_SYMBOL_ENDS_AT,
  BATCH_SYMBOL_IDS_AT,
  BATCH_SYMBOLS,
  BATCH_VERSION,
  LAYOUT_VERSION,
  NAME_BYTES,
} from "../../assembly/layout.ts";
import { EngineError } from "../errors.ts";
import { align8 } from "./align.ts";
import type { CandidateColumns } from "./candidate-columns.ts";

/** Bytes readable behind the last column (SIMD loads run over the end), and up to 7 before each of the seven columns. */
const SLACK_BYTES = 16 + 7 * 7;

/** The row's end in a column of u64 ends, or the column's base for the row before the first. */
function endBefore(ends: Uint8Array, base: number, row: number): number {
  if (row === 0) return base;
  const view = new DataView(ends.buffer, ends.byteOffset + (row - 1) * 8, 8);
  return view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
}

/** Symbols in rows `from` to `to` (exclusive). */
export function symbolsInRows(columns: CandidateColumns, from: number, to: number): number {
  return endBefore(columns.symbolEnds, columns.symbolBase, to) - endBefore(columns.symbolEnds, columns.symbolBase, from);
}

function eventsInRows(columns: CandidateColumns, from: number, to: number): number {
  return endBefore(columns.eventOffsets, columns.eventBase, to) - endBefore(columns.eventOffsets, columns.eventBase, from);
}

/** Size of the batch of rows `from` to `to` (exclusive). */
export function batchBytes(columns: CandidateColumns, from: number, to: number): number {
  const rows = to - from;
  const fixed = BATCH_HEADER_BYTES + 3 * rows * 8 + align8(rows * NAME_BYTES) + align8(rows * 2) + SLACK_BYTES;
  return fixed + align8(symbolsInRows(columns, from, to) * 4) + align8(eventsInRows(columns, from, to) * 2);
}

/**
 * Cuts columns into row ranges that each fit `capacity` bytes and BATCH_ROWS_MAX rows, as row bounds: range i is bounds[i] .. bounds[i + 1].
 * A row that does not fit alone is no pattern a learn could have stored: ENGRAM_STORE_REPLY.
 */
export function batchBounds(columns: CandidateColumns, capacity: number): number[] {
  // What an end lies behind is read as an end: a column of ends that is too short would be read beyond itself.
  for (const ends of [columns.symbolEnds, columns.eventOffsets]) {
    if (ends.length < columns.rows * 8) {
      throw new EngineError("ENGRAM_STORE_REPLY", `A column of ends has ${ends.length} bytes for ${columns.rows} rows.`);
    }
  }
  const bounds = [0];
  for (let from = 0; from < columns.rows; ) {
    let fits = from;
    let tooMany = Math.min(columns.rows, from + BATCH_ROWS_MAX) + 1;
    while (tooMany - fits > 1) {
      const middle = (fits + tooMany) >>> 1;
      const bytes = batchBytes(columns, from, middle);
      // Not `bytes > capacity`: ends that fall make the size negative, ends beyond f64 make it NaN.
      if (bytes >= 0 && bytes <= capacity) fits = middle;
      else tooMany = middle;
    }
    if (fits === from) throw new EngineError("ENGRAM_STORE_REPLY", `Row ${from} of a candidate batch does not fit ${capacity} bytes.`);
    bounds.push(fits);
    from = fits;
  }
  return bounds;
}

/** Writes rows `from` to `to` (exclusive) as a batch at `place` (8-byte aligned) of `memory`. The caller has made sure that they fit. */
export function writeCandidateBatch(memory: Uint8Array, place: number, columns: CandidateColumns, from: number, to: number): void {
  const rows = to - from;
  const symbolFrom = endBefore(columns.symbolEnds, columns.symbolBase, from);
  const eventFrom = endBefore(columns.eventOffsets, columns.eventBase, from);
  const symbols = symbolsInRows(columns, from, to);
  const events = eventsInRows(columns, from, to);
  const header = new DataView(memory.buffer, memory.byteOffset + place, BATCH_HEADER_BYTES);
  let at = BATCH_HEADER_BYTES;

  const writeColumn = (field: number, column: Uint8Array, first: number, count: number, width: number): void => {
    const start = first * width;
    // Not the opposite question: NaN must fail too.
    if (!(start >= 0 && count >= 0 && start + count * width <= column.length)) {
      throw new EngineError("ENGRAM_STORE_REPLY", `A candidate column is shorter (${column.length} bytes) than its offsets say.`);
    }
    at += (column.byteOffset + start - memory.byteOffset - place) & 7;
    memory.set(column.subarray(start, start + count * width), place + at);
    header.setUint32(field, at, true);
    at = align8(at + count * width);
  };
  writeColumn(BATCH_PATTERN_IDS_AT, columns.patternIds, from, rows, 8);
  writeColumn(BATCH_NAMES_AT, columns.names, from, rows, NAME_BYTES);
  writeColumn(BATCH_DISTINCT_AT, columns.distinctCounts, from, rows, 2);
  writeColumn(BATCH_SYMBOL_ENDS_AT, columns.symbolEnds, from, rows, 8);
  writeColumn(BATCH_SYMBOL_IDS_AT, columns.symbolIds, symbolFrom - columns.symbolBase, symbols, 4);
  writeColumn(BATCH_EVENT_OFFSETS_AT, columns.eventOffsets, from, rows, 8);
  writeColumn(BATCH_EVENT_ENDS_AT, columns.eventEnds, eventFrom - columns.eventBase, events, 2);

  header.setUint32(BATCH_MAGIC, BATCH_MAGIC_VALUE, true);
  header.setUint32(BATCH_VERSION, LAYOUT_VERSION, true);
  header.setUint32(BATCH_BYTES, at, true);
  header.setUint32(BATCH_ROWS, rows, true);
  header.setUint32(BATCH_SYMBOLS, symbols, true);
  header.setUint32(BATCH_EVENTS, events, true);
  header.setBigUint64(BATCH_SYMBOL_BASE, BigInt(symbolFrom), true);
  header.setBigUint64(BATCH_EVENT_BASE, BigInt(eventFrom), true);
}

/** Rows from `from` on as columns of their own, in memory of their own: what must outlive the caller's views. */
export function copyRows(columns: CandidateColumns, from: number): CandidateColumns {
  const { rows } = columns;
  const symbolBase = endBefore(columns.symbolEnds, columns.symbolBase, from);
  const eventBase = endBefore(columns.eventOffsets, columns.eventBase, from);
  const part = (column: Uint8Array, first: number, count: number, width: number): Uint8Array =>
    // Not `slice`: a column may be a Buffer, whose slice is a view.
    new Uint8Array(column.subarray(first * width, (first + count) * width));
  return {
    rows: rows - from,
    patternIds: part(columns.patternIds, from, rows - from, 8),
    names: part(columns.names, from, rows - from, NAME_BYTES),
    distinctCounts: part(columns.distinctCounts, from, rows - from, 2),
    symbolEnds: part(columns.symbolEnds, from, rows - from, 8),
    symbolBase,
    symbolIds: part(columns.symbolIds, symbolBase - columns.symbolBase, symbolsInRows(columns, from, rows), 4),
    eventOffsets: part(columns.eventOffsets, from, rows - from, 8),
    eventBase,
    eventEnds: part(columns.eventEnds, eventBase - columns.eventBase, eventsInRows(columns, from, rows), 2),
  };
}

/** Rows of a candidate batch or a resident block, for the few that are read in TypeScript. */
export interface CandidateRows {
  readonly rows: number;
  patternId(row: number): number;
  /** 20 bytes a row. */
  readonly names: Uint8Array;
  symbolCount(row: number): number;
  /** Writes the ids of row `row` to `to`, from `at` on. */
  copySymbolIds(row: number, to: Uint32Array, at: number): void;
  eventCount(row: number): number;
  /** Writes, for each event of row `row`, how many symbols the row has up to and with it to `to`, from `at` on. */
  copyEventEnds(row: number, to: Uint16Array, at: number): void;
}

/** The batch at `place` of `memory`. Refuses foreign bytes: ENGRAM_LAYOUT_MISMATCH. */
export function viewCandidateBatch(memory: Uint8Array, place: number): CandidateRows {
  const base = memory.byteOffset + place;
  const header = new DataView(memory.buffer, base, BATCH_HEADER_BYTES);
  const field = (at: number): number => header.getUint32(at, true);
  if (field(BATCH_MAGIC) !== BATCH_MAGIC_VALUE || field(BATCH_VERSION) !== LAYOUT_VERSION || place + field(BATCH_BYTES) > memory.length) {
    throw new EngineError("ENGRAM_LAYOUT_MISMATCH", `No candidate batch of layout ${LAYOUT_VERSION} at ${place}.`);
  }
  const rows = field(BATCH_ROWS);
  const batch = new DataView(memory.buffer, base, field(BATCH_BYTES));
  const [patternIdsAt, symbolEndsAt, symbolIdsAt] = [field(BATCH_PATTERN_IDS_AT), field(BATCH_SYMBOL_ENDS_AT), field(BATCH_SYMBOL_IDS_AT)];
  const [eventOffsetsAt, eventEndsAt] = [field(BATCH_EVENT_OFFSETS_AT), field(BATCH_EVENT_ENDS_AT)];
  // A batch is small, so the low halves of an end and the base tell their difference.
  const symbolBase = field(BATCH_SYMBOL_BASE);
  const eventBase = field(BATCH_EVENT_BASE);
  const startIn = (endsAt: number, from: number, row: number): number =>
    row === 0 ? 0 : (batch.getUint32(endsAt + (row - 1) * 8, true) - from) >>> 0;
  const symbolStart = (row: number): number => startIn(symbolEndsAt, symbolBase, row);
  const eventStart = (row: number): number => startIn(eventOffsetsAt, eventBase, row);
  return {
    rows,
    patternId: (row) => batch.getUint32(patternIdsAt + row * 8, true) + batch.getUint32(patternIdsAt + row * 8 + 4, true) * 2 ** 32,
    names: new Uint8Array(memory.buffer, base + field(BATCH_NAMES_AT), rows * NAME_BYTES),
    symbolCount: (row) => symbolStart(row + 1) - symbolStart(row),
    copySymbolIds: (row, to, at) => {
      const end = symbolIdsAt + symbolStart(row + 1) * 4;
      for (let from = symbolIdsAt + symbolStart(row) * 4, next = at; from < end; from += 4) to[next++] = batch.getUint32(from, true);
    },
    eventCount: (row) => eventStart(row + 1) - eventStart(row),
    copyEventEnds: (row, to, at) => {
      const end = eventEndsAt + eventStart(row + 1) * 2;
      for (let from = eventEndsAt + eventStart(row) * 2, next = at; from < end; from += 2) to[next++] = batch.getUint16(from, true);
    },
  };
}
