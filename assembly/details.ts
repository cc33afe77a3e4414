/**
 * What a match is worth (semantics §7.2 to §7.5): from its matching blocks to matches, extras, the size of the published present, the basic
 * ratios and the key by which it is kept. All in f64, in the order of operations that semantics gives, so that the TypeScript twin
 * computes the same bits. Cost: a few nanoseconds, plus the events up to the end of the match.
 */

import { offer } from "./keep";
import {
  ASK_FIRST_POSITIONS_AT,
  ASK_FLAGS,
  ASK_FUZZY,
  ASK_KEEP_BY,
  ASK_MULTIPLICITIES_AT,
  ASK_PARTNER_ITEMS_AT,
  ASK_PARTNER_ROWS_AT,
  ASK_SYMBOLS,
  CONTEXT_EPOCH,
  CONTEXT_MATCHED,
  CONTEXT_PARTNER_TABLE,
  KEEP_BY_CONFIDENCE,
  KEEP_BY_EVIDENCE,
  KEEP_BY_FRAGMENTATION,
  KEEP_BY_SIMILARITY,
  KEEP_BY_SNR,
  QUERY_SYMBOLS_MAX,
  SCRATCH_BLOCKS,
  SCRATCH_STAMPS,
  SHORT_QUERY_MAX,
} from "./layout";
import { askOf, askSection, eventEnds, eventStart, stateId } from "./memory";

const BLOCK_BYTES: usize = 12;

/** A match whose blocks stand at SCRATCH_BLOCKS: counts it, computes its key and offers it. */
export function offerBlocks(scratch: usize, batch: usize, row: u32, ids: usize, count: u32, similarity: f64, blocks: u32): void {
  let matches: u32 = 0;
  const first = scratch + SCRATCH_BLOCKS;
  const end = first + (blocks as usize) * BLOCK_BYTES;
  for (let block = first; block < end; block += BLOCK_BYTES) matches += load<u32>(block, 8);
  const last = end - BLOCK_BYTES;
  const from = blocks === 0 ? 0 : load<u32>(first);
  const to = blocks === 0 ? 0 : load<u32>(last) + load<u32>(last, 8);
  offerMatch(scratch, batch, row, ids, count, similarity, blocks, matches, from, to);
}

/**
 * As `offerBlocks`, given what the blocks come to: their number, the sum of their sizes, and the pattern symbols `from` to `to`
 * (exclusive) that they span.
 */
export function offerMatch(
  scratch: usize,
  batch: usize,
  row: u32,
  ids: usize,
  count: u32,
  similarity: f64,
  blocks: u32,
  exactMatches: u32,
  from: u32,
  to: u32,
): void {
  store<u32>(scratch, load<u32>(scratch, CONTEXT_MATCHED) + 1, CONTEXT_MATCHED);
  const key = keyOf(scratch, batch, row, ids, count, similarity, blocks, exactMatches, from, to);
  offer(scratch, batch, key, similarity, row);
}

function keyOf(
  scratch: usize,
  batch: usize,
  row: u32,
  ids: usize,
  count: u32,
  similarity: f64,
  blocks: u32,
  exactMatches: u32,
  from: u32,
  to: u32,
): f64 {
  const ask = askOf(scratch);
  const keepBy = load<u32>(ask, ASK_KEEP_BY);
  if (keepBy === KEEP_BY_SIMILARITY) return similarity;
  if (keepBy === KEEP_BY_FRAGMENTATION) return (blocks as f64) - 1;
  // Without blocks nothing matches, whatever resembles what; the whole pattern is present (semantics §7.2, §7.5).
  if (blocks === 0) return keepBy === KEEP_BY_SNR ? -1 : 0;

  let matched = exactMatches as u64;
  let firstMatched = load<u32>(ids + ((from as usize) << 2));
  if ((load<u32>(ask, ASK_FLAGS) & ASK_FUZZY) !== 0) {
    const partners = partnersMatched(scratch, ask, ids, count);
    matched = partners & 0xffffffff;
    firstMatched = stateId(ask, (partners >> 32) as u32);
  }
  const m = matched as f64;
  const evidence = m / (count as f64);
  if (keepBy === KEEP_BY_EVIDENCE) return evidence;

  const x = (load<u32>(ask, ASK_SYMBOLS) as f64) - m;
  const weight = 2 * m + x;
  const snr = weight === 0 ? 0 : (2 * m - x) / weight;
  if (keepBy === KEEP_BY_SNR) return snr;

  const present = presentSize(batch, row, ids, from, to, firstMatched);
  const confidence = present === 0 ? 0 : m / (present as f64);
  if (keepBy === KEEP_BY_CONFIDENCE) return confidence;
  return (evidence + confidence) * snr + 1 / (blocks as f64);
}

