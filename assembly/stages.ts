/**
 * The stages of the filter pipeline (semantics §6), each over the list of survivors, which it compacts: what it reads is in order, what it
 * writes comes never after what it reads. A stage only removes; each returns how many are left. Thresholds are inclusive and forgive 1e-9.
 */

import { agreement, sharesBand } from "./agreement";
import { intersectionCount } from "./jaccard";
import { keepLanesByJaccard, keepLanesByLcs } from "./lane-stages";
import {
  ASK_CHARACTER,
  ASK_DISTINCT,
  ASK_FLAGS,
  ASK_RECALL_THRESHOLD,
  BATCH_DISTINCT_AT,
  BATCH_EVENTS,
  BATCH_SYMBOLS,
  CONTEXT_BELOW_THRESHOLD,
  CONTEXT_MATCHED,
  CONTEXT_PERMUTATIONS,
  CONTEXT_SIMILARITIES_KNOWN,
  CONTEXT_SYMBOL_HASHES,
  CONTEXT_TEXT_TOO_LONG,
  CONTEXT_WITHOUT_BLOCKS,
  PATTERN_SYMBOLS_MAX,
  QUERY_TABLE,
  RESIDENT_ID_LIMIT,
  SCRATCH_BLOCKS_WORK,
  SCRATCH_CANDIDATE_SIGNATURE,
  SCRATCH_HASHES,
  SCRATCH_QUERY_SIGNATURE,
  SCRATCH_SIMILARITIES,
  SCRATCH_SURVIVORS,
  SCRATCH_TOKEN_QUERY,
  SIGNATURE_BANDS,
  SIGNATURE_ROWS,
  SIGNATURE_VALUES,
} from "./layout";
import { askOf, eventEnds, eventStart, isResident, rowIds, rowLength, symbolIds, symbolStart } from "./memory";
import { distinctHashesInto, signatureInto } from "./minhash";
import { reaches } from "./ratio";
import { tokenSimilarity } from "./score";
import { textSimilarities } from "./text";

/** Starts on a batch: every row from `from` to `to` (exclusive) survives, counts are zero. What the task has kept so far stays. */
export function beginSlice(scratch: usize, from: u32, to: u32): void {
  const survivors = scratch + SCRATCH_SURVIVORS;
  for (let row = from; row < to; row++) store<u32>(survivors + (((row - from) as usize) << 2), row);
  store<u32>(scratch, 0, CONTEXT_SIMILARITIES_KNOWN);
  store<u32>(scratch, 0, CONTEXT_BELOW_THRESHOLD);
  store<u32>(scratch, 0, CONTEXT_WITHOUT_BLOCKS);
  store<u32>(scratch, 0, CONTEXT_MATCHED);
  store<u32>(scratch, 0, CONTEXT_TEXT_TOO_LONG);
}

/**
 * What came from a store is checked before anything is addressed by it: row bounds inside the batch, 1 to 4,096 symbols a row, ids below
 * `symbolCount`, the last event ending with the last symbol. Returns 0, or 1 + the first bad row. Cost: a fraction of a nanosecond a symbol.
 */
export function firstBadRow(batch: usize, from: u32, to: u32, symbolCount: u32): u32 {
  // A resident block was checked when it was made; what is left is whether the query's tables reach its ids.
  if (isResident(batch)) return load<u32>(batch, RESIDENT_ID_LIMIT) > symbolCount ? from + 1 : 0;
  const symbols = load<u32>(batch, BATCH_SYMBOLS);
  const events = load<u32>(batch, BATCH_EVENTS);
  const ends = eventEnds(batch);
  const ids = symbolIds(batch);
  let start = symbolStart(batch, from);
  let firstEvent = eventStart(batch, from);
  for (let row = from; row < to; row++) {
    const end = symbolStart(batch, row + 1);
    const lastEvent = eventStart(batch, row + 1);
    if (end <= start || end > symbols || end - start > (PATTERN_SYMBOLS_MAX as u32) || lastEvent <= firstEvent || lastEvent > events)
      return row + 1;
    if ((load<u16>(ends + (((lastEvent - 1) as usize) << 1)) as u32) !== end - start) return row + 1;
    let greatest: u32 = 0;
    for (let n = start; n < end; n++) greatest = max(greatest, load<u32>(ids + ((n as usize) << 2)));
    if (greatest >= symbolCount) return row + 1;
    start = end;
    firstEvent = lastEvent;
  }
  return 0;
}

/** Keeps rows of `least` to `most` symbols. */
export function keepByLength(scratch: usize, batch: usize, count: u32, least: u32, most: u32): u32 {
  const survivors = scratch + SCRATCH_SURVIVORS;
  let out = survivors;
  for (let p = survivors, end = survivors + ((count as usize) << 2); p < end; p += 4) {
    const row = load<u32>(p);
    const length = rowLength(batch, row);
    store<u32>(out, row);
    if (length >= least && length <= most) out += 4;
  }
  return ((out - survivors) >> 2) as u32;
}

