/**
 * Exact set intersection of the prepared query and a candidate: how many distinct ids they share. With the numbers of distinct ids on
 * both sides it gives the Jaccard index, shared / (a + b - shared). The candidate may repeat ids and needs no order.
 *
 * Cost: O(candidate); one bit per class of the query, in a register up to 63 classes, else in scratch. Candidate ids must be below the
 * class table's count. Query ids past the class table are distinct ids of the query that nothing can share: the caller counts
 * them on the query's side. Reference: test/reference/jaccard.ts.
 */
import { QUERY_CLASSES, QUERY_TABLE } from "./layout";

/** Scratch bytes of `intersectionCount` for a query of `classes` distinct ids. */
export function intersectionScratchBytes(classes: u32): usize {
  return (((classes as usize) >> 6) + 1) << 3;
}

/** Distinct ids in both the query and the `count` ids at `candidate`. `scratch`: `intersectionScratchBytes` bytes, 8-byte aligned. */
export function intersectionCount(candidate: usize, count: u32, query: usize, scratch: usize): u32 {
  const table = load<u32>(query, QUERY_TABLE) as usize;
  const classes = load<u32>(query, QUERY_CLASSES);
  const end = candidate + ((count as usize) << 2);
  if (classes < 64) {
    // Bit 0 is class 0, "not in the query": collected like the others, without a branch, and dropped at the end.
    let seen: u64 = 0;
    for (let p = candidate; p < end; p += 4) seen |= (1 as u64) << (load<u16>(table + ((load<u32>(p) as usize) << 1)) as u64);
    return popcnt<u64>(seen & ~(1 as u64)) as u32;
  }
  memory.fill(scratch, 0, intersectionScratchBytes(classes));
  let shared: u32 = 0;
  for (let p = candidate; p < end; p += 4) {
    const symbolClass = load<u16>(table + ((load<u32>(p) as usize) << 1)) as u32;
    if (symbolClass === 0) continue;
    const cell = scratch + (((symbolClass >> 6) as usize) << 3);
    const bits = load<u64>(cell);
    const bit = (1 as u64) << ((symbolClass & 63) as u64);
    shared += ((bits & bit) === 0) as u32;
    store<u64>(cell, bits | bit);
  }
  return shared;
}

/** `intersectionCount` for candidates `from` to `to` (exclusive) of a column (see `lcsLengthsInto`): u32 counts to `out`. */
export function intersectionCountsInto(flat: usize, offsets: usize, from: u32, to: u32, query: usize, scratch: usize, out: usize): void {
  let target = out;
  for (let c = from; c < to; c++) {
    const start = load<u32>(offsets + ((c as usize) << 2));
    const count = load<u32>(offsets + ((c as usize) << 2), 4) - start;
    store<u32>(target, intersectionCount(flat + ((start as usize) << 2), count, query, scratch));
    target += 4;
  }
}
