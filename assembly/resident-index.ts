/**
 * The inverted index of a resident block: for each symbol its hits, the rows that hold it and where they do. Most rows share no symbol with a state;
 * the index finds those that do without looking at the others: `addShared` counts, for each row, how many of the state's positions hold a
 * symbol of the row, which no common subsequence can pass, and `gatherHits` brings what a row shares together, a few numbers, so that
 * its LCS is known without a look at the row itself, which lies somewhere in memory.
 *
 * Cost: making it, a radix sort of the block's symbols, 11 bits a pass over the ids' bits. Asking, a binary search for each distinct symbol of the
 * state, and an addition for each hit. Memory: 4 bytes a symbol and 8 a distinct symbol of the block.
 */
import {
  BATCH_SYMBOLS,
  QUERY_CLASSES,
  QUERY_IDS,
  QUERY_MASKS,
  RESIDENT_HIT_AGAIN,
  RESIDENT_INDEX_HITS_AT,
  RESIDENT_INDEX_IDS,
  RESIDENT_INDEX_IDS_AT,
  RESIDENT_INDEX_STARTS_AT,
  ROW_HITS_MAX,
  SCRATCH_BLOCKS_WORK,
  SCRATCH_HIT_COUNTS,
  SCRATCH_HIT_PLACES,
  SCRATCH_HITS,
  SCRATCH_SEAL_WORK,
  SCRATCH_SHARED,
  SCRATCH_SURVIVORS,
} from "./layout";
import { symbolIds, symbolStart } from "./memory";

/* The work memory: what the sort found, counts a digit, and two buffers of u64: lane id, position and row, 32 and 16 and 16 bits. */
const WORK_IDS: usize = 0;
/** u32: address of what was sorted, and how many. */
const WORK_SORTED: usize = 8;
const WORK_COUNT: usize = 12;
const WORK_DIGITS: usize = 64;
const WORK_BUFFERS: usize = 8256;

const ID_SHIFT: u64 = 32;
const DIGIT_BITS: u64 = 11;
const DIGITS: usize = 1 << 11;
const ROW_MASK: u32 = 0xffff;

/** Lists found for a state, in SCRATCH_BLOCKS_WORK: u32 address of the first hit, u32 end, u32 weight. */
const LIST_BYTES: usize = 12;

/** Sorts the batch's symbols by id, then row and position; rows are numbered as they stand in order in SCRATCH_SURVIVORS. */
export function sortIndex(scratch: usize, batch: usize, rows: u32): void {
  const work = scratch + SCRATCH_SEAL_WORK;
  const order = scratch + SCRATCH_SURVIVORS;
  const idsIn = symbolIds(batch);
  let from = work + WORK_BUFFERS;
  let to = from + ((load<u32>(batch, BATCH_SYMBOLS) as usize) << 3);
  let end = from;
  let greatest: u32 = 0;
  for (let n: u32 = 0; n < rows; n++) {
    const row = load<u32>(order + ((n as usize) << 2));
    const idsEnd = idsIn + ((symbolStart(batch, row + 1) as usize) << 2);
    let hit = n;
    for (let p = idsIn + ((symbolStart(batch, row) as usize) << 2); p < idsEnd; p += 4) {
      const lane = load<u32>(p) + 1;
      greatest = max(greatest, lane);
      store<u64>(end, ((lane as u64) << ID_SHIFT) | (hit as u64));
      hit += ROW_MASK + 1;
      end += 8;
    }
  }
  const bytes = end - from;
  for (let shift = ID_SHIFT; (greatest as u64) >> (shift - ID_SHIFT) !== 0; shift += DIGIT_BITS) {
    sortByDigit(work + WORK_DIGITS, from, from + bytes, to, shift);
    const sorted = to;
    to = from;
    from = sorted;
  }
  store<u32>(work, from as u32, WORK_SORTED);
  store<u32>(work, (bytes >> 3) as u32, WORK_COUNT);
  let ids: u32 = 0;
  // No lane id is 0.
  let before: u32 = 0;
  for (let p = from; p < from + bytes; p += 8) {
    const lane = load<u32>(p, 4);
    ids += (lane !== before) as u32;
    before = lane;
  }
  store<u32>(work, ids, WORK_IDS);
}

