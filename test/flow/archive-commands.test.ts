/** Commands on whole knowledge bases, as their users meet them: in a process of their own, and through the server that has the data folder. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildProgram } from "../../src/cli/program.ts";
import { startServer } from "../support/server-process.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "engram-archives-"));
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

const json = async (...args: string[]): Promise<Record<string, unknown>> => {
  const { code, out, err } = await engram(...args, "--json");
  expect([code, err]).toEqual([0, ""]);
  return JSON.parse(out) as Record<string, unknown>;
};

/** The same commands wherever the memory lives; `copy` tells the runs apart. */
async function commands(copy: string, where: string): Promise<void> {
  const archive = join(folder, copy);
  const written = await engram("export", "songs", archive);
  expect(written).toMatchObject({
    code: 0,
    out: expect.stringContaining(`30 patterns (30 changes) of songs written to ${archive} by ${where}`),
  });
  // Written already: nothing is written twice.
  expect(await json("export", "songs", archive)).toMatchObject({ patterns: 30, changes: 30, parts: 1 });
  const imported = await json("import", archive, "--kb", copy, "--import-id", `of-${copy}`);
  expect(imported).toEqual({ import: `of-${copy}`, node: copy, changes: 30, patterns: 30 });
  const { kbs } = (await json("kbs")) as { kbs: { kb_id: string; patterns: number }[] };
  expect(kbs.filter(({ kb_id }) => kb_id.startsWith(copy))).toMatchObject([{ patterns: 30 }]);
  expect((await engram("kbs")).out).toMatch(new RegExp(`${copy}_\\w+\\s+│ 30`));
  const verified = await json("verify");
  const sums = (verified.kbs as { kb_id: string; checksum: string; findings: unknown[] }[]).filter(({ kb_id }) =>
    /^(songs|copy)/.test(kb_id),
  );
  expect(verified.clean).toBe(true);
  expect(new Set(sums.map(({ checksum }) => checksum)).size).toBe(1);
  expect((await engram("verify", copy)).out).toContain("1 knowledge bases with 30 patterns are in order");

  const refused = await engram("import", archive, "--kb", copy);
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining("ENGRAM_KB_NOT_EMPTY") });
  const unconfirmed = await engram("kbs", "delete", copy);
  expect(unconfirmed).toMatchObject({ code: 2, err: expect.stringContaining("ENGRAM_NOT_CONFIRMED") });
  expect((await engram("rollback", `of-${copy}`)).out).toContain("was taken back");
  expect((await engram("rollback", "nobody")).code).toBe(2);
  await json("kbs", "copy", "songs", copy);
  await json("kbs", "rename", copy, `${copy}2`);
  expect((await engram("kbs", "delete", `${copy}2`, "--confirm", `${copy}2`)).out).toContain("is deleted, 30 patterns with it");
  expect((await engram("kbs", "list", "--imports")).out).toMatch(new RegExp(`of-${copy}\\s+│ ${copy}\\w+\\s+│ rolledBack`));
}

describe("commands on whole knowledge bases", () => {
  it("work in a process of their own", async () => {
    writeFileSync(songs, Array.from({ length: 30 }, (_, i) => `verse${i} rain sun refrain\n`).join(""));
    expect((await engram("learn", songs, "--kb", "songs")).code).toBe(0);
    await commands("copyA", "this process");
    const damaged = join(folder, "nothing");
    expect(await engram("import", damaged)).toMatchObject({ code: 2, err: expect.stringContaining("ENGRAM_FILE_UNREADABLE") });
    const rebuilt = JSON.parse((await engram("rebuild", "--kb", "songs", "--json")).out) as { rebuilt: string[]; changes: number };
    expect(rebuilt).toMatchObject({ rebuilt: [expect.stringMatching(/^songs/)], changes: 30 });
    expect((await json("verify", "songs")).clean).toBe(true);
  }, 240_000);

  it("work through the server that has the data folder", async () => {
    const server = await startServer({ ENGRAM_DATA_DIR: data, ENGRAM_THREADS: "1" });
    try {
      await commands("copyB", `the server at ${server.url}`);
      expect((await engram("rebuild")).code).toBe(3);
    } finally {
      await server.kill9();
    }
  }, 240_000);

  it("say what they do", () => {
    for (const name of ["export", "import", "rollback", "kbs", "verify", "rebuild"]) {
      const help = buildProgram()
        .commands.find((command) => command.name() === name)!
        .helpInformation();
      expect([name, help.length > 200]).toEqual([name, true]);
    }
  });
});
