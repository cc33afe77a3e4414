import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { addressForPrint, configOf, readConfig, usesDataFolder } from "../../src/config.ts";
import { environmentName, settingRows } from "../../src/config-schema.ts";
import { SESSION_DEFAULTS } from "../../src/model/session-config.ts";

const folder = mkdtempSync(join(tmpdir(), "engram-config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const fileOf = (value: unknown): string => {
  const path = join(folder, `${Math.random()}.json`);
  writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
};
const refusal = (act: () => unknown): { code: string; message: string; details: Record<string, unknown> } => {
  try {
    act();
  } catch (error) {
    return error as never;
  }
  throw new Error("was accepted");
};

describe("defaults", () => {
  it("are KATO's where KATO has them, and listen on this machine only", () => {
    const { config, sources, warnings } = readConfig();
    expect(config).toMatchObject({ host: "127.0.0.1", port: 8000, serviceName: "kato", sessionTtlSeconds: 3600, sessionAutoExtend: true });
    expect(config).toMatchObject({
      outboxMax: 100_000,
      flushIntervalMs: 100,
      requestsMax: 1024,
      bodyBytesMax: 104_857_600,
      deadlineMs: 30_000,
    });
    expect(config).toMatchObject({ stmSymbolsMax: 16_384, symbolsPerPatternMax: 4_096, symbolBytesMax: 65_536 });
    expect(config.dataDir).toBe(resolve("./data"));
    expect(config.threads).toBeGreaterThanOrEqual(1);
    expect(config.clickhouse).toMatchObject({ url: undefined, user: "default", password: "", database: "engram" });
    expect(config.sessionDefaults).toEqual(SESSION_DEFAULTS);
    expect(sources.size).toBe(0);
    expect(warnings).toEqual([]);
  });

  it("pass their own checks", () => {
    for (const { key, setting } of settingRows())
      if (setting.fallback !== undefined) expect(setting.accepts(setting.fallback), key).toBe(true);
  });

  it("cannot be changed after they were read", () => {
    const { config } = readConfig();
    expect(() => Object.assign(config, { port: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config.sessionDefaults, { persistence: 1 })).toThrow(TypeError);
  });
});

describe("order of sources", () => {
  const file = fileOf({ port: 1001, sessionDefaults: { recall_threshold: 0.4 }, redis: { url: "redis://file" } });
  it("is default < file < KATO's names < ENGRAM_ names < flags", () => {
    expect(readConfig({ file }).config.port).toBe(1001);
    expect(readConfig({ file, env: { PORT: "1002" } }).config.port).toBe(1002);
    expect(readConfig({ file, env: { PORT: "1002", ENGRAM_PORT: "1003" } }).config.port).toBe(1003);
    const all = readConfig({ file, env: { PORT: "1002", ENGRAM_PORT: "1003" }, flags: { port: "1004" } });
    expect(all.config.port).toBe(1004);
    expect(all.sources.get("port")).toBe("flag");
    expect(all.sources.get("redis.url")).toBe(`file ${file}`);
    expect(all.config.sessionDefaults.recall_threshold).toBe(0.4);
  });

  it("takes the file's path from the environment, and a named file before it", () => {
    expect(readConfig({ env: { ENGRAM_CONFIG: file } }).config.port).toBe(1001);
    expect(readConfig({ env: { ENGRAM_CONFIG: file }, file: fileOf({ port: 7 }) }).config.port).toBe(7);
  });

  it("takes an empty variable for one that is not set", () => {
    expect(readConfig({ file, env: { ENGRAM_PORT: "", PORT: "" } }).config.port).toBe(1001);
  });
});

describe("the environment", () => {
  it("has a name for every setting, all different", () => {
    const names = settingRows().map(({ key }) => environmentName(key));
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining(["ENGRAM_DATA_DIR", "ENGRAM_CLICKHOUSE_URL", "ENGRAM_RECALL_THRESHOLD", "ENGRAM_BODY_BYTES_MAX"]),
    );
  });

  it("is understood under KATO's names", () => {
    const { config } = readConfig({
      env: {
        SERVICE_NAME: "shop",
        SESSION_TTL: "120",
        SESSION_AUTO_EXTEND: "False",
        LOG_LEVEL: "WARNING",
        RECALL_THRESHOLD: "0",
        MAX_PREDICTIONS: "7",
        PERSISTENCE: "3",
        STM_MODE: "rolling",
        MAX_PATTERN_LENGTH: "9",
        SORT_SYMBOLS: "false",
        USE_TOKEN_MATCHING: "no",
        FUZZY_TOKEN_THRESHOLD: "0.85",
        RANK_SORT_ALGO: "similarity",
        PROCESS_PREDICTIONS: "0",
        REDIS_URL: "redis://cache:6379/2",
        REDIS_TLS: "true",
        CLICKHOUSE_HOST: "columns",
        CLICKHOUSE_PORT: "9999",
        CLICKHOUSE_SECURE: "true",
        CLICKHOUSE_USER: "u",
        CLICKHOUSE_PASSWORD: "p",
        CLICKHOUSE_DB: "kato",
      },
    });
    expect(config).toMatchObject({ serviceName: "shop", sessionTtlSeconds: 120, sessionAutoExtend: false, logLevel: "warn" });
    expect(config.sessionDefaults).toMatchObject({
      recall_threshold: 0,
      max_predictions: 7,
      persistence: 3,
      stm_mode: "ROLLING",
      max_pattern_length: 9,
      sort_symbols: false,
      use_token_matching: false,
      fuzzy_token_threshold: 0.85,
      rank_sort_algo: "similarity",
      process_predictions: false,
    });
    expect(config.redis.url).toBe("rediss://cache:6379/2");
    expect(config.clickhouse).toMatchObject({ url: "https://columns:9999", user: "u", password: "p", database: "kato" });
    expect(readConfig({ env: { CLICKHOUSE_HOST: "columns" } }).config.clickhouse.url).toBe("http://columns:8123");
  });

  it("takes the older parts of KATO's Redis address, and its switch", () => {
    const urlOf = (env: Record<string, string>) => readConfig({ env }).config.redis.url;
    expect(urlOf({ REDIS_HOST: "cache" })).toBe("redis://cache:6379");
    expect(urlOf({ REDIS_HOST: "cache", REDIS_PORT: "6380", REDIS_TLS: "yes", REDIS_ENABLED: "true" })).toBe("rediss://cache:6380");
    expect(urlOf({ REDIS_URL: "redis://new:1", REDIS_HOST: "old" })).toBe("redis://new:1");
    expect(urlOf({ REDIS_HOST: "cache", REDIS_ENABLED: "False" })).toBeUndefined();
    expect(urlOf({ REDIS_PORT: "6380" })).toBeUndefined();
    // Our own name is not switched off by KATO's.
    expect(urlOf({ ENGRAM_REDIS_URL: "redis://own:1", REDIS_ENABLED: "false" })).toBe("redis://own:1");
  });

  it("reads lists, with none for the empty one", () => {
    const stages = (text: string) => readConfig({ env: { ENGRAM_FILTER_PIPELINE: text } }).config.sessionDefaults.filter_pipeline;
    expect(stages("length, jaccard")).toEqual(["length", "jaccard"]);
    expect(stages("none")).toEqual([]);
  });

  it("reports names that mean nothing, and leaves alone those of others", () => {
    const env = { ENGRAM_PROT: "1", ENGRAM_TEST_CLICKHOUSE_URL: "x", ENGRAM_SERVICE_HOST: "10.0.0.1", ENGRAM_PORT_80_TCP: "x", PATH: "y" };
    expect(readConfig({ env }).warnings).toEqual(["ENGRAM_PROT"]);
  });
});

describe("a value that is not allowed", () => {
  it.each([
    [{ env: { ENGRAM_PORT: "65536" } }, "port", "environment ENGRAM_PORT", "an integer from 0 to 65535"],
    [{ env: { PORT: "tcp://10.0.0.1:80" } }, "port", "environment PORT", "integer"],
    [{ env: { SESSION_TTL: "0x10" } }, "sessionTtlSeconds", "environment SESSION_TTL", "integer"],
    [{ flags: { threads: "1.5" } }, "threads", "flag", "integer"],
    [{ flags: { "sessionDefaults.recall_threshold": "1.1" } }, "sessionDefaults.recall_threshold", "flag", "a number from 0 to 1"],
    [{ env: { ENGRAM_RANK_SORT_ALGO: "best" } }, "sessionDefaults.rank_sort_algo", "environment ENGRAM_RANK_SORT_ALGO", "one of potential"],
    [
      { env: { ENGRAM_FILTER_PIPELINE: "length,,x" } },
      "sessionDefaults.filter_pipeline",
      "environment ENGRAM_FILTER_PIPELINE",
      "a list of",
    ],
    [{ env: { SESSION_AUTO_EXTEND: "perhaps" } }, "sessionAutoExtend", "environment SESSION_AUTO_EXTEND", "true or false"],
  ])("is refused with its key, its source and what is allowed: %j", (sources, key, source, allowed) => {
    const error = refusal(() => readConfig(sources as never));
    expect(error.code).toBe("ENGRAM_SETTINGS_INVALID");
    expect(error.message).toContain(key);
    expect(error.message).toContain(source);
    expect(error.message).toContain(allowed);
    expect(error.details).toMatchObject({ key, source });
  });

  it("of a file must have the type itself: no number as text", () => {
    expect(refusal(() => readConfig({ file: fileOf({ port: "8000" }) })).message).toContain("port (file ");
    expect(refusal(() => readConfig({ file: fileOf({ clickhouse: "http://x" }) })).message).toContain("clickhouse");
    expect(refusal(() => readConfig({ file: fileOf({ port: null }) })).message).toContain("null");
  });

  it("is a key that does not exist, too", () => {
    expect(refusal(() => readConfig({ file: fileOf({ prot: 1 }) })).message).toContain("no setting prot");
    expect(refusal(() => readConfig({ file: fileOf({ redis: { host: "x" } }) })).message).toContain("no setting redis.host");
    expect(refusal(() => readConfig({ flags: { constructor: "x" } })).message).toContain("no setting constructor");
    expect(refusal(() => configOf({ prot: 1 } as never)).code).toBe("ENGRAM_SETTINGS_INVALID");
  });

  it("may be the file itself", () => {
    expect(refusal(() => readConfig({ file: join(folder, "absent.json") })).message).toContain("cannot be read");
    expect(refusal(() => readConfig({ file: fileOf("{") })).message).toContain("not JSON");
    expect(refusal(() => readConfig({ file: fileOf("[]") })).message).toContain("one JSON object");
  });
});

describe("secrets", () => {
  it.each([
    { env: { ENGRAM_REDIS_URL: "http://user:hunter2@host" } },
    { env: { REDIS_URL: "hunter2" } },
    { env: { ENGRAM_CLICKHOUSE_URL: "hunter2" } },
    { env: { ENGRAM_CLICKHOUSE_PASSWORD: "hunter2\0" } },
    { file: fileOf('{"clickhouse":{"password":"hunter2" oops') },
    { file: fileOf({ clickhouse: { password: ["hunter2"] } }) },
  ])("never stand in a message: %#", (sources) => {
    const error = refusal(() => readConfig(sources as never));
    expect(error.code).toBe("ENGRAM_SETTINGS_INVALID");
    expect(error.message + JSON.stringify(error.details)).not.toContain("hunter2");
  });

  it("are left out of an address that is printed", () => {
    expect(addressForPrint("redis://user:hunter2@cache:6379/2")).toBe("redis://cache:6379/2");
    expect(addressForPrint("https://u:hunter2@columns/?password=hunter2")).toBe("https://columns");
    expect(addressForPrint("not an address hunter2")).toBe("(address)");
  });
});

describe("configOf", () => {
  it("takes values in code, without file and environment", () => {
    const config = configOf({ dataDir: "x", threads: 1, redis: { url: "redis://r" }, sessionDefaults: { ensemble: "ranked" } });
    expect(config.dataDir).toBe(resolve("x"));
    expect(config.redis.url).toBe("redis://r");
    expect(config.sessionDefaults).toEqual({ ...SESSION_DEFAULTS, ensemble: "ranked" });
    expect(refusal(() => configOf({ threads: 0 })).message).toContain("threads (argument)");
  });

  it("says whether something is kept in the data folder", () => {
    expect(usesDataFolder(configOf())).toBe(true);
    expect(usesDataFolder(configOf({ redis: { url: "redis://r" } }))).toBe(true);
    expect(usesDataFolder(configOf({ redis: { url: "redis://r" }, clickhouse: { url: "http://c" } }))).toBe(false);
  });
});
