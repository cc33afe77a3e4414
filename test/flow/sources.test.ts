/**
 * Every source of candidates gives the stream's answer, names, order and numbers, whatever is asked: over learns that are flushed, waiting, or
 * made while a kb is in memory; and the resident kbs' memory: concurrent loads are one, learns are seen at once, evicted and reloaded a
 * thousand times nothing is left behind, a killed worker costs nothing.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine, PredictResult } from "../../src/engine-types.ts";
import { RANK_METRICS, type SessionConfig, STAGE_NAMES } from "../../src/model/session-config.ts";
import { openInlinePool } from "../../src/pool/inline-pool.ts";
import { openPiscinaPool } from "../../src/pool/piscina-pool.ts";
import type { Fault } from "../../src/wire/task.ts";
import { bruteName } from "../reference/brute-kb.ts";
import { type OpenedEngine, openTestEngine, type StateBackEnd } from "../support/engines.ts";
import { redisAvailable } from "../support/redis-server.ts";

const seed = process.env.FC_SEED === undefined ? {} : { seed: Number(process.env.FC_SEED) };
const symbol = fc.integer({ min: 0, max: 11 }).map((n) => ["a", "ab", "abc", "b", "ba", "bac", "c", "ca", "cab", "x", "xy", "xyz"][n]!);
const events = fc.array(
  fc.array(symbol, { minLength: 1, maxLength: 3 }).map((event) => [...event].sort()),
  { minLength: 1, maxLength: 6 },
);
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

const answerOf = ({ predictions, futurePotentials, trace }: PredictResult) => ({ predictions, futurePotentials, dropped: trace.dropped });

describe.each<StateBackEnd>(redisAvailable() ? ["lmdb", "redis"] : ["lmdb"])("sources over %s", (backEnd) => {
  let opened: OpenedEngine;
  beforeAll(async () => {
    opened = await openTestEngine(backEnd);
  });
  afterAll(async () => {
    await opened.close();
  });

  it("answer alike, also after learns and a finalize-training that a kb in memory has to follow", async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(events, { minLength: 1, maxLength: 25 }),
        fc.array(events, { maxLength: 12 }),
        events.filter((state) => state.flat().length > 1),
        config,
        fc.nat(25),
        fc.boolean(),
        async (learned, more, state, settings, flushAt, finalized) => {
          const { engine } = opened;
          const node = `sources-${backEnd}-${run++}`;
          const kb = engine.kbOf(node);
          const own = settings as SessionConfig;
          const compare = async (): Promise<void> => {
            const stream = await engine.predictState(kb, state, own, { source: "stream" });
            const resident = await engine.predictState(kb, state, own, { source: "resident" });
            expect(answerOf(resident)).toEqual(answerOf(stream));
            expect(resident.trace.source).toBe(stream.trace.source === "none" ? "none" : "resident");
            // And once more, with every counter known.
            expect(answerOf(await engine.predictState(kb, state, own, { source: "resident" }))).toEqual(answerOf(stream));
          };
          await engine.learnSequences(kb, learned.slice(0, flushAt));
          await engine.flush();
          await engine.learnSequences(kb, learned.slice(flushAt));
          await compare();
          // What is known already is learned again, too: frequencies rise.
          await engine.learnSequences(kb, [...more, ...learned.slice(0, 3)]);
          await compare();
          if (finalized) {
            const { id } = await engine.createSession({ nodeId: node });
            await engine.finalizeTraining(id);
            await compare();
            await engine.learnSequences(kb, more.slice(0, 2));
            await compare();
          }
        },
      ),
      { numRuns: backEnd === "lmdb" ? 60 : 20, ...seed },
    );
  }, 180_000);

  it("answer alike with emotives, of which a pattern keeps the newest", async () => {
    const { engine } = opened;
    const { id } = await engine.createSession({ nodeId: "emotional", config: { persistence: 3, affinity_emotive: "joy" } });
    const kb = engine.kbOf("emotional");
    for (let round = 0; round < 6; round++) {
      for (const strings of [["x"], ["y"], ["z"]]) {
        await engine.observe(id, { strings, vectors: [], emotives: { joy: round / 3 }, metadata: {} });
      }
      await engine.learn(id);
      const state = [["x"], ["y"]];
      const stream = await engine.predictState(kb, state, { affinity_emotive: "joy" }, { source: "stream" });
      const resident = await engine.predictState(kb, state, { affinity_emotive: "joy" }, { source: "resident" });
      expect(answerOf(resident)).toEqual(answerOf(stream));
      expect(resident.predictions).toHaveLength(1);
    }
  });
});

const patternsOf = (count: number, from = 0): string[][][] =>
  Array.from({ length: count }, (_, i) => [[`s${(from + i) % 97}`], [`t${(from + i) % 89}`], [`u${from + i}`]]);
const STATE = [["s5"], ["t5"]];

describe("knowledge bases in memory", () => {
  let opened: OpenedEngine;
  beforeAll(async () => {
    opened = await openTestEngine("lmdb", { residentBytes: 4 * 2 ** 20 });
  });
  afterAll(async () => {
    await opened.close();
  });
  const ask = (engine: Engine, kb: string, source?: "resident" | "stream"): Promise<PredictResult> =>
    engine.predictState(kb, STATE, { recall_threshold: 0.1 }, source === undefined ? {} : { source });

  it("come in with the first question when they are small, and the answer says where it came from", async () => {
    const { engine } = opened;
    const kb = engine.kbOf("small");
    await engine.learnSequences(kb, patternsOf(200));
    await engine.flush();
    const { trace } = await ask(engine, kb);
    expect(trace.source).toBe("resident");
    expect(trace.plan.map(({ source }) => source)).toEqual(["resident", "stream"]);
    expect(trace).toMatchObject({ exact: true, certified: true, rowsRead: 200, candidates: 200 });
  });

  it("show a learn at once, one by one, and thousands at a time, flushed or not", async () => {
    const { engine } = opened;
    const kb = engine.kbOf("growing");
    await engine.learnSequences(kb, patternsOf(50));
    expect((await ask(engine, kb, "resident")).trace.candidates).toBe(50);
    for (let i = 0; i < 20; i++) {
      await engine.learnSequences(kb, patternsOf(1, 50 + i));
      expect((await ask(engine, kb, "resident")).trace.candidates).toBe(51 + i);
    }
    await engine.learnSequences(kb, patternsOf(9_000, 70));
    expect((await ask(engine, kb, "resident")).trace.candidates).toBe(9_070);
    await engine.flush();
    await engine.learnSequences(kb, patternsOf(10, 9_070));
    expect(answerOf(await ask(engine, kb, "resident"))).toEqual(answerOf(await ask(engine, kb, "stream")));
  });

  it("pass over patterns that are deleted while they are in memory, and are read anew when those are many", async () => {
    const { engine } = opened;
    const kb = engine.kbOf("thinned");
    const sequences = patternsOf(1_500).map((sequence) => [["s5"], ["t5"], ...sequence]);
    await engine.learnSequences(kb, sequences);
    await engine.flush();
    const best = await ask(engine, kb, "resident");
    const head = await engine.kbHead(kb);
    const drop = async (names: readonly string[]): Promise<void> => {
      const edits = [];
      for (const name of names) {
        const record = (await opened.stores.state.counters(kb, head.generation, [name], [])).patterns[0]!;
        const content = (await opened.stores.patterns.patternByName(kb, head.generation, name))!;
        edits.push({ ...content, name, patternId: record.patternId, change: { kind: "delete" as const } });
      }
      expect(await opened.stores.state.editPatterns(kb, head.generation, edits, 0)).toEqual(names.map(() => "done"));
    };
    await drop(best.predictions.slice(0, 20).map(({ name }) => name));
    const resident = await ask(engine, kb, "resident");
    const stream = await ask(engine, kb, "stream");
    expect(resident.predictions).toEqual(stream.predictions);
    expect(resident.trace.rowsRead).toBe(1_500);
    await drop(
      sequences
        .slice(0, 1_200)
        .map((sequence) => bruteName(sequence))
        .filter((name) => !best.predictions.slice(0, 20).some((gone) => gone.name === name)),
    );
    const anew = await ask(engine, kb, "resident");
    expect(anew.trace.rowsRead).toBeLessThan(500);
    expect(anew.predictions).toEqual((await ask(engine, kb, "stream")).predictions);
  });

  it("go with a clear-all", async () => {
    const { engine } = opened;
    const { id } = await engine.createSession({ nodeId: "cleared" });
    const kb = engine.kbOf("cleared");
    await engine.learnSequences(kb, patternsOf(30));
    expect((await ask(engine, kb, "resident")).trace.candidates).toBe(30);
    await engine.clearAll(id);
    await engine.learnSequences(kb, patternsOf(4, 100));
    expect((await ask(engine, kb, "resident")).trace.candidates).toBe(4);
  });

  it("that cannot fit are never begun, and one that is asked about first pushes nobody out", async () => {
    const { engine } = opened;
    const large = engine.kbOf("large");
    await engine.learnSequences(large, patternsOf(30_000));
    await engine.flush();
    const refused = await ask(engine, large);
    expect(refused.trace.source).not.toBe("resident");
    expect(refused.trace.plan).toContainEqual({ source: "resident", refused: expect.stringContaining("resident memory has 4194304") });
    await expect(ask(engine, large, "resident")).rejects.toMatchObject({ code: "ENGRAM_BAD_REQUEST" });

    const kbs = Array.from({ length: 4 }, (_, n) => engine.kbOf(`crowd-${n}`));
    for (const kb of kbs) {
      await engine.learnSequences(kb, patternsOf(7_000));
      await engine.flush();
    }
    const sources: string[] = [];
    for (const kb of kbs) sources.push((await ask(engine, kb)).trace.source);
    // Whatever else answered: the stream, or the index where it has caught up.
    const late = sources.findIndex((source) => source !== "resident");
    expect(late).toBeGreaterThan(0);
    // Asked again, it was used more recently than those that were asked only once.
    expect((await ask(engine, kbs[late]!)).trace.source).toBe("resident");
  });
});

it("evicting and reloading knowledge bases a thousand times leaves nothing behind", async () => {
  const pool = await openInlinePool({ residentBytes: 1_100 * 1024 });
  const opened = await openTestEngine("lmdb", {}, 0, pool);
  const { engine } = opened;
  try {
    const kbs = ["first", "second"].map((node) => engine.kbOf(node));
    for (const kb of kbs) await engine.learnSequences(kb, patternsOf(3_000));
    await engine.flush();
    let evictions = 0;
    for (let round = 0; round < 1_000; round++) {
      const kb = kbs[round % 2]!;
      // Twice: the first question says that it is wanted, the second brings it in.
      const before = pool.resident.used;
      await engine.predictState(kb, STATE, { recall_threshold: 0.9 });
      const { trace } = await engine.predictState(kb, STATE, { recall_threshold: 0.9 });
      if (trace.source === "resident") evictions++;
      expect(pool.resident.used).toBeLessThanOrEqual(1_100 * 1024);
      if (round > 10) expect(pool.resident.used).toBe(before);
    }
    expect(evictions).toBeGreaterThan(900);
    await engine.close();
    expect(pool.resident.used).toBe(0);
  } finally {
    await opened.close();
  }
}, 120_000);

it("a knowledge base that found no room comes in as soon as another may go for it", async () => {
  const pool = await openInlinePool({ residentBytes: 4 * 2 ** 20 });
  const { seal } = pool.resident;
  let isFull = false;
  pool.resident.seal = (...block) => (isFull ? Promise.resolve(undefined) : seal.apply(pool.resident, block));
  const opened = await openTestEngine("lmdb", {}, 0, pool);
  const { engine } = opened;
  try {
    const [first, second] = [engine.kbOf("first"), engine.kbOf("second")];
    for (const kb of [first, second]) await engine.learnSequences(kb, patternsOf(3_000));
    await engine.flush();
    const sourceOf = async (kb: string, source?: "resident"): Promise<string> =>
      (await engine.predictState(kb, STATE, { recall_threshold: 0.9 }, source && { source })).trace.source;
    await sourceOf(first);
    expect(await sourceOf(first)).toBe("resident");
    // The guess of its bytes lets it begin, and the pieces that are free are too small: nobody has to go for one that is asked for the first time.
    isFull = true;
    await expect(sourceOf(second, "resident")).rejects.toMatchObject({ code: "ENGRAM_BAD_REQUEST" });
    isFull = false;
    expect(await sourceOf(second, "resident")).toBe("resident");
  } finally {
    await opened.close();
  }
});

describe("with threads", () => {
  it("many who wait for a load share it, and a worker killed in a scan costs one retry and no wrong answer", async () => {
    const faults: (Fault | undefined)[] = [];
    const pool = await openPiscinaPool({ threads: 2, queueMax: 64, residentBytes: 16 * 2 ** 20, faultOf: () => faults.shift() });
    const opened = await openTestEngine("lmdb", {}, 2, pool);
    const { engine } = opened;
    try {
      const kb = engine.kbOf("shared");
      await engine.learnSequences(kb, patternsOf(5_000));
      await engine.flush();
      const used = pool.resident.used;
      const ask = (): Promise<PredictResult> => engine.predictState(kb, STATE, { recall_threshold: 0.1 }, { source: "resident" });
      const answers = await Promise.all(Array.from({ length: 24 }, ask));
      for (const answer of answers) expect(answerOf(answer)).toEqual(answerOf(answers[0]!));
      const held = pool.resident.used - used;
      await ask();
      expect(pool.resident.used - used).toBe(held);
      for (let round = 0; round < 3; round++) {
        faults.push("exit");
        expect(answerOf(await ask())).toEqual(answerOf(answers[0]!));
      }
      // Learns and questions side by side: each answer has what was learned before it was asked.
      let known = 5_000;
      await Promise.all([
        (async () => {
          for (let i = 0; i < 30; i++) {
            await engine.learnSequences(kb, patternsOf(100, 10_000 + i * 100));
            known += 100;
          }
        })(),
        ...Array.from({ length: 3 }, async () => {
          for (let i = 0; i < 30; i++) {
            const before = known;
            expect((await ask()).trace.candidates).toBeGreaterThanOrEqual(before);
          }
        }),
      ]);
      expect(answerOf(await ask())).toEqual(
        answerOf(await engine.predictState(kb, STATE, { recall_threshold: 0.1 }, { source: "stream" })),
      );
    } finally {
      await opened.close();
    }
  }, 60_000);
});
