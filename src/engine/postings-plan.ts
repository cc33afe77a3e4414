/**
 * Which posting rows must be read so that no pattern of at least some similarity is missed: a prefix filter over multisets, by length.
 *
 * With L the longest common subsequence, N the pattern's and Q the state's length, similarity is 2 L / (N + Q), and L is at most the overlap of
 * the two as multisets. So a similarity t needs an overlap of t (N + Q) / 2, and a length N from t Q / (2 - t) on. Let the state's known
 * symbols stand rarest first, W occurrences of them. A pattern that has none of the first ones, c occurrences, overlaps by W - c at
 * most: the next symbol has to be read only while W - c >= t (N + Q) / 2, that is for N <= 2 (W - c) / t - Q. Rare symbols are read for all
 * lengths that count, frequent ones for short patterns or not at all. The order decides the cost, never the answer.
 *
 * Of a symbol that is not read only the bit in the signature is known, which another symbol may have set. A *whole* plan reads every symbol for all lengths that
 * count: many more rows, and bounds that are the overlap itself, for where too many candidates pass by their bits.
 */
import type { PostingRead } from "../store/pattern-index.ts";
import { UNKNOWN_SYMBOL } from "../store/state-store.ts";
import type { LengthShare } from "./length-shares.ts";

/** A distinct symbol of the state that the kb knows. */
export interface KnownSymbol {
  readonly id: number;
  /** How often the state has it. */
  readonly weight: number;
  /** In how many patterns it stands. Out of date is good enough. */
  readonly patterns: number;
}

export interface PostingPlan {
  readonly lengthFrom: number;
  readonly reads: readonly PostingRead[];
  /** Rows that are read, as far as the numbers of patterns and their lengths tell. */
  readonly rows: number;
}

/** Distinct known ids of a state with how often each stands in it. */
export function weightsOf(symbolIds: Uint32Array): Map<number, number> {
  const weights = new Map<number, number>();
  for (const id of symbolIds) if (id !== UNKNOWN_SYMBOL) weights.set(id, (weights.get(id) ?? 0) + 1);
  return weights;
}

/** Thresholds are inclusive with this epsilon, as in the kernels. */
const EPSILON = 1e-9;
/** Whole numbers that come out of a division are not lost to its rounding. */
const ROUNDING = 1e-6;

/**
 * Symbols of so few patterns are read for the lengths of the rarest one. What that adds costs less than a range of its own, for the store weighs every range
 * against every part of its key (measured with 24 symbols: 34 ms to read 848 rows), and the bounds are closer.
 */
const RARE_PATTERNS = 16_384;

/** Reads for a similarity above 0; `known` rarest first, `share` of the kb for the number of rows. `undefined`: no pattern can reach it. O(known symbols). */
export function planPostings(
  known: readonly KnownSymbol[],
  stateLength: number,
  similarity: number,
  { whole = false, share = () => 1 }: { readonly whole?: boolean; readonly share?: LengthShare } = {},
): PostingPlan | undefined {
  const t = similarity - EPSILON;
  const lengthFrom = Math.max(1, Math.ceil((t * stateLength) / (2 - t) - ROUNDING));
  let left = known.reduce((sum, { weight }) => sum + weight, 0);
  let rows = 0;
  let longest = 0;
  const reads = known.map(({ id, weight, patterns }): PostingRead => {
    const needed = Math.floor((2 * left) / t - stateLength + ROUNDING);
    longest = Math.max(longest, needed);
    const lengthTo = needed >= lengthFrom && patterns <= RARE_PATTERNS ? longest : needed;
    if (!whole) left -= weight;
    if (lengthTo >= lengthFrom) rows += patterns * share(lengthFrom, lengthTo);
    return { symbol: id, weight, lengthTo };
  });
  if (reads.length === 0 || reads[0]!.lengthTo < lengthFrom) return undefined;
  return { lengthFrom, reads, rows: Math.ceil(rows) };
}
