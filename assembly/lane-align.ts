/**
 * The greedy match of one row of a resident block, down its lane, for a state of one mask word. Cost: two or three loads a symbol; the blocks kernel
 * where the row shares a pair of neighbours with the state. Reference: test/reference/score.ts.
 */
import { floorOf, keyBound } from "./bound";
import { offerBlocks, offerMatch } from "./details";
import { laneTable } from "./lane-lcs";
import { QUERY_MASKS, RESIDENT_LANES, SCRATCH_TOKEN_QUERY } from "./layout";
import { groupLanes, rowIds } from "./memory";
import { blocksOf } from "./score";

const GROUP_BYTES: usize = RESIDENT_LANES << 2;

/** Offers the row, or returns 1 if its key turns out to be too low. */
export function alignRow(scratch: usize, block: usize, row: u32, length: u32, similarity: f64): u32 {
  const query = scratch + SCRATCH_TOKEN_QUERY;
  const table = laneTable(query);
  const masks = load<u32>(query, QUERY_MASKS) as usize;
  /** State positions behind the greedy match so far. */
  let free = ~(0 as u64);
  /** Positions of the symbol before. */
  let before: u64 = 0;
  let sharedPairs: u64 = 0;
  let matches: u32 = 0;
  let first: u32 = 0;
  let last: u32 = 0;
  let p = groupLanes(block, row / RESIDENT_LANES) + (((row % RESIDENT_LANES) as usize) << 2);
  for (let n: u32 = 0; n < length; n++) {
    const positions = load<u64>(masks + ((load<u16>(table + ((load<u32>(p) as usize) << 1)) as usize) << 3));
    p += GROUP_BYTES;
    sharedPairs |= (before << 1) & positions;
    before = positions;
    const taken = positions & free;
    if (taken !== 0) {
      // Everything above the lowest bit of `taken`.
      free = ~(taken ^ (taken - 1));
      if (matches === 0) first = n;
      last = n;
      matches++;
    }
  }
  if (sharedPairs !== 0) {
    const ids = rowIds(scratch, block, row);
    offerBlocks(scratch, block, row, ids, length, similarity, blocksOf(scratch, ids, length));
    return 0;
  }
  if (keyBound(scratch, length, matches, true) < floorOf(scratch)) return 1;
  offerMatch(scratch, block, row, rowIds(scratch, block, row), length, similarity, matches, matches, first, last + 1);
  return 0;
}
