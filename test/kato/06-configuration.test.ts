/** Section 6 of KATO's interface: settings of a session. */
import { expect, it } from "vitest";
import { onEveryServer } from "./servers.ts";

const DEFAULTS = {
  recall_threshold: 0.1,
  persistence: 5,
  max_pattern_length: 0,
  max_predictions: 100,
  indexer_type: "VI",
  stm_mode: "CLEAR",
  process_predictions: true,
  use_token_matching: true,
  rank_sort_algo: "potential",
  sort_symbols: true,
  filter_pipeline: [],
  length_min_ratio: 0.5,
  length_max_ratio: 2,
  jaccard_threshold: 0.3,
  jaccard_min_overlap: 2,
  minhash_threshold: 0.7,
  minhash_bands: 20,
  minhash_rows: 5,
  minhash_num_hashes: 100,
  bloom_false_positive_rate: 0.01,
  max_candidates_per_stage: 100_000,
  enable_filter_metrics: true,
};

const RANKS =
  "potential, similarity, evidence, confidence, snr, fragmentation, frequency, normalized_entropy, global_normalized_entropy, itfdf_similarity, confluence, predictive_information, bayesian_posterior, bayesian_prior, bayesian_likelihood, tfidf_score, weighted_similarity, weighted_evidence, weighted_confidence, weighted_snr";

onEveryServer("configuration", (kato) => {
  const read = async (id: string) => (await kato.call("GET", `/sessions/${id}/config`)).body.config;
  const update = (id: string, config: unknown) => kato.call("POST", `/sessions/${id}/config`, { config });

  it("of a new session shows 22 keys", async () => {
    const id = await kato.session();
    const { body } = await kato.call("GET", `/sessions/${id}/config`);
    expect(body).toEqual({ session_id: id, config: DEFAULTS });
  });

  it("is merged key by key, wrapped or bare; two keys show once they are set", async () => {
    const id = await kato.session({ config: { persistence: 7 } });
    expect((await update(id, { recall_threshold: 0.5, fuzzy_token_threshold: 0.8 })).body).toEqual({
      status: "okay",
      message: "Configuration updated",
      session_id: id,
    });
    expect((await kato.call("POST", `/sessions/${id}/config`, { affinity_emotive: "joy" })).status).toBe(200);
    expect(await read(id)).toEqual({
      ...DEFAULTS,
      persistence: 7,
      recall_threshold: 0.5,
      fuzzy_token_threshold: 0.8,
      affinity_emotive: "joy",
    });
    await update(id, { fuzzy_token_threshold: null, affinity_emotive: null });
    expect(Object.keys(await read(id))).toHaveLength(22);
  });

  it("[T] ignores unknown keys with 200", async () => {
    const id = await kato.session();
    expect((await update(id, { unheard_of: 1, node_id: "other", version: 9 })).status).toBe(200);
    expect(await read(id)).toEqual(DEFAULTS);
  });

  it("[T] takes any other stm_mode for CLEAR", async () => {
    const id = await kato.session({ config: { stm_mode: "ROLLING" } });
    expect((await update(id, { stm_mode: "INVALID_MODE" })).status).toBe(200);
    expect((await read(id)).stm_mode).toBe("CLEAR");
  });

  it("[T] survives observe, learn and both clears", async () => {
    const id = await kato.session({ config: { recall_threshold: 0.42, max_predictions: 7 } });
    const before = await read(id);
    await kato.learn(id, ["a"], ["b"]);
    await kato.call("POST", `/sessions/${id}/clear-stm`);
    await kato.call("POST", `/sessions/${id}/clear-all`);
    expect(await read(id)).toEqual(before);
  });

  it.each([
    ["recall_threshold", [1.1, -0.1, "0.5", null], "Must be a number between 0.0 and 1.0"],
    ["persistence", [0, 101, 1.5, null], "Must be an integer between 1 and 100"],
    ["max_pattern_length", [-1, 0.5, null], "Must be a non-negative integer"],
    ["max_predictions", [0, 10_001, null], "Must be an integer between 1 and 10000"],
    ["indexer_type", ["XX", 1, null], "Must be one of: VI, LSH, ANNOY, FAISS"],
    ["stm_mode", [7, null], "Must be a string"],
    ["process_predictions", ["yes", 1, null], "Must be a boolean (true/false)"],
    ["use_token_matching", ["yes", null], "Must be a boolean (true/false)"],
    ["sort", ["yes", null], "Must be a boolean (true/false)"],
    ["rank_sort_algo", ["best", null], `Must be one of: ${RANKS}`],
  ] as const)("refuses bad values of %s with KATO's text, and applies nothing", async (key, values, text) => {
    const id = await kato.session();
    for (const value of values) {
      const { status, body } = await update(id, { length_min_ratio: 0.1, [key]: value });
      expect([value, status]).toEqual([value, 400]);
      expect(body).toEqual({ detail: { error: "Configuration validation failed", validation_errors: { [key]: text } } });
    }
    expect(await read(id)).toEqual(DEFAULTS);
  });

  it("refuses bad values at creation as well, and makes no session", async () => {
    const { status, body } = await kato.call("POST", "/sessions", { node_id: "n", config: { recall_threshold: 7 } });
    expect(status).toBe(400);
    expect(body.detail.validation_errors).toEqual({ recall_threshold: "Must be a number between 0.0 and 1.0" });
  });

  it("takes a boolean for a number, and refuses a body that is no object", async () => {
    const id = await kato.session();
    await update(id, { recall_threshold: true });
    expect((await read(id)).recall_threshold).toBe(1);
    for (const body of [[], "x", 7]) expect((await kato.call("POST", `/sessions/${id}/config`, body)).status).toBe(422);
  });

  it("sets sort_symbols with use_token_matching", async () => {
    const id = await kato.session();
    await update(id, { use_token_matching: false });
    expect(await read(id)).toMatchObject({ use_token_matching: false, sort_symbols: false });
  });

  it("takes names of early drafts, with a notice", async () => {
    const id = await kato.session();
    const { status, body, headers } = await update(id, { minhash_jaccard_threshold: 0.6 });
    expect(status).toBe(200);
    expect(body.message).toContain("minhash_threshold");
    expect(headers.get("x-engram-notice")).toContain("minhash_threshold");
    expect((await read(id)).minhash_threshold).toBe(0.6);
    const created = await kato.call("POST", "/sessions", { node_id: kato.node(), config: { length_max_deviation: 0.25 } });
    expect(created.body.session_config).toMatchObject({ length_min_ratio: 0.75, length_max_ratio: 1.25 });
    expect(created.headers.get("x-engram-notice")).toContain("length_min_ratio");
  });
});
