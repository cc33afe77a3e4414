/**
 * The plainest story through every state store and every pipeline, and the books of every prediction: what a plain twin counts over all
 * patterns must be what was returned plus what the engine says it dropped, reason by reason.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PredictResult } from "../../src/engine-types.ts";
import { RANK_METRICS, type SessionConfig, STAGE_NAMES, type StageName } from "../../src/model/session-config.ts";
import { bruteKb, brutePredict } from "../reference/brute.ts";
import { type OpenedEngine, openTestEngine, type StateBackEnd } from "../support/engines.ts";
import { redisAvailable } from "../support/redis-server.ts";

const PIPELINES: readonly (readonly StageName[])[] = [[], ...STAGE_NAMES.map((name) => [name]), STAGE_NAMES];

const observation = (...strings: string[]) => ({ strings, vectors: [], emotives: {}, metadata: {} });

describe.each<StateBackEnd>(redisAvailable() ? ["lmdb", "redis"] : ["lmdb"])("engine on %s", (backEnd) => {
  let opened: OpenedEngine;
  beforeAll(async () => {
    opened = await openTestEngine(backEnd);
  });
  afterAll(async () => {
    await opened.close();
  });

  describe.each([true, false])("flushed first: %s", (flushed) => {
    it.each(PIPELINES.map((pipeline) => [pipeline.join("+") || "none", pipeline] as const))(
      "recalls hello world test with the pipeline %s",
      async (name, pipeline) => {
        const { engine } = opened;
        // The signature stage is given a threshold that the two of three symbols reach by themselves; the others keep their defaults.
        const { id } = await engine.createSession({
          nodeId: `story-${name}-${flushed}`,
          config: { filter_pipeline: pipeline, minhash_threshold: 0.3 },
        });
        for (const word of ["hello", "world", "test"]) await engine.observe(id, observation(word));
        const { patternName } = await engine.learn(id);
        if (flushed) await engine.flush();
        for (const word of ["hello", "world"]) await engine.observe(id, observation(word));
        const { predictions, trace } = await engine.predict(id);
        expect(predictions).toHaveLength(1);
        expect(predictions[0]).toMatchObject({ name: patternName.slice("PTRN|".length), future: [["test"]], matches: ["hello", "world"] });
        expect(trace.candidates).toBe(1);
        expect(trace.stages.map((stage) => stage.name)).toEqual([...pipeline, "match"]);
      },
    );
  });

  it("accounts for every candidate as the plain twin does", async () => {
    const symbol = fc.integer({ min: 0, max: 11 }).map((n) => ["a", "ab", "abc", "b", "ba", "bac", "c", "ca", "cab", "x", "xy", "xyz"][n]!);
    const events = fc.array(fc.array(symbol, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 6 });
    const config = fc.record({
      recall_threshold: fc.constantFrom(0, 0.1, 0.3, 0.5, 0.8, 1),
      max_predictions: fc.constantFrom(1, 2, 5, 100),
      use_token_matching: fc.boolean(),
      fuzzy_token_threshold: fc.constantFrom(0, 0, 0.5, 0.8),
      filter_pipeline: fc.array(fc.constantFrom(...STAGE_NAMES), { maxLength: 3 }),
      minhash_threshold: fc.constantFrom(0.1, 0.5),
      jaccard_threshold: fc.constantFrom(0.1, 0.4),
      jaccard_min_overlap: fc.constantFrom(1, 2),
      rank_sort_algo: fc.constantFrom(...RANK_METRICS),
      ensemble: fc.constantFrom("kato" as const, "ranked" as const),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(events, { minLength: 1, maxLength: 25 }),
        events,
        config,
        fc.nat(25),
        async (learned, state, settings, flushAt) => {
          const { engine } = opened;
          const kb = engine.kbOf(`books-${backEnd}-${run++}`);
          const sorted = (sequence: readonly string[][]): string[][] => sequence.map((event) => [...event].sort());
          const sequences = learned.map(sorted);
          await engine.learnSequences(kb, sequences.slice(0, flushAt));
          await engine.flush();
          await engine.learnSequences(kb, sequences.slice(flushAt));
          const own = settings as SessionConfig;
          const got: PredictResult = await engine.predictState(kb, sorted(state), own);
          const want = brutePredict({ kb: bruteKb(sequences.map((events) => ({ events }))), stm: sorted(state), config: own });
          const shown = (list: readonly { name: string }[]): string[] => list.map((prediction) => prediction.name);
          expect(shown(got.predictions)).toEqual(shown(want.predictions));
          expect(got.trace.dropped).toEqual(want.dropped);
          const { filtered, belowThreshold, withoutBlocks, pruned, cut } = got.trace.dropped;
          expect(got.predictions.length + filtered + belowThreshold + withoutBlocks + pruned + cut).toBe(got.trace.candidates);
        },
      ),
      { numRuns: backEnd === "lmdb" ? 60 : 25 },
    );
  }, 120_000);
});
