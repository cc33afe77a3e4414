/**
 * One text against a table of texts (layout: TEXTS_*; built by src/kernels/text-table.ts), in one call: the length bound decides for a
 * whole run of texts of one length, the bag bound for four texts at a time (about a nanosecond each), and what is left is compared 2 or
 * 4 side by side, giving up where what is found and what is left cannot reach the cutoff. Exact: no match is lost and none added.
 *
 * Cost without a cutoff: the LCS kernel's, a third of a nanosecond a character and word. Not for one pair (`indelRatioPair`).
 * Reference: test/reference/ratio.ts.
 */
import {
  BAG_BYTES,
  GROUP_LCS,
  GROUP_LENGTHS,
  GROUP_NEEDED,
  GROUP_TEXTS,
  MATCHES_NEXT,
  MATCHES_POSITIONS,
  MATCHES_POSITIONS_MAX,
  MATCHES_RATIOS,
  QUERY_BAG,
  QUERY_BAG_BEYOND,
  QUERY_COUNT,
  QUERY_ROW_WORDS,
  QUERY_ROWS,
  TEXTS_BAGS_AT,
  TEXTS_IDS_AT,
  TEXTS_LENGTHS_AT,
  TEXTS_PLACES_AT,
  TEXTS_RUN_BYTES,
  TEXTS_RUNS,
  TEXTS_RUNS_AT,
} from "./layout";
import { neededLcs, ratioOf } from "./ratio";
import { compareGroup, compareRun, lanesOf } from "./text-query";

/** Below this cutoff nearly every bag passes, and the filter costs more than it saves (one word a row: cheap comparisons). */
const BAG_CUTOFF_ONE_WORD: f64 = 0.5;
const BAG_CUTOFF: f64 = 0.3;
/** Ratios by LCS length: room for texts of up to 127 characters on the shorter side. */
const RATIOS_MAX: u32 = 128;
/** Fewer free positions than this are not worth another pass of the filter. */
const POSITIONS_SPARE: u32 = 64;

/**
 * Texts at positions `from` to `to` (exclusive) of the table whose ratio with the prepared text reaches `cutoff`: u32 ids and f64 ratios,
 * in order of position; returns their number. Both outputs have room for `capacity` of them, at least MATCHES_POSITIONS_MAX; the call ends
 * early when another MATCHES_POSITIONS_MAX might not fit. `work`: MATCHES_WORK_BYTES, of which MATCHES_NEXT says (u32) where to go on.
 * `carries`: as in `compareGroup`.
 */
export function textMatchesInto(
  table: usize,
  from: u32,
  to: u32,
  query: usize,
  cutoff: f64,
  work: usize,
  carries: usize,
  capacity: u32,
  ids: usize,
  ratios: usize,
): u32 {
  const queryCount = load<u32>(query, QUERY_COUNT);
  const withBags = cutoff > (load<u32>(query, QUERY_ROW_WORDS) === 1 ? BAG_CUTOFF_ONE_WORD : BAG_CUTOFF);
  const runs = load<u32>(table, TEXTS_RUNS_AT) as usize;
  const runsEnd = runs + (load<u32>(table, TEXTS_RUNS) as usize) * TEXTS_RUN_BYTES;
  const positions = work + MATCHES_POSITIONS;
  const isShort = load<u32>(query, QUERY_ROWS) !== 0;
  let position = from;
  let pending: u32 = 0;
  let isWide: u32 = 0;
  let found: u32 = 0;
  for (let run = runs; run < runsEnd && position < to; run += TEXTS_RUN_BYTES) {
    const end = min(load<u32>(run), to);
    if (end <= position) continue;
    const length = load<u32>(run, 4);
    const needed = neededLcs(length + queryCount, cutoff);
    if (needed > min(length, queryCount)) {
      position = end;
      continue;
    }
    if (load<u32>(run, 8) !== isWide || (needed === 0 && pending !== 0)) {
      found = compare(table, positions, pending, query, cutoff, isWide !== 0, work, carries, found, ids, ratios);
      pending = 0;
      isWide = load<u32>(run, 8);
    }
    while (position < end) {
      if (pending + POSITIONS_SPARE > (MATCHES_POSITIONS_MAX as u32)) {
        found = compare(table, positions, pending, query, cutoff, isWide !== 0, work, carries, found, ids, ratios);
        pending = 0;
      }
      if (pending === 0 && capacity - found < (MATCHES_POSITIONS_MAX as u32)) {
        store<u32>(work, position, MATCHES_NEXT);
        return found;
      }
      const stop = min(end, position + (MATCHES_POSITIONS_MAX as u32) - pending);
      if (needed === 0 && isShort) {
        found = compareAll(table, position, stop, length, query, isWide !== 0, work, found, ids, ratios);
        position = stop;
        continue;
      }
      pending = withBags
        ? keepByBag(load<u32>(table, TEXTS_BAGS_AT) as usize, position, stop, query, needed, positions, pending)
        : keepAll(position, stop, positions, pending);
      position = stop;
    }
  }
  store<u32>(work, to, MATCHES_NEXT);
  return compare(table, positions, pending, query, cutoff, isWide !== 0, work, carries, found, ids, ratios);
}

