/**
 * The match stage over a resident block, token mode (semantics §7; score.ts has the same for candidate batches): LCS of eight rows side by side,
 * and for each row that reaches the recall threshold first a bound of its key. Only rows that may be kept are looked into one by
 * one: a greedy match that watches for a shared pair of neighbours, and where there is one the blocks kernel. Where many rows of a group may
 * be kept, the greedy match is first run for all eight, and its exact number of matches rules most of them out. This is the way of long
 * states, of thresholds that a row without a shared symbol reaches, and of symbols that most rows hold; lane-indexed.ts is the way of the others.
 *
 * What a row's LCS must be for its key to be kept is one number for rows of a length until the floor rises, so a group of which no row
 * reaches it is counted at once. Longer rows come first where keys grow with the length (few matches of a longer state): a heap that
 * begins with the shortest is replaced over and over.
 *
 * Cost: the lane LCS; a few operations a row that reaches the threshold; a pass over a row's symbols for those that may be kept. Groups that
 * their lengths rule out cost a few operations for all eight. Reference: test/reference/score.ts.
 */
import { floorOf, keyBound, neededMatches } from "./bound";
import { offerBlocks, offerMatch } from "./details";
import { alignRow } from "./lane-align";
import { groupGreedy } from "./lane-greedy";
import { matchIndexed } from "./lane-indexed";
import { groupLcs } from "./lane-lcs";
import {
  ASK_KEEP_BY,
  ASK_RECALL_THRESHOLD,
  ASK_SYMBOLS,
  CONTEXT_BELOW_THRESHOLD,
  CONTEXT_MATCHED,
  CONTEXT_WITHOUT_BLOCKS,
  KEEP_BY_PRE_POTENTIAL,
  KEEP_BY_SIMILARITY,
  QUERY_WORDS,
  RESIDENT_GROUP_STARTS_AT,
  RESIDENT_LANES,
  RESIDENT_LANES_AT,
  RESIDENT_LENGTHS_AT,
  SCRATCH_CARRIES,
  SCRATCH_LANE_LENGTHS,
  SCRATCH_SURVIVORS,
  SCRATCH_TOKEN_QUERY,
} from "./layout";
import { askOf, eventStart, groupLanes, rowIds } from "./memory";
import { neededLcs, ratioOf } from "./ratio";
import { blocksOf } from "./score";

const GROUP_BYTES: usize = RESIDENT_LANES << 2;
/** Rows of a group from which on it pays to align all eight at once. */
const BUSY_ROWS: u32 = 3;
/** Up to so many state symbols a single match has a snr that is not negative, and shorter rows have the greater keys. */
const FEW_SYMBOLS: u32 = 3;

/** Matches the first `count` survivors, rows of the resident block; counts and the heap are left in the scratch. */
export function matchLanes(scratch: usize, block: usize, count: u32): void {
  if (!matchIndexed(scratch, block, count)) matchGroups(scratch, block, count);
}

