/**
 * Eight queries at once against the same candidates: the lanes are queries, and candidates come one after the other. An element of a candidate is read
 * and looked up once for all eight, and their mask words lie side by side in one row, so four vector loads bring them; with candidates in the
 * lanes (lane-lcs.ts, text-query.ts) each word is a look-up and a load of its own. The recurrence is that of lcs.ts.
 *
 * Cost: half to two thirds of eight queries one after the other. For queries of up to 64 elements, and without a cutoff: what rules a candidate out for
 * one query would have to rule it out for all. Fewer queries are filled up with empty ones (rows without bits). Reference: test/reference/lcs.ts.
 */

import { step, zeros } from "./lane-lcs";
import {
  MATCHES_LENGTHS_BYTES,
  MATCHES_POSITIONS,
  QUERY_LANES_LATIN_BYTES,
  QUERY_LANES_ROW_BYTES,
  RESIDENT_LANES,
  TEXTS_PLACES_AT,
  TEXTS_RUN_BYTES,
  TEXTS_RUNS,
  TEXTS_RUNS_AT,
} from "./layout";
import { ratiosOfRun } from "./text-table";

/** Characters that are a byte. */
const LATIN_1_MAX: u32 = 255;
const ROW_BYTES: usize = QUERY_LANES_ROW_BYTES;

/**
 * Adds query number `index` of eight: `count` ids, 64 at most. An id without a class gets the next one; `table` (u16 by id, zero before the first
 * query) holds where a class's row starts in `rows`, whose first row stays zero: 513 rows of 64 bytes are always enough. `distinct`: u32 a
 * class, its id. Ids from `tableCount` on match nothing. Returns the number of classes.
 */
export function addToLanes(
  ids: usize,
  count: u32,
  index: u32,
  table: usize,
  tableCount: u32,
  rows: usize,
  distinct: usize,
  classes: u32,
): u32 {
  let known = classes as usize;
  if (known === 0) memory.fill(rows, 0, ROW_BYTES);
  for (let p: u32 = 0; p < count; p++) {
    const id = load<u32>(ids + ((p as usize) << 2));
    if (id >= tableCount) continue;
    const entry = table + ((id as usize) << 1);
    let row = load<u16>(entry) as usize;
    if (row === 0) {
      store<u32>(distinct + (known << 2), id);
      row = ++known * ROW_BYTES;
      store<u16>(entry, row as u16);
      memory.fill(rows + row, 0, ROW_BYTES);
    }
    setBit(rows + row, index, p);
  }
  return known as u32;
}

/** Adds a text's Latin-1 characters to rows by character, u64[256][QUERY_LANES], which are cleared for the first text. */
export function addLatinToLanes(points: usize, count: u32, index: u32, rows: usize): void {
  if (index === 0) memory.fill(rows, 0, QUERY_LANES_LATIN_BYTES);
  for (let p: u32 = 0; p < count; p++) {
    const point = load<u32>(points + ((p as usize) << 2));
    if (point <= LATIN_1_MAX) setBit(rows + (point as usize) * ROW_BYTES, index, p);
  }
}

function setBit(row: usize, index: u32, position: u32): void {
  const cell = row + ((index as usize) << 3);
  store<u64>(cell, load<u64>(cell) | ((1 as u64) << (position as u64)));
}

/**
 * LCS lengths of eight queries and all lanes of groups `from` to `to` (exclusive), by place: u32, query q's from `out + q * stride` on. `lanes` as
 * `laneLcsLengthsInto` takes them or, with `isNarrow`, `narrowLcsLengthsInto`. `table`: what `addToLanes` marked; before it, two zero bytes for padding.
 */
export function queryLanesLcsInto(
  lanes: usize,
  isNarrow: bool,
  starts: usize,
  from: u32,
  to: u32,
  table: usize,
  rows: usize,
  stride: usize,
  out: usize,
): void {
  const positionBytes: usize = (RESIDENT_LANES as usize) << (isNarrow ? 1 : 2);
  // By lane id, which is one more than the id.
  const byLaneId = table - 2;
  let target = out;
  for (let group = from; group < to; group++) {
    const start = lanes + (load<u32>(starts + ((group as usize) << 2)) as usize) * positionBytes;
    const end = lanes + (load<u32>(starts + ((group as usize) << 2), 4) as usize) * positionBytes;
    // A lane starts beside the one before, and all end with the group.
    if (isNarrow) compareEach<u16>(start, end, RESIDENT_LANES, 2, 0, byLaneId, rows, stride, target);
    else compareEach<u32>(start, end, RESIDENT_LANES, 4, 0, byLaneId, rows, stride, target);
    target += (RESIDENT_LANES as usize) << 2;
  }
}

