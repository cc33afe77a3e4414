/**
 * The match stage over a resident block by its index, token mode: a row is looked at only if it shares as many symbols with the state as its length
 * makes it need; sixteen rows a comparison. Of those that are left and may be kept, what they share is brought together (resident-index.ts), and
 * LCS, greedy match and shared pairs of neighbours are computed from these few hits: the row itself, somewhere in memory, is read only when it
 * is offered. Same matches, same counts as lane-match.ts, which explains the bounds.
 *
 * Cost: two additions for each hit of the state's symbols (a nanosecond each), a sixteenth of a comparison a row, and some ten nanoseconds for each
 * row that shares enough: 1 to 5 ns a row of 14 symbols in a Zipf vocabulary, where comparing all rows takes 20 to 40. Reference: test/reference/score.ts.
 */
import { apartBound, floorOf, neededApart, neededMatches } from "./bound";
import { offerBlocks, offerMatch } from "./details";
import { laneTable, wordOf } from "./lane-lcs";
import {
  ASK_KEEP_BY,
  ASK_RECALL_THRESHOLD,
  ASK_SYMBOLS,
  CONTEXT_BELOW_THRESHOLD,
  CONTEXT_MATCHED,
  CONTEXT_WITHOUT_BLOCKS,
  KEEP_BY_PRE_POTENTIAL,
  KEEP_BY_SIMILARITY,
  QUERY_LANE_MASKS,
  QUERY_MASKS,
  QUERY_WORDS,
  RESIDENT_LANES,
  RESIDENT_LENGTHS_AT,
  ROW_HITS_MAX,
  SCRATCH_HIT_COUNTS,
  SCRATCH_HIT_PLACES,
  SCRATCH_HITS,
  SCRATCH_LANE_LENGTHS,
  SCRATCH_SHARED,
  SCRATCH_SURVIVORS,
  SCRATCH_TOKEN_QUERY,
} from "./layout";
import { askOf, eventStart, groupLanes, rowIds } from "./memory";
import { neededLcs, ratioOf } from "./ratio";
import { addShared, findHits, gatherHits, hasIndex, lowerBound } from "./resident-index";
import { blocksOf } from "./score";

const GROUP_BYTES: usize = RESIDENT_LANES << 2;
/** Rows that are compared at once. */
const WINDOW: u32 = 16;
/** Hits a row from which on comparing every row costs less. */
const HITS_MAX: u32 = 3;
/** More hits than so many for each row that is looked at, and a look at the rows themselves costs less than a walk over all hits. */
const HITS_A_PLACE: u32 = 32;
/** In the place of a number of hits: the row itself must be looked at. */
const NOT_GATHERED: u8 = 255;
/** Places are numbered by u16, from 1. */
const PLACES_MAX: u32 = 65535;

/* What is found out about a row, at SCRATCH_LANE_LENGTHS. */
const SEEN_PAIRS: usize = 0;
const SEEN_LCS: usize = 8;
const SEEN_MATCHES: usize = 12;
const SEEN_FIRST: usize = 16;
const SEEN_LAST: usize = 20;

/** Matches the first `count` survivors, counts and the heap left in the scratch; false, with nothing done, where the index does not serve. */
export function matchIndexed(scratch: usize, block: usize, count: u32): bool {
  const query = scratch + SCRATCH_TOKEN_QUERY;
  const ask = askOf(scratch);
  // The shortest row must share something: then every row must.
  if (count === 0 || load<u32>(query, QUERY_WORDS) !== 1 || !hasIndex(block)) return false;
  if (neededLcs(load<u32>(ask, ASK_SYMBOLS) + 1, load<f64>(ask, ASK_RECALL_THRESHOLD)) === 0) return false;
  const survivors = scratch + SCRATCH_SURVIVORS;
  const first = load<u32>(survivors);
  const end = load<u32>(survivors + (((count - 1) as usize) << 2)) + 1;
  const hits = findHits(scratch, block, query, first, end - 1);
  if (hits > (end - first) * HITS_MAX) return false;

  let below: u32 = 0;
  let hopeless: u32 = 0;
  if (hits === 0) below = count;
  else {
    addShared(scratch, query, first, end - 1);
    if (end - first !== count) {
      blankOthers(scratch, count);
      // They will be counted as rows that share too little.
      below -= end - first - count;
    }
    const given = givePlaces(scratch, block, first, end);
    const counts = scratch + SCRATCH_HIT_COUNTS;
    if (given * HITS_A_PLACE < hits) memory.fill(counts, NOT_GATHERED, given as usize);
    else {
      memory.fill(counts, 0, given as usize);
      gatherHits(scratch, query);
    }
    const outcome = matchRows(scratch, block, first, end);
    below += outcome as u32;
    hopeless = (outcome >> 32) as u32;
  }
  store<u32>(scratch, below, CONTEXT_BELOW_THRESHOLD);
  store<u32>(scratch, 0, CONTEXT_WITHOUT_BLOCKS);
  store<u32>(scratch, load<u32>(scratch, CONTEXT_MATCHED) + hopeless, CONTEXT_MATCHED);
  return true;
}