/** In the place of a sort: nothing is found by symbol. */
export function noIndex(scratch: usize): void {
  const work = scratch + SCRATCH_SEAL_WORK;
  store<u32>(work, 0, WORK_IDS);
  store<u32>(work, 0, WORK_COUNT);
  store<u32>(work, (work + WORK_BUFFERS) as u32, WORK_SORTED);
}

/** One pass of the radix sort, stable. */
function sortByDigit(counts: usize, from: usize, end: usize, to: usize, shift: u64): void {
  memory.fill(counts, 0, DIGITS << 2);
  for (let p = from; p < end; p += 8) {
    const cell = counts + ((((load<u64>(p) >> shift) as usize) & (DIGITS - 1)) << 2);
    store<u32>(cell, load<u32>(cell) + 1);
  }
  let sum: u32 = 0;
  for (let cell = counts; cell < counts + (DIGITS << 2); cell += 4) {
    const count = load<u32>(cell);
    store<u32>(cell, sum);
    sum += count;
  }
  for (let p = from; p < end; p += 8) {
    const symbol = load<u64>(p);
    const cell = counts + ((((symbol >> shift) as usize) & (DIGITS - 1)) << 2);
    const at = load<u32>(cell);
    store<u32>(cell, at + 1);
    store<u64>(to + ((at as usize) << 3), symbol);
  }
}

function align8(bytes: usize): usize {
  return (bytes + 7) & ~7;
}

/** Bytes of the index that was sorted. */
export function indexBytes(scratch: usize): usize {
  const work = scratch + SCRATCH_SEAL_WORK;
  const ids = load<u32>(work, WORK_IDS) as usize;
  return align8(ids << 2) + align8((ids + 1) << 2) + align8((load<u32>(work, WORK_COUNT) as usize) << 2);
}

/** Notes in the block's header where the index will be: from `at` on, an offset from the block's start. */
export function placeIndex(scratch: usize, block: usize, at: usize): void {
  const ids = load<u32>(scratch + SCRATCH_SEAL_WORK, WORK_IDS);
  store<u32>(block, ids, RESIDENT_INDEX_IDS);
  store<u32>(block, at as u32, RESIDENT_INDEX_IDS_AT);
  const starts = at + align8((ids as usize) << 2);
  store<u32>(block, starts as u32, RESIDENT_INDEX_STARTS_AT);
  store<u32>(block, (starts + align8(((ids as usize) + 1) << 2)) as u32, RESIDENT_INDEX_HITS_AT);
}

/** Writes the index that was sorted and placed. */
export function writeIndex(scratch: usize, block: usize): void {
  const work = scratch + SCRATCH_SEAL_WORK;
  const from = load<u32>(work, WORK_SORTED) as usize;
  const count = load<u32>(work, WORK_COUNT);
  let id = block + (load<u32>(block, RESIDENT_INDEX_IDS_AT) as usize);
  let start = block + (load<u32>(block, RESIDENT_INDEX_STARTS_AT) as usize);
  const hits = block + (load<u32>(block, RESIDENT_INDEX_HITS_AT) as usize);
  let lane: u32 = 0;
  let row: u32 = 0;
  for (let n: usize = 0; n < (count as usize); n++) {
    const hit = load<u32>(from + (n << 3));
    const own = load<u32>(from + (n << 3), 4);
    const isAgain = own === lane && (hit & ROW_MASK) === row;
    if (own !== lane) {
      store<u32>(id, own);
      store<u32>(start, n as u32);
      id += 4;
      start += 4;
    }
    store<u32>(hits + (n << 2), isAgain ? hit | RESIDENT_HIT_AGAIN : hit);
    lane = own;
    row = hit & ROW_MASK;
  }
  store<u32>(start, count);
}

/** Whether the block has an index: rows hold a symbol each, so no block without one has symbols in it. */
export function hasIndex(block: usize): bool {
  return load<u32>(block, RESIDENT_INDEX_IDS) !== 0;
}

/**
 * Finds the hits of the loaded state's symbols in rows `first` to `last` and returns how many there are: what counting them costs. For a state of one
 * mask word. They stay found until the next call.
 */
