/**
 * What a match's key can be at most, from its LCS alone or from its exact number of matches and blocks: a match that cannot be kept is counted
 * and not looked into. Sound for every key of details.ts: matching blocks are a common subsequence, so they hold no more than the LCS; all
 * keys but fragmentation grow with the number of matches or are bounded by 1 in the other parts. Cost: a few operations.
 * Reference: the scoring tests, which compare what is kept with a twin that prunes nothing.
 */
import {
  ASK_FLAGS,
  ASK_FUZZY,
  ASK_KEEP,
  ASK_KEEP_BY,
  ASK_SYMBOLS,
  CONTEXT_FLOOR,
  CONTEXT_KEPT,
  KEEP_BY_CONFIDENCE,
  KEEP_BY_EVIDENCE,
  KEEP_BY_FRAGMENTATION,
  KEEP_BY_PRE_POTENTIAL,
  KEEP_BY_SIMILARITY,
  KEEP_BY_SNR,
  SCRATCH_HEAP,
} from "./layout";
import { askOf } from "./memory";

/** A bound and a key are computed in different orders of operations; this covers what that rounds. */
const SLACK: f64 = 1e-9;

/** The key below which a match need not be offered: the task's floor, or the worst that is kept once there are enough. */
export function floorOf(scratch: usize): f64 {
  const floor = load<f64>(scratch, CONTEXT_FLOOR);
  const keep = load<u32>(askOf(scratch), ASK_KEEP);
  if (keep === 0) return f64.POSITIVE_INFINITY;
  return load<u32>(scratch, CONTEXT_KEPT) < keep ? floor : max(floor, load<f64>(scratch + SCRATCH_HEAP));
}

/**
 * Most that the key of a pattern of `count` symbols can be if no more than `most` of them match. `isGreedy`: exactly `most` match, each in a
 * block of its own. With fuzzy tokens matches are not bounded by the blocks: infinity.
 */
export function keyBound(scratch: usize, count: u32, most: u32, isGreedy: bool): f64 {
  const ask = askOf(scratch);
  const keepBy = load<u32>(ask, ASK_KEEP_BY);
  const m = most as f64;
  const n = count as f64;
  const q = load<u32>(ask, ASK_SYMBOLS) as f64;
  // Similarity knows of the LCS, of which a greedy match may be only a part.
  if (keepBy === KEEP_BY_SIMILARITY) return isGreedy ? f64.POSITIVE_INFINITY : (2 * m) / (n + q) + SLACK;
  if (keepBy === KEEP_BY_FRAGMENTATION) return m - 1;
  if (most === 0 || (load<u32>(ask, ASK_FLAGS) & ASK_FUZZY) !== 0) return f64.POSITIVE_INFINITY;
  if (keepBy === KEEP_BY_EVIDENCE) return m / n + SLACK;
  // (2m - x) / (2m + x) with x = q - m.
  const snr = (3 * m - q) / (m + q);
  if (keepBy === KEEP_BY_SNR) return snr + SLACK;
  if (keepBy === KEEP_BY_CONFIDENCE) return 1 + SLACK;
  // Confidence is 1 at most, and no less than the evidence: what is published is part of the pattern.
  const evidence = m / n;
  if (isGreedy) return (evidence + (snr > 0 ? 1 : evidence)) * snr + 1 / m + SLACK;
  return (evidence + 1) * max(0, snr) + 1 + SLACK;
}

/**
 * The least LCS of a pattern of `count` symbols with which its key may reach `floor`, 1 at least; more than the pattern or the state holds if
 * none may. `isFlat`: each of its events is one symbol. Cost: a few operations for each match fewer.
 */
export function neededMatches(scratch: usize, count: u32, stateLength: u32, floor: f64, isFlat: bool): u32 {
  if (floor === f64.NEGATIVE_INFINITY) return 1;
  const ask = askOf(scratch);
  const isTight = isFlat && load<u32>(ask, ASK_KEEP_BY) === KEEP_BY_PRE_POTENTIAL && (load<u32>(ask, ASK_FLAGS) & ASK_FUZZY) === 0;
  const most = min(count, stateLength);
  for (let matches: u32 = 1; matches <= most; matches++) {
    const bound = isTight ? flatBound(count, matches, stateLength) : keyBound(scratch, count, matches, false);
    if (bound >= floor) return matches;
  }
  return most + 1;
}

/**
 * Most that the key can be if exactly `matches` symbols match, each in a block of its own, and `span` symbols lie from the first to the last of them. Of a
 * pattern of one-symbol events (`isFlat`) those are all that is present: no symbol before the first is in the state.
 */
export function apartBound(scratch: usize, count: u32, matches: u32, span: u32, isFlat: bool): f64 {
  const ask = askOf(scratch);
  if (load<u32>(ask, ASK_KEEP_BY) !== KEEP_BY_PRE_POTENTIAL || (load<u32>(ask, ASK_FLAGS) & ASK_FUZZY) !== 0) {
    return keyBound(scratch, count, matches, true);
  }
  const m = matches as f64;
  const q = load<u32>(ask, ASK_SYMBOLS) as f64;
  const snr = (3 * m - q) / (m + q);
  const evidence = m / (count as f64);
  const confidence = isFlat || snr > 0 ? m / (span as f64) : evidence;
  return (evidence + confidence) * snr + 1 / m + SLACK;
}

/**
 * As `neededMatches`, for a pattern that shares no two neighbours with the state: each of its matches, at most as many as the LCS, is a block of its own.
 */
export function neededApart(scratch: usize, count: u32, stateLength: u32, floor: f64): u32 {
  if (floor === f64.NEGATIVE_INFINITY) return 1;
  const most = min(count, stateLength);
  for (let matches: u32 = 1; matches <= most; matches++) {
    if (keyBound(scratch, count, matches, true) >= floor) return matches;
  }
  return most + 1;
}

/**
 * Most that the pre-potential of a pattern of one-symbol events can be if exactly `matches` of its symbols match. In one block, the present is
 * that block, and the event before where it repeats the first matched symbol; a single match never has such a neighbour, for that would have
 * matched in its stead.
 */
function flatBound(count: u32, matches: u32, stateLength: u32): f64 {
  const m = matches as f64;
  const q = stateLength as f64;
  const snr = (3 * m - q) / (m + q);
  const evidence = m / (count as f64);
  if (snr > 0 || matches === 1) return (evidence + 1) * snr + 1 + SLACK;
  // In two blocks or more it is 1/2 at most.
  return max((evidence + m / (m + 1)) * snr + 1, 0.5) + SLACK;
}
