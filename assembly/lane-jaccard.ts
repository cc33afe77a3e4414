/**
 * Exact set intersection of the prepared query and candidates that lie eight side by side (see lane-lcs.ts): how many distinct ids each
 * shares with the query. Where a group's candidates repeat no id, what is in the query is simply counted, out of a byte table if there is
 * one (a third faster than the class table: nothing to turn into 0 or 1); else there is a bit a class.
 *
 * Cost: O(candidate) without repeats; with them O(candidate) for each 63 distinct ids of the query. Counting takes four
 * lanes at a time: with eight accumulators the registers do not suffice, and it takes a third longer. Not for one candidate (jaccard.ts). Reference:
 * test/reference/jaccard.ts.
 */
import { laneTable } from "./lane-lcs";
import { QUERY_CLASSES, QUERY_IDS, RESIDENT_LANES } from "./layout";

const LANES: usize = RESIDENT_LANES;
const GROUP_BYTES: usize = RESIDENT_LANES << 2;
/** Classes of a pass: bit 0 collects what is none of them. */
const PASS_CLASSES: u32 = 63;

/**
 * Counts of groups `from` to `to` (exclusive), u32[RESIDENT_LANES] a group, to `out`. `starts` as in `laneLcsLengthsInto`; `lengths` and
 * `distinct`: u16 a row, RESIDENT_LANES of them a group: its ids and its distinct ids. `hits`: a byte table that `markHits` has marked, or 0.
 */
export function laneIntersectionCountsInto(
  lanes: usize,
  starts: usize,
  lengths: usize,
  distinct: usize,
  from: u32,
  to: u32,
  query: usize,
  hits: usize,
  out: usize,
): void {
  const table = laneTable(query);
  const classes = load<u32>(query, QUERY_CLASSES);
  let target = out;
  for (let group = from; group < to; group++) {
    const cell = starts + ((group as usize) << 2);
    const start = lanes + (load<u32>(cell) as usize) * GROUP_BYTES;
    const end = lanes + (load<u32>(cell, 4) as usize) * GROUP_BYTES;
    const rows = (group as usize) << 4;
    if (i16x8.all_true(i16x8.eq(v128.load(lengths + rows), v128.load(distinct + rows)))) {
      if (hits !== 0) {
        countHits(start, end, hits, target);
        countHits(start + 16, end, hits, target + 16);
      } else {
        countMisses(start, end, table, target);
        countMisses(start + 16, end, table, target + 16);
      }
    } else if (classes <= PASS_CLASSES) {
      countClasses(start, end, table, target);
    } else {
      memory.fill(target, 0, GROUP_BYTES);
      for (let first: u32 = 1; first <= classes; first += PASS_CLASSES) addClasses(start, end, table, first, target);
    }
    target += GROUP_BYTES;
  }
}

/** Sets the entries of the query's ids in `hits`, u8 a lane id, to `value`: 1, and 0 afterwards. All others must be 0. */
export function markHits(query: usize, hits: usize, value: u32): void {
  const ids = load<u32>(query, QUERY_IDS) as usize;
  const end = ids + ((load<u32>(query, QUERY_CLASSES) as usize) << 2);
  for (let p = ids; p < end; p += 4) store<u8>(hits + (load<u32>(p) as usize), value as u8, 1);
}

/** Four lanes without repeats: every hit is an id shared. Two ids a load. */
function countHits(start: usize, end: usize, hits: usize, out: usize): void {
  let hits0: u32 = 0;
  let hits1: u32 = 0;
  let hits2: u32 = 0;
  let hits3: u32 = 0;
  for (let p = start; p < end; p += GROUP_BYTES) {
    const low = load<u64>(p);
    const high = load<u64>(p, 8);
    hits0 += load<u8>(hits + (low as u32 as usize)) as u32;
    hits1 += load<u8>(hits + ((low >> 32) as usize)) as u32;
    hits2 += load<u8>(hits + (high as u32 as usize)) as u32;
    hits3 += load<u8>(hits + ((high >> 32) as usize)) as u32;
  }
  store<u32>(out, hits0);
  store<u32>(out, hits1, 4);
  store<u32>(out, hits2, 8);
  store<u32>(out, hits3, 12);
}

