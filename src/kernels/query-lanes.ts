/**
 * Many short queries against one column, eight side by side (assembly/query-lanes.ts): what `Kernels.eachLaneLcsLengths` and `Kernels.eachRatios` do.
 * Cost a pair: half to two thirds of one query after the other. Memory: what eight queries find, beside their tables of 50 KB.
 */
import {
  MATCHES_WORK_BYTES,
  QUERY_LANES,
  QUERY_LANES_LATIN_BYTES,
  QUERY_LANES_ROW_BYTES,
  RESIDENT_LANES,
  SHORT_QUERY_MAX,
  TEXTS_IDS_AT,
} from "../../assembly/layout.ts";
import type { OwnMemory } from "./own-memory.ts";
import type { LaneColumn, RatioMatches } from "./prepared-sequence.ts";
import type { TextColumn } from "./prepared-text.ts";

/** Fewer queries than this are done sooner one by one: side by side, one takes as long as eight. */
const TOGETHER_MIN = 5;
/** As if all elements of all queries were distinct. */
const CLASSES_MAX = QUERY_LANES * SHORT_QUERY_MAX;

export interface ClassTable {
  /** u16 by id, all zero; zero before it too. */
  readonly at: number;
  readonly count: number;
}

/** Queries by their numbers: eights of short ones to `together`, the others, and a few that are left, to `alone`. */
export function inEights(
  queries: readonly { readonly length: number }[],
  together: (numbers: readonly number[]) => void,
  alone: (number: number) => void,
): void {
  const short: number[] = [];
  queries.forEach(({ length }, number) => {
    if (length <= SHORT_QUERY_MAX) short.push(number);
    else alone(number);
  });
  for (let from = 0; from < short.length; from += QUERY_LANES) {
    const eight = short.slice(from, from + QUERY_LANES);
    if (eight.length >= TOGETHER_MIN) together(eight);
    else eight.forEach(alone);
  }
}

/** The LCS lengths of up to eight queries, by place. `use` gets views, valid until it returns. */
export function sideBySideLcs(
  memory: OwnMemory,
  table: ClassTable,
  queries: readonly Uint32Array[],
  column: LaneColumn,
  use: (lengths: Uint32Array, at: number) => void,
): void {
  withClasses(memory, table, queries, (rows) => {
    const stride = column.groups * RESIDENT_LANES * 4;
    const out = memory.reserve(stride * QUERY_LANES);
    const isNarrow = column.narrow !== 0;
    const lanes = isNarrow ? column.narrow : column.lanes;
    memory.exports.queryLanesLcsInto(lanes, isNarrow ? 1 : 0, column.starts, 0, column.groups, table.at, rows, stride, out);
    queries.forEach((_, at) => {
      use(memory.u32(out + at * stride, column.count), at);
    });
  });
}

/** The ratios of up to eight texts (code points) with all texts of a column, in the column's order. `use` gets views, valid until it returns. */
export function sideBySideRatios(
  memory: OwnMemory,
  table: ClassTable,
  texts: readonly Uint32Array[],
  column: TextColumn,
  use: (found: RatioMatches, at: number) => void,
): void {
  withClasses(memory, table, texts, (rows, addresses) => {
    const latinRows = memory.reserve(QUERY_LANES_LATIN_BYTES);
    texts.forEach((points, at) => {
      memory.exports.addLatinToLanes(addresses[at]!, points.length, at, latinRows);
    });
    const counts = memory.place(Uint32Array.from(texts, ({ length }) => length));
    const work = memory.reserve(MATCHES_WORK_BYTES);
    // Ratios are written two at a time: one more than there are.
    const stride = Math.ceil((column.count + 1) / 2) * 16;
    const out = memory.reserve(stride * texts.length);
    memory.exports.queryLanesRatiosInto(column.table, texts.length, counts, latinRows, table.at, rows, work, stride, out);
    const indices = memory.u32(memory.u32(column.table + TEXTS_IDS_AT, 1)[0]!, column.count);
    texts.forEach((_, at) => {
      use({ indices, ratios: memory.f64(out + at * stride, column.count) }, at);
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
  const rows = memory.reserve((CLASSES_MAX + 1) * QUERY_LANES_ROW_BYTES);
  const distinct = memory.reserve(CLASSES_MAX * 4);
  let classes = 0;
  queries.forEach(({ length }, query) => {
    classes = memory.exports.addToLanes(addresses[query]!, length, query, table.at, table.count, rows, distinct, classes);
  });
  try {
    use(rows, addresses);
  } finally {
    memory.exports.clearClasses(distinct, classes, table.at);
    memory.release(before);
  }
}
