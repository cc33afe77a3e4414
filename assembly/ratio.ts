/**
 * Ratio by insertions and deletions ("indel"; RapidFuzz's `ratio` on a scale of 0..1): 2 * LCS / (length + length), 1 for two empty
 * sequences. On code points it is KATO's character ratio and the measure of fuzzy tokens; on symbol ids it is its token similarity.
 *
 * Cost: the LCS kernel's. With a cutoff, candidates whose lengths alone rule it out cost a few operations. For texts the class table
 * has CODE_POINTS entries (2.2 MB, touched only where characters occur). Reference: test/reference/ratio.ts.
 */
import { QUERY_COUNT } from "./layout";
import { lcsLength, lcsLengthAtLeast, lcsLengthPair } from "./lcs";

/** KATO's thresholds make a round trip through percent (semantics §7.1, Q12): inclusive comparisons forgive 1e-9. */
const CUTOFF_EPSILON: f64 = 1e-9;

/** 2 * lcs / total, 1 for a total of 0. */
export function ratioOf(lcs: u32, total: u32): f64 {
  return total === 0 ? 1 : ((lcs as f64) * 2) / (total as f64);
}

/** Whether a ratio reaches a cutoff: inclusive, forgiving 1e-9. The one place where the two are compared. */
export function reaches(ratio: f64, cutoff: f64): bool {
  return ratio >= cutoff - CUTOFF_EPSILON;
}

/** The least LCS whose ratio reaches `cutoff`; more than total / 2 if none does. Agrees with `reaches` in every case: it asks it. */
export function neededLcs(total: u32, cutoff: f64): u32 {
  if (total === 0) return reaches(1, cutoff) ? 0 : 1;
  if (reaches(0, cutoff)) return 0;
  if (!reaches(1, cutoff)) return total;
  let needed = ceil((cutoff - CUTOFF_EPSILON) * (total as f64) * 0.5) as u32;
  while (needed > 0 && reaches(ratioOf(needed - 1, total), cutoff)) needed--;
  while (!reaches(ratioOf(needed, total), cutoff)) needed++;
  return needed;
}

/** Ratio of the prepared query and `count` ids at `candidate`; `carries` as in `lcsLength`. */
export function indelRatio(candidate: usize, count: u32, query: usize, carries: usize): f64 {
  return ratioOf(lcsLength(candidate, count, query, carries), count + load<u32>(query, QUERY_COUNT));
}

/** As `indelRatio`, but -1 if it does not reach `cutoff`. */
export function indelRatioAtLeast(candidate: usize, count: u32, query: usize, carries: usize, cutoff: f64): f64 {
  const total = count + load<u32>(query, QUERY_COUNT);
  const needed = neededLcs(total, cutoff);
  if (needed > total >> 1) return -1;
  const lcs = lcsLengthAtLeast(candidate, count, query, carries, needed);
  return lcs < needed ? -1 : ratioOf(lcs, total);
}

/** Ratio of one pair; arguments as in `lcsLengthPair`. */
export function indelRatioPair(a: usize, aCount: u32, b: usize, bCount: u32, table: usize, scratch: usize): f64 {
  return ratioOf(lcsLengthPair(a, aCount, b, bCount, table, scratch), aCount + bCount);
}

/**
 * Compares the prepared query with candidates `from` to `to` (exclusive) of a column: candidate c is the ids at
 * `flat[offsets[c] .. offsets[c + 1])`. Those that reach `cutoff` are written, ascending, as u32 index and f64 ratio; returns their
 * number. Both outputs need room for `to - from` entries; `carries` a byte for each id of the longest candidate.
 */
export function indelRatiosInto(
  flat: usize,
  offsets: usize,
  from: u32,
  to: u32,
  query: usize,
  carries: usize,
  cutoff: f64,
  indices: usize,
  ratios: usize,
): u32 {
  let found: usize = 0;
  for (let c = from; c < to; c++) {
    const start = load<u32>(offsets + ((c as usize) << 2));
    const count = load<u32>(offsets + ((c as usize) << 2), 4) - start;
    const ratio = indelRatioAtLeast(flat + ((start as usize) << 2), count, query, carries, cutoff);
    if (ratio < 0) continue;
    store<u32>(indices + (found << 2), c);
    store<f64>(ratios + (found << 3), ratio);
    found++;
  }
  return found as u32;
}
