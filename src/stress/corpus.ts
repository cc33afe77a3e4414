/**
 * The corpus of a stress run, drawn while it is read, so that a hundred million patterns need no memory: 2 to 60 symbols (mean about 14) over
 * a Zipf vocabulary, three in ten mutated members of a cluster of twenty. Seeded by pattern: the same number gives the same pattern, alone
 * or in a row. Questions are windows of 2 to 24 symbols (median 8) of stored patterns, with up to two fifths of them replaced.
 */

import { seededRandom as seeded } from "../eval/sequences.ts";

/** Two numbers as a seed that has nothing to do with its neighbours'. */
const mixed = (seed: number, index: number): number => (Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca6b)) >>> 0;

/** The symbol of a rank. */
export const symbolOf = (rank: number): string => `w${rank}`;

export interface CorpusSettings {
  readonly patterns: number;
  readonly seed: number;
  /** Distinct symbols at most. */
  readonly vocabulary: number;
}

const CLUSTER = 20;
const MUTATED = 0.3;
const LENGTH_MAX = 60;
const QUESTION_MAX = 24;
const REPLACED_MAX = 0.4;

export class Corpus {
  readonly settings: CorpusSettings;

  constructor(settings: CorpusSettings) {
    this.settings = settings;
  }

  pattern(index: number): string[] {
    return this.ranks(index).map(symbolOf);
  }

  /** As `pattern`, symbols as their ranks in the vocabulary: `symbolOf` has their texts. */
  ranks(index: number): number[] {
    const random = seeded(mixed(this.settings.seed, index));
    if (random() >= MUTATED) return this.#fresh(random);
    const base = this.#fresh(seeded(mixed(this.settings.seed ^ 0x5bd1e995, Math.floor(index / CLUSTER))));
    const next = base.filter(() => random() > 0.1).map((old) => (random() < 0.15 ? this.#rank(random) : old));
    while (next.length < 2) next.push(this.#rank(random));
    return next;
  }

  /** `count` states to ask, each from another stored pattern. */
  questions(count: number): string[][] {
    const random = seeded(mixed(this.settings.seed, -7));
    return Array.from({ length: count }, () => {
      const source = this.pattern(Math.floor(random() * this.settings.patterns));
      const wanted = Math.min(QUESTION_MAX, Math.max(2, Math.round(8 * Math.exp(random() + random() + random() - 1.5))));
      const size = Math.min(source.length, wanted);
      const from = Math.floor(random() * (source.length - size + 1));
      const replaced = random() * REPLACED_MAX;
      return source.slice(from, from + size).map((old) => (random() < replaced ? symbolOf(this.#rank(random)) : old));
    });
  }

  /** Inverse of the Zipf (s = 1) distribution function in its continuous form: rank = V^u. */
  #rank(random: () => number): number {
    return Math.floor(this.settings.vocabulary ** random()) - 1;
  }

  /** Lengths are log-normal: median 12, cut to 2..60. */
  #fresh(random: () => number): number[] {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const length = Math.min(LENGTH_MAX, Math.max(2, Math.round(12 * Math.exp(0.55 * normal))));
    return Array.from({ length }, () => this.#rank(random));
  }
}
