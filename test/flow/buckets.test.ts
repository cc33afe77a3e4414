import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildApp } from "../../src/http/app.ts";
import { silentLogger } from "../../src/log.ts";
import type { SessionConfig } from "../../src/model/session-config.ts";
import { equalBands, signature } from "../reference/minhash.ts";
import { type OpenedEngine, openTestEngine, type StateBackEnd } from "../support/engines.ts";
import { eventsOf, patternsOf, STEP } from "../support/minhash-families.ts";
import { redisAvailable } from "../support/redis-server.ts";

const DEFAULT = { bands: 20, rows: 5, permutations: 100, scheme: "datasketch" };
const WIDE = { bands: 32, rows: 4, permutations: 128 };

describe.each<StateBackEnd>(redisAvailable() ? ["lmdb", "redis"] : ["lmdb"])("asking for MinHash over %s", (backEnd) => {
  let opened: OpenedEngine;
  let app: ReturnType<typeof buildApp>;
  beforeAll(async () => {
    opened = await openTestEngine(backEnd, { indexStep: STEP });
    app = buildApp({ engine: opened.engine, log: silentLogger, serviceName: "kato", version: "0" });
  });
  afterAll(async () => {
    await app?.close();
    await opened?.close();
  });
  const call = async (method: "GET" | "PUT" | "POST" | "DELETE", url: string, payload?: object) => {
    const reply = await app.inject({ method, url, ...(payload && { payload }) });
    return { status: reply.statusCode, body: reply.json() };
  };
  const put = (node: string, body: object) => call("PUT", `/v1/kbs/${node}/minhash`, body);
  const get = async (node: string) => (await call("GET", `/v1/kbs/${node}/minhash`)).body;

  it("takes what is offered, refuses the rest with the reason, and shows it", async () => {
    expect(await get("rules")).toEqual({ node_id: "rules", kb_id: opened.engine.kbOf("rules"), minhash: null, indexed_below: 0 });
    for (const [body, reason] of [
      [{ bands: 25, rows: 4 }, "20 bands of 5 rows"],
      [{ permutations: 128 }, "20 bands of 5 rows"],
      [{ scheme: "simhash" }, "datasketch, multiply-add, one-permutation"],
      [{ scheme: "multiply-add" }, "16 values at a time"],
      [{ bands: 0 }, "between 1 and 128 bands"],
      [{ rows: "five" }, "rows"],
    ] as const) {
      const refused = await put("rules", body);
      expect(refused.status).toBe(422);
      expect(JSON.stringify(refused.body)).toContain(reason);
    }
    expect((await get("rules")).minhash).toBeNull();
    expect(await put("rules", {})).toMatchObject({ status: 200, body: { minhash: DEFAULT } });
    for (const scheme of ["datasketch", "multiply-add", "one-permutation"] as const)
      expect((await put(`rules ${scheme}`, { ...WIDE, scheme })).body.minhash).toEqual({ ...WIDE, scheme });
  });

  it("keeps a setting until the kb is cleared, and gives it to a copy", async () => {
    const { engine } = opened;
    await put("fixed", {});
    expect((await put("fixed", { bands: 20 })).status).toBe(200);
    expect(await put("fixed", WIDE)).toMatchObject({ status: 409, body: { error: { code: "ENGRAM_MINHASH_FIXED" } } });
    await engine.learnSequences(engine.kbOf("fixed"), patternsOf(0, 3));
    expect((await call("GET", "/v1/kbs")).body.kbs.find((kb: { kb_id: string }) => kb.kb_id === engine.kbOf("fixed")).minhash).toEqual(
      DEFAULT,
    );
    const { session_id: id } = (await call("POST", "/sessions", { node_id: "fixed" })).body;
    await call("POST", `/sessions/${id}/clear-all`);
    expect((await get("fixed")).minhash).toEqual(DEFAULT);
    // What was learned since would be indexed by the old setting.
    await engine.learnSequences(engine.kbOf("fixed"), patternsOf(0, 3));
    expect((await put("fixed", WIDE)).status).toBe(409);
    await call("POST", `/sessions/${id}/clear-all`);
    expect((await put("fixed", WIDE)).body.minhash).toEqual({ ...WIDE, scheme: "datasketch" });
    expect((await put("fixed", {})).status).toBe(409);

    await engine.learnSequences(engine.kbOf("fixed"), patternsOf(0, 3));
    await call("POST", "/v1/kbs/fixed/copy", { to: "twin" });
    expect((await get("twin")).minhash).toMatchObject(WIDE);
    await put("otherwise", {});
    await call("POST", "/v1/kbs/fixed/copy", { to: "otherwise" });
    expect((await get("otherwise")).minhash).toEqual(DEFAULT);
    await call("POST", "/v1/kbs/fixed/rename", { to: "moved" });
    expect([(await get("fixed")).minhash, (await get("moved")).minhash]).toMatchObject([null, WIDE]);
    await call("DELETE", "/v1/kbs/moved?confirm=moved");
    expect((await get("moved")).minhash).toBeNull();
  });

  it("indexes what was there before and what comes, follows edits and clears, and is looked over and mended", async () => {
    const { engine } = opened;
    const kb = engine.kbOf("life");
    await engine.learnSequences(kb, patternsOf(0, 3 * STEP + 5));
    await engine.flush();
    const state = { state: eventsOf(3), config: { recall_threshold: 0.1 } };
    const ask = () => call("POST", "/v1/kbs/life/predict?source=buckets", state);
    const refused = await ask();
    expect(refused.status).toBe(422);
    expect(JSON.stringify(refused.body)).toContain("does not ask for MinHash");
    expect((await put("life", {})).body.indexed_below).toBe(0);
    await engine.flush();
    expect((await get("life")).indexed_below).toBe(3 * STEP);
    const { trace, predictions } = (await ask()).body;
    expect(trace).toMatchObject({ source: "buckets", certified: false });
    expect(trace.stages[0]).toMatchObject({ name: "buckets", candidatesIn: 3 * STEP });
    expect(trace.candidates).toBe(trace.stages[0].candidatesOut + 5);
    expect(predictions[0].similarity).toBe(1);
    const { session_id: id } = (await call("POST", "/sessions", { node_id: "life", config: { recall_threshold: 0.4 } })).body;
    for (const strings of eventsOf(3)) await call("POST", `/sessions/${id}/observe`, { strings });
    const { explain } = (await call("GET", `/sessions/${id}/predictions?source=buckets&explain=true`)).body;
    expect(explain).toMatchObject({ source: "buckets", certified: false, exact: false });
    expect(explain.stages.map((stage: { name: string }) => stage.name)).toEqual(["buckets", "match"]);
    expect(explain.stages[0]).toMatchObject({ candidates_in: 3 * STEP, expected_recall: 1 - (1 - 0.25 ** 5) ** 20 });

    await engine.learnSequences(kb, patternsOf(3 * STEP + 5, 5 * STEP));
    await engine.flush();
    expect((await get("life")).indexed_below).toBe(5 * STEP);
    const name = predictions[0].name as string;
    await call("DELETE", `/v1/kbs/life/patterns/${encodeURIComponent(name)}`);
    const gone = async () => (await ask()).body.predictions.some((one: { name: string }) => one.name === name);
    expect(await gone()).toBe(false);
    await engine.flush();
    expect(await gone()).toBe(false);
    const check = async (repair: boolean) => (await engine.verifyKb(kb, repair)).findings.map((finding) => [finding.check, finding.count]);
    expect(await check(false)).toEqual([]);
    const { buckets } = opened.stores.patterns;
    const generation = (await engine.kbHead(kb)).generation;
    const entries = (await buckets.stored(kb, generation, 7, 8)).get(7)!;
    expect(entries).toHaveLength(20);
    expect((await buckets.stored(kb, generation, 3, 4)).size).toBe(0);
    await buckets.add(kb, generation, { patternIds: BigUint64Array.of(7n), bands: 2, keys: Uint32Array.of(1, 2) });
    await buckets.add(kb, generation, { patternIds: BigUint64Array.of(3n), bands: 1, keys: Uint32Array.of(9) });
    expect(await check(false)).toEqual([["buckets.surplus", 3]]);
    expect(await check(true)).toEqual([]);
    expect((await get("life")).indexed_below).toBe(5 * STEP);
    const before = (await ask()).body.predictions;
    // All rows lost, and the mark not: the worst that can happen to it.
    await buckets.drop(kb, generation, "no mark begins so");
    expect(await check(false)).toEqual([["buckets.missing", (5 * STEP - 1) * 20]]);
    expect(await check(true)).toEqual([]);
    expect((await ask()).body.predictions).toEqual(before);

    await call("POST", `/sessions/${id}/clear-all`);
    await engine.flush();
    expect((await buckets.stored(kb, generation, 0, 10 * STEP)).size).toBe(0);
    await engine.learnSequences(kb, patternsOf(0, STEP));
    await engine.flush();
    expect((await get("life")).indexed_below).toBe(STEP);
    expect((await ask()).body.trace.stages[0].candidatesIn).toBe(STEP);
    expect(await check(false)).toEqual([]);
  }, 120_000);
});

