/**
 * The stages that count shared symbols, over a resident block's groups: as their namesakes in stages.ts, eight rows at a time. Survivors are in
 * order, so those of a group stand together; a group is computed for all its rows even if few are left. Cost: the lane kernels'.
 */

import { laneIntersectionCountsInto } from "./lane-jaccard";
import { groupLcs } from "./lane-lcs";
import {
  ASK_DISTINCT,
  ASK_RECALL_THRESHOLD,
  ASK_SYMBOLS,
  BATCH_DISTINCT_AT,
  RESIDENT_GROUP_STARTS_AT,
  RESIDENT_LANES,
  RESIDENT_LANES_AT,
  RESIDENT_LENGTHS_AT,
  SCRATCH_CARRIES,
  SCRATCH_LANE_LENGTHS,
  SCRATCH_SURVIVORS,
  SCRATCH_TOKEN_QUERY,
} from "./layout";
import { askOf } from "./memory";
import { neededLcs, reaches } from "./ratio";

/** Where the survivors behind `p` that are in the same group end. */
function groupEnd(p: usize, end: usize): usize {
  const group = load<u32>(p) / RESIDENT_LANES;
  let next = p + 4;
  while (next < end && load<u32>(next) / RESIDENT_LANES === group) next += 4;
  return next;
}

/** What was found for a row of the group in hand. */
function foundFor(scratch: usize, row: u32): u32 {
  return load<u32>(scratch + SCRATCH_LANE_LENGTHS + (((row % RESIDENT_LANES) as usize) << 2));
}

/** Keeps rows that share at least `leastShared` distinct symbols with the state and whose Jaccard index reaches `threshold`. */
export function keepLanesByJaccard(scratch: usize, block: usize, count: u32, leastShared: u32, threshold: f64): u32 {
  const survivors = scratch + SCRATCH_SURVIVORS;
  const stateDistinct = load<u32>(askOf(scratch), ASK_DISTINCT);
  const lanes = block + (load<u32>(block, RESIDENT_LANES_AT) as usize);
  const starts = block + (load<u32>(block, RESIDENT_GROUP_STARTS_AT) as usize);
  const lengths = block + (load<u32>(block, RESIDENT_LENGTHS_AT) as usize);
  const distinct = block + (load<u32>(block, BATCH_DISTINCT_AT) as usize);
  let out = survivors;
  for (let p = survivors, end = survivors + ((count as usize) << 2); p < end; ) {
    const next = groupEnd(p, end);
    const group = load<u32>(p) / RESIDENT_LANES;
    const found = scratch + SCRATCH_LANE_LENGTHS;
    laneIntersectionCountsInto(lanes, starts, lengths, distinct, group, group + 1, scratch + SCRATCH_TOKEN_QUERY, 0, found);
    for (; p < next; p += 4) {
      const row = load<u32>(p);
      const shared = foundFor(scratch, row);
      store<u32>(out, row);
      if (shared < leastShared) continue;
      const union = (load<u16>(distinct + ((row as usize) << 1)) as u32) + stateDistinct - shared;
      if (reaches((shared as f64) / (union as f64), threshold)) out += 4;
    }
  }
  return ((out - survivors) >> 2) as u32;
}

/**
 * Keeps rows whose similarity reaches the recall threshold, if `byThreshold`, and which share a symbol: their LCS is not 0. Token mode.
 */
export function keepLanesByLcs(scratch: usize, block: usize, count: u32, byThreshold: bool): u32 {
  const survivors = scratch + SCRATCH_SURVIVORS;
  const ask = askOf(scratch);
  const cutoff = byThreshold ? load<f64>(ask, ASK_RECALL_THRESHOLD) : 0;
  const stateLength = load<u32>(ask, ASK_SYMBOLS);
  const lanes = block + (load<u32>(block, RESIDENT_LANES_AT) as usize);
  const starts = block + (load<u32>(block, RESIDENT_GROUP_STARTS_AT) as usize);
  const lengths = block + (load<u32>(block, RESIDENT_LENGTHS_AT) as usize);
  let out = survivors;
  let length = u32.MAX_VALUE;
  let needed: u32 = 0;
  for (let p = survivors, end = survivors + ((count as usize) << 2); p < end; ) {
    const next = groupEnd(p, end);
    const group = load<u32>(p) / RESIDENT_LANES;
    groupLcs(lanes, starts, group, scratch + SCRATCH_TOKEN_QUERY, scratch + SCRATCH_CARRIES, 0, scratch + SCRATCH_LANE_LENGTHS);
    for (; p < next; p += 4) {
      const row = load<u32>(p);
      const own = load<u16>(lengths + ((row as usize) << 1)) as u32;
      if (own !== length) {
        length = own;
        needed = max(1, neededLcs(length + stateLength, cutoff));
      }
      store<u32>(out, row);
      if (foundFor(scratch, row) >= needed) out += 4;
    }
  }
  return ((out - survivors) >> 2) as u32;
}
