/** `engram score` as its users meet it: the built program in processes of its own, killed and started again, against a folder and a server. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createClient } from "@clickhouse/client";
import { createChdbConnection } from "chdb/connection";
import { afterAll, beforeAll, expect, it } from "vitest";
import { lcsLength } from "../reference/lcs.ts";
import { startServer } from "../support/server-process.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "engram-score-flow-"));
const data = join(folder, "data");
const queries = join(folder, "queries.txt");
const VERSES = 300;
const STATES = 1_500;
const verse = (n: number): string[] => [`v${n % 7}`, `w${n % 11}`, `x${n % 13}`, `y${n % 17}`, `only${n}`];
const state = (n: number): string[] => [...verse(n).slice(0, 3), `z${n}`];

function start(...args: string[]): { child: ChildProcess; done: Promise<{ code: number | null; out: string; err: string }> } {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ENGRAM_DATA_DIR: data, ENGRAM_THREADS: "2" } });
  let out = "";
  let err = "";
  child.stdout.on("data", (part: Buffer) => (out += part.toString("utf8")));
  child.stderr.on("data", (part: Buffer) => (err += part.toString("utf8")));
  return { child, done: new Promise((resolve) => child.once("close", (code) => resolve({ code, out, err }))) };
}
const engram = (...args: string[]) => start(...args).done;

interface Line {
  readonly query: number;
  readonly line: number;
  readonly patterns: number;
  readonly matched: number;
  readonly matches: readonly { readonly name: string; readonly similarity: number }[];
}
const linesOf = (path: string): Line[] =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

/** Similarities of all patterns that reach the cutoff, greatest first. */
function twin(n: number, cutoff: number): number[] {
  const asked = state(n);
  return Array.from({ length: VERSES }, (_, v) => (2 * lcsLength(asked, verse(v))) / (asked.length + verse(v).length))
    .filter((similarity) => similarity >= cutoff - 1e-9)
    .sort((a, b) => b - a);
}

beforeAll(async () => {
  if (!existsSync(MAIN)) throw new Error("The program is not built: run `npm run build` first.");
  const verses = join(folder, "verses.txt");
  writeFileSync(verses, Array.from({ length: VERSES }, (_, n) => `${verse(n).join(" ")}\n`).join(""));
  writeFileSync(queries, Array.from({ length: STATES }, (_, n) => `${state(n).join(" ")}\n`).join(""));
  expect((await engram("learn", verses, "--kb", "verses")).code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function expectExact(lines: readonly Line[], cutoff: number): void {
  expect(lines.map(({ query }) => query)).toEqual(Array.from({ length: STATES }, (_, i) => i));
  for (let n = 0; n < STATES; n += 50) {
    const { patterns, matched, matches, line } = lines[n]!;
    expect({ patterns, matched, line, similarities: matches.map(({ similarity }) => similarity) }).toEqual({
      patterns: VERSES,
      matched: twin(n, cutoff).length,
      line: n + 1,
      similarities: twin(n, cutoff),
    });
  }
}

it("scores a file exactly, and once: killed in the middle, it goes on", async () => {
  const out = join(folder, "scores.jsonl");
  const record = `${out}.progress.json`;
  const killed = start("score", queries, "--kb", "verses", "--cutoff", "0.5", "--out", out);
  while (!existsSync(record) && killed.child.exitCode === null) await pause(5);
  killed.child.kill("SIGKILL");
  await killed.done;
  const done = await engram("score", queries, "--kb", "verses", "--cutoff", "0.5", "--out", out, "--json");
  expect(done.err).not.toContain("ENGRAM_");
  expect(done.code).toBe(0);
  expect(JSON.parse(done.out)).toMatchObject({ finished: true, states: STATES, out });
  expectExact(linesOf(out), 0.5);
  expect(existsSync(record)).toBe(false);

  const again = await engram("score", queries, "--kb", "verses", "--out", out);
  expect([again.code, again.err]).toEqual([2, expect.stringContaining("exists already")]);
  expect((await engram("score", queries, "--cutoff", "2")).err).toContain("--cutoff must be a number from 0 to 1");
});

it("writes Parquet with the same content, and asks the server that has the folder", async () => {
  const server = await startServer({ ENGRAM_DATA_DIR: data, ENGRAM_THREADS: "1" });
  const out = join(folder, "scores.parquet");
  try {
    const done = await engram("score", queries, "--kb", "verses", "--cutoff", "0.4", "--out", out);
    expect(done.err).not.toContain("ENGRAM_");
    expect(done.out).toContain(`1,500 states scored against verses by the server at ${server.url}`);
  } finally {
    await server.stop();
  }
  const client = createClient({ connection: createChdbConnection({ path: mkdtempSync(join(folder, "read-")) }) as never });
  try {
    const answer = await client.query({
      query: "SELECT query, line, patterns, matched, matches FROM file({path:String}, 'Parquet') ORDER BY query",
      query_params: { path: out },
      format: "JSONEachRow",
    });
    const rows = await answer.json<Line>();
    expectExact(
      rows.map((row) => ({
        ...row,
        query: Number(row.query),
        line: Number(row.line),
        patterns: Number(row.patterns),
        matched: Number(row.matched),
      })),
      0.4,
    );
  } finally {
    await client.close();
  }
  expect(existsSync(`${out}.part.jsonl`)).toBe(false);
});
