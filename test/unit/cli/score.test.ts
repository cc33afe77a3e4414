import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Memory, Sequence } from "../../../src/cli/memory.ts";
import { scoreFile } from "../../../src/cli/score.ts";
import { ScoreOutput } from "../../../src/cli/score-output.ts";
import { EngineError } from "../../../src/errors.ts";

let folder: string;
let file: string;
let out: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "engram-score-"));
  file = join(folder, "queries.txt");
  out = join(folder, "scores.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const lines = (from: number, to: number): string => Array.from({ length: to - from }, (_, i) => `s${from + i} t\n`).join("");
const SETTINGS = { cutoff: 0.5, keep: 2, similarity: "token" } as const;
const outputOf = (changes = {}) =>
  new ScoreOutput(out, { file, node: "n", lineFormat: "lines", url: "", dataDir: folder, ...SETTINGS, ...changes });

/** Every state matches one pattern of its own name; the batch with the given number fails. */
function fakeMemory(failAt = Number.POSITIVE_INFINITY): Pick<Memory, "score"> & { asked: string[] } {
  let batch = 0;
  const asked: string[] = [];
  return {
    asked,
    score: async (states: readonly Sequence[]) => {
      batch += 1;
      if (batch === failAt) throw new EngineError("ENGRAM_STORE_UNREACHABLE", "gone");
      asked.push(...states.map((state) => state[0]![0]!));
      return states.map((state, index) => ({
        index,
        patterns: 7,
        matched: 1,
        matches: [{ name: `PTRN|${state[0]![0]}`, similarity: 0.5 }],
      }));
    },
  };
}

async function run(memory: Pick<Memory, "score">, options: { restart?: boolean; stopped?: () => boolean; output?: ScoreOutput } = {}) {
  const output = options.output ?? outputOf();
  const from = await output.open(options.restart ?? false);
  try {
    return await scoreFile({
      memory,
      file,
      format: "lines",
      limits: { symbolsPerPatternMax: 8, symbolBytesMax: 100 },
      skipBad: true,
      settings: SETTINGS,
      output,
      from,
      stopped: options.stopped ?? (() => false),
      onProgress: () => undefined,
      batchStates: 10,
    });
  } finally {
    await output.close();
  }
}

const written = () =>
  readFileSync(out, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const expectWhole = (count: number): void => {
  const found = written();
  expect(found.map(({ query }) => query)).toEqual(Array.from({ length: count }, (_, i) => i));
  expect(found.map(({ matches }) => (matches as { name: string }[])[0]!.name)).toEqual(
    Array.from({ length: count }, (_, i) => `PTRN|s${i}`),
  );
};

describe("scoring a file", () => {
  it("writes a line a state, with its place among the states and in the file", async () => {
    writeFileSync(file, `s0 t\n\n${"x".repeat(101)} t\ns1 t\n`);
    expect(await run(fakeMemory())).toMatchObject({ states: 2, matched: 2, line: 4, skipped: 1 });
    expect(written()).toEqual([
      { query: 0, line: 1, patterns: 7, matched: 1, matches: [{ name: "PTRN|s0", similarity: 0.5 }] },
      { query: 1, line: 4, patterns: 7, matched: 1, matches: [{ name: "PTRN|s1", similarity: 0.5 }] },
    ]);
  });

  it("goes on where a failure stopped it, and asks nothing twice that was recorded", async () => {
    writeFileSync(file, lines(0, 95));
    await expect(run(fakeMemory(4))).rejects.toMatchObject({ code: "ENGRAM_STORE_UNREACHABLE" });
    const recorded = written().length;
    expect(recorded).toBe(30);
    const memory = fakeMemory();
    await run(memory);
    expect(memory.asked[0]).toBe(`s${recorded}`);
    expectWhole(95);
  });

  it.each([1, 7, 63])("throws away what a kill left behind the record (%i bytes)", async (bytes) => {
    writeFileSync(file, lines(0, 30));
    let batches = 0;
    await run(fakeMemory(), { stopped: () => ++batches === 2 });
    appendFileSync(out, '{"query":20,"line":21,"patterns":7,"matched":1,"matches":[]}\n{"qu'.slice(0, bytes));
    await run(fakeMemory());
    expectWhole(30);
  });

  it("stops after the batches at hand, and a file that grew goes on", async () => {
    writeFileSync(file, lines(0, 30));
    let asked = 0;
    await run(fakeMemory(), { stopped: () => ++asked > 0 });
    expect(written().length).toBe(10);
    appendFileSync(file, lines(30, 40));
    await run(fakeMemory());
    expectWhole(40);
  });

  it("refuses an output that is not its own, and one that was cut", async () => {
    writeFileSync(file, lines(0, 30));
    writeFileSync(out, "mine\n");
    await expect(run(fakeMemory())).rejects.toMatchObject({
      code: "ENGRAM_FILE_UNREADABLE",
      message: expect.stringContaining("exists already"),
    });
    expect(readFileSync(out, "utf8")).toBe("mine\n");
    await run(fakeMemory(), { restart: true });
    await expect(run(fakeMemory(), { output: outputOf({ cutoff: 0.6 }) })).rejects.toThrow("other queries or settings");
    truncateSync(out, 100);
    await expect(run(fakeMemory())).rejects.toThrow("shorter than it was left");
    writeFileSync(file, lines(50, 80));
    await expect(run(fakeMemory())).rejects.toThrow("was changed since");
    writeFileSync(`${out}.progress.json`, "{");
    await expect(run(fakeMemory())).rejects.toThrow("is damaged");
    await run(fakeMemory(), { restart: true });
    expect(written()).toHaveLength(30);
    const output = outputOf();
    await output.forget();
    expect(existsSync(`${out}.progress.json`)).toBe(false);
  });
});