/**
 * Ratios of up to eight texts and all texts of a table, by position: f64, text t's from `out + t * stride` on. `counts`: u32 a text, its length, for
 * `texts` of them. `latinRows`: `addLatinToLanes`; `rows` and `classes`: `addToLanes` over code points. `work`: MATCHES_WORK_BYTES.
 */
export function queryLanesRatiosInto(
  table: usize,
  texts: u32,
  counts: usize,
  latinRows: usize,
  classes: usize,
  rows: usize,
  work: usize,
  stride: usize,
  out: usize,
): void {
  const runs = load<u32>(table, TEXTS_RUNS_AT) as usize;
  const places = load<u32>(table, TEXTS_PLACES_AT) as usize;
  const runsEnd = runs + (load<u32>(table, TEXTS_RUNS) as usize) * TEXTS_RUN_BYTES;
  const lengths = work + MATCHES_POSITIONS;
  const piece = (MATCHES_LENGTHS_BYTES >> 2) as u32;
  let position: u32 = 0;
  for (let run = runs; run < runsEnd; run += TEXTS_RUN_BYTES) {
    const end = load<u32>(run);
    const length = load<u32>(run, 4);
    const isWide = load<u32>(run, 8) !== 0;
    while (position < end) {
      const count = min(end - position, piece);
      const first = load<u32>(places + ((position as usize) << 2)) as usize;
      const bytes = isWide ? (length as usize) << 2 : (length as usize);
      if (isWide) compareEach<i32>(first, first + bytes, count, bytes, bytes, classes, rows, MATCHES_LENGTHS_BYTES, lengths);
      else compareEach<u8>(first, first + bytes, count, bytes, bytes, 0, latinRows, MATCHES_LENGTHS_BYTES, lengths);
      for (let text: usize = 0; text < (texts as usize); text++) {
        const target = out + text * stride + ((position as usize) << 3);
        ratiosOfRun(lengths + text * MATCHES_LENGTHS_BYTES, count, length, load<u32>(counts + (text << 2)), work, target);
      }
      position += count;
    }
  }
}

/** Bytes from one element of a candidate to the next: in a text of T u8 or i32 they stand side by side, in lanes of T u16 or u32 others stand between. */
function elementBytes<T>(): usize {
  return sizeof<T>() === 1 || isSigned<T>() ? sizeof<T>() : sizeof<T>() * (RESIDENT_LANES as usize);
}

/**
 * `count` candidates, u32 each to `out`: the first from `first` to `end`, each next one so much further. T u8: elements are rows of `rows`; else `table`
 * has, for each, where its row starts.
 */
function compareEach<T>(
  first: usize,
  end: usize,
  count: u32,
  toNextFirst: usize,
  toNextEnd: usize,
  table: usize,
  rows: usize,
  stride: usize,
  out: usize,
): void {
  let start = first;
  let stop = end;
  for (let target = out, last = out + ((count as usize) << 2); target < last; target += 4) {
    let s0 = i64x2.splat(-1);
    let s1 = i64x2.splat(-1);
    let s2 = i64x2.splat(-1);
    let s3 = i64x2.splat(-1);
    for (let p = start; p < stop; p += elementBytes<T>()) {
      const element = load<T>(p) as u32 as usize;
      const row = rows + (sizeof<T>() === 1 ? element * ROW_BYTES : (load<u16>(table + (element << 1)) as usize));
      s0 = step(s0, v128.load(row));
      s1 = step(s1, v128.load(row, 16));
      s2 = step(s2, v128.load(row, 32));
      s3 = step(s3, v128.load(row, 48));
    }
    start += toNextFirst;
    stop += toNextEnd;
    storeLengths(target, stride, s0);
    storeLengths(target + 2 * stride, stride, s1);
    storeLengths(target + 4 * stride, stride, s2);
    storeLengths(target + 6 * stride, stride, s3);
  }
}

function storeLengths(out: usize, stride: usize, s: v128): void {
  store<u32>(out, zeros(s, false));
  store<u32>(out + stride, zeros(s, true));
}
