/**
 * Scoring as predict uses it: a kb as columns against one state, kernels alone (one slice on this thread) and through the pool, copy and
 * dispatch included, inline and on worker threads. Two kinds of kb: sentences of words (large vocabulary, few symbols shared) and phoneme
 * sequences (small vocabulary: nearly every pattern shares neighbours with the state and needs its matching blocks).
 */
import { dictionary } from "cmu-pronouncing-dictionary";
import { POOL_SLOTS, SLOT_BYTES } from "../assembly/layout.ts";
import { createPoolMemory, leaseScratch, planPoolMemory } from "../src/kernels/pool-memory.ts";
import { symbolHash } from "../src/kernels/sign.ts";
import { KernelThread } from "../src/kernels/thread.ts";
import { loadPoolModule, openInlinePool } from "../src/pool/inline-pool.ts";
import type { KernelPool, QuerySpec } from "../src/pool/kernel-pool.ts";
import { openPiscinaPool } from "../src/pool/piscina-pool.ts";
import { writeCandidateBatch } from "../src/wire/candidate-batch.ts";
import type { CandidateColumns } from "../src/wire/candidate-columns.ts";
import { sealQueryBlock } from "../src/wire/query-block.ts";
import { viewScoreBlock } from "../src/wire/score-block.ts";
import type { SliceTask } from "../src/wire/task.ts";
import { scoreReference } from "../test/reference/score.ts";
import { columnsOf, Numbering, type TestPattern } from "../test/support/candidate-columns.ts";
import { type BenchCase, type BenchSuite, type OpenSuite, param } from "./harness.ts";
import { seeded, zipfCorpus } from "./zipf-corpus.ts";

/** Three times the default of `max_predictions`: what a predict keeps. */
const KEEP = 300;
const SYMBOL_CAPACITY = 65_536;
/** Rows that certainly fit one slot. */
const SLICE_ROWS = 20_000;
const POOL_ROWS = 60_000;

interface Input {
  readonly name: string;
  readonly columns: CandidateColumns;
  readonly spec: QuerySpec;
  /** Matches by the twin. */
  readonly matched: number;
}

function inputOf(name: string, sequences: readonly (readonly string[])[], state: readonly string[]): Input {
  const random = seeded(99);
  const patterns: TestPattern[] = sequences.map((symbols, patternId) => ({
    patternId,
    name: Buffer.from(Uint8Array.from({ length: 20 }, () => random() * 256)).toString("hex"),
    events: symbols.map((symbol) => [symbol]),
  }));
  const numbering = new Numbering();
  const columns = columnsOf(patterns, numbering);
  const common = { similarity: "token", recallThreshold: 0.1, stages: [], keepBy: "prePotential" } as const;
  return {
    name,
    columns,
    spec: {
      ...common,
      symbols: state,
      symbolIds: numbering.stateIds(state),
      partners: null,
      keep: KEEP,
      table: null,
      symbolCount: numbering.ids.size,
    },
    matched: scoreReference({ ...common, state, fuzzyThreshold: 0 }, patterns).matches.length,
  };
}

/** About 14 words a pattern, 8 in the state. */
function words(rows: number): Input {
  const { patterns, queries } = zipfCorpus(rows, 100, 7);
  return inputOf("words", patterns, queries.find(({ length }) => length === 8)!);
}

/** Pronunciations of English words: 84 phonemes with their stress, 6.4 of them a word. */
function phonemes(rows: number): Input {
  const all = Object.values(dictionary)
    .map((text) => text.split(" "))
    .filter(({ length }) => length > 1);
  const every = Math.ceil(all.length / rows);
  return inputOf(
    "phonemes",
    all.filter((_, i) => i % every === 0),
    "K AH0 M P Y UW1 T ER0".split(" "),
  );
}

/** The kernels on this thread: stages, match and score block of one slice, out of a candidate batch and out of the resident block made of it. */
export const openScoreBench: OpenSuite = (mode): BenchSuite => {
  const inputs = [words, phonemes].map((build) => build(param(mode, 60, SLICE_ROWS)));
  const layout = planPoolMemory(1, () => inputs.length * 2, SYMBOL_CAPACITY);
  const memory = createPoolMemory(layout);
  const thread = new KernelThread(loadPoolModule(), [memory], layout, leaseScratch(memory, layout, 1));
  const answer = (task: SliceTask): ArrayBuffer => {
    const reply = thread.run(task);
    if (!reply.ok) throw new Error(reply.message);
    return reply.buffer;
  };
  const cases = inputs.flatMap(({ name, columns, spec, matched }, input): BenchCase[] => {
    const batch = POOL_SLOTS + input * 2 * SLOT_BYTES;
    const block = batch + SLOT_BYTES;
    writeCandidateBatch(new Uint8Array(memory.buffer), batch, columns, 0, columns.rows);
    answer({ kind: "seal", memory: 0, batch, block, capacity: SLOT_BYTES, withIndex: true, symbolCount: spec.symbolCount });
    const query = sealQueryBlock(spec, symbolHash);
    const run = (place: number) => (): number => {
      const scores = answer({ kind: "score", query, table: null, place, from: 0, to: columns.rows, floor: Number.NEGATIVE_INFINITY });
      return viewScoreBlock(scores).matched;
    };
    const common = { unit: "candidate", items: columns.rows, expected: matched };
    return [
      { ...common, name: `score/${name}`, run: run(batch) },
      { ...common, name: `score/${name}, resident`, run: run(block) },
    ];
  });
  return { cases, close: () => {} };
};

/** The same through the pool: copying to slots, dispatch to threads, and the blocks back. */
export const openPoolBench: OpenSuite = async (mode): Promise<BenchSuite> => {
  const inputs = [words, phonemes].map((build) => build(param(mode, 60, POOL_ROWS)));
  const symbolCapacity = SYMBOL_CAPACITY;
  const pools: [name: string, pool: KernelPool][] = [
    ["inline", await openInlinePool({ symbolCapacity })],
    ["1 thread", await openPiscinaPool({ threads: 1, queueMax: 8, symbolCapacity })],
    ["2 threads", await openPiscinaPool({ threads: 2, queueMax: 8, symbolCapacity })],
  ];
  const cases = inputs.flatMap(({ name, columns, spec, matched }) =>
    pools.map(([where, pool]): BenchCase => {
      const query = pool.prepare(spec);
      const run = async (): Promise<number> => {
        const blocks = await pool.score(query, columns);
        return blocks.reduce((sum, block) => sum + block.matched, 0);
      };
      return { name: `pool/${name}, ${where}`, unit: "candidate", items: columns.rows, expected: matched, run };
    }),
  );
  return {
    cases,
    close: async () => {
      await Promise.all(pools.map(([, pool]) => pool.close()));
    },
  };
};