/** Rows between the survivors share nothing. */
function blankOthers(scratch: usize, count: u32): void {
  const survivors = scratch + SCRATCH_SURVIVORS;
  const shared = scratch + SCRATCH_SHARED;
  let next = load<u32>(survivors);
  for (let p = survivors, end = survivors + ((count as usize) << 2); p < end; p += 4) {
    const row = load<u32>(p);
    if (row > next) memory.fill(shared + (next as usize), 0, (row - next) as usize);
    next = row + 1;
  }
}

/** Rows of the window that share at least `needed` and are from `from` to `to` (exclusive), one bit each. */
function rowsLeft(shared: usize, window: u32, needed: u32, from: u32, to: u32): u32 {
  let left = i8x16.bitmask(i8x16.ge_u(v128.load(shared + (window as usize)), i8x16.splat(needed as i8))) as u32;
  if (window < from) left &= u32.MAX_VALUE << (from - window);
  if (window + WINDOW > to) left &= (1 << (to - window)) - 1;
  return left;
}

/** Gives every row whose hits are wanted a place for them; returns how many. */
function givePlaces(scratch: usize, block: usize, first: u32, end: u32): u32 {
  const ask = askOf(scratch);
  const stateLength = load<u32>(ask, ASK_SYMBOLS);
  const cutoff = load<f64>(ask, ASK_RECALL_THRESHOLD);
  const shared = scratch + SCRATCH_SHARED;
  const places = scratch + SCRATCH_HIT_PLACES;
  const lengths = block + (load<u32>(block, RESIDENT_LENGTHS_AT) as usize);
  const floor = floorOf(scratch);
  memory.fill(places + ((first as usize) << 1), 0, ((end - first) as usize) << 1);
  let given: u32 = 0;
  for (let from = first; from < end; ) {
    const length = load<u16>(lengths + ((from as usize) << 1)) as u32;
    const to = lowerBound<u16>(lengths, from, end, length + 1, u32.MAX_VALUE);
    let needed = neededLcs(length + stateLength, cutoff);
    // With one match the threshold is reached by whatever shares a symbol: then only what may be kept is looked at.
    if (needed === 1) needed = neededMatches(scratch, length, stateLength, floor, false);
    if (needed <= min(length, stateLength)) {
      for (let window = from & ~(WINDOW - 1); window < to; window += WINDOW) {
        for (let left = rowsLeft(shared, window, needed, from, to); left !== 0; left &= left - 1) {
          if (given === PLACES_MAX) break;
          given++;
          store<u16>(places + (((window + ctz<u32>(left)) as usize) << 1), given as u16);
        }
      }
    }
    from = to;
  }
  return given;
}

