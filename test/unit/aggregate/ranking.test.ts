import { expect, test } from "vitest";
import { ensembleKey, ensembleKeyOf, ensembleLimit, keepByFrequency } from "../../../src/aggregate/ensemble-key.ts";
import { compareRanked, effectiveMetric, rankValue } from "../../../src/aggregate/rank.ts";
import { RANK_METRICS } from "../../../src/model/session-config.ts";

test("every ranking metric has its ensemble", () => {
  const kinds = RANK_METRICS.map((metric) => {
    const key = ensembleKey(metric);
    return `${metric}: ${key.kind === "kernel" ? key.key : key.kind}`;
  });
  expect(kinds).toEqual([
    "potential: prePotential",
    "similarity: similarity",
    "evidence: evidence",
    "confidence: confidence",
    "snr: snr",
    "fragmentation: fragmentation",
    "frequency: frequency",
    "normalized_entropy: all",
    "global_normalized_entropy: all",
    "itfdf_similarity: all",
    "confluence: all",
    "predictive_information: all",
    "bayesian_posterior: similarityTimesFrequency",
    "bayesian_prior: frequency",
    "bayesian_likelihood: similarity",
    "tfidf_score: all",
    "weighted_similarity: all",
    "weighted_evidence: all",
    "weighted_confidence: all",
    "weighted_snr: all",
  ]);
  for (const ensemble of [undefined, "kato"] as const) {
    const config = { rank_sort_algo: "similarity" as const, ...(ensemble && { ensemble }) };
    expect(ensembleKeyOf(config)).toEqual({ kind: "kernel", key: "prePotential" });
  }
  expect(ensembleKeyOf({ rank_sort_algo: "similarity", ensemble: "ranked" })).toEqual({ kind: "kernel", key: "similarity" });
  expect(ensembleLimit(100)).toBe(300);
});

test("ensembles that need frequencies: 0 counts as 1, ties to the smaller name", () => {
  const matches = [
    { name: "d", similarity: 0.5, frequency: 0 },
    { name: "b", similarity: 0.5, frequency: 3 },
    { name: "a", similarity: 0.25, frequency: 3 },
    { name: "c", similarity: 1, frequency: 1 },
  ];
  const names = (kind: "frequency" | "similarityTimesFrequency", limit: number): string =>
    keepByFrequency(matches, kind, limit)
      .map(({ name }) => name)
      .join("");
  expect(names("frequency", 4)).toBe("abcd");
  expect(names("frequency", 3)).toBe("abc");
  expect(names("similarityTimesFrequency", 4)).toBe("bcad");
});

test("ranks compare nine decimals, then names", () => {
  const ranked = [
    { name: "b", value: rankValue(0.3000000001) },
    { name: "a", value: rankValue(0.1 + 0.2) },
    { name: "c", value: rankValue(0.300000002) },
  ];
  expect(ranked.sort(compareRanked).map(({ name }) => name)).toEqual(["c", "a", "b"]);
  expect(effectiveMetric("weighted_snr", false)).toBe("snr");
  expect(effectiveMetric("weighted_snr", true)).toBe("weighted_snr");
  expect(effectiveMetric("potential", false)).toBe("potential");
});
