/** The fate of each pattern, as `explain` tells it, against what the answer and its books say, over pipelines, thresholds and ensembles. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { PatternFate } from "../../src/engine-types.ts";
import { type SessionConfig, STAGE_NAMES } from "../../src/model/session-config.ts";
import { bruteName } from "../reference/brute-kb.ts";
import { type OpenedEngine, openTestEngine } from "../support/engines.ts";

const seed = process.env.FC_SEED === undefined ? {} : { seed: Number(process.env.FC_SEED) };
let opened: OpenedEngine;
beforeAll(async () => {
  opened = await openTestEngine("lmdb");
});
afterAll(async () => {
  await opened.close();
});

const symbol = fc.constantFrom("a", "ab", "b", "ba", "c", "x", "xy", "z");
const events = fc.array(
  fc.array(symbol, { minLength: 1, maxLength: 2 }).map((event) => [...event].sort()),
  { minLength: 2, maxLength: 6 },
);

it("counts the patterns by their fate as the books do, and ranks them as they are answered", async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(events, { minLength: 3, maxLength: 20, selector: (sequence) => JSON.stringify(sequence) }),
      events,
      fc.record({
        recall_threshold: fc.constantFrom(0, 0.1, 0.4),
        max_predictions: fc.constantFrom(1, 2, 100),
        filter_pipeline: fc.array(fc.constantFrom(...STAGE_NAMES), { maxLength: 2 }),
        minhash_threshold: fc.constantFrom(0.1, 0.5),
        ensemble: fc.constantFrom("kato" as const, "ranked" as const),
      }),
      fc.constantFrom("stream" as const, "resident" as const),
      async (sequences, state, settings, source) => {
        const { engine } = opened;
        const kb = engine.kbOf(`fates-${run++}`);
        await engine.learnSequences(kb, sequences);
        const own = settings as SessionConfig;
        const { predictions, trace } = await engine.predictState(kb, state, own, { source });
        const fates: PatternFate[] = [];
        for (const sequence of sequences) {
          const result = await engine.predictState(kb, state, own, { source, fateOf: bruteName(sequence) });
          expect(result.predictions).toEqual(predictions);
          fates.push(result.trace.pattern!);
        }
        const count = (outcome: PatternFate["outcome"]): number => fates.filter((fate) => fate.outcome === outcome).length;
        expect({
          filtered: count("filtered"),
          belowThreshold: count("belowThreshold"),
          withoutBlocks: count("withoutBlocks"),
          pruned: count("pruned"),
          cut: count("cut"),
        }).toEqual(trace.dropped);
        predictions.forEach((prediction, at) => {
          const fate = fates.find(({ name }) => name === prediction.name);
          expect(fate).toMatchObject({ outcome: "predicted", rank: at + 1 });
          expect(fate!.similarity).toBeCloseTo(prediction.similarity, 12);
        });
        for (const fate of fates) {
          if (fate.outcome === "filtered") expect(settings.filter_pipeline).toContain(fate.stage);
          expect(fate.reason).toMatch(/\.$/);
        }
      },
    ),
    { numRuns: 25, ...seed },
  );
}, 120_000);

it("says that a name is unknown, and what became of a pattern where the state is one symbol", async () => {
  const { engine } = opened;
  const kb = engine.kbOf("one-symbol-fates");
  await engine.learnSequences(kb, [
    [["a"], ["b"]],
    [["c"], ["b"]],
  ]);
  const ask = async (state: string[][], name: string) => (await engine.predictState(kb, state, {}, { fateOf: name })).trace.pattern;
  expect(await ask([["a"], ["b"]], "00".repeat(20))).toMatchObject({ outcome: "unknown" });
  expect(await ask([["a"]], bruteName([["a"], ["b"]]))).toMatchObject({ outcome: "predicted", rank: 1 });
  expect(await ask([["a"]], bruteName([["c"], ["b"]]))).toMatchObject({ outcome: "filtered", stage: "first symbol" });
});

it("tells what the signature stage can be expected to find", async () => {
  const { engine } = opened;
  const kb = engine.kbOf("bands");
  await engine.learnSequences(kb, [[["a"], ["b"], ["c"]]]);
  const { trace } = await engine.predictState(kb, [["a"], ["b"]], { filter_pipeline: ["minhash"], minhash_threshold: 0.5 });
  expect(trace.stages[0]).toMatchObject({ name: "minhash", expectedRecall: 1 - (1 - 0.5 ** 5) ** 20 });
});