/** Keeps rows that share at least `leastShared` distinct symbols with the state and whose Jaccard index reaches `threshold`. */
export function keepByJaccard(scratch: usize, batch: usize, count: u32, leastShared: u32, threshold: f64): u32 {
  if (isResident(batch)) return keepLanesByJaccard(scratch, batch, count, leastShared, threshold);
  const survivors = scratch + SCRATCH_SURVIVORS;
  const stateDistinct = load<u32>(askOf(scratch), ASK_DISTINCT);
  const distinctCounts = batch + (load<u32>(batch, BATCH_DISTINCT_AT) as usize);
  let out = survivors;
  for (let p = survivors, end = survivors + ((count as usize) << 2); p < end; p += 4) {
    const row = load<u32>(p);
    const shared = sharedSymbols(scratch, batch, row);
    store<u32>(out, row);
    if (shared < leastShared) continue;
    const union = (load<u16>(distinctCounts + ((row as usize) << 1)) as u32) + stateDistinct - shared;
    if (reaches((shared as f64) / (union as f64), threshold)) out += 4;
  }
  return ((out - survivors) >> 2) as u32;
}

/** Keeps rows of which at least one band equals the state's and whose signature agreement reaches `threshold`. Needs the table's hashes. */
export function keepByMinhash(scratch: usize, batch: usize, count: u32, threshold: f64): u32 {
  const survivors = scratch + SCRATCH_SURVIVORS;
  const symbolHashes = load<u32>(scratch, CONTEXT_SYMBOL_HASHES) as usize;
  const permutations = load<u32>(scratch, CONTEXT_PERMUTATIONS) as usize;
  const hashes = scratch + SCRATCH_HASHES;
  const own = scratch + SCRATCH_CANDIDATE_SIGNATURE;
  const state = scratch + SCRATCH_QUERY_SIGNATURE;
  let out = survivors;
  for (let p = survivors, end = survivors + ((count as usize) << 2); p < end; p += 4) {
    const row = load<u32>(p);
    const ids = rowIds(scratch, batch, row);
    const length = rowLength(batch, row);
    const distinct = distinctHashesInto(ids, length, symbolHashes, scratch + SCRATCH_BLOCKS_WORK, hashes);
    signatureInto(hashes, distinct, permutations, SIGNATURE_VALUES / 4, own);
    store<u32>(out, row);
    if (!sharesBand(own, state, SIGNATURE_BANDS, SIGNATURE_ROWS)) continue;
    if (reaches((agreement(own, state, SIGNATURE_VALUES) as f64) / (SIGNATURE_VALUES as f64), threshold)) out += 4;
  }
  return ((out - survivors) >> 2) as u32;
}

/** Keeps rows that share at least one symbol with the state. */
export function keepByOverlap(scratch: usize, batch: usize, count: u32): u32 {
  if (isResident(batch)) return keepLanesByLcs(scratch, batch, count, false);
  const survivors = scratch + SCRATCH_SURVIVORS;
  let out = survivors;
  for (let p = survivors, end = survivors + ((count as usize) << 2); p < end; p += 4) {
    const row = load<u32>(p);
    store<u32>(out, row);
    if (sharesAny(scratch, batch, row)) out += 4;
  }
  return ((out - survivors) >> 2) as u32;
}

/** Keeps rows whose similarity reaches the recall threshold and which share a symbol; notes character similarities for the match. */
export function keepBySimilarity(scratch: usize, batch: usize, count: u32): u32 {
  const survivors = scratch + SCRATCH_SURVIVORS;
  const ask = askOf(scratch);
  const cutoff = load<f64>(ask, ASK_RECALL_THRESHOLD);
  const isCharacter = (load<u32>(ask, ASK_FLAGS) & ASK_CHARACTER) !== 0;
  const sharing = keepByOverlap(scratch, batch, count);
  if (isCharacter) {
    textSimilarities(scratch, batch, sharing, cutoff);
    store<u32>(scratch, 1, CONTEXT_SIMILARITIES_KNOWN);
  }
  let out = survivors;
  for (let p = survivors, end = survivors + ((sharing as usize) << 2); p < end; p += 4) {
    const row = load<u32>(p);
    store<u32>(out, row);
    const similarity = isCharacter
      ? load<f64>(scratch + SCRATCH_SIMILARITIES + ((row as usize) << 3))
      : tokenSimilarity(scratch, rowIds(scratch, batch, row), rowLength(batch, row));
    if (reaches(similarity, cutoff)) out += 4;
  }
  return ((out - survivors) >> 2) as u32;
}

function sharedSymbols(scratch: usize, batch: usize, row: u32): u32 {
  const ids = rowIds(scratch, batch, row);
  return intersectionCount(ids, rowLength(batch, row), scratch + SCRATCH_TOKEN_QUERY, scratch + SCRATCH_BLOCKS_WORK);
}

function sharesAny(scratch: usize, batch: usize, row: u32): bool {
  const table = load<u32>(scratch + SCRATCH_TOKEN_QUERY, QUERY_TABLE) as usize;
  const ids = rowIds(scratch, batch, row);
  const end = ids + ((rowLength(batch, row) as usize) << 2);
  for (let p = ids; p < end; p += 4) {
    if (load<u16>(table + ((load<u32>(p) as usize) << 1)) !== 0) return true;
  }
  return false;
}