/** Returns how many rows are below the threshold, and above bit 32 how many matched and cannot be kept. */
function matchRows(scratch: usize, block: usize, first: u32, end: u32): u64 {
  const ask = askOf(scratch);
  const stateLength = load<u32>(ask, ASK_SYMBOLS);
  const cutoff = load<f64>(ask, ASK_RECALL_THRESHOLD);
  const lengths = block + (load<u32>(block, RESIDENT_LENGTHS_AT) as usize);
  // Few matches of a longer state: keys grow with the row's length (lane-match.ts).
  const isDescending = load<u32>(ask, ASK_KEEP_BY) === KEEP_BY_PRE_POTENTIAL && stateLength > 3;
  let below: u32 = 0;
  let hopeless: u32 = 0;
  let from = first;
  let to = end;
  while (from < to) {
    const length = load<u16>(lengths + (((isDescending ? to - 1 : from) as usize) << 1)) as u32;
    const runFrom = isDescending ? lowerBound<u16>(lengths, from, to, length, u32.MAX_VALUE) : from;
    const runTo = isDescending ? to : lowerBound<u16>(lengths, from, to, length + 1, u32.MAX_VALUE);
    if (isDescending) to = runFrom;
    else from = runTo;
    const needed = neededLcs(length + stateLength, cutoff);
    if (needed > min(length, stateLength)) {
      below += runTo - runFrom;
      continue;
    }
    const outcome = matchRun(scratch, block, runFrom, runTo, length, needed);
    below += outcome as u32;
    hopeless += (outcome >> 32) as u32;
  }
  return (below as u64) | ((hopeless as u64) << 32);
}

/** As `matchRows`, for rows `from` to `to` (exclusive), all of `length`, which need an LCS of `needed`. */
function matchRun(scratch: usize, block: usize, from: u32, to: u32, length: u32, needed: u32): u64 {
  const ask = askOf(scratch);
  const stateLength = load<u32>(ask, ASK_SYMBOLS);
  const isBySimilarity = load<u32>(ask, ASK_KEEP_BY) === KEEP_BY_SIMILARITY;
  const shared = scratch + SCRATCH_SHARED;
  const seen = scratch + SCRATCH_LANE_LENGTHS;
  let floor = floorOf(scratch);
  // Least LCS of a row that may be kept; of one whose events are one symbol each; of one without a shared pair of neighbours.
  let promising = neededMatches(scratch, length, stateLength, floor, false);
  let promisingFlat = neededMatches(scratch, length, stateLength, floor, true);
  let promisingApart = max(promising, neededApart(scratch, length, stateLength, floor));
  let below: u32 = 0;
  let hopeless: u32 = 0;
  for (let window = from & ~(WINDOW - 1); window < to; window += WINDOW) {
    let left = rowsLeft(shared, window, needed, from, to);
    below += min(window + WINDOW, to) - max(window, from) - popcnt<u32>(left);
    for (; left !== 0; left &= left - 1) {
      const row = window + ctz<u32>(left);
      let lcs = load<u8>(shared + (row as usize)) as u32;
      // Where one match suffices for the threshold, it is reached by every row that shares a symbol.
      let most = lcs === 1 ? promisingApart : promising;
      if (needed === 1 && lcs < most) {
        hopeless++;
        continue;
      }
      const isFlat = eventStart(block, row + 1) - eventStart(block, row) === length;
      if (isFlat) most = max(most, promisingFlat);
      if (needed === 1 && lcs < most) {
        hopeless++;
        continue;
      }
      lookAt(scratch, block, row, length, seen);
      lcs = load<u32>(seen, SEEN_LCS);
      const hasPairs = load<u64>(seen, SEEN_PAIRS) !== 0;
      if (!hasPairs) most = max(most, promisingApart);
      if (lcs < needed) {
        below++;
        continue;
      }
      if (lcs < most) {
        hopeless++;
        continue;
      }
      const similarity = ratioOf(lcs, length + stateLength);
      if (isBySimilarity) offerMatch(scratch, block, row, 0, length, similarity, 0, 0, 0, 0);
      else if (hasPairs) {
        const ids = rowIds(scratch, block, row);
        offerBlocks(scratch, block, row, ids, length, similarity, blocksOf(scratch, ids, length));
      } else {
        const matches = load<u32>(seen, SEEN_MATCHES);
        const start = load<u32>(seen, SEEN_FIRST);
        const end = load<u32>(seen, SEEN_LAST) + 1;
        if (apartBound(scratch, length, matches, end - start, isFlat) < floor) {
          hopeless++;
          continue;
        }
        offerMatch(scratch, block, row, rowIds(scratch, block, row), length, similarity, matches, matches, start, end);
      }
      const current = floorOf(scratch);
      if (current !== floor) {
        floor = current;
        promising = neededMatches(scratch, length, stateLength, floor, false);
        promisingFlat = neededMatches(scratch, length, stateLength, floor, true);
        promisingApart = max(promising, neededApart(scratch, length, stateLength, floor));
      }
    }
  }
  return (below as u64) | ((hopeless as u64) << 32);
}

