/** The aggregate against the reference twin over random small kbs: every field of every prediction, order, cut, future potentials. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { aggregateOneSymbol } from "../../../src/aggregate/one-symbol.ts";
import { aggregate } from "../../../src/aggregate/predict-aggregate.ts";
import { TimeSlices } from "../../../src/aggregate/time-slices.ts";
import { RANK_METRICS, type SessionConfig } from "../../../src/model/session-config.ts";
import { bruteKb, brutePredict } from "../../reference/brute.ts";
import { difference, runs } from "../../reference/golden.ts";
import { inputOf, oneSymbolInputOf } from "./inputs.ts";

// Few symbols, so that matches, ties and equal futures abound; two pairs resemble each other, for fuzzy tokens.
const symbol = fc.constantFrom("a", "b", "c", "colour", "color", "velocity", "velocty", "d");
const event = fc.array(symbol, { minLength: 1, maxLength: 3 });
const emotives = fc.array(
  fc.array(fc.tuple(fc.constantFrom("joy", "fear"), fc.integer({ min: -4, max: 4 })), { minLength: 1, maxLength: 1 }),
  { maxLength: 2 },
);
const learn = fc.record({ events: fc.array(event, { minLength: 1, maxLength: 5 }), emotives });
const learns = fc
  .array(learn, { minLength: 1, maxLength: 14 })
  // Some patterns are learned again.
  .chain((list) => fc.tuple(fc.constant(list), fc.array(fc.nat({ max: list.length - 1 }), { maxLength: 6 })))
  .map(([list, again]) => [...list, ...again.map((index) => list[index]!)]);
const settings = fc.record(
  {
    recall_threshold: fc.constantFrom(0, 0.1, 0.3, 0.5),
    max_predictions: fc.constantFrom(1, 2, 100),
    rank_sort_algo: fc.constantFrom(...RANK_METRICS),
    use_token_matching: fc.boolean(),
    fuzzy_token_threshold: fc.constantFrom(0.6, 0.85),
    affinity_emotive: fc.constantFrom("joy", "nothing"),
    ensemble: fc.constantFrom("kato", "ranked"),
  },
  { requiredKeys: [] },
);

const shuffled = <T>(list: readonly T[], seed: number): T[] =>
  list
    .map((item, i) => ({ item, key: Math.sin(seed + i) }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);

test("states of two symbols and more", async () => {
  let compared = 0;
  const property = fc.asyncProperty(
    learns,
    fc.array(event, { minLength: 1, maxLength: 4 }).filter((stm) => stm.flat().length > 1),
    settings,
    fc.option(fc.nat({ max: 20 }), { nil: undefined }),
    fc.nat(),
    async (history, stm, config: SessionConfig, finalizedAfter, seed) => {
      const kb = bruteKb(history, finalizedAfter === undefined ? {} : { finalizedAfter: Math.min(finalizedAfter, history.length) });
      if (kb.finalized?.below === 0) return;
      const want = brutePredict({ kb, stm, config });
      const input = inputOf(kb, stm, config);
      const got = await aggregate({ ...input, winners: shuffled(input.winners, seed) }, await TimeSlices.begin());
      expect(difference(want.predictions, got.predictions)).toBe("");
      expect(difference(got.predictions, want.predictions)).toBe("");
      expect(difference(want.futurePotentials, got.futurePotentials)).toBe("");
      expect(got.cut).toBe(want.dropped.cut);
      const { filtered, belowThreshold, withoutBlocks, pruned, cut } = want.dropped;
      expect(filtered + belowThreshold + withoutBlocks + pruned + cut + want.predictions.length).toBe(want.candidates);
      // The same bits, whatever order the winners come in.
      expect(await aggregate(input, await TimeSlices.begin())).toEqual(got);
      compared += got.predictions.length;
    },
  );
  await fc.assert(property, runs(600));
  expect(compared).toBeGreaterThan(600);
});

test("states of one symbol", async () => {
  let compared = 0;
  const property = fc.asyncProperty(learns, symbol, settings, async (history, observed, config: SessionConfig) => {
    const kb = bruteKb(history);
    const want = brutePredict({ kb, stm: [[observed]], config });
    const input = oneSymbolInputOf(kb, observed, config);
    const got = await aggregateOneSymbol({ ...input, candidates: [...input.candidates].reverse() }, await TimeSlices.begin());
    expect(difference(want.predictions, got.predictions)).toBe("");
    expect(difference(got.predictions, want.predictions)).toBe("");
    expect(got.cut).toBe(want.dropped.cut);
    compared += got.predictions.length;
  });
  await fc.assert(property, runs(300));
  expect(compared).toBeGreaterThan(100);
});