describe("buckets", () => {
  let opened: OpenedEngine;
  const KB = "buckets_kb";
  const INDEXED = 10 * STEP;
  const COUNT = INDEXED + 21;
  const signatures = Array.from({ length: COUNT }, (_, n) => signature(eventsOf(n).flat()));
  beforeAll(async () => {
    opened = await openTestEngine("lmdb", { indexStep: STEP });
    await opened.engine.setMinhash(KB, {});
    await opened.engine.learnSequences(KB, patternsOf(0, INDEXED + 12));
    await opened.engine.flush();
    await opened.engine.learnSequences(KB, patternsOf(INDEXED + 12, COUNT));
  });
  afterAll(() => opened.close());

  const state = fc
    .tuple(fc.nat(COUNT - 1), fc.nat(7), fc.array(fc.constantFrom("x", "family-3-4", "own-5-0"), { maxLength: 3 }))
    .map(([n, drop, extra]) => [...eventsOf(n).slice(drop), ...extra.map((symbol) => [symbol])])
    .filter((events) => events.length > 1);
  const ask = (events: readonly (readonly string[])[], config: SessionConfig, source: "stream" | "buckets") =>
    opened.engine.predictState(KB, events, config, { source });

  it("scores the patterns that share a band with the state and those not indexed yet, and no other", async () => {
    await fc.assert(
      fc.asyncProperty(state, fc.constantFrom(0.1, 0.4, 0.7), async (events, recall_threshold) => {
        const own = signature(events.flat());
        const shares = signatures.slice(0, INDEXED).map((values) => equalBands(values, own).length > 0);
        const offered = shares.filter(Boolean).length;
        const config: SessionConfig = { recall_threshold, max_predictions: 1_000, ensemble: "ranked", rank_sort_algo: "similarity" };
        const [stream, buckets] = await Promise.all([ask(events, config, "stream"), ask(events, config, "buckets")]);
        expect(buckets.trace).toMatchObject({ source: "buckets", certified: false, candidates: offered + COUNT - INDEXED });
        expect(buckets.trace.stages[0]).toMatchObject({ name: "buckets", candidatesIn: INDEXED, candidatesOut: offered });
        const number = new Map(signatures.map((_, n) => [JSON.stringify(eventsOf(n)), n]));
        // An answer holds events; those of a pattern tell which it is.
        const named = (result: typeof stream) =>
          result.predictions.map((one) => ({
            name: one.name,
            n: number.get(JSON.stringify([...one.past, ...one.present, ...one.future]))!,
          }));
        const wanted = named(stream).filter(({ n }) => n >= INDEXED || shares[n]);
        expect(named(buckets)).toEqual(wanted);
      }),
      { numRuns: 60 },
    );
  });

  it("tells of a pattern that it did not offer", async () => {
    // Alike in a third: no band is equal, and a scan finds it.
    const events = [...eventsOf(3).slice(6), ["x"], ["y"], ["z"]];
    const config: SessionConfig = { recall_threshold: 0.1, max_predictions: 1_000, ensemble: "ranked", rank_sort_algo: "similarity" };
    const [stream, buckets] = await Promise.all([ask(events, config, "stream"), ask(events, config, "buckets")]);
    const found = new Set(buckets.predictions.map(({ name }) => name));
    const missed = stream.predictions.find(({ name }) => !found.has(name))!;
    const fate = async (name: string) =>
      (await opened.engine.predictState(KB, events, config, { source: "buckets", fateOf: name })).trace.pattern!;
    expect(await fate(missed.name)).toMatchObject({ outcome: "filtered", stage: "buckets", reason: expect.stringContaining("no band") });
    expect(await fate(buckets.predictions[0]!.name)).toMatchObject({ outcome: "predicted", rank: 1 });
  });

  it("answers as the stream does, and is certain, where the pipeline asks for a band itself", async () => {
    const config = fc.record({
      recall_threshold: fc.constantFrom(0, 0.1, 0.5),
      max_predictions: fc.constantFrom(1, 10, 100),
      minhash_threshold: fc.constantFrom(0.1, 0.3, 0.7),
      filter_pipeline: fc.constantFrom(["minhash"], ["length", "minhash"], ["minhash", "jaccard", "rapidfuzz"]) as fc.Arbitrary<
        NonNullable<SessionConfig["filter_pipeline"]>
      >,
      use_token_matching: fc.boolean(),
      fuzzy_token_threshold: fc.constantFrom(0, 0.8),
    });
    let answers = 0;
    await fc.assert(
      fc.asyncProperty(state, config, async (events, settings) => {
        const given: SessionConfig = settings.use_token_matching ? settings : { ...settings, fuzzy_token_threshold: 0 };
        const [stream, buckets] = await Promise.all([ask(events, given, "stream"), ask(events, given, "buckets")]);
        expect(buckets.trace).toMatchObject({ source: "buckets", certified: true, exact: true });
        expect(buckets.predictions).toEqual(stream.predictions);
        expect(buckets.futurePotentials).toEqual(stream.futurePotentials);
        answers += buckets.predictions.length;
      }),
      { numRuns: 60 },
    );
    expect(answers).toBeGreaterThan(60);
  });

  it("is expected to find what the formula says, by the kb's own setting", async () => {
    const recall = async (kb: string) =>
      (await opened.engine.predictState(kb, eventsOf(1), { recall_threshold: 0.5 }, { source: "buckets" })).trace.stages[0]!.expectedRecall;
    expect(await recall(KB)).toBeCloseTo(1 - (1 - (1 / 3) ** 5) ** 20, 12);
    await opened.engine.setMinhash("wide", { ...WIDE, scheme: "one-permutation" });
    await opened.engine.learnSequences("wide", patternsOf(0, STEP));
    await opened.engine.flush();
    expect(await recall("wide")).toBeCloseTo(1 - (1 - (1 / 3) ** 4) ** 32, 12);
    // With the stage minhash its threshold is asked for, where it is stricter.
    const staged = { filter_pipeline: ["minhash"], minhash_threshold: 0.6, recall_threshold: 0.1 } as const;
    const { trace } = await opened.engine.predictState(KB, eventsOf(1), staged, { source: "buckets" });
    expect(trace.stages[0]!.expectedRecall).toBeCloseTo(1 - (1 - 0.6 ** 5) ** 20, 12);
    // Other bands than the stage's: nothing is certain, and the planner does not take it.
    const asked = { filter_pipeline: ["minhash"], recall_threshold: 0.1 } as const;
    const forced = await opened.engine.predictState("wide", eventsOf(1), asked, { source: "buckets" });
    expect(forced.trace).toMatchObject({ source: "buckets", certified: false });
    expect(forced.predictions[0]!.similarity).toBe(1);
  });

  it("does not pass its budget, and says so", async () => {
    await opened.close();
    opened = await openTestEngine("lmdb", { indexStep: STEP, rowsReadMax: 100 });
    const { engine } = opened;
    await engine.setMinhash(KB, {});
    // More patterns with the same bands than may be read.
    await engine.learnSequences(
      KB,
      Array.from({ length: 3 * STEP }, (_, n) => [["a"], ["b"], ...Array.from({ length: n }, () => ["a"])]),
    );
    await engine.flush();
    const pipeline: SessionConfig = { filter_pipeline: ["minhash"], recall_threshold: 0.01 };
    const { trace } = await engine.predictState(KB, [["a"], ["b"]], pipeline, { source: "buckets" });
    expect(trace).toMatchObject({ certified: false, candidates: 100 });
    expect(trace.stages[0]).toMatchObject({ candidatesIn: 3 * STEP, candidatesOut: 100 });
  });
});
