/** Settings: what an update takes, what it refuses and with which words, and how settings lie over one another. */
import { describe, expect, it } from "vitest";
import {
  checkConfig,
  effectiveConfig,
  mergeConfig,
  RANK_METRICS,
  SESSION_DEFAULTS,
  type SessionConfig,
} from "../../../src/model/session-config.ts";

const update = (input: Record<string, unknown>) => checkConfig(input, "update");
const errorsOf = (input: Record<string, unknown>, occasion: "create" | "update" = "update") => {
  const check = checkConfig(input, occasion);
  return check.ok ? {} : check.errors;
};

const FRACTION = "Must be a number between 0.0 and 1.0";
const BOOLEAN = "Must be a boolean (true/false)";

describe("checkConfig", () => {
  it.each([
    ["recall_threshold", [0, 0.5, 1], [-0.01, 1.01, "0.5", [], {}], FRACTION],
    ["persistence", [1, 100], [0, 101, 1.5, "5"], "Must be an integer between 1 and 100"],
    ["max_pattern_length", [0, 7], [-1, 0.5, "3"], "Must be a non-negative integer"],
    ["max_predictions", [1, 10_000], [0, 10_001, 2.5], "Must be an integer between 1 and 10000"],
    ["indexer_type", ["VI", "LSH", "ANNOY", "FAISS"], ["vi", 1], "Must be one of: VI, LSH, ANNOY, FAISS"],
    ["stm_mode", ["CLEAR", "ROLLING"], [1, true, []], "Must be a string"],
    ["process_predictions", [true, false], [1, "true"], BOOLEAN],
    ["use_token_matching", [true, false], [0, "no"], BOOLEAN],
    ["sort_symbols", [true, false], [1], BOOLEAN],
    ["rank_sort_algo", RANK_METRICS, ["entropy", "Potential", 3], `Must be one of: ${RANK_METRICS.join(", ")}`],
    ["fuzzy_token_threshold", [0, 0.85, 1], [1.1, "0.8"], FRACTION],
    ["affinity_emotive", ["joy"], [1, {}, "\ud800", "e".repeat(1_025)], "Must be a string of at most 1024 characters"],
    [
      "filter_pipeline",
      [[], ["minhash", "length", "jaccard", "bloom", "rapidfuzz"]],
      ["length", ["lenght"], [1], new Array(17).fill("length")],
      "Must be a list of at most 16 of: minhash, length, jaccard, bloom, rapidfuzz",
    ],
    ["length_min_ratio", [0, 1], [1.5], FRACTION],
    ["length_max_ratio", [1, 9], [0.9], "Must be a number not below 1.0"],
    ["jaccard_threshold", [0, 1], [2], FRACTION],
    ["jaccard_min_overlap", [1, 3], [0, 1.5], "Must be an integer not below 1"],
    ["minhash_threshold", [0, 1], [2], FRACTION],
    ["minhash_bands", [20], [10, "20"], "Must be 20: patterns are indexed with 20 bands of 5 rows, 100 hashes"],
    ["minhash_rows", [5], [4], "Must be 5: patterns are indexed with 20 bands of 5 rows, 100 hashes"],
    ["minhash_num_hashes", [100], [128], "Must be 100: patterns are indexed with 20 bands of 5 rows, 100 hashes"],
    ["bloom_false_positive_rate", [0.0001, 0.1], [0, 0.2], "Must be a number between 0.0001 and 0.1"],
    ["max_candidates_per_stage", [100], [99], "Must be an integer not below 100"],
    ["enable_filter_metrics", [true], ["x"], BOOLEAN],
    ["ensemble", ["kato", "ranked"], ["best", 1], "Must be one of: kato, ranked"],
  ] as const)("%s", (key, accepted, refused, text) => {
    for (const occasion of ["create", "update"] as const) {
      for (const value of accepted) expect(checkConfig({ [key]: value }, occasion)).toMatchObject({ ok: true, update: { [key]: value } });
      for (const value of refused) expect(errorsOf({ [key]: value }, occasion)).toEqual({ [key]: text });
    }
  });

  it("covers every setting there is", () => {
    const known = Object.keys(effectiveConfig({}, { fuzzy_token_threshold: 0, affinity_emotive: "e", ensemble: "kato" }));
    const wrong = Object.fromEntries([...known, "sort"].map((key) => [key, Symbol(key)]));
    expect(Object.keys(errorsOf(wrong)).sort()).toEqual([...known, "sort"].sort());
  });

  it("takes any other string as CLEAR", () => {
    expect(update({ stm_mode: "rolling" })).toEqual({ ok: true, update: { stm_mode: "CLEAR" }, notices: [] });
  });

  it("takes a boolean for a number", () => {
    expect(update({ recall_threshold: true, persistence: true })).toEqual({
      ok: true,
      update: { recall_threshold: 1, persistence: 1 },
      notices: [],
    });
  });

  it("checks the old name sort and then ignores it", () => {
    expect(update({ sort: false })).toEqual({ ok: true, update: {}, notices: [] });
    expect(errorsOf({ sort: "yes" })).toEqual({ sort: BOOLEAN });
  });

  it("sets sort_symbols with use_token_matching, unless both are given", () => {
    expect(update({ use_token_matching: false })).toEqual({
      ok: true,
      update: { use_token_matching: false, sort_symbols: false },
      notices: [],
    });
    expect(update({ use_token_matching: false, sort_symbols: true })).toEqual({
      ok: true,
      update: { use_token_matching: false, sort_symbols: true },
      notices: [],
    });
    expect(checkConfig({ use_token_matching: null }, "create")).toEqual({ ok: true, update: { use_token_matching: null }, notices: [] });
  });

  it("refuses null in an update only where KATO checks the key", () => {
    expect(errorsOf({ recall_threshold: null, stm_mode: null })).toEqual({ recall_threshold: FRACTION, stm_mode: "Must be a string" });
    expect(update({ fuzzy_token_threshold: null, filter_pipeline: null })).toEqual({
      ok: true,
      update: { fuzzy_token_threshold: null, filter_pipeline: null },
      notices: [],
    });
    expect(checkConfig({ recall_threshold: null }, "create")).toEqual({ ok: true, update: { recall_threshold: null }, notices: [] });
  });

  it("unsets the emotive by its empty name", () => {
    expect(update({ affinity_emotive: "" })).toEqual({ ok: true, update: { affinity_emotive: null }, notices: [] });
  });

  it("ignores what is no setting, inherited names too", () => {
    const input = JSON.parse('{"node_id":"x","version":3,"__proto__":{"persistence":0},"constructor":1,"toString":2}');
    expect(update(input)).toEqual({ ok: true, update: {}, notices: [] });
    expect(update(Object.create({ persistence: 0 }))).toEqual({ ok: true, update: {}, notices: [] });
  });

  it("lists every refusal, in one order however they were sent", () => {
    const errors = errorsOf({ max_predictions: 0, persistence: 0, recall_threshold: 2, max_pattern_length: 3 });
    expect(Object.keys(errors)).toEqual(["recall_threshold", "persistence", "max_predictions"]);
  });
});

