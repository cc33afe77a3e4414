/** The source "postings" against the stream, through the whole engine: the same predictions, names, order and figures, whenever it says certified. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RANK_METRICS, type SessionConfig } from "../../src/model/session-config.ts";
import { type OpenedEngine, openTestEngine } from "../support/engines.ts";

const STEP = 64;
const KB = "postings_kb";

/** A small Zipf-like vocabulary, so that overlaps, ties and repeats are frequent. */
const symbol = fc.integer({ min: 0, max: 999 }).map((n) => `s${Math.floor(30 ** (n / 1000)) - 1}`);
const sequence = (most: number) => fc.array(fc.array(symbol, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: most });

describe("postings", () => {
  let opened: OpenedEngine;
  beforeAll(async () => {
    opened = await openTestEngine("lmdb", { indexStep: STEP });
    const learned = fc.sample(sequence(12), { numRuns: 10 * STEP + 17, seed: 5 });
    await opened.engine.learnSequences(KB, learned);
    await opened.engine.flush();
    // More that is flushed and not indexed, and a tail that is not flushed.
    await opened.engine.learnSequences(KB, fc.sample(sequence(12), { numRuns: STEP / 4, seed: 6 }));
    await opened.engine.flush();
    await opened.engine.learnSequences(KB, fc.sample(sequence(12), { numRuns: 9, seed: 7 }));
  });
  afterAll(() => opened.close());

  const both = async (state: readonly (readonly string[])[], config: SessionConfig) => {
    const [stream, postings] = await Promise.all(
      (["stream", "postings"] as const).map((source) => opened.engine.predictState(KB, state, config, { source })),
    );
    return { stream: stream!, postings: postings! };
  };

  it("answers as the stream does, over metrics, ensembles, thresholds, numbers and stages", async () => {
    const config = fc.record({
      ensemble: fc.constantFrom("kato" as const, "ranked" as const),
      rank_sort_algo: fc.constantFrom(...RANK_METRICS.filter((metric) => !metric.startsWith("weighted"))),
      recall_threshold: fc.constantFrom(0.05, 0.1, 0.3, 0.5, 0.7, 1),
      max_predictions: fc.constantFrom(1, 3, 10, 100),
      filter_pipeline: fc.constantFrom([], ["length"], ["jaccard"], ["length", "bloom"], ["rapidfuzz"], ["minhash"]) as fc.Arbitrary<
        NonNullable<SessionConfig["filter_pipeline"]>
      >,
    });
    let certified = 0;
    await fc.assert(
      fc.asyncProperty(sequence(8), config, async (state, settings) => {
        if (state.flat().length < 2) return;
        const { stream, postings } = await both(state, settings);
        expect(stream.trace.source).toBe("stream");
        if (stream.trace.candidates === 0) return;
        expect(postings.trace.source).toBe("postings");
        // Few enough patterns that nothing passes a budget.
        expect(postings.trace.certified).toBe(true);
        certified++;
        expect(postings.predictions).toEqual(stream.predictions);
        expect(postings.futurePotentials).toEqual(stream.futurePotentials);
      }),
      { numRuns: 80 },
    );
    expect(certified).toBeGreaterThan(50);
  });

  it("reads few patterns where few resemble the state, and finds what was learned a moment ago", async () => {
    await opened.engine.learnSequences(KB, [[["rare-a"], ["rare-b"], ["rare-c"]]]);
    const { stream, postings } = await both([["rare-a"], ["rare-b"], ["never seen"]], { recall_threshold: 0.5 });
    expect(postings.predictions).toEqual(stream.predictions);
    expect(postings.predictions).toHaveLength(1);
    // What is not indexed is scanned: less than two steps of it.
    expect(postings.trace.rowsRead).toBeLessThan(2 * STEP);
    expect(stream.trace.rowsRead).toBeGreaterThan(9 * STEP);
  });

  it("says why it cannot serve", async () => {
    const ask = (config: SessionConfig) => opened.engine.predictState(KB, [["s1"], ["s2"]], config, { source: "postings" });
    await expect(ask({ use_token_matching: false })).rejects.toMatchObject({ code: "ENGRAM_BAD_REQUEST" });
    await expect(ask({ fuzzy_token_threshold: 0.8 })).rejects.toThrow("fuzzy");
    await expect(ask({ recall_threshold: 0 })).rejects.toThrow("threshold 0");
  });

  it("does not pass its budget, and says so", async () => {
    await opened.close();
    opened = await openTestEngine("lmdb", { indexStep: STEP, rowsReadMax: 200 });
    // More patterns with a frequent symbol than may be read.
    const learned = Array.from({ length: 20 * STEP }, (_, i) => [["s1"], ["s2"], [`t${i}`]]);
    await opened.engine.learnSequences(KB, learned);
    await opened.engine.flush();
    const ask = (state: string[][]) => opened.engine.predictState(KB, state, { recall_threshold: 0.1 }, { source: "postings" });
    expect((await ask([["s1"], ["s2"], ["s0"]])).trace.certified).toBe(false);
    expect((await ask([["t5"], ["t6"], ["s0"]])).trace).toMatchObject({ certified: true, rowsRead: 2 });
  });

  it("proves the best of many that tie, in the order of their names, without looking at them all", async () => {
    await opened.close();
    opened = await openTestEngine("lmdb", { indexStep: STEP, rowsReadMax: 200 });
    // All as similar to the state, ten times as many as may be read.
    await opened.engine.learnSequences(
      KB,
      Array.from({ length: 32 * STEP }, (_, i) => [["s1"], ["s2"], [`t${i}`]]),
    );
    await opened.engine.flush();
    const ask = (keep: number) => {
      const config = { recall_threshold: 0.5, max_predictions: keep, ensemble: "ranked", rank_sort_algo: "similarity" } as const;
      return both([["s1"], ["s2"]], config);
    };
    for (const keep of [1, 10]) {
      const { stream, postings } = await ask(keep);
      expect(postings.predictions.map(({ name }) => name)).toEqual(stream.predictions.map(({ name }) => name));
      expect(new Set(stream.predictions.map(({ similarity }) => similarity)).size).toBe(1);
      expect(postings.trace).toMatchObject({ certified: true });
      expect(postings.trace.rowsRead).toBeLessThan(200);
    }
    // Two hundred may be read, and there are only so many under the first bytes: that is no proof for as many answers.
    const { postings } = await ask(1_000);
    expect(postings.trace.certified).toBe(false);
  });
});