export function findHits(scratch: usize, block: usize, query: usize, first: u32, last: u32): u32 {
  const ids = load<u32>(query, QUERY_IDS) as usize;
  const masks = load<u32>(query, QUERY_MASKS) as usize;
  const classes = load<u32>(query, QUERY_CLASSES) as usize;
  const known = block + (load<u32>(block, RESIDENT_INDEX_IDS_AT) as usize);
  const count = load<u32>(block, RESIDENT_INDEX_IDS);
  const starts = block + (load<u32>(block, RESIDENT_INDEX_STARTS_AT) as usize);
  const hits = block + (load<u32>(block, RESIDENT_INDEX_HITS_AT) as usize);
  let list = scratch + SCRATCH_BLOCKS_WORK;
  let found: u32 = 0;
  for (let c: usize = 0; c < classes; c++) {
    const lane = load<u32>(ids + (c << 2)) + 1;
    const at = lowerBound<u32>(known, 0, count, lane, u32.MAX_VALUE) as usize;
    let from: u32 = 0;
    let end: u32 = 0;
    if (at < (count as usize) && load<u32>(known + (at << 2)) === lane) {
      from = load<u32>(starts + (at << 2));
      end = load<u32>(starts + (at << 2), 4);
      from = lowerBound<u32>(hits, from, end, first, ROW_MASK);
      end = lowerBound<u32>(hits, from, end, last + 1, ROW_MASK);
    }
    store<u32>(list, (hits as u32) + (from << 2));
    store<u32>(list, (hits as u32) + (end << 2), 4);
    store<u32>(list, popcnt<u64>(load<u64>(masks + (c << 3), 8)) as u32, 8);
    found += end - from;
    list += LIST_BYTES;
  }
  return found;
}

/**
 * Counts into SCRATCH_SHARED, u8 a row of the block from `first` to `last`: how many of the state's positions hold a symbol of the row, 64 at most. After
 * `findHits` of the same rows. What is counted for other rows means nothing.
 */
export function addShared(scratch: usize, query: usize, first: u32, last: u32): void {
  const shared = scratch + SCRATCH_SHARED;
  memory.fill(shared + (first as usize), 0, ((last - first) as usize) + 1);
  let list = scratch + SCRATCH_BLOCKS_WORK;
  for (const end = list + (load<u32>(query, QUERY_CLASSES) as usize) * LIST_BYTES; list < end; list += LIST_BYTES) {
    const weight = load<u32>(list, 8);
    const to = load<u32>(list, 4) as usize;
    for (let p = load<u32>(list) as usize; p < to; p += 4) {
      const hit = load<u32>(p);
      const cell = shared + ((hit & ROW_MASK) as usize);
      // A symbol counts once a row: nothing is added where RESIDENT_HIT_AGAIN, the top bit, is set.
      store<u8>(cell, load<u8>(cell) + (weight & ((hit >>> 31) - 1)));
    }
  }
}

/**
 * Brings the hits of the rows that have a place together: u32 each, position in the row above bit 8, class of the symbol below, ascending by class and
 * position. A place with more than ROW_HITS_MAX hits has its first ones. After `findHits`, with all of the places' counts 0.
 */
export function gatherHits(scratch: usize, query: usize): void {
  const places = scratch + SCRATCH_HIT_PLACES;
  const counts = scratch + SCRATCH_HIT_COUNTS;
  const gathered = scratch + SCRATCH_HITS;
  const lists = scratch + SCRATCH_BLOCKS_WORK;
  const classes = load<u32>(query, QUERY_CLASSES);
  for (let c: u32 = 0; c < classes; c++) {
    const list = lists + (c as usize) * LIST_BYTES;
    const to = load<u32>(list, 4) as usize;
    for (let p = load<u32>(list) as usize; p < to; p += 4) {
      const hit = load<u32>(p);
      const place = load<u16>(places + (((hit & ROW_MASK) as usize) << 1)) as usize;
      if (place === 0) continue;
      const cell = counts + place - 1;
      const count = load<u8>(cell) as u32;
      if (count > (ROW_HITS_MAX as u32)) continue;
      store<u8>(cell, count + 1);
      if (count === (ROW_HITS_MAX as u32)) continue;
      const position = (hit & ~RESIDENT_HIT_AGAIN) >>> 16;
      store<u32>(gathered + (((place - 1) * ROW_HITS_MAX + (count as usize)) << 2), (position << 8) | (c + 1));
    }
  }
}

/** Index of the first of the ascending numbers at `at`, from `from` to `to` (exclusive), that is not below `least`, of each what `mask` leaves. */
export function lowerBound<T>(at: usize, from: u32, to: u32, least: u32, mask: u32): u32 {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (((load<T>(at + (middle as usize) * sizeof<T>()) as u32) & mask) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
