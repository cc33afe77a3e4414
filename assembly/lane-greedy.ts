/**
 * The greedy match of the prepared query and eight candidates side by side: each candidate id takes the first query position behind the last one
 * taken. Counts what is taken and watches for a pair of neighbours that both sequences share; without such a pair the greedy match is the
 * Ratcliff/Obershelp alignment, every block of size 1 (score.ts). For queries of one mask word.
 *
 * Cost: about one and a half times the lane LCS, for all eight; four lanes at a time, whose state just fits the registers. Worth it when three or
 * more of the eight are to be aligned. Reference: test/reference/score.ts.
 */
import { laneTable, pairOf, wordOf } from "./lane-lcs";
import { QUERY_LANE_MASKS, QUERY_MASKS, RESIDENT_LANES } from "./layout";

const LANES: usize = RESIDENT_LANES;
const GROUP_BYTES: usize = RESIDENT_LANES << 2;

/** Of the group between two addresses: u64[RESIDENT_LANES] numbers of matches to `matches`, u64[RESIDENT_LANES] to `pairs`: 0 if no pair is shared. */
export function groupGreedy(start: usize, end: usize, query: usize, matches: usize, pairs: usize): void {
  const laneMasks = load<u32>(query, QUERY_LANE_MASKS) as usize;
  const table = laneTable(query);
  const masks = load<u32>(query, QUERY_MASKS) as usize;
  for (let lane: usize = 0; lane < LANES; lane += 4) {
    const first = start + (lane << 2);
    if (laneMasks !== 0) fourLanes<u64>(first, end, laneMasks, 0, matches + (lane << 3), pairs + (lane << 3));
    else fourLanes<u16>(first, end, table, masks, matches + (lane << 3), pairs + (lane << 3));
  }
}

function fourLanes<T>(start: usize, end: usize, table: usize, masks: usize, matches: usize, pairs: usize): void {
  const ones = i64x2.splat(-1);
  const zero = i64x2.splat(0);
  // State positions behind the greedy match so far; what was skipped; positions of the symbol before; pairs.
  let free0 = ones;
  let free1 = ones;
  let taken0 = zero;
  let taken1 = zero;
  let before0 = zero;
  let before1 = zero;
  let pairs0 = zero;
  let pairs1 = zero;
  for (let p = start; p < end; p += GROUP_BYTES) {
    const mask0 = pairOf(wordOf<T>(load<u32>(p), table, masks), wordOf<T>(load<u32>(p, 4), table, masks));
    const mask1 = pairOf(wordOf<T>(load<u32>(p, 8), table, masks), wordOf<T>(load<u32>(p, 12), table, masks));
    pairs0 = v128.or(pairs0, v128.and(i64x2.shl(before0, 1), mask0));
    pairs1 = v128.or(pairs1, v128.and(i64x2.shl(before1, 1), mask1));
    before0 = mask0;
    before1 = mask1;
    const open0 = v128.and(mask0, free0);
    const open1 = v128.and(mask1, free1);
    const none0 = i64x2.eq(open0, zero);
    const none1 = i64x2.eq(open1, zero);
    // -1 where something was taken.
    taken0 = i64x2.add(taken0, v128.not(none0));
    taken1 = i64x2.add(taken1, v128.not(none1));
    // Everything above the lowest bit of what is open, or as it was: open - 1 is all ones where nothing is, and then nothing is added.
    free0 = v128.or(v128.and(free0, none0), v128.not(v128.xor(open0, i64x2.add(open0, ones))));
    free1 = v128.or(v128.and(free1, none1), v128.not(v128.xor(open1, i64x2.add(open1, ones))));
  }
  v128.store(matches, i64x2.neg(taken0));
  v128.store(matches, i64x2.neg(taken1), 16);
  v128.store(pairs, pairs0);
  v128.store(pairs, pairs1, 16);
}
