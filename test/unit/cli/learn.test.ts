import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { learnFile } from "../../../src/cli/learn.ts";
import { type LearnProgress, ProgressRecord } from "../../../src/cli/learn-progress.ts";
import type { Memory, Sequence } from "../../../src/cli/memory.ts";
import { EngineError } from "../../../src/errors.ts";

let folder: string;
let file: string;
let learned: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "engram-learn-"));
  file = join(folder, "input.txt");
  learned = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const NOTHING_LEARNED: LearnProgress = { run: "r", byteOffset: 0, line: 0, stored: 0, tooShort: 0, skipped: 0 };
/** A record that is not there yet begins a run of a new name. */
const NEW_RUN = { ...NOTHING_LEARNED, run: expect.stringMatching(/^[0-9a-f-]{36}$/) };
const lines = (count: number, from = 0): string => Array.from({ length: count }, (_, i) => `s${from + i} t\n`).join("");
const recordOf = () => new ProgressRecord({ dataDir: folder, file, node: "n", lineFormat: "lines", url: "" });
const firsts = (sequences: readonly Sequence[]): string[] => sequences.map((sequence) => sequence[0]![0]!);

/** Remembers the first symbol of each sequence; fails at the batch with the given number. */
function fakeMemory(failAt = Number.POSITIVE_INFINITY): Memory {
  let batch = 0;
  return {
    where: "a test",
    learn: async (sequences) => {
      batch += 1;
      if (batch === failAt) throw new EngineError("ENGRAM_DISK_FULL", "full");
      learned.push(...firsts(sequences));
      return { stored: sequences.length, tooShort: 0 };
    },
    predict: async () => [],
    score: async () => [],
    patternCount: async () => learned.length,
    close: async () => undefined,
  };
}

const run = (memory: Memory, from: LearnProgress, stopped = () => false) =>
  learnFile({
    memory,
    file,
    format: "lines",
    limits: { symbolsPerPatternMax: 8, symbolBytesMax: 100 },
    skipBad: false,
    record: recordOf(),
    from,
    stopped,
    onProgress: () => undefined,
    batchSequences: 10,
  });

it("learns a file once, and goes on where a failure stopped it", async () => {
  writeFileSync(file, lines(95));
  await expect(run(fakeMemory(4), NOTHING_LEARNED)).rejects.toMatchObject({ code: "ENGRAM_DISK_FULL" });
  expect(learned).toHaveLength(30);
  const from = await recordOf().load();
  expect(from).toMatchObject({ line: 30, stored: 30 });
  const end = await run(fakeMemory(), from);
  expect(end).toMatchObject({ line: 95, stored: 95, byteOffset: readFileSync(file).length });
  expect(learned).toEqual(Array.from({ length: 95 }, (_, i) => `s${i}`));
});

it("sends a batch that was learned just before a crash again under the same key, and every batch under its own", async () => {
  writeFileSync(file, lines(30));
  const keys: string[] = [];
  const memory = (failAfter: number): Memory => ({
    ...fakeMemory(),
    learn: async (sequences, key) => {
      keys.push(key);
      if (keys.length === failAfter) throw new EngineError("ENGRAM_STORE_UNREACHABLE", "the answer was lost");
      return { stored: sequences.length, tooShort: 0 };
    },
  });
  await expect(run(memory(2), NOTHING_LEARNED)).rejects.toMatchObject({ code: "ENGRAM_STORE_UNREACHABLE" });
  await run(memory(0), await recordOf().load());
  expect(keys).toHaveLength(4);
  expect(keys[2]).toBe(keys[1]);
  expect(new Set(keys).size).toBe(3);
});

it("stops between batches when asked, with the record at the last batch", async () => {
  writeFileSync(file, lines(50));
  const end = await run(fakeMemory(), NOTHING_LEARNED, () => learned.length >= 20);
  expect(end.stored).toBe(20);
  expect(await recordOf().load()).toEqual(end);
});

it("learns what a file has grown by, and nothing else", async () => {
  writeFileSync(file, lines(12));
  await run(fakeMemory(), NOTHING_LEARNED);
  appendFileSync(file, lines(3, 12));
  learned = [];
  await run(fakeMemory(), await recordOf().load());
  expect(learned).toEqual(["s12", "s13", "s14"]);
});

it.each(["\n", "\r\n"])("goes on behind a last line that gets its end later: %j", async (end) => {
  writeFileSync(file, "s0 t\ns1 t");
  await run(fakeMemory(), NOTHING_LEARNED);
  expect(await recordOf().load()).toMatchObject({ byteOffset: 9, line: 2 });
  appendFileSync(file, `${end}s2 t${end}`);
  learned = [];
  expect(await run(fakeMemory(), await recordOf().load())).toMatchObject({ line: 3, stored: 3 });
  expect(learned).toEqual(["s2"]);
});

it("refuses to go on behind a last line that was continued", async () => {
  writeFileSync(file, "s0 t\ns1 t");
  await run(fakeMemory(), NOTHING_LEARNED);
  appendFileSync(file, " u\n");
  await expect(recordOf().load()).rejects.toMatchObject({ code: "ENGRAM_FILE_UNREADABLE", message: expect.stringContaining("continued") });
});

it("refuses to go on in a file that was changed or cut, until it is told to begin anew", async () => {
  writeFileSync(file, lines(40));
  await run(fakeMemory(), NOTHING_LEARNED);
  writeFileSync(file, lines(40).replace("s3 t", "x3 t"));
  await expect(recordOf().load()).rejects.toMatchObject({ code: "ENGRAM_FILE_UNREADABLE", message: expect.stringContaining("--restart") });
  writeFileSync(file, lines(39));
  await expect(recordOf().load()).rejects.toMatchObject({ code: "ENGRAM_FILE_UNREADABLE" });
  await recordOf().forget();
  expect(await recordOf().load()).toEqual(NEW_RUN);
});

it("keeps a record for each node, and says when one is damaged", async () => {
  writeFileSync(file, lines(1));
  const record = recordOf();
  await record.save({ ...NOTHING_LEARNED, byteOffset: 5, line: 1, stored: 1 });
  expect(existsSync(record.path)).toBe(true);
  const other = new ProgressRecord({ dataDir: folder, file, node: "other", lineFormat: "lines", url: "" });
  expect(other.path).not.toBe(record.path);
  expect(await other.load()).toEqual(NEW_RUN);
  writeFileSync(record.path, "{");
  await expect(record.load()).rejects.toMatchObject({ message: expect.stringContaining("damaged") });
});

it("does not move the record before a batch was learned", async () => {
  writeFileSync(file, lines(5));
  await expect(run(fakeMemory(1), NOTHING_LEARNED)).rejects.toThrow();
  expect(existsSync(recordOf().path)).toBe(false);
});