/** LCS, greedy match and shared pairs of a row and the state, to `seen`: from its hits where they are gathered, else down its lane. */
function lookAt(scratch: usize, block: usize, row: u32, length: u32, seen: usize): void {
  const query = scratch + SCRATCH_TOKEN_QUERY;
  const masks = load<u32>(query, QUERY_MASKS) as usize;
  const place = load<u16>(scratch + SCRATCH_HIT_PLACES + ((row as usize) << 1)) as usize;
  if (place !== 0) {
    const count = load<u8>(scratch + SCRATCH_HIT_COUNTS + place - 1) as u32;
    if (count <= (ROW_HITS_MAX as u32)) {
      const hits = scratch + SCRATCH_HITS + (((place - 1) * ROW_HITS_MAX) << 2);
      sortHits(hits, count);
      lookAtHits(hits, count, masks, seen);
      return;
    }
  }
  const words = load<u32>(query, QUERY_LANE_MASKS) as usize;
  const start = groupLanes(block, row / RESIDENT_LANES) + (((row % RESIDENT_LANES) as usize) << 2);
  if (words !== 0) lookDown<u64>(start, length, words, 0, seen);
  else lookDown<u16>(start, length, laneTable(query), masks, seen);
}

/** By insertion: hits are few and often in order. */
function sortHits(hits: usize, count: u32): void {
  for (let n: usize = 1; n < (count as usize); n++) {
    const hit = load<u32>(hits + (n << 2));
    let p = hits + (n << 2);
    for (; p > hits && load<u32>(p - 4) > hit; p -= 4) store<u32>(p, load<u32>(p - 4));
    store<u32>(p, hit);
  }
}

function lookAtHits(hits: usize, count: u32, masks: usize, seen: usize): void {
  let open = ~(0 as u64);
  let free = ~(0 as u64);
  let before: u64 = 0;
  let expected = u32.MAX_VALUE;
  let pairs: u64 = 0;
  let matches: u32 = 0;
  let first: u32 = 0;
  let last: u32 = 0;
  for (let n: usize = 0; n < (count as usize); n++) {
    const hit = load<u32>(hits + (n << 2));
    const position = hit >>> 8;
    const positions = load<u64>(masks + (((hit & 0xff) as usize) << 3));
    const u = open & positions;
    open = (open + u) | (open - u);
    if (position === expected) pairs |= (before << 1) & positions;
    before = positions;
    expected = position + 1;
    const taken = positions & free;
    if (taken !== 0) {
      // Everything above the lowest bit of `taken`.
      free = ~(taken ^ (taken - 1));
      if (matches === 0) first = position;
      last = position;
      matches++;
    }
  }
  writeSeen(seen, pairs, open, matches, first, last);
}

function lookDown<T>(start: usize, length: u32, table: usize, masks: usize, seen: usize): void {
  /** LCS recurrence: a bit is 0 where a state position ends a longer subsequence. */
  let open = ~(0 as u64);
  /** State positions behind the greedy match so far. */
  let free = ~(0 as u64);
  let before: u64 = 0;
  let pairs: u64 = 0;
  let matches: u32 = 0;
  let first: u32 = 0;
  let last: u32 = 0;
  let p = start;
  for (let n: u32 = 0; n < length; n++) {
    const positions = load<u64>(wordOf<T>(load<u32>(p), table, masks));
    p += GROUP_BYTES;
    const u = open & positions;
    open = (open + u) | (open - u);
    pairs |= (before << 1) & positions;
    before = positions;
    const taken = positions & free;
    if (taken !== 0) {
      free = ~(taken ^ (taken - 1));
      if (matches === 0) first = n;
      last = n;
      matches++;
    }
  }
  writeSeen(seen, pairs, open, matches, first, last);
}

function writeSeen(seen: usize, pairs: u64, open: u64, matches: u32, first: u32, last: u32): void {
  store<u64>(seen, pairs, SEEN_PAIRS);
  store<u32>(seen, popcnt<u64>(~open) as u32, SEEN_LCS);
  store<u32>(seen, matches, SEEN_MATCHES);
  store<u32>(seen, first, SEEN_FIRST);
  store<u32>(seen, last, SEEN_LAST);
}
