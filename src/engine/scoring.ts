/**
 * Runs a prepared query over a stream of candidates: reads ahead while the pool scores, keeps the best, adds up the books. Every candidate
 * is counted: candidates = filtered + belowThreshold + withoutBlocks + matched.
 */
import { BestMatches, compareMatches, type Match } from "../aggregate/best-matches.ts";
import type { KernelPool, PreparedQuery, ScoreOptions } from "../pool/kernel-pool.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";
import type { ScoreBlock } from "../wire/score-block.ts";

/** Parts of a scan in the pool at a time, beyond one a thread: no thread waits for the reader, and a part that comes later knows the floor. */
const AHEAD = 1;

export interface Scored {
  /** The best by the query's key, ties to the smaller name. */
  readonly kept: readonly Match[];
  readonly candidates: number;
  readonly matched: number;
  readonly belowThreshold: number;
  readonly withoutBlocks: number;
  readonly stages: {
    readonly name: string;
    readonly candidatesIn: number;
    readonly candidatesOut: number;
    readonly microseconds: number;
    /** Of a way that misses some: the share it is expected to find. */
    readonly expectedRecall?: number;
  }[];
  readonly microseconds: { readonly read: number; readonly transfer: number; readonly kernel: number };
}

/** What a scan over no candidates comes to. */
export const NOTHING_SCORED: Scored = {
  kept: [],
  candidates: 0,
  matched: 0,
  belowThreshold: 0,
  withoutBlocks: 0,
  stages: [],
  microseconds: { read: 0, transfer: 0, kernel: 0 },
};

/** Two scans over different candidates as one. */
export function mergeScored(a: Scored, b: Scored, keep: number): Scored {
  const stages = new Map(a.stages.map((stage, at) => [`${at} ${stage.name}`, { ...stage }]));
  b.stages.forEach((stage, at) => {
    const sum = stages.get(`${at} ${stage.name}`);
    stages.set(`${at} ${stage.name}`, {
      name: stage.name,
      candidatesIn: stage.candidatesIn + (sum?.candidatesIn ?? 0),
      candidatesOut: stage.candidatesOut + (sum?.candidatesOut ?? 0),
      microseconds: stage.microseconds + (sum?.microseconds ?? 0),
    });
  });
  return {
    kept: [...a.kept, ...b.kept].sort(compareMatches).slice(0, keep),
    candidates: a.candidates + b.candidates,
    matched: a.matched + b.matched,
    belowThreshold: a.belowThreshold + b.belowThreshold,
    withoutBlocks: a.withoutBlocks + b.withoutBlocks,
    stages: [...stages.values()],
    microseconds: {
      read: a.microseconds.read + b.microseconds.read,
      transfer: a.microseconds.transfer + b.microseconds.transfer,
      kernel: a.microseconds.kernel + b.microseconds.kernel,
    },
  };
}

/** The best matches of score blocks, and their books. Blocks may come in any order. */
export class Tally {
  readonly #best: BestMatches;
  readonly #stages: { name: string; candidatesIn: number; candidatesOut: number; nanoseconds: number }[] = [];
  #candidates = 0;
  #matched = 0;
  #belowThreshold = 0;
  #withoutBlocks = 0;

  /** `isGone`: a pattern that is passed over; it was deleted after the candidates were read. */
  constructor(keep: number, isGone?: (patternId: number) => boolean) {
    this.#best = new BestMatches(keep, isGone);
  }

  /** A match with a smaller key cannot be among the best any more. */
  get floor(): number {
    return this.#best.floor;
  }

  take(block: ScoreBlock): void {
    this.#candidates += block.candidates;
    this.#matched += block.matched;
    this.#belowThreshold += block.belowThreshold;
    this.#withoutBlocks += block.withoutBlocks;
    block.stages.forEach((stage, at) => {
      const sum = (this.#stages[at] ??= { name: stage.name, candidatesIn: 0, candidatesOut: 0, nanoseconds: 0 });
      sum.candidatesIn += stage.candidatesIn;
      sum.candidatesOut += stage.candidatesOut;
      sum.nanoseconds += stage.nanoseconds;
    });
    this.#best.add(block);
  }

  scored(spent: { readonly readMs: number; readonly transferMs: number }): Scored {
    const stages = this.#stages.map(({ name, candidatesIn, candidatesOut, nanoseconds }) => ({
      name,
      candidatesIn,
      candidatesOut,
      microseconds: nanoseconds / 1000,
    }));
    return {
      kept: this.#best.sorted(),
      candidates: this.#candidates,
      matched: this.#matched,
      belowThreshold: this.#belowThreshold,
      withoutBlocks: this.#withoutBlocks,
      stages,
      microseconds: {
        read: spent.readMs * 1000,
        transfer: spent.transferMs * 1000,
        kernel: stages.reduce((sum, stage) => sum + stage.microseconds, 0),
      },
    };
  }
}

export async function scoreStream(
  pool: KernelPool,
  query: PreparedQuery,
  columns: AsyncIterable<CandidateColumns>,
  keep: number,
  options: ScoreOptions,
): Promise<Scored> {
  const tally = new Tally(keep);
  const scoreOptions: ScoreOptions = { ...options, floor: () => tally.floor };
  const take = (blocks: readonly ScoreBlock[]): void => {
    for (const block of blocks) tally.take(block);
  };
  let readMs = 0;
  let transferMs = 0;

  const running = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  const iterator = columns[Symbol.asyncIterator]();
  try {
    for (;;) {
      const before = performance.now();
      const part = await iterator.next();
      readMs += performance.now() - before;
      if (part.done === true || failure !== undefined) break;
      const handing = performance.now();
      const scoring = pool.score(query, part.value, scoreOptions).then(take, (error: unknown) => {
        failure ??= { error };
      });
      transferMs += performance.now() - handing;
      running.add(scoring);
      void scoring.then(() => running.delete(scoring));
      if (running.size >= pool.threads + AHEAD) await Promise.race(running);
    }
  } finally {
    await Promise.all(running);
    await iterator.return?.();
  }
  if (failure !== undefined) throw failure.error;
  return tally.scored({ readMs, transferMs });
}
