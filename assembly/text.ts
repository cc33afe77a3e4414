/**
 * Character similarity of candidates and the state: the ratio of their symbols joined by one space (semantics §7.1), over code points. The
 * bounds come first: a candidate's length and bag are sums over its symbols', so most candidates are ruled out without being put together.
 * The others' texts are joined in scratch and compared 2 or 4 side by side. Cost: a few nanoseconds a symbol, and for what passes the bounds
 * O(text * state text / 63). Needs the text table of the kb's symbols and a query loaded in character mode.
 */
import {
  BAG_BYTES,
  CONTEXT_TEXT_TOO_LONG,
  CONTEXT_TEXTS,
  GROUP_BYTES,
  GROUP_LCS,
  GROUP_LENGTHS,
  GROUP_NEEDED,
  GROUP_TEXTS,
  QUERY_BAG,
  QUERY_BAG_BEYOND,
  QUERY_COUNT,
  SCRATCH_BLOCKS,
  SCRATCH_BLOCKS_WORK,
  SCRATCH_SIMILARITIES,
  SCRATCH_SURVIVORS,
  SCRATCH_TEXT,
  SCRATCH_TEXT_BYTES,
  SCRATCH_TEXT_QUERY,
  TEXT_POINTS_MAX,
  TEXTS_BAGS_AT,
  TEXTS_KINDS_AT,
  TEXTS_LENGTHS_AT,
  TEXTS_PLACES_AT,
  TEXTS_RANKS_AT,
} from "./layout";
import { rowIds, rowLength } from "./memory";
import { neededLcs, ratioOf } from "./ratio";
import { compareGroup, lanesOf } from "./text-query";

const SPACE: u32 = 32;
/** A group that waits for more texts: the group itself, u32[4] rows, u32 how many. It lies where blocks come later. */
const WAITING_ROWS: usize = GROUP_BYTES;
const WAITING_COUNT: usize = GROUP_BYTES + 16;
const WAITING_BYTES: usize = GROUP_BYTES + 32;

/**
 * Writes the similarity of each of the first `count` survivors to SCRATCH_SIMILARITIES, by row: -1, or any value that does not reach
 * `cutoff`, instead of one that does not.
 */
export function textSimilarities(scratch: usize, batch: usize, count: u32, cutoff: f64): void {
  const texts = load<u32>(scratch, CONTEXT_TEXTS) as usize;
  const ranks = load<u32>(texts, TEXTS_RANKS_AT) as usize;
  const lengths = load<u32>(texts, TEXTS_LENGTHS_AT) as usize;
  const bags = load<u32>(texts, TEXTS_BAGS_AT) as usize;
  const kinds = load<u32>(texts, TEXTS_KINDS_AT) as usize;
  const query = scratch + SCRATCH_TEXT_QUERY;
  const queryCount = load<u32>(query, QUERY_COUNT);
  const similarities = scratch + SCRATCH_SIMILARITIES;
  const survivors = scratch + SCRATCH_SURVIVORS;
  const latin = scratch + SCRATCH_BLOCKS;
  const wide = latin + WAITING_BYTES;
  store<u32>(latin, 0, WAITING_COUNT);
  store<u32>(wide, 0, WAITING_COUNT);
  const arenaEnd = scratch + SCRATCH_TEXT + SCRATCH_TEXT_BYTES;
  let free = scratch + SCRATCH_TEXT;

  for (let p = survivors, last = survivors + ((count as usize) << 2); p < last; p += 4) {
    const row = load<u32>(p);
    const ids = rowIds(scratch, batch, row);
    const end = ids + ((rowLength(batch, row) as usize) << 2);
    const spaces = ((end - ids) >> 2) - 1;
    let length: u64 = spaces as u64;
    let isWide = false;
    let low = i8x16.replace_lane(i8x16.splat(0), 0, min(spaces, 255) as i8);
    let high = i8x16.splat(0);
    for (let id = ids; id < end; id += 4) {
      const rank = load<u32>(ranks + ((load<u32>(id) as usize) << 2));
      length += load<u32>(lengths + ((rank as usize) << 2)) as u64;
      isWide = isWide || load<u8>(kinds + (rank as usize)) !== 0;
      const bag = bags + (rank as usize) * BAG_BYTES;
      low = i8x16.add_sat_u(low, v128.load(bag));
      high = i8x16.add_sat_u(high, v128.load(bag, 16));
    }
    const similarity = similarities + ((row as usize) << 3);
    store<f64>(similarity, -1);
    if (length > (TEXT_POINTS_MAX as u64)) {
      store<u32>(scratch, 1, CONTEXT_TEXT_TOO_LONG);
      continue;
    }
    const needed = neededLcs((length as u32) + queryCount, cutoff);
    if (needed > min(length as u32, queryCount) || needed > sharedAtMost(query, low, high)) continue;

    const bytes = isWide ? (length as usize) << 2 : (length as usize);
    if (free + bytes > arenaEnd) {
      compareWaiting(scratch, latin, false);
      compareWaiting(scratch, wide, true);
      free = scratch + SCRATCH_TEXT;
    }
    if (isWide) joinWide(texts, ids, end, free);
    else joinLatin1(texts, ids, end, free);
    const waiting = isWide ? wide : latin;
    const lane = load<u32>(waiting, WAITING_COUNT);
    const cell = waiting + ((lane as usize) << 2);
    store<u32>(cell, free as u32, GROUP_TEXTS);
    store<u32>(cell, length as u32, GROUP_LENGTHS);
    store<u32>(cell, needed, GROUP_NEEDED);
    store<u32>(cell, row, WAITING_ROWS);
    store<u32>(waiting, lane + 1, WAITING_COUNT);
    free += bytes;
    if (lane + 1 === lanesOf(query, isWide)) {
      compareWaiting(scratch, waiting, isWide);
      // The other group's texts may lie in front: only when nothing waits is all of the arena free.
      if (load<u32>(isWide ? latin : wide, WAITING_COUNT) === 0) free = scratch + SCRATCH_TEXT;
    }
  }
  compareWaiting(scratch, latin, false);
  compareWaiting(scratch, wide, true);
}

