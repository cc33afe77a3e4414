/** Figures worked out by hand, for what recorded data reaches seldom or never. */
import { expect, test } from "vitest";
import {
  affinityWeight,
  confluence,
  cosine,
  countSymbols,
  documentCount,
  potential,
  prePotential,
  squaredLength,
  tfidfScore,
  weightedRatios,
} from "../../../src/aggregate/metrics.ts";
import { aggregate } from "../../../src/aggregate/predict-aggregate.ts";
import { TimeSlices } from "../../../src/aggregate/time-slices.ts";
import { bruteKb } from "../../reference/brute.ts";
import { difference } from "../../reference/golden.ts";
import { inputOf } from "./inputs.ts";

test("one pattern, learned once, with a gap, a surplus symbol and an emotive", async () => {
  const kb = bruteKb([{ events: [["a", "b"], ["c"], ["d", "e"], ["f"]], emotives: [[["joy", 1]]] }]);
  const { predictions, futurePotentials } = await aggregate(inputOf(kb, [["a", "z"], ["c"]], {}), await TimeSlices.begin());
  const want = {
    type: "prototypical",
    frequency: 1,
    emotives: [["joy", 1]],
    matches: ["a", "c"],
    past: [],
    present: [["a", "b"], ["c"]],
    future: [["d", "e"], ["f"]],
    missing: [["b"], []],
    extras: [["z"], []],
    anomalies: [],
    sequence: [["a", "b"], ["c"], ["d", "e"], ["f"]],
    evidence: 1 / 3,
    confidence: 2 / 3,
    similarity: 4 / 9,
    fragmentation: 1,
    snr: 0.6,
    confluence: 0,
    potential: 0.6 + 2 / Math.sqrt(6) + 0.5,
    predictive_information: 4 / 9,
    entropy: Math.log2(3),
    normalized_entropy: Math.log(3) / Math.log(6),
    global_normalized_entropy: 0,
    itfdf_similarity: 2 / Math.sqrt(6),
    tfidf_score: 1 / 3,
    pattern_probability: 1,
    weighted_strength: 4 / 9,
    bayesian_posterior: 1,
    bayesian_prior: 1,
    bayesian_likelihood: 4 / 9,
    weighted_similarity: null,
    weighted_evidence: null,
    weighted_confidence: null,
    weighted_snr: null,
  };
  expect(difference([want], predictions)).toBe("");
  expect(Object.keys(predictions[0]!).sort()).toEqual([...Object.keys(want), "name"].sort());
  expect(futurePotentials).toEqual([
    { future: [["d", "e"], ["f"]], aggregate_potential: 1, supporting_patterns: 1, total_weighted_frequency: 4 / 9 },
  ]);
});

test("oddities that are kept", () => {
  // A product of a quotient may fall short of the count it came from.
  expect(documentCount(15 / 22, 22)).toBe(14);
  expect(documentCount(0, 22)).toBe(1);
  // Totals do not rise when a pattern is learned again, so this is no probability.
  expect(confluence(3, 2, ["a", "b"], () => 0.5)).toBe(1.125);
});

test("borders: nothing to divide by", () => {
  const zero = (): number => 0;
  const counts = countSymbols(["a", "a", "b"]);
  expect([...counts]).toEqual([
    ["a", 2],
    ["b", 1],
  ]);
  expect(squaredLength(counts, () => 0.5)).toBe(1.25);
  expect(cosine(counts, 0, counts, zero)).toBe(0);
  expect(cosine(counts, 1.25, counts, () => 0.5)).toBe(1);
  expect(confluence(1, 0, ["a"], zero)).toBe(0);
  expect(confluence(1, 1, [], zero)).toBe(0);
  expect(tfidfScore(countSymbols([]), 0, 4, () => 1)).toBe(0);
  expect(tfidfScore(counts, 3, 0, () => 1)).toBe(0);
  expect(weightedRatios({ matches: 0, state: 0, pattern: 0, present: 0, extras: 0 })).toEqual({
    weighted_similarity: null,
    weighted_evidence: 0,
    weighted_confidence: 0,
    weighted_snr: 0,
  });
});

test("weights and potentials", () => {
  expect(affinityWeight(-3, 2)).toBe(1.51);
  expect(affinityWeight(0, 2)).toBe(0.01);
  expect(affinityWeight(3, 0)).toBe(0.01);
  expect(prePotential(1, 1, 1, 0)).toBe(3);
  expect(prePotential(0.5, 0.5, -1, -1)).toBe(-1);
  expect(potential(1, 1, 1, 1, 0)).toBe(4);
});
