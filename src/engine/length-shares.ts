/**
 * Which share of a symbol's posting rows lies in a range of pattern lengths, for guesses of what a list costs: never an answer. One distribution
 * a kb, of its first patterns, weighted by length, because a long pattern stands under more symbols.
 */
import type { PatternIndex } from "../store/pattern-index.ts";

/** Share of rows of patterns of `from` to `to` symbols (inclusive), 0 to 1. */
export type LengthShare = (from: number, to: number) => number;

/** Patterns that are looked at: some 10 ms, once. */
const SAMPLE = 262_144;
/** Kbs that are remembered, the one longest not asked for goes first: some hundred bytes each. */
const KEPT_MAX = 1_000;

interface Known {
  readonly patterns: number;
  readonly share: Promise<LengthShare>;
}

export class LengthShares {
  readonly #index: Pick<PatternIndex, "lengths">;
  readonly #known = new Map<string, Known>();

  constructor(index: Pick<PatternIndex, "lengths">) {
    this.#index = index;
  }

  /** Of a generation of `patterns` patterns. Read once, and again while the sample is not full when there are twice as many. Errors: the store's. */
  of(kb: string, generation: number, patterns: number): Promise<LengthShare> {
    const key = `${generation} ${kb}`;
    let known = this.#known.get(key);
    if (known === undefined || (known.patterns < SAMPLE && patterns >= 2 * known.patterns)) {
      const share = this.#index.lengths(kb, generation, SAMPLE).then(shareOf);
      known = { patterns, share };
      const own = known;
      share.catch(() => {
        // Whoever asks next reads again.
        if (this.#known.get(key) === own) this.#known.delete(key);
      });
    }
    this.#known.delete(key);
    this.#known.set(key, known);
    if (this.#known.size > KEPT_MAX) this.#known.delete(this.#known.keys().next().value as string);
    return known.share;
  }
}

/** `counts`: patterns by length, from 0 on. */
export function shareOf(counts: readonly number[]): LengthShare {
  const upTo = [0];
  counts.forEach((count, length) => {
    upTo.push(upTo[length]! + count * length);
  });
  const total = upTo.at(-1)!;
  if (total === 0) return () => 1;
  const below = (length: number): number => upTo[Math.max(0, Math.min(length, counts.length))]!;
  return (from, to) => Math.max(0, below(to + 1) - below(from)) / total;
}
