/** The thread that packs: its answers are those of the same work done here, and what it loses is done once more. */
import { afterEach, expect, it } from "vitest";
import { batchRows } from "../../src/engine/batch-rows.ts";
import { packPatterns } from "../../src/engine/pack-patterns.ts";
import { EngineError } from "../../src/errors.ts";
import { HTTP_LIMITS } from "../../src/http/limits.ts";
import { patternLines } from "../../src/http/pattern-lines.ts";
import { silentLogger } from "../../src/log.ts";
import { Packer } from "../../src/pool/packer.ts";
import { EncodedBatch } from "../../src/store/encoded-batch.ts";
import { flushRows, WRITE_ORDER } from "../../src/store/flush-rows.ts";
import { learnOf, lmdbBackEnd } from "../support/state-stores.ts";

const RULES = { symbolsPerPatternMax: 4_096, persistence: 5 };
const packer = new Packer(silentLogger);
afterEach(() => packer.close());

const TEXT = `[["a","b"],["c"]]\n\nnot json\n[["one"]]\n{"events":[["é/€","x","x"]],"emotives":{"joy":0.5},"metadata":{"book":"B"}}\n${'[["p","q","r"]]\n'.repeat(50)}`;

it("reads and packs lines as they are read and packed here", async () => {
  const bytes = Buffer.from(TEXT);
  const found = await packer.lines({ bytes, firstLine: 7, limits: { ...HTTP_LIMITS }, rules: RULES, atMs: 5 });
  const read = [...patternLines(bytes, 7, HTTP_LIMITS)];
  const here = packPatterns(
    read.flatMap(({ item }) => (item instanceof EngineError ? [] : [item])),
    RULES,
    5,
  );
  expect([...found.lines]).toEqual(read.map(({ line }) => line));
  expect([...found.errors]).toEqual([[1, { code: "ENGRAM_BAD_REQUEST", message: expect.stringContaining("not JSON") }]]);
  expect([...found.patterns.places]).toEqual([0, -1, ...Array(51).keys()].map((place, at) => (at < 2 ? place : at - 1)));
  expect(found.patterns.packed).toEqual({
    ...here.packed,
    names: new Uint8Array(here.packed.names),
    bodies: new Uint8Array(here.packed.bodies),
  });
  // The limits are those handed along.
  const short = await packer.lines({ bytes, firstLine: 1, limits: { symbolsPerSequenceMax: 2 }, rules: RULES, atMs: 5 });
  expect([...short.errors.values()].filter(({ code }) => code === "ENGRAM_LIMIT_EXCEEDED").length).toBe(52);
});

it("writes the rows of a large flush as they are written here", async () => {
  const { store, dispose } = await lmdbBackEnd.open();
  try {
    for (const kb of ["a", "b"]) {
      await store.commitLearns(Array.from({ length: 400 }, (_, i) => learnOf(kb, [["é", `s${i % 90}`], [`t${i}`]])));
      await store.finalizeKb(kb, 9);
    }
    await store.clearKb("b", 10);
    const batch = (await store.takeFlush("me", 10_000, 60_000)) as EncodedBatch;
    const rows = await batchRows(packer, new EncodedBatch(batch.token, batch.encoded));
    const { tables, ...facts } = flushRows(batch.entries);
    expect({ ...rows, tables: undefined }).toEqual({ ...facts, tables: undefined });
    expect(facts).toEqual({ learned: ["b", "a"], cleared: [["b", 2]], hasDeletes: false });
    for (const table of WRITE_ORDER) {
      const text = Buffer.from(rows.tables[table]).toString("utf8");
      expect(text).toBe(Buffer.from(tables[table]).toString("utf8"));
    }
    expect(rows.tables.patterns.length).toBeGreaterThan(10_000);
  } finally {
    await dispose();
  }
});

it("does what a lost thread had once more, and says so when it is lost twice", async () => {
  const bytes = Buffer.from(TEXT);
  const task = { bytes, firstLine: 1, limits: {}, rules: RULES, atMs: 5 };
  const expected = await packer.lines(task);
  let faults = 1;
  const faulty = new Packer(silentLogger, () => (faults-- > 0 ? "exit" : undefined));
  try {
    expect(await faulty.lines(task)).toEqual(expected);
    faults = 2;
    await expect(faulty.lines(task)).rejects.toMatchObject({ code: "ENGRAM_WORKER_LOST" });
    expect(await faulty.lines(task)).toEqual(expected);
  } finally {
    await faulty.close();
  }
});
