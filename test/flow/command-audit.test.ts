/**
 * What holds for every command, old and new: help with exit codes, `--json`, and bad input refused with code 2 before anything is touched. A command
 * that is not in the tables fails here.
 */
import { execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildProgram, leavesOf } from "../../src/cli/program.ts";

const CLI = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const run = promisify(execFile);

let folder: string;
const file = (name: string): string => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "engram-audit-"));
  writeFileSync(file("lines.txt"), Array.from({ length: 60 }, (_, i) => `a${i % 20} b${i % 7} c${i}`).join("\n"));
  mkdirSync(file("empty"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const nameOf = (command: Command): string =>
  command.parent === null || command.parent.parent === null ? command.name() : `${command.parent.name()} ${command.name()}`;

/** Wrong calls by command. LINES, EMPTY and NOTHING stand for a file, an empty folder, and what is not there. */
const BAD: Readonly<Record<string, readonly (readonly string[])[]>> = {
  serve: [["--port", "99999"], ["--port", "abc"], ["--set", "nonsense=1"], ["extra"]],
  learn: [
    [],
    ["NOTHING"],
    ["EMPTY"],
    ["LINES", "--format", "xml"],
    ["LINES", "--kb", ""],
    ["LINES", "--url", "ftp://x"],
    ["LINES", "--set", "flushRowsMax=0"],
  ],
  predict: [[], [""], ["a", "--threshold", "7"], ["a", "--kb", " "], ["a", "--url", "nonsense"], ["a"]],
  score: [[], ["NOTHING"], ["LINES", "--format", "xml"], ["LINES", "--cutoff", "9"], ["LINES", "--kb", ""], ["LINES"]],
  demo: [
    ["--queries", "-1"],
    ["--seed", "x"],
    ["--url", "nope"],
  ],
  "eval next": [[], ["NOTHING"], ["LINES", "--folds", "0"]],
  export: [[], ["a"], ["", "EMPTY"], ["a", "EMPTY"], ["a", "EMPTY", "--url", "nope"]],
  import: [[], ["NOTHING"], ["LINES"], ["EMPTY"], ["EMPTY", "--kb", ""]],
  backup: [[], ["a", "b"], ["EMPTY"], ["EMPTY", "--url", "nope"]],
  restore: [[], ["NOTHING"], ["LINES"], ["EMPTY"], ["EMPTY", "--url", "nope"]],
  rollback: [[], ["a", "b"], ["nosuch"]],
  "kbs list": [["extra"], [], ["--url", "x"]],
  "kbs copy": [["a"], ["a", ""], ["a", "a"], ["a", "b"]],
  "kbs rename": [["a"], ["", "b"], ["a", "a"], ["a", "b"]],
  "kbs delete": [[], ["a"], ["a", "--confirm", "b"], ["a", "--confirm", "a"]],
  verify: [[""], ["a", "b"], ["--set", "x"], []],
  rebuild: [["extra"], ["--kb", ""], []],
  "migrate mongo": [[], ["NOTHING"], ["nope://x"], ["NOTHING", "--into", ""]],
  "migrate kato": [[], ["--source-clickhouse", "nope"]],
  stress: [
    ["--patterns", "1"],
    ["--sources", "nope"],
    ["--thresholds", "9"],
    ["--set", "nonsense=1"],
  ],
  config: [["--set", "port=x"], ["--config", "NOTHING"], ["extra"]],
};
/** These keep no data folder of their own. */
const WITHOUT_FOLDER = new Set(["eval next"]);

/** One call after another in two lanes: starting a process takes most of the time. */
async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const lane = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all([lane(), lane()]);
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
const engram = (...args: string[]): Promise<Ended> =>
  run(process.execPath, [CLI, ...args], { cwd: folder }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: Ended) => ({ code: error.code, stdout: error.stdout, stderr: error.stderr }),
  );

describe("every command", () => {
  const leaves = leavesOf(buildProgram());

  it("is in the table of wrong calls, and no other is", () => {
    expect(leaves.map(nameOf).sort()).toEqual(Object.keys(BAD).sort());
  });

  it("explains itself, each option and argument, and its exit codes, and offers JSON", () => {
    for (const leaf of leaves) {
      let help = "";
      leaf.configureOutput({ writeOut: (text) => (help += text) });
      leaf.outputHelp();
      expect([nameOf(leaf), /Exit codes: 0 .*, 2 wrong use/.test(help)]).toEqual([nameOf(leaf), true]);
      expect(leaf.description()).not.toBe("");
      for (const argument of leaf.registeredArguments) expect([nameOf(leaf), argument.name(), argument.description]).not.toContain("");
      for (const option of leaf.options) expect([nameOf(leaf), option.flags, option.description]).not.toContain("");
      expect([nameOf(leaf), leaf.options.some(({ long }) => long === "--json")]).toEqual([nameOf(leaf), true]);
    }
  });

  it("refuses bad input with code 2, a line that says why, nothing on standard output, and nothing touched", {
    timeout: 180_000,
  }, async () => {
    const calls = Object.entries(BAD).flatMap(([name, many]) => many.map((args) => ({ name, args })));
    const wrong: unknown[] = [];
    await inLanes(calls, async (call) => {
      const data = file(`data ${calls.indexOf(call)}`);
      const places = new Map([
        ["LINES", file("lines.txt")],
        ["EMPTY", file("empty")],
        ["NOTHING", file("nothing")],
      ]);
      const args = call.args.map((arg) => places.get(arg) ?? arg);
      const ended = await engram(...call.name.split(" "), ...args, ...(WITHOUT_FOLDER.has(call.name) ? [] : ["--data-dir", data]));
      const said = ended.stderr.split("\n").filter((line) => line !== "")[0] ?? "";
      const isWell = ended.code === 2 && ended.stdout === "" && /^(engram: ENGRAM_\w+: .{20}|error: .{10})/.test(said) && !existsSync(data);
      if (!isWell) wrong.push({ ...call, ...ended, touched: existsSync(data) });
    });
    expect(wrong).toEqual([]);
    expect(existsSync(file("data"))).toBe(false);
  });
});

describe("results as JSON", () => {
  it("are all that stands on standard output", { timeout: 180_000 }, async () => {
    const data = ["--data-dir", file("kept"), "--json"];
    const json = async (...args: string[]): Promise<Record<string, unknown>> => {
      const { code, stdout, stderr } = await engram(...args);
      expect([args, code, stderr.includes("not foreseen")]).toEqual([args, 0, false]);
      return JSON.parse(stdout);
    };
    expect(await json("learn", file("lines.txt"), "--kb", "shop", ...data)).toMatchObject({
      node: "shop",
      learned: 60,
      learned_in_all: 60,
    });
    expect(await json("learn", file("lines.txt"), "--kb", "shop", ...data)).toMatchObject({ learned: 0, learned_in_all: 60 });
    expect(await json("kbs", "list", ...data)).toMatchObject({ kbs: [{ patterns: 60 }] });
    expect(await json("kbs", "copy", "shop", "twin", ...data)).toMatchObject({ patterns: 60 });
    expect(await json("kbs", "rename", "twin", "other", ...data)).toMatchObject({ patterns: 60 });
    expect(await json("kbs", "delete", "other", "--confirm", "other", ...data)).toMatchObject({ patterns: 60 });
    expect(await json("predict", "a1", "b1", "--kb", "shop", ...data)).toBeTruthy();
    expect(await json("score", file("lines.txt"), "--kb", "shop", "--out", file("scores.jsonl"), ...data)).toBeTruthy();
    expect(await json("export", "shop", file("archive"), ...data)).toMatchObject({ patterns: 60 });
    const { import: id } = await json("import", file("archive"), "--kb", "again", ...data);
    expect(await json("verify", ...data)).toBeTruthy();
    expect(await json("rollback", String(id), ...data)).toMatchObject({ state: "rolledBack" });
    expect(await json("rebuild", ...data)).toMatchObject({ rebuilt: [] });
    expect(await json("backup", file("backup"), ...data)).toMatchObject({ patterns: 60 });
    const anew = ["--data-dir", file("anew"), "--json"];
    expect(await json("restore", file("backup"), ...anew)).toMatchObject({ patterns: 60 });
    expect(await json("config", ...data)).toContainEqual({ setting: "dataDir", value: file("kept"), from: "flag" });
    expect(await json("eval", "next", file("lines.txt"), "--folds", "2", "--json")).toBeTruthy();
    const stress = ["--patterns", "300", "--vocabulary", "50", "--questions", "4", "--checked", "2", "--clients", "1", "--seconds", "1"];
    expect(await json("stress", ...stress, "--sources", "stream", "--json")).toMatchObject({ what: "stress" });

    const server = spawn(process.execPath, [CLI, "serve", "--port", "0", ...data], { stdio: ["ignore", "pipe", "ignore"] });
    const first = await new Promise<string>((resolve) => server.stdout.once("data", (bytes: Buffer) => resolve(bytes.toString("utf8"))));
    expect(JSON.parse(first)).toEqual({ url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), pid: server.pid });
    server.kill("SIGTERM");
    await new Promise((resolve) => server.once("exit", resolve));
  });
});

describe("progress", () => {
  const learn = (name: string): string[] => ["learn", file("lines.txt"), "--kb", name, "--data-dir", file("progress")];

  it("is plain lines where there is no terminal", async () => {
    const { stderr } = await engram(...learn("plain"));
    expect(stderr).toMatch(/100%.*60 sequences/);
    for (const control of ["\r", "\u001b"]) expect(stderr).not.toContain(control);
  });

  it("is a bar on a terminal", async (context) => {
    try {
      execFileSync("script", ["--version"], { stdio: "ignore" });
    } catch {
      console.log("SKIPPED: a bar on a terminal: the program script (util-linux) is not there");
      context.skip();
    }
    const command = [process.execPath, CLI, ...learn("bar")].map((part) => `'${part}'`).join(" ");
    const { stdout } = await run("script", ["-qec", command, "/dev/null"]);
    expect(stdout).toMatch(/100%.*60 sequences/);
    // A line that is drawn again, with the cursor out of the way.
    expect(stdout).toContain("\u001b[?25l");
  });
});
