/** `engram eval next` without its process: settings, the printed table, and one run on built workers. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { type EvalNextRecord, evalNextReport, evalNextSettings, registerEval } from "../../../src/cli/eval.ts";

const GIVEN = { folds: "14", seed: "1", tuning: "300" };
const folder = mkdtempSync(join(tmpdir(), "engram-eval-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

describe("settings", () => {
  it("are the options over the preset over the defaults", () => {
    expect(evalNextSettings(GIVEN)).toMatchObject({
      preset: null,
      min: 2,
      limit: null,
      window: 5,
      consequent: 1,
      collapse: false,
      folds: 14,
    });
    expect(evalNextSettings({ ...GIVEN, preset: "sign" })).toMatchObject({
      min: 10,
      limit: 1000,
      window: 7,
      consequent: 3,
      collapse: true,
    });
    expect(evalNextSettings({ ...GIVEN, preset: "sign", window: "4", collapse: false })).toMatchObject({
      window: 4,
      min: 10,
      collapse: false,
    });
  });

  it.each([{ window: "0" }, { consequent: "1.5" }, { folds: "1" }, { seed: "-1" }, { min: "" }, { tuning: "many" }])(
    "refuse %o",
    (wrong) => {
      expect(() => evalNextSettings({ ...GIVEN, ...wrong })).toThrow(expect.objectContaining({ code: "ENGRAM_BAD_REQUEST" }));
    },
  );
});

async function run(...args: string[]): Promise<string> {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const program = new Command("engram").exitOverride();
  registerEval(program);
  await program.parseAsync(["eval", "next", ...args], { from: "user" });
  return lines.join("\n");
}

describe("the command", () => {
  const file = join(folder, "steps.txt");
  writeFileSync(file, Array.from({ length: 12 }, (_, at) => (at % 2 === 0 ? "a b c d" : "w x y z")).join("\n"));

  it("prints a record with --json, and the same as a table without", async () => {
    const args = [file, "--folds", "3", "--threads", "1", "--seed", "7"];
    const record = JSON.parse(await run(...args, "--json")) as EvalNextRecord;
    expect(record).toMatchObject({
      what: "eval next",
      file: "steps.txt",
      sequences: 12,
      symbols: 8,
      settings: { seed: 7, folds: 3, threads: 1 },
      tested: 12,
      accuracy: { top1: 1, top3: 1, top10: 1 },
      withoutPrediction: 0,
      reference: {},
    });
    vi.restoreAllMocks();
    expect(await run(...args)).toMatch(/Engram\s+│ 100\.0 % │ 100\.0 % │ 100\.0 %/);
  });

  it("says what to do about a file with too few sequences", async () => {
    await expect(run(file, "--folds", "13")).rejects.toThrow("has 12 sequences of at least 2 symbols; 13 folds need as many");
  });

  it("sets the figures beside those of others", () => {
    const accuracy = { top1: 0.401, top3: 0.6, top10: 0.7 };
    const record: EvalNextRecord = {
      what: "eval next",
      file: "f",
      sequences: 1,
      symbols: 1,
      settings: evalNextSettings(GIVEN),
      tested: 1,
      accuracy,
      withoutPrediction: 0.25,
      ms: { train: 1_000, ask: 2_000, perQuestion: 3 },
      weights: { aligned: 0, near: 0, informed: 0, similar: 0, run: 0, prior: 0, seen: 0 },
      reference: { "CPT+": 37.6 },
      machine: { cpu: "", threads: 1, node: "" },
    };
    const report = evalNextReport(record);
    expect(report).toMatch(/Engram\s+│ 40\.1 % │ 60\.0 % │ 70\.0 %/);
    expect(report).toMatch(/CPT\+ \(reference\) │ 37\.6 %/);
    expect(report).toMatch(/without a prediction │ 25\.0 %/);
  });
});
