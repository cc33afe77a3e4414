import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { settingsTable } from "../../../src/cli/config-page.ts";
import { jsonLog } from "../../../src/cli/json-log.ts";
import { numberOption, stateOf } from "../../../src/cli/predict.ts";
import { predictionTable } from "../../../src/cli/prediction-table.ts";
import { buildProgram, errorText, exitCodeOf } from "../../../src/cli/program.ts";
import { ownUrl, welcome } from "../../../src/cli/serve.ts";
import { loadSettings, logOf } from "../../../src/cli/settings.ts";
import { eventsText, printable, shorten } from "../../../src/cli/terminal.ts";
import { programVersion } from "../../../src/cli/version.ts";
import { configOf } from "../../../src/config.ts";
import { EngineError } from "../../../src/errors.ts";

describe("the program", () => {
  it("explains itself and each of its commands", () => {
    const program = buildProgram();
    const names = program.commands.map((command) => command.name());
    expect(names).toEqual(expect.arrayContaining(["serve", "learn", "predict", "demo", "rebuild", "config"]));
    for (const command of program.commands) expect(command.description().length, command.name()).toBeGreaterThan(20);
    expect(program.version()).toBe(programVersion());
    expect(programVersion()).toMatch(/^\d+\.\d+\.\d+/);
  });

  it("refuses what it does not know", async () => {
    const quiet = { writeErr: () => undefined, writeOut: () => undefined };
    const error = await buildProgram()
      .configureOutput(quiet)
      .parseAsync(["node", "engram", "lern"])
      .catch((e) => e);
    expect(error).toBeInstanceOf(CommanderError);
    expect(exitCodeOf(error)).toBe(2);
  });

  it("ends with a code for what is to be done", () => {
    expect(exitCodeOf(new CommanderError(0, "commander.helpDisplayed", ""))).toBe(0);
    expect(exitCodeOf(new EngineError("ENGRAM_SETTINGS_INVALID", ""))).toBe(2);
    expect(exitCodeOf(new EngineError("ENGRAM_DATA_LOCKED", ""))).toBe(3);
    expect(exitCodeOf(new EngineError("ENGRAM_OVERLOADED", ""))).toBe(3);
    expect(exitCodeOf(new EngineError("ENGRAM_STORE_UNREACHABLE", ""))).toBe(1);
    expect(exitCodeOf(new Error("x"))).toBe(1);
  });

  it("prints a foreseen error as one line", () => {
    expect(errorText(new EngineError("ENGRAM_DISK_FULL", "Free space."))).toBe("engram: ENGRAM_DISK_FULL: Free space.");
    expect(errorText(new TypeError("x"))).toContain("TypeError: x\n    at ");
  });
});

describe("settings of a command", () => {
  it("come from its options, --set and the environment", () => {
    const loaded = loadSettings(
      { port: "9", dataDir: "d", redisUrl: "redis://r", set: ["sessionTtlSeconds=60", "serviceName=a=b"] },
      { ENGRAM_THREADS: "3" },
    );
    expect(loaded.config).toMatchObject({ port: 9, sessionTtlSeconds: 60, serviceName: "a=b", threads: 3, redis: { url: "redis://r" } });
    expect(() => loadSettings({ set: ["oops"] }, {})).toThrow("key=value");
  });

  it("are shown with their origin and without secrets", () => {
    const text = settingsTable(loadSettings({ redisUrl: "redis://:hunter2@r" }, { CLICKHOUSE_PASSWORD: "hunter2", PORT: "81" }));
    expect(text).not.toContain("hunter2");
    expect(text).toMatch(/redis\.url\s+│ \(set\)\s+│ flag/);
    expect(text).toMatch(/port\s+│ 81\s+│ environment PORT/);
  });
});

describe("the log", () => {
  it("is one JSON object a line, from its level up, with errors as data", () => {
    const lines: string[] = [];
    const log = jsonLog("warn", (line) => lines.push(line));
    log.info({}, "no");
    log.warn({ err: new EngineError("ENGRAM_DISK_FULL", "full", { cause: new Error("ENOSPC") }) }, "yes");
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 40,
      msg: "yes",
      err: { code: "ENGRAM_DISK_FULL", message: "full", cause: { message: "ENOSPC" } },
    });
    const silent = jsonLog("silent", (line) => lines.push(line));
    silent.fatal({}, "no");
    expect(lines).toHaveLength(1);
  });

  it("reports names that are no settings", () => {
    const written: string[] = [];
    const write = process.stderr.write;
    process.stderr.write = ((line: string) => written.push(line)) as never;
    try {
      logOf(loadSettings({}, { ENGRAM_PROT: "1" }), true);
    } finally {
      process.stderr.write = write;
    }
    expect(written.join("")).toContain("ENGRAM_PROT");
  });
});

describe("the state of predict", () => {
  it("is words, each an event, or events as JSON", () => {
    expect(stateOf(["a b", "c"], undefined)).toEqual([["a"], ["b"], ["c"]]);
    expect(stateOf([], '[["a","b"],"c"]')).toEqual([["a", "b"], ["c"]]);
  });
  it.each([
    [[], undefined],
    [[" "], undefined],
    [["a"], '["b"]'],
    [[], "[]"],
    [[], "{}"],
    [[], "["],
    [[], "[[1]]"],
  ])("is refused when it is unclear: %j %j", (words, events) => {
    expect(() => stateOf(words, events)).toThrow(expect.objectContaining({ code: "ENGRAM_BAD_REQUEST" }));
  });
  it("takes numbers within their bounds", () => {
    expect(numberOption("-k", "5", 1, 10, true)).toBe(5);
    for (const text of ["", "x", "0", "11", "1.5"])
      expect(() => numberOption("-k", text, 1, 10, true)).toThrow("-k must be an integer from 1 to 10");
  });
});

describe("what people see", () => {
  it("holds no control characters of symbols", () => {
    expect(printable("a\u001b[2Jb\u202e\n")).toBe("a\\u{1b}[2Jb\\u{202e}\\u{a}");
    expect(printable("Zoë 日本 😀 a|b")).toBe("Zoë 日本 😀 a|b");
    expect(eventsText([["a"], ["b", "c"], "d"])).toBe("a {b c} d");
    expect(shorten("abcdef", 4)).toBe("abc…");
  });

  it("is a row a prediction, general or of one symbol", () => {
    const common = { name: "0123456789abcdef", frequency: 4, similarity: 0.5, potential: 1.25 };
    const general = { ...common, past: [["p"]], present: [["a"], ["b"]], future: [["f", "g"]], missing: [[], ["m"]] };
    const single = { ...common, past: [], present: ["a"], future: ["z"], missing: [] };
    const text = predictionTable([general, single] as never);
    expect(text).toContain("0123456789 │");
    expect(text).toMatch(/0\.500 │\s+1\.250 │\s+4 │ p\s+│ a b\s+│ \{f g\}\s+│ m/);
    expect(text).toMatch(/│ a\s+│ z\s+│/);
  });

  it("is the server's address and three lines to paste", () => {
    expect(ownUrl("0.0.0.0", 80)).toBe("http://127.0.0.1:80");
    expect(ownUrl("::", 80)).toBe("http://[::1]:80");
    expect(ownUrl("cache.lan", 80)).toBe("http://cache.lan:80");
    const text = welcome("http://127.0.0.1:8000", configOf({ redis: { url: "redis://:hunter2@cache" } }));
    expect(text).toContain("redis://cache");
    expect(text).not.toContain("hunter2");
    expect(text.split("\n").filter((line) => line.includes("curl -s"))).toHaveLength(3);
  });
});
