/** The scoring kernels, as the pool runs them, against the recorded matches and filter stages. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openInlinePool } from "../../src/pool/inline-pool.ts";
import type { KeepKey, KernelPool, QuerySpec, StageSpec } from "../../src/pool/kernel-pool.ts";
import type { ScoreBlock } from "../../src/wire/score-block.ts";
import { columnsOf, Numbering, type TestPattern } from "../support/candidate-columns.ts";
import { entriesOf, keptOf } from "../support/score-blocks.ts";

const TOLERANCE = 1e-9;

function golden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../data/golden/${name}.json`, import.meta.url), "utf8")) as T;
}

let pool: KernelPool;
beforeAll(async () => {
  pool = await openInlinePool({ symbolCapacity: 4096 });
});
afterAll(() => pool.close());

const named = (events: string[][], patternId: number): TestPattern => ({
  patternId,
  name: patternId.toString(16).padStart(40, "0"),
  events,
});

let tables = 0;

/** Scores the patterns; fuzzy partners come from the pool itself. */
async function scoreAll(
  patterns: readonly TestPattern[],
  state: readonly string[],
  spec: Pick<QuerySpec, "similarity" | "recallThreshold" | "stages" | "keepBy">,
  fuzzyThreshold: number,
): Promise<readonly ScoreBlock[]> {
  const numbering = new Numbering();
  const columns = columnsOf(patterns, numbering);
  const table = numbering.table(`golden ${tables++}`);
  const distinct = [...new Set(state)];
  const partners = fuzzyThreshold === 0 ? null : await pool.partners(distinct, table, fuzzyThreshold);
  const query = pool.prepare({
    ...spec,
    symbols: state,
    symbolIds: numbering.stateIds(state),
    partners: partners?.map((partner) => ({ ...partner, queryIndex: state.indexOf(distinct[partner.queryIndex]!) })) ?? null,
    keep: patterns.length,
    table,
    symbolCount: numbering.ids.size,
  });
  return pool.score(query, columns);
}

test("matches have the recorded similarity, blocks and basic ratios", async () => {
  const { cases } = golden<{
    cases: {
      input: {
        pattern_data: string[][];
        stm: string[][];
        token_matching: boolean;
        recall_threshold: number;
        fuzzy_token_threshold: number;
      };
      matching_blocks: number[][];
      expected: null | { prediction: { evidence: number; confidence: number; snr: number; fragmentation: number; similarity: number } };
    }[];
  }>("matching");
  expect(cases.length).toBe(480);
  let kept = 0;
  for (const { input, matching_blocks, expected } of cases) {
    for (const keepBy of ["similarity", "evidence", "confidence", "snr", "fragmentation", "prePotential"] satisfies KeepKey[]) {
      const spec = {
        similarity: input.token_matching ? ("token" as const) : ("character" as const),
        recallThreshold: input.recall_threshold,
        stages: [],
        keepBy,
      };
      const found = keptOf(await scoreAll([named(input.pattern_data, 7)], input.stm.flat(), spec, input.fuzzy_token_threshold));
      if (expected === null) {
        expect(found).toEqual([]);
        continue;
      }
      const { prediction } = expected;
      const frag = prediction.fragmentation === -1 ? 0 : 1 / (prediction.fragmentation + 1);
      const prePotential = (prediction.evidence + prediction.confidence) * prediction.snr + frag;
      expect(found.length).toBe(1);
      expect(Math.abs(found[0]!.key - { ...prediction, prePotential }[keepBy])).toBeLessThanOrEqual(TOLERANCE);
      expect(Math.abs(found[0]!.similarity - prediction.similarity)).toBeLessThanOrEqual(TOLERANCE);
      expect(found[0]!.blocks).toEqual(matching_blocks.slice(0, -1));
      kept++;
    }
  }
  expect(kept).toBeGreaterThan(1000);
});

interface FilterCase {
  readonly state_events: string[][];
  readonly patterns: string[][][];
  readonly config: Readonly<Record<string, number | boolean>>;
  readonly pipeline: readonly StageSpec["name"][];
  readonly each_stage_alone: Readonly<Record<StageSpec["name"], number[]>>;
}

/** Recorded thresholds, over the defaults (semantics §1). A recorded 0 means the default, as shipped (Q4). */
function stageOf(name: StageSpec["name"], config: FilterCase["config"]): StageSpec {
  const setting = (key: string, fallback: number): number => Number(config[key] ?? 0) || fallback;
  switch (name) {
    case "length":
      return { name, minRatio: setting("length_min_ratio", 0.5), maxRatio: setting("length_max_ratio", 2) };
    case "jaccard":
      return { name, threshold: setting("jaccard_threshold", 0.3), minOverlap: setting("jaccard_min_overlap", 2) };
    case "minhash":
      return { name, threshold: setting("minhash_threshold", 0.7) };
    default:
      return { name };
  }
}

test("stages let through what is recorded, alone and one after the other", async () => {
  const { cases } = golden<{ cases: FilterCase[] }>("filters");
  expect(cases.length).toBe(60);
  for (const { state_events, patterns, config, pipeline, each_stage_alone } of cases) {
    const rows = patterns.map(named);
    // At threshold 0 the match removes nothing, so what is kept is what the stages let through; only rapidfuzz needs the real one.
    const passing = async (names: readonly StageSpec["name"][]): Promise<number[]> => {
      const recallThreshold = names.includes("rapidfuzz") ? Number(config.recall_threshold ?? 0) || 0.1 : 0;
      const stages = names.map((name) => stageOf(name, config));
      const similarity = config.use_token_matching === false ? ("character" as const) : ("token" as const);
      const spec = { similarity, recallThreshold, stages, keepBy: "similarity" as const };
      const blocks = await scoreAll(rows, state_events.flat(), spec, 0);
      const left = blocks.reduce((sum, block) => sum + block.stages.at(-1)!.candidatesIn, 0);
      const kept = blocks.flatMap(entriesOf).map(({ patternId }) => patternId);
      expect(kept.length).toBe(left);
      return kept.sort((a, b) => a - b);
    };
    for (const name of ["length", "jaccard", "minhash", "bloom", "rapidfuzz"] as const) {
      expect(await passing([name])).toEqual(each_stage_alone[name]);
    }
    const everywhere = patterns.map((_, i) => i).filter((i) => pipeline.every((name) => each_stage_alone[name].includes(i)));
    expect(await passing(pipeline)).toEqual(everywhere);
  }
});
