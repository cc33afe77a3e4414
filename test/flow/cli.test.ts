/** The command line as its users meet it: the built program, in processes of its own, on one data folder. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startServer } from "../support/server-process.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "engram-cli-"));
const data = join(folder, "data");
const songs = join(folder, "songs.txt");
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(() => {
  if (!existsSync(MAIN)) throw new Error("The program is not built: run `npm run build` first.");
});

/** Runs the program to its end. */
function engram(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ENGRAM_DATA_DIR: data, ENGRAM_THREADS: "1" } });
    let out = "";
    let err = "";
    child.stdout.on("data", (part: Buffer) => (out += part.toString("utf8")));
    child.stderr.on("data", (part: Buffer) => (err += part.toString("utf8")));
    child.once("close", (code) => resolve({ code, out, err }));
  });
}

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `verse${from + i} rain sun refrain\n`).join("");

it("learns a file and predicts, in a process of its own", async () => {
  writeFileSync(songs, lines(0, 30));
  const learned = await engram("learn", songs, "--kb", "songs");
  expect(learned.err).not.toContain("ENGRAM_");
  expect(learned.out).toContain("30 sequences learned into songs by this process");
  expect(learned.code).toBe(0);

  const again = await engram("learn", songs, "--kb", "songs");
  expect(again.out).toContain("learned before: 30 sequences");

  const answer = await engram("predict", "--kb", "songs", "--json", "-k", "3", "verse7 rain");
  expect(answer.code).toBe(0);
  const predictions = JSON.parse(answer.out) as { frequency: number; future: string[][]; present: string[][] }[];
  expect(predictions[0]).toMatchObject({ frequency: 1, present: [["verse7"], ["rain"]], future: [["sun"], ["refrain"]] });
  expect(predictions).toHaveLength(3);
  const table = await engram("predict", "--kb", "songs", "verse7", "rain");
  expect(table.out).toMatch(/verse7 rain\s+│ sun refrain/);
  expect((await engram("predict", "--kb", "nobody", "a", "b")).out).toContain("Nothing in nobody resembles this");
});

it("talks to the server that has the folder, and refuses a second one", async () => {
  const server = await startServer({ ENGRAM_DATA_DIR: data, ENGRAM_THREADS: "1" });
  try {
    writeFileSync(songs, lines(0, 40));
    const learned = await engram("learn", songs, "--kb", "songs");
    expect(learned.out).toContain("Going on at line 31");
    expect(learned.out).toContain(`10 sequences learned into songs by the server at ${server.url}`);
    const answer = await engram("predict", "--kb", "songs", "--json", "verse35", "rain");
    expect(JSON.parse(answer.out)[0]).toMatchObject({ frequency: 1, present: [["verse35"], ["rain"]] });

    const second = await engram("serve", "--port", "0");
    expect(second.code).toBe(3);
    expect(second.err).toContain(`ENGRAM_DATA_LOCKED: The data folder is in use by process ${server.pid} at ${server.url}`);
  } finally {
    await server.kill9();
  }
});

it("takes the folder over after kill -9, with everything in it, and closes in order", async () => {
  expect(existsSync(join(data, "engram.lock"))).toBe(true);
  const server = await startServer({ ENGRAM_DATA_DIR: data, ENGRAM_THREADS: "1" });
  const stats = (await (await fetch(`${server.url}/v1/kbs/songs/stats`)).json()) as { patterns: number };
  expect(stats.patterns).toBe(40);
  expect(await server.stop()).toBe(0);
  expect(existsSync(join(data, "engram.lock"))).toBe(false);
});

it("ends with a line and a code where it cannot go on", async () => {
  const absent = await engram("learn", join(folder, "absent"), "--kb", "songs");
  expect(absent).toMatchObject({ code: 2, err: expect.stringMatching(/^engram: ENGRAM_FILE_UNREADABLE: [^\n]+\n$/) });
  writeFileSync(join(folder, "bad.jsonl"), '["a","b"]\n[1]\n');
  const bad = await engram("learn", join(folder, "bad.jsonl"), "--kb", "bad");
  expect(bad.code).toBe(2);
  expect(bad.err).toContain("Line 2 of");
  expect((await engram("learn", join(folder, "bad.jsonl"), "--kb", "bad", "--skip-bad")).out).toContain("1 bad lines passed over");
  expect((await engram("predict", "--kb", "songs", "a", "--threads", "0")).code).toBe(2);
});