function keepAll(from: u32, to: u32, positions: usize, pending: u32): u32 {
  let out = positions + ((pending as usize) << 2);
  for (let position = from; position < to; position++) {
    store<u32>(out, position);
    out += 4;
  }
  return pending + (to - from);
}

/** Appends the positions whose bag shares at least `needed` characters with the text's; returns how many positions there are then. */
function keepByBag(bags: usize, from: u32, to: u32, query: usize, needed: u32, positions: usize, pending: u32): u32 {
  const own = load<u32>(query, QUERY_BAG) as usize;
  const low = v128.load(own);
  const high = v128.load(own, 16);
  const beyond = load<u32>(query, QUERY_BAG_BEYOND);
  // What passes 255 in a byte is shared at most.
  if (needed <= beyond) return keepAll(from, to, positions, pending);
  const least = i32x4.splat((needed - beyond) as i32);
  let out = positions + ((pending as usize) << 2);
  let bag = bags + (from as usize) * BAG_BYTES;
  for (let position = from; position < to; position += 4) {
    const a = sharedOfBag(bag, low, high);
    const b = sharedOfBag(bag + BAG_BYTES, low, high);
    const c = sharedOfBag(bag + 2 * BAG_BYTES, low, high);
    const d = sharedOfBag(bag + 3 * BAG_BYTES, low, high);
    bag += 4 * BAG_BYTES;
    const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 2, 4, 6), v128.shuffle<i32>(a, b, 1, 3, 5, 7));
    const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 2, 4, 6), v128.shuffle<i32>(c, d, 1, 3, 5, 7));
    const shared = i32x4.add(v128.shuffle<i32>(ab, cd, 0, 2, 4, 6), v128.shuffle<i32>(ab, cd, 1, 3, 5, 7));
    let passed = i32x4.bitmask(i32x4.ge_s(shared, least));
    // The last four may reach beyond the end.
    if (to - position < 4) passed &= (1 << (to - position)) - 1;
    while (passed !== 0) {
      store<u32>(out, position + (ctz<i32>(passed) as u32));
      out += 4;
      passed &= passed - 1;
    }
  }
  return ((out - positions) >> 2) as u32;
}

/** Characters two bags share, as four sums that are still to be added. */
function sharedOfBag(bag: usize, low: v128, high: v128): v128 {
  const both = i16x8.add(
    i16x8.extadd_pairwise_i8x16_u(i8x16.min_u(v128.load(bag), low)),
    i16x8.extadd_pairwise_i8x16_u(i8x16.min_u(v128.load(bag, 16), high)),
  );
  return i32x4.extadd_pairwise_i16x8_u(both);
}

/** Compares and appends all texts of a piece of a run, at most MATCHES_POSITIONS_MAX; returns how many are found then. */
function compareAll(
  table: usize,
  from: u32,
  to: u32,
  length: u32,
  query: usize,
  isWide: bool,
  work: usize,
  found: u32,
  ids: usize,
  ratios: usize,
): u32 {
  const count = to - from;
  const lengths = work + MATCHES_POSITIONS;
  const first = load<u32>(load<u32>(table, TEXTS_PLACES_AT) + ((from as usize) << 2)) as usize;
  compareRun(first, length, count, query, isWide, lengths);
  memory.copy(ids + ((found as usize) << 2), load<u32>(table, TEXTS_IDS_AT) + ((from as usize) << 2), (count as usize) << 2);
  ratiosOfRun(lengths, count, length, load<u32>(query, QUERY_COUNT), work, ratios + ((found as usize) << 3));
  return found + count;
}