/**
 * Number of symbols in the published present (semantics §7.4): events that end within the first `from` symbols are past, those up to symbol
 * `to` present; the last past event moves over if the first matched symbol stands in it, by value (Q13).
 */
function presentSize(batch: usize, row: u32, ids: usize, from: u32, to: u32, firstMatched: u32): u32 {
  let event = eventEnds(batch) + ((eventStart(batch, row) as usize) << 1);
  let lastPastStart: u32 = 0;
  let past: u32 = 0;
  while (past < from) {
    lastPastStart = past;
    past = load<u16>(event) as u32;
    event += 2;
  }
  let passed = past;
  while (passed < to) {
    passed = load<u16>(event) as u32;
    event += 2;
  }
  for (let n = lastPastStart; n < past; n++) {
    if (load<u32>(ids + ((n as usize) << 2)) === firstMatched) return passed - lastPastStart;
  }
  return passed - past;
}

/** State positions with a partner among the candidate's symbols: their number in the low half, the first of them in the high half. */
function partnersMatched(scratch: usize, ask: usize, ids: usize, count: u32): u64 {
  const table = load<u32>(scratch, CONTEXT_PARTNER_TABLE) as usize;
  const rows = askSection(ask, ASK_PARTNER_ROWS_AT);
  const end = ids + ((count as usize) << 2);
  if (load<u32>(ask, ASK_SYMBOLS) <= (SHORT_QUERY_MAX as u32)) {
    let positions: u64 = 0;
    for (let p = ids; p < end; p += 4) {
      positions |= load<u64>(rows + ((load<u16>(table + ((load<u32>(p) as usize) << 1)) as usize) << 3));
    }
    return (ctz<u64>(positions) << 32) | popcnt<u64>(positions);
  }
  return partnersStamped(scratch, ask, ids, end, table, rows);
}

/** For longer states: each distinct query symbol is stamped with the candidate's number when it is first met. */
function partnersStamped(scratch: usize, ask: usize, ids: usize, end: usize, table: usize, rows: usize): u64 {
  const stamps = scratch + SCRATCH_STAMPS;
  const items = askSection(ask, ASK_PARTNER_ITEMS_AT);
  const multiplicities = askSection(ask, ASK_MULTIPLICITIES_AT);
  const firstPositions = askSection(ask, ASK_FIRST_POSITIONS_AT);
  const epoch = nextEpoch(scratch);
  let matched: u32 = 0;
  let first: u32 = u32.MAX_VALUE;
  for (let p = ids; p < end; p += 4) {
    const row = rows + ((load<u16>(table + ((load<u32>(p) as usize) << 1)) as usize) << 2);
    const itemsEnd = items + ((load<u32>(row, 4) as usize) << 2);
    for (let item = items + ((load<u32>(row) as usize) << 2); item < itemsEnd; item += 4) {
      const distinct = (load<u32>(item) as usize) << 2;
      if (load<u32>(stamps + distinct) === epoch) continue;
      store<u32>(stamps + distinct, epoch);
      matched += load<u32>(multiplicities + distinct);
      first = min(first, load<u32>(firstPositions + distinct));
    }
  }
  return ((first as u64) << 32) | (matched as u64);
}

function nextEpoch(scratch: usize): u32 {
  let epoch = load<u32>(scratch, CONTEXT_EPOCH) + 1;
  if (epoch === 0) {
    memory.fill(scratch + SCRATCH_STAMPS, 0, (QUERY_SYMBOLS_MAX as usize) << 2);
    epoch = 1;
  }
  store<u32>(scratch, epoch, CONTEXT_EPOCH);
  return epoch;
}