function matchGroups(scratch: usize, block: usize, count: u32): void {
  const ask = askOf(scratch);
  const cutoff = load<f64>(ask, ASK_RECALL_THRESHOLD);
  const keepBy = load<u32>(ask, ASK_KEEP_BY);
  const stateLength = load<u32>(ask, ASK_SYMBOLS);
  const query = scratch + SCRATCH_TOKEN_QUERY;
  const found = scratch + SCRATCH_LANE_LENGTHS;
  const lengths = block + (load<u32>(block, RESIDENT_LENGTHS_AT) as usize);
  const lanes = block + (load<u32>(block, RESIDENT_LANES_AT) as usize);
  const starts = block + (load<u32>(block, RESIDENT_GROUP_STARTS_AT) as usize);
  const isOneWord = load<u32>(query, QUERY_WORDS) === 1;
  const matches = found + GROUP_BYTES;
  const pairs = matches + 2 * GROUP_BYTES;
  /** Whether the group before had rows enough to align that aligning them together pays; neighbours in length are alike. */
  let isBusy = false;
  let below: u32 = 0;
  let withoutBlocks: u32 = 0;
  let hopeless: u32 = 0;
  let length = u32.MAX_VALUE;
  let needed: u32 = 0;
  /** Least LCS of a row that may be kept, of rows of `length` under `floor`. */
  let promising: u32 = 0;
  let floor = f64.NEGATIVE_INFINITY;
  let wasFlat = false;
  const isDescending = keepBy === KEEP_BY_PRE_POTENTIAL && stateLength > FEW_SYMBOLS;

  let from = scratch + SCRATCH_SURVIVORS;
  let to = from + ((count as usize) << 2);
  while (from < to) {
    let p = isDescending ? to - 4 : from;
    const group = load<u32>(p) / RESIDENT_LANES;
    let next = p + 4;
    if (isDescending) {
      while (p > from && load<u32>(p - 4) / RESIDENT_LANES === group) p -= 4;
      to = p;
    } else {
      while (next < to && load<u32>(next) / RESIDENT_LANES === group) next += 4;
      from = next;
    }
    const positions = ((groupLanes(block, group + 1) - groupLanes(block, group)) / GROUP_BYTES) as u32;
    // What the shortest row in hand needs, all need: needed lengths grow with the row's.
    const shortest = load<u16>(lengths + ((load<u32>(p) as usize) << 1)) as u32;
    const isWhole = next - p === RESIDENT_LANES << 2 && positions === shortest;
    const isFlat =
      isWhole && eventStart(block, (group + 1) * RESIDENT_LANES) - eventStart(block, group * RESIDENT_LANES) === positions * RESIDENT_LANES;
    const current = floorOf(scratch);
    if (shortest !== length || current !== floor || isFlat !== wasFlat) {
      if (shortest !== length) needed = neededLcs(shortest + stateLength, cutoff);
      length = shortest;
      floor = current;
      wasFlat = isFlat;
      promising = neededMatches(scratch, length, stateLength, floor, isFlat);
    }
    if (min(positions, stateLength) < needed) {
      below += ((next - p) >> 2) as u32;
      continue;
    }
    let aligned: u32 = 0;
    groupLcs(lanes, starts, group, query, scratch + SCRATCH_CARRIES, needed, found);
    // A whole group of one length that shares something where it must, and holds nothing to be kept.
    if (needed > 0 && isWhole && countFrom(found, promising) === 0) {
      const reached = countFrom(found, needed);
      hopeless += reached;
      below += RESIDENT_LANES - reached;
      isBusy = false;
      continue;
    }
    for (; p < next; p += 4) {
      const row = load<u32>(p);
      const lcs = load<u32>(found + (((row % RESIDENT_LANES) as usize) << 2));
      const own = load<u16>(lengths + ((row as usize) << 1)) as u32;
      if (own !== length) {
        length = own;
        needed = neededLcs(length + stateLength, cutoff);
        promising = neededMatches(scratch, length, stateLength, floor, false);
      }
      if (lcs < needed) below++;
      else if (lcs === 0) {
        // Nothing shared: similarity 0 and no blocks.
        if (cutoff > 0) withoutBlocks++;
        else offerMatch(scratch, block, row, 0, own, 0, 0, 0, 0, 0);
      } else if (lcs < promising) hopeless++;
      else if (keepBy === KEEP_BY_SIMILARITY) offerMatch(scratch, block, row, 0, own, ratioOf(lcs, own + stateLength), 0, 0, 0, 0);
      else if (isOneWord) {
        if (isBusy && aligned === 0) groupGreedy(groupLanes(block, group), groupLanes(block, group + 1), query, matches, pairs);
        aligned++;
        const lane = (row % RESIDENT_LANES) as usize;
        if (isBusy && isOutOfReach(scratch, own, matches + (lane << 3), pairs + (lane << 3))) hopeless++;
        else hopeless += alignRow(scratch, block, row, own, ratioOf(lcs, own + stateLength));
      } else {
        const ids = rowIds(scratch, block, row);
        offerBlocks(scratch, block, row, ids, own, ratioOf(lcs, own + stateLength), blocksOf(scratch, ids, own));
      }
    }
    isBusy = aligned >= BUSY_ROWS;
  }
  store<u32>(scratch, below, CONTEXT_BELOW_THRESHOLD);
  store<u32>(scratch, withoutBlocks, CONTEXT_WITHOUT_BLOCKS);
  store<u32>(scratch, load<u32>(scratch, CONTEXT_MATCHED) + hopeless, CONTEXT_MATCHED);
}

/** How many of the eight lengths at `found` are at least `least`. */
function countFrom(found: usize, least: u32): u32 {
  const low = i32x4.splat((least as i32) - 1);
  const isFrom = i16x8.narrow_i32x4_s(i32x4.gt_s(v128.load(found), low), i32x4.gt_s(v128.load(found, 16), low));
  return popcnt<i32>(i16x8.bitmask(isFrom)) as u32;
}

/** Whether a row without shared pairs, all of whose greedy matches are blocks of their own, cannot be kept. */
function isOutOfReach(scratch: usize, length: u32, matches: usize, pairs: usize): bool {
  return load<u64>(pairs) === 0 && keyBound(scratch, length, load<u32>(matches), true) < floorOf(scratch);
}
