/** `engram stress` as its users meet it, small: it loads, serves, asks, checks and writes what it found. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import type { StressRecord } from "../../src/stress/record.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));

it("loads, asks every source, finds no certified answer wrong, and does not load twice", async () => {
  if (!existsSync(MAIN)) throw new Error("The program is not built: run `npm run build` first.");
  const folder = mkdtempSync(join(tmpdir(), "engram-stress-test-"));
  const run = (...more: string[]) =>
    promisify(execFile)(process.execPath, [
      ...[MAIN, "stress", "--patterns", "600", "--vocabulary", "200", "--questions", "12", "--checked", "6", "--seconds", "1"],
      ...["--clients", "2", "--set", "indexStep=64", "--data-dir", join(folder, "data"), "--out", join(folder, "out"), ...more],
    ]);
  try {
    await run("--sources", "postings,stream", "--thresholds", "0.3,0.6", "--answers", "3", "--baselines");
    const record = JSON.parse(readFileSync(join(folder, "out", "stress.json"), "utf8")) as StressRecord;
    expect(record.load?.patternsPerSecond).toBeGreaterThan(0);
    expect(record.corpus.stored).toBeGreaterThan(500);
    expect(record.bytesPerPattern.postings).toBeGreaterThan(0);
    expect(record.answers.map(({ source, threshold }) => `${source} ${threshold}`)).toEqual([
      "postings 0.3",
      "stream 0.3",
      "postings 0.6",
      "stream 0.6",
    ]);
    for (const row of record.answers) expect(row).toMatchObject({ checked: 6, recall: 1, certified: 1, certifiedWrong: 0 });
    expect(record.answers[0]!.rowsRead).toBeLessThan(record.answers[1]!.rowsRead);
    expect(record.throughput).toHaveLength(2);
    expect(record.baselines).toHaveLength(8);
    for (const row of record.baselines) expect(row.p50).toBeGreaterThan(0);
    // The naive way finds what the kernels find; a band does not.
    for (const row of record.baselines.filter(({ name }) => name.startsWith("naive"))) expect(row.recall).toBe(1);
    expect(record.baselines.find(({ name, threshold }) => name.includes("no index") && threshold === 0.3)!.recall).toBeLessThan(1);
    expect(readFileSync(join(folder, "out", "stress.svg"), "utf8")).toContain("</svg>");
    const { stdout } = await run("--sources", "planned", "--thresholds", "0.5", "--answers", "1", "--clients", "");
    expect(stdout).toContain("Loaded before this run.");
    await run("--sources", "resident,stream", "--ensemble", "kato", "--thresholds", "0.3", "--answers", "2,5", "--clients", "");
    const kato = JSON.parse(readFileSync(join(folder, "out", "stress.json"), "utf8")) as StressRecord;
    expect(kato.ensemble).toBe("kato");
    expect(kato.answers).toHaveLength(4);
    for (const row of kato.answers) expect(row).toMatchObject({ checked: 6, recall: 1, certified: 1, certifiedWrong: 0 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