/** The most characters that a text with this bag can share with the prepared one. */
function sharedAtMost(query: usize, low: v128, high: v128): u32 {
  const own = load<u32>(query, QUERY_BAG) as usize;
  const both = i16x8.add(
    i16x8.extadd_pairwise_i8x16_u(i8x16.min_u(v128.load(own), low)),
    i16x8.extadd_pairwise_i8x16_u(i8x16.min_u(v128.load(own, 16), high)),
  );
  const sums = i32x4.extadd_pairwise_i16x8_u(both);
  const pairs = i64x2.add(i64x2.extend_low_i32x4_u(sums), i64x2.extend_high_i32x4_u(sums));
  return load<u32>(query, QUERY_BAG_BEYOND) + ((i64x2.extract_lane(pairs, 0) + i64x2.extract_lane(pairs, 1)) as u32);
}

/** Compares the texts of a waiting group, if there are any, and empties it. */
function compareWaiting(scratch: usize, waiting: usize, isWide: bool): void {
  const count = load<u32>(waiting, WAITING_COUNT);
  if (count === 0) return;
  const query = scratch + SCRATCH_TEXT_QUERY;
  const queryCount = load<u32>(query, QUERY_COUNT);
  let least = load<u32>(waiting, GROUP_NEEDED);
  for (let lane: u32 = 1; lane < 4; lane++) {
    const cell = waiting + ((lane as usize) << 2);
    if (lane >= count) {
      store<u32>(cell, load<u32>(waiting, GROUP_TEXTS), GROUP_TEXTS);
      store<u32>(cell, load<u32>(waiting, GROUP_LENGTHS), GROUP_LENGTHS);
      store<u32>(cell, load<u32>(waiting, GROUP_NEEDED), GROUP_NEEDED);
    }
    least = min(least, load<u32>(cell, GROUP_NEEDED));
  }
  compareGroup(waiting, query, isWide, least > 0, scratch + SCRATCH_BLOCKS_WORK);
  for (let lane: u32 = 0; lane < count; lane++) {
    const cell = waiting + ((lane as usize) << 2);
    const place = scratch + SCRATCH_SIMILARITIES + ((load<u32>(cell, WAITING_ROWS) as usize) << 3);
    const lcs = load<u32>(cell, GROUP_LCS);
    // A length below what is needed may not be the true one.
    if (lcs >= load<u32>(cell, GROUP_NEEDED)) store<f64>(place, ratioOf(lcs, load<u32>(cell, GROUP_LENGTHS) + queryCount));
  }
  store<u32>(waiting, 0, WAITING_COUNT);
}

function joinLatin1(texts: usize, ids: usize, end: usize, to: usize): void {
  const ranks = load<u32>(texts, TEXTS_RANKS_AT) as usize;
  const lengths = load<u32>(texts, TEXTS_LENGTHS_AT) as usize;
  const places = load<u32>(texts, TEXTS_PLACES_AT) as usize;
  let out = to;
  for (let id = ids; id < end; id += 4) {
    if (id > ids) {
      store<u8>(out, SPACE as u8);
      out++;
    }
    const at = (load<u32>(ranks + ((load<u32>(id) as usize) << 2)) as usize) << 2;
    out = copyBytes(out, load<u32>(places + at) as usize, load<u32>(lengths + at) as usize);
  }
}

/** Copies exactly `count` bytes and returns where they end; symbols are a few bytes long, for which a call of `memory.copy` is dear. */
function copyBytes(to: usize, from: usize, count: usize): usize {
  const end = from + count;
  let p = from;
  let out = to;
  for (; p + 8 <= end; p += 8, out += 8) store<u64>(out, load<u64>(p));
  for (; p < end; p++, out++) store<u8>(out, load<u8>(p));
  return out;
}

function joinWide(texts: usize, ids: usize, end: usize, to: usize): void {
  const ranks = load<u32>(texts, TEXTS_RANKS_AT) as usize;
  const lengths = load<u32>(texts, TEXTS_LENGTHS_AT) as usize;
  const places = load<u32>(texts, TEXTS_PLACES_AT) as usize;
  const kinds = load<u32>(texts, TEXTS_KINDS_AT) as usize;
  let out = to;
  for (let id = ids; id < end; id += 4) {
    if (id > ids) {
      store<u32>(out, SPACE);
      out += 4;
    }
    const rank = load<u32>(ranks + ((load<u32>(id) as usize) << 2));
    const place = load<u32>(places + ((rank as usize) << 2)) as usize;
    const length = load<u32>(lengths + ((rank as usize) << 2)) as usize;
    if (load<u8>(kinds + (rank as usize)) !== 0) out = copyBytes(out, place, length << 2);
    else for (let p = place; p < place + length; p++, out += 4) store<u32>(out, load<u8>(p));
  }
}
