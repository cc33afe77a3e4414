/** `engram stress` as its users meet it, small: it loads, serves, asks, checks and writes what it found. */
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
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

it("takes its server and its temporary folder with it when it is stopped", async () => {
  const temporary = mkdtempSync(join(tmpdir(), "engram-stress-stopped-"));
  try {
    const run = spawn(
      process.execPath,
      [MAIN, "stress", "--patterns", "300", "--vocabulary", "100", "--questions", "100000", "--checked", "0", "--sources", "stream"],
      { env: { ...process.env, TMPDIR: temporary }, stdio: ["ignore", "ignore", "pipe"] },
    );
    const ended = new Promise<number | null>((resolve) => run.once("exit", resolve));
    let told = "";
    await new Promise<void>((resolve) => {
      run.stderr.on("data", (part: Buffer) => {
        told += part.toString("utf8");
        if (told.includes("stream at 0.1")) resolve();
      });
      run.once("exit", () => resolve());
    });
    const served = serversOn(temporary);
    expect(served, told.slice(-500)).toHaveLength(1);
    run.kill("SIGTERM");
    expect(await ended).toBe(130);
    for (let tries = 0; serversOn(temporary).length > 0 && tries < 200; tries++) await setTimeout(50);
    expect(serversOn(temporary)).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
  } finally {
    for (const pid of serversOn(temporary)) process.kill(pid, "SIGKILL");
    rmSync(temporary, { recursive: true, force: true });
  }
});

/** Processes whose arguments name a folder below `folder`. */
function serversOn(folder: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return command.includes(folder) && command.includes("serve");
      } catch {
        // Ended between the list and this look.
        return false;
      }
    })
    .map(Number);
}