/** 1 if the id is not in the query. */
function isMiss(id: u32, table: usize): u32 {
  return ((load<u16>(table + ((id as usize) << 1)) as u32) - 1) >> 31;
}

/** The same by the class table: every position that is no miss (padding is one) is an id shared. */
function countMisses(start: usize, end: usize, table: usize, out: usize): void {
  const positions = ((end - start + GROUP_BYTES - 1) / GROUP_BYTES) as u32;
  let misses0: u32 = 0;
  let misses1: u32 = 0;
  let misses2: u32 = 0;
  let misses3: u32 = 0;
  for (let p = start; p < end; p += GROUP_BYTES) {
    misses0 += isMiss(load<u32>(p), table);
    misses1 += isMiss(load<u32>(p, 4), table);
    misses2 += isMiss(load<u32>(p, 8), table);
    misses3 += isMiss(load<u32>(p, 12), table);
  }
  store<u32>(out, positions - misses0);
  store<u32>(out, positions - misses1, 4);
  store<u32>(out, positions - misses2, 8);
  store<u32>(out, positions - misses3, 12);
}

function bitOf(id: u32, table: usize): u64 {
  return (1 as u64) << (load<u16>(table + ((id as usize) << 1)) as u64);
}

/** All classes fit one pass: a class is its bit. */
function countClasses(start: usize, end: usize, table: usize, out: usize): void {
  let seen0: u64 = 0;
  let seen1: u64 = 0;
  let seen2: u64 = 0;
  let seen3: u64 = 0;
  let seen4: u64 = 0;
  let seen5: u64 = 0;
  let seen6: u64 = 0;
  let seen7: u64 = 0;
  for (let p = start; p < end; p += GROUP_BYTES) {
    seen0 |= bitOf(load<u32>(p), table);
    seen1 |= bitOf(load<u32>(p, 4), table);
    seen2 |= bitOf(load<u32>(p, 8), table);
    seen3 |= bitOf(load<u32>(p, 12), table);
    seen4 |= bitOf(load<u32>(p, 16), table);
    seen5 |= bitOf(load<u32>(p, 20), table);
    seen6 |= bitOf(load<u32>(p, 24), table);
    seen7 |= bitOf(load<u32>(p, 28), table);
  }
  store<u32>(out, popcnt<u64>(seen0 >> 1) as u32);
  store<u32>(out, popcnt<u64>(seen1 >> 1) as u32, 4);
  store<u32>(out, popcnt<u64>(seen2 >> 1) as u32, 8);
  store<u32>(out, popcnt<u64>(seen3 >> 1) as u32, 12);
  store<u32>(out, popcnt<u64>(seen4 >> 1) as u32, 16);
  store<u32>(out, popcnt<u64>(seen5 >> 1) as u32, 20);
  store<u32>(out, popcnt<u64>(seen6 >> 1) as u32, 24);
  store<u32>(out, popcnt<u64>(seen7 >> 1) as u32, 28);
}

/** Adds what classes `first` to `first + PASS_CLASSES` (exclusive) bring. */
function addClasses(start: usize, end: usize, table: usize, first: u32, out: usize): void {
  for (let lane: usize = 0; lane < LANES; lane++) {
    let seen: u64 = 0;
    for (let p = start + (lane << 2); p < end; p += GROUP_BYTES) {
      // Above the pass's classes, or (wrapped around) below them: bit 0.
      const n = (load<u16>(table + ((load<u32>(p) as usize) << 1)) as u32) - first;
      seen |= (1 as u64) << ((n < PASS_CLASSES ? n + 1 : 0) as u64);
    }
    const cell = out + (lane << 2);
    store<u32>(cell, load<u32>(cell) + (popcnt<u64>(seen >> 1) as u32));
  }
}