/**
 * Ratios (f64 to `out`, with room for one more) of a text of `queryCount` characters and `count` texts of `length`, whose LCS lengths stand at
 * `lengths`, 8-byte aligned.
 */
export function ratiosOfRun(lengths: usize, count: u32, length: u32, queryCount: u32, work: usize, out: usize): void {
  const total = length + queryCount;
  const most = min(length, queryCount);
  const end = lengths + ((count as usize) << 2);
  let to = out;
  if (total !== 0 && most < RATIOS_MAX && count > 2 * most) {
    // Few lengths, many texts: a ratio a length, and a division less a text.
    const ofLength = work + MATCHES_RATIOS;
    for (let lcs: u32 = 0; lcs <= most; lcs++) store<f64>(ofLength + ((lcs as usize) << 3), ratioOf(lcs, total));
    // Behind the last of an odd number stands what another run left: a length, but not of this run.
    const pairsEnd = lengths + (((count & ~1) as usize) << 2);
    let p = lengths;
    for (; p < pairsEnd; p += 8, to += 16) {
      const two = load<u64>(p);
      const low = v128.load64_zero(ofLength + ((two as u32 as usize) << 3));
      v128.store(to, v128.load64_lane(ofLength + (((two >> 32) as usize) << 3), low, 1));
    }
    if (p < end) store<f64>(to, load<f64>(ofLength + ((load<u32>(p) as usize) << 3)));
    return;
  }
  const divisor = f64x2.splat(total as f64);
  for (let p = lengths; p < end; p += 8, to += 16) {
    const lcs = f64x2.convert_low_i32x4_u(v128.load64_zero(p));
    // Two texts without characters are equal.
    v128.store(to, total === 0 ? f64x2.splat(1) : f64x2.div(f64x2.add(lcs, lcs), divisor));
  }
}

/** Compares the texts at `count` positions, of one kind, and appends those that reach the cutoff; returns how many are found then. */
function compare(
  table: usize,
  positions: usize,
  count: u32,
  query: usize,
  cutoff: f64,
  isWide: bool,
  work: usize,
  carries: usize,
  found: u32,
  ids: usize,
  ratios: usize,
): u32 {
  if (count === 0) return found;
  const places = load<u32>(table, TEXTS_PLACES_AT) as usize;
  const lengths = load<u32>(table, TEXTS_LENGTHS_AT) as usize;
  const names = load<u32>(table, TEXTS_IDS_AT) as usize;
  const queryCount = load<u32>(query, QUERY_COUNT);
  const lanes = lanesOf(query, isWide);
  const last = count - 1;
  let knownLength = ~(0 as u32);
  let needed: u32 = 0;
  let matches = found as usize;
  for (let first: u32 = 0; first < count; first += lanes) {
    let least = ~(0 as u32);
    for (let lane: u32 = 0; lane < lanes; lane++) {
      const at = (load<u32>(positions + ((min(first + lane, last) as usize) << 2)) as usize) << 2;
      const length = load<u32>(lengths + at);
      if (length !== knownLength) {
        knownLength = length;
        needed = neededLcs(length + queryCount, cutoff);
      }
      least = min(least, needed);
      const cell = work + ((lane as usize) << 2);
      store<u32>(cell, load<u32>(places + at), GROUP_TEXTS);
      store<u32>(cell, length, GROUP_LENGTHS);
      store<u32>(cell, needed, GROUP_NEEDED);
    }
    compareGroup(work, query, isWide, least > 0, carries);
    const filled = min(lanes, count - first);
    for (let lane: u32 = 0; lane < filled; lane++) {
      const cell = work + ((lane as usize) << 2);
      const lcs = load<u32>(cell, GROUP_LCS);
      const at = (load<u32>(positions + (((first + lane) as usize) << 2)) as usize) << 2;
      store<u32>(ids + (matches << 2), load<u32>(names + at));
      store<f64>(ratios + (matches << 3), ratioOf(lcs, load<u32>(cell, GROUP_LENGTHS) + queryCount));
      matches += (lcs >= load<u32>(cell, GROUP_NEEDED)) as usize;
    }
  }
  return matches as u32;
}
