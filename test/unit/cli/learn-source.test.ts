import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { readBatches, type SourceBatch, type SourceOptions, sequenceOf } from "../../../src/cli/learn-source.ts";

const folder = mkdtempSync(join(tmpdir(), "engram-source-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, "input");
const limits = { symbolsPerPatternMax: 8, symbolBytesMax: 12 };
const options: SourceOptions = { format: "lines", limits, fromByte: 0, fromLine: 0, batchSequences: 3, skipBad: false };

async function collect(batches: AsyncIterable<SourceBatch>): Promise<SourceBatch[]> {
  const all: SourceBatch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

async function batchesOf(content: string | Buffer, changes: Partial<SourceOptions> = {}): Promise<SourceBatch[]> {
  writeFileSync(path, content);
  return collect(readBatches(path, { ...options, ...changes }));
}
const line = (text: string | Uint8Array, format: SourceOptions["format"] = "lines") =>
  sequenceOf(typeof text === "string" ? Buffer.from(text) : text, false, { format, limits });

describe("a line", () => {
  it("of words is a sequence of events of one symbol each", () => {
    expect(line("a b  c\td\r")).toEqual([["a"], ["b"], ["c"], ["d"]]);
    expect(line("  café 日本 😀 ")).toEqual([["café"], ["日本"], ["😀"]]);
    expect(line(" \t ")).toEqual([]);
  });

  it("of JSON is an array of symbols or of events", () => {
    expect(line('["a","b c",""]', "jsonl")).toEqual([["a"], ["b c"], [""]]);
    expect(line('[["a","b"],["c"]]\r', "jsonl")).toEqual([["a", "b"], ["c"]]);
    expect(line('["__proto__",["constructor"]]', "jsonl")).toEqual([["__proto__"], ["constructor"]]);
    expect(line("[]", "jsonl")).toEqual([]);
  });

  it.each([
    ['{"a":1}', "not a JSON array"],
    ["[1]", "symbols, or arrays of symbols"],
    ["[[]]", "not empty"],
    ['[["a",1]]', "must be a string"],
    ['["a', "not JSON"],
    ['["\\ud800"]', "surrogate"],
    ['["0123456789abc"]', "longer than 12 bytes"],
    ['["日本語文字"]', "longer than 12 bytes"],
    ['["a","a","a","a","a","a","a","a","a"]', "9 symbols"],
  ])("is refused with the reason: %s", (text, reason) => {
    expect(() => line(text, "jsonl")).toThrow(reason);
  });

  it("that is not UTF-8 is refused", () => {
    expect(() => line(Buffer.from([0x61, 0xff]))).toThrow("not UTF-8");
  });
});

describe("batches", () => {
  it("end where they are full, and say where the next begins", async () => {
    const batches = await batchesOf("a b\n\nc d\ne f\ng h\n");
    expect(batches).toEqual([
      {
        sequences: [
          [["a"], ["b"]],
          [["c"], ["d"]],
          [["e"], ["f"]],
        ],
        lines: [1, 3, 4],
        skipped: 0,
        endByte: 13,
        endLine: 4,
      },
      { sequences: [[["g"], ["h"]]], lines: [5], skipped: 0, endByte: 17, endLine: 5 },
    ]);
  });

  it("take a last line without its end, a mark of byte order, and nothing at all", async () => {
    expect(await batchesOf("\uFEFFa b\nc d")).toEqual([
      {
        sequences: [
          [["a"], ["b"]],
          [["c"], ["d"]],
        ],
        lines: [1, 2],
        skipped: 0,
        endByte: 10,
        endLine: 2,
      },
    ]);
    expect(await batchesOf("")).toEqual([]);
    expect(await batchesOf("\n\n")).toEqual([{ sequences: [], lines: [], skipped: 0, endByte: 2, endLine: 2 }]);
  });

  it("name the first bad line, or count bad lines", async () => {
    const content = '["a"]\n[1]\n["b"]\n{}\n';
    await expect(batchesOf(content, { format: "jsonl" })).rejects.toMatchObject({ code: "ENGRAM_BAD_REQUEST", details: { line: 2 } });
    const [batch] = await batchesOf(content, { format: "jsonl", skipBad: true });
    expect(batch).toMatchObject({ skipped: 2, endLine: 4, sequences: [[["a"]], [["b"]]] });
  });

  it("say what is wrong with a file that cannot be read", async () => {
    await expect(collect(readBatches(join(folder, "absent"), options))).rejects.toMatchObject({ code: "ENGRAM_FILE_UNREADABLE" });
    await expect(collect(readBatches(folder, options))).rejects.toMatchObject({ code: "ENGRAM_FILE_UNREADABLE" });
  });

  it("cross the pieces in which a file is read", async () => {
    const long = Array.from({ length: 30_000 }, (_, i) => `s${i} t${i % 7} é`);
    const batches = await batchesOf(`${long.join("\n")}\n`, { batchSequences: 1_000 });
    expect(batches).toHaveLength(30);
    expect(batches.flatMap((batch) => batch.sequences).map((sequence) => sequence.flat().join(" "))).toEqual(long);
  });

  it("begun at the end of any batch give the rest: nothing twice, nothing lost", async () => {
    const symbol = fc.string({ unit: fc.constantFrom("a", "b", "é", "😀"), minLength: 1, maxLength: 3 });
    const text = fc.array(
      fc.oneof(
        fc.array(symbol, { maxLength: 8 }).map((symbols) => symbols.join(" ")),
        fc.constant(""),
      ),
      { maxLength: 30 },
    );
    const property = fc.asyncProperty(
      text,
      fc.constantFrom("\n", "\r\n"),
      fc.boolean(),
      fc.integer({ min: 1, max: 5 }),
      async (lines, end, closed, size) => {
        const content = lines.join(end) + (closed ? end : "");
        const expected = lines.map((entry) => entry.split(" ").filter((word) => word !== "")).filter((words) => words.length > 0);
        const whole = await batchesOf(content, { batchSequences: size });
        expect(whole.flatMap((batch) => batch.sequences).map((sequence) => sequence.flat())).toEqual(expected);
        let learned = 0;
        for (const { sequences, endByte, endLine } of whole) {
          learned += sequences.length;
          const rest = await batchesOf(content, { batchSequences: size, fromByte: endByte, fromLine: endLine });
          expect(rest.flatMap((batch) => batch.sequences).map((sequence) => sequence.flat())).toEqual(expected.slice(learned));
        }
      },
    );
    await fc.assert(property, { numRuns: 60, ...(process.env.FC_SEED && { seed: Number(process.env.FC_SEED) }) });
  });
});