describe("merging", () => {
  it("lays an update over what was set, and unsets by null", () => {
    const own: SessionConfig = { recall_threshold: 0.4, fuzzy_token_threshold: 0.9 };
    const merged = mergeConfig(own, { fuzzy_token_threshold: null, persistence: 7 });
    expect(merged).toEqual({ recall_threshold: 0.4, persistence: 7 });
    expect(Object.keys(merged)).toHaveLength(2);
    expect(own).toEqual({ recall_threshold: 0.4, fuzzy_token_threshold: 0.9 });
  });

  it("shows 22 settings until one without a default is set", () => {
    expect(Object.keys(effectiveConfig({}, {}))).toHaveLength(22);
    expect(effectiveConfig({}, {})).toEqual(SESSION_DEFAULTS);
    expect(Object.keys(effectiveConfig({}, { affinity_emotive: "joy" }))).toHaveLength(23);
  });

  it("puts the session over the process, and the process over the built-in defaults", () => {
    const effective = effectiveConfig({ persistence: 9, max_predictions: 3 }, { max_predictions: 4 });
    expect([effective.persistence, effective.max_predictions, effective.recall_threshold]).toEqual([9, 4, 0.1]);
  });
});

describe("names of early drafts", () => {
  it.each([
    [{ minhash_jaccard_threshold: 0.6 }, { minhash_threshold: 0.6 }],
    [{ jaccard_min_similarity: 0.2 }, { jaccard_threshold: 0.2 }],
    [{ length_max_deviation: 0.25 }, { length_min_ratio: 0.75, length_max_ratio: 1.25 }],
    [{ length_max_deviation: 3 }, { length_min_ratio: 0, length_max_ratio: 4 }],
    [{ rapidfuzz_min_score: 60 }, { recall_threshold: 0.6 }],
    [{ rapidfuzz_min_score: 0.6 }, { recall_threshold: 0.6 }],
    [{ rapidfuzz_min_score: 60, recall_threshold: 0.2 }, { recall_threshold: 0.2 }],
  ])("takes %j for %j, with a notice", (input, update) => {
    for (const occasion of ["create", "update"] as const) {
      expect(checkConfig(input, occasion)).toEqual({ ok: true, update, notices: [expect.stringContaining("is an early name of")] });
    }
  });

  it("refuses values that mean nothing", () => {
    for (const value of [-1, "x", [], 101]) {
      expect(checkConfig({ rapidfuzz_min_score: value }, "update")).toEqual({
        ok: false,
        errors: { rapidfuzz_min_score: "Must be a number between 0 and 100" },
      });
    }
    expect(checkConfig({ length_max_deviation: -0.1 }, "update").ok).toBe(false);
  });
});
