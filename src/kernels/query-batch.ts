/**
 * Many short queries against one column, eight at a time (assembly/query-batch.ts): what `Kernels.eachLaneLcsLengths` and `Kernels.eachRatios` do.
 * Cost a pair: five to six tenths of one query after the other. Memory: what eight queries find, beside their tables of 50 KB.
 */
import { BATCH_QUERIES, MATCHES_WORK_BYTES, RESIDENT_LANES, SHORT_QUERY_MAX, TEXTS_IDS_AT } from "../../assembly/layout.ts";
import type { OwnMemory } from "./own-memory.ts";
import type { LaneColumn, RatioMatches } from "./prepared-sequence.ts";
import type { TextColumn } from "./prepared-text.ts";

/** Fewer queries than this are done sooner one by one: a batch takes as long for one query as for eight. */
const BATCH_MIN = 5;
const ROW_BYTES = BATCH_QUERIES * 8;
/** As if all elements of all queries were distinct, and a row of zeros. */
const CLASSES_MAX = BATCH_QUERIES * SHORT_QUERY_MAX;
const LATIN_ROWS = 256;

export interface ClassTable {
  /** u16 by id, all zero; zero before it too. */
  readonly at: number;
  readonly count: number;
}

/** Which queries go together, and which go alone: those of several mask words, and a few that are left. */
export function batchesOf(queries: readonly { readonly length: number }[]): {
  readonly batches: readonly (readonly number[])[];
  readonly alone: readonly number[];
} {
  const short: number[] = [];
  const alone: number[] = [];
  queries.forEach(({ length }, query) => {
    (length <= SHORT_QUERY_MAX ? short : alone).push(query);
  });
  const batches: number[][] = [];
  for (let from = 0; from < short.length; from += BATCH_QUERIES) {
    const batch = short.slice(from, from + BATCH_QUERIES);
    if (batch.length >= BATCH_MIN) batches.push(batch);
    else alone.push(...batch);
  }
  return { batches, alone };
}

/** The LCS lengths of one batch, by place. `use` gets views, valid until it returns. */
export function batchLcsLengths(
  memory: OwnMemory,
  table: ClassTable,
  queries: readonly Uint32Array[],
  column: LaneColumn,
  use: (lengths: Uint32Array, query: number) => void,
): void {
  withClasses(memory, table, queries, (rows) => {
    const stride = column.groups * RESIDENT_LANES * 4;
    const out = memory.reserve(stride * BATCH_QUERIES);
    const isNarrow = column.narrow !== 0;
    const lanes = isNarrow ? column.narrow : column.lanes;
    memory.exports.batchLcsLengthsInto(lanes, isNarrow ? 1 : 0, column.starts, 0, column.groups, table.at, rows, stride, out);
    queries.forEach((_, query) => {
      use(memory.u32(out + query * stride, column.count), query);
    });
  });
}

/** The ratios of one batch of texts (code points) with all texts of a column, in the column's order. `use` gets views, valid until it returns. */
export function batchRatios(
  memory: OwnMemory,
  table: ClassTable,
  texts: readonly Uint32Array[],
  column: TextColumn,
  use: (found: RatioMatches, text: number) => void,
): void {
  withClasses(memory, table, texts, (rows, addresses) => {
    const latinRows = memory.reserve(LATIN_ROWS * ROW_BYTES);
    texts.forEach((points, text) => {
      memory.exports.addLatinToBatch(addresses[text]!, points.length, text, latinRows);
    });
    const counts = memory.place(Uint32Array.from(texts, ({ length }) => length));
    const work = memory.reserve(MATCHES_WORK_BYTES);
    // Ratios are written two at a time: one more than there are.
    const stride = Math.ceil((column.count + 1) / 2) * 16;
    const out = memory.reserve(stride * texts.length);
    memory.exports.batchRatiosInto(column.table, texts.length, counts, latinRows, table.at, rows, work, stride, out);
    const indices = memory.u32(memory.u32(column.table + TEXTS_IDS_AT, 1)[0]!, column.count);
    texts.forEach((_, text) => {
      use({ indices, ratios: memory.f64(out + text * stride, column.count) }, text);
    });
  });
}

/** Places the queries, marks their classes for as long as `use` runs, and gives all memory back. */
function withClasses(
  memory: OwnMemory,
  table: ClassTable,
  queries: readonly Uint32Array[],
  use: (rows: number, addresses: readonly number[]) => void,
): void {
  const before = memory.top;
  const addresses = queries.map((query) => memory.place(query));
  const rows = memory.reserve((CLASSES_MAX + 1) * ROW_BYTES);
  const distinct = memory.reserve(CLASSES_MAX * 4);
  let classes = 0;
  queries.forEach(({ length }, query) => {
    classes = memory.exports.addToBatch(addresses[query]!, length, query, table.at, table.count, rows, distinct, classes);
  });
  try {
    use(rows, addresses);
  } finally {
    memory.exports.releaseBatch(distinct, classes, table.at);
    memory.release(before);
  }
}
