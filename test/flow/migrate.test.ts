/** A migration from a live MongoDB-wire server and from dump files, as a user runs it: killed on the way, started again, nothing twice. */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { BSON } from "mongodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine-types.ts";
import { addToChecksum } from "../../src/migrate/record.ts";
import type { MigrationReport } from "../../src/migrate/report.ts";
import { openTestEngine } from "../support/engines.ts";
import { type Kato2Corpus, kato2Corpus } from "../support/kato2-corpus.ts";
import { type MongoWireServer, startMongoWireServer } from "../support/mongo-wire-server.ts";
import { startServer } from "../support/server-process.ts";

const CLI = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const run = promisify(execFile);
/** Four batches: enough to be killed between them. More in `test/durability/migrate.durability.ts`. */
const PATTERNS = Number(process.env.ENGRAM_TEST_MIGRATED ?? 7_001);
/** Four starts of the program and a check of every counter: 15 s on a machine of its own. */
const LONG_MS = 240_000 + 10 * PATTERNS;
/** Batches of the source that a run gets before it is killed: a fifth of all, and at least one. */
const BATCHES_ALIVE = Math.max(1, Math.floor(PATTERNS / 2_000 / 5));

let folder: string;
let mongo: MongoWireServer;
let corpus: Kato2Corpus;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "engram-migrate-"));
  corpus = kato2Corpus(PATTERNS, 3);
  mongo = await startMongoWireServer({ weather_kato: { patterns_kb: corpus.patterns, symbols_kb: corpus.symbols } });
});
afterEach(async () => {
  await mongo.close();
  rmSync(folder, { recursive: true, force: true });
});

const learns = (): number => corpus.patterns.reduce((sum, document) => sum + (document.frequency as number), 0);
const dataDir = (): string => join(folder, "data");
const migrate = (...args: string[]): string[] => [CLI, "migrate", "mongo", ...args, "--data-dir", dataDir(), "--json"];

/** Every counter of the target against the documents. */
async function expectWhole(): Promise<void> {
  const target = await openTestEngine("lmdb", { dataDir: dataDir() });
  try {
    await compare(target.engine);
  } finally {
    await target.close();
  }
}

async function compare(engine: Engine): Promise<void> {
  const kb = engine.kbOf("weather");
  const totals = await engine.kbTotals(kb);
  expect(totals.total_unique_patterns).toBe(PATTERNS);
  const symbols = new Map(corpus.symbols.map((document) => [document.name as string, document]));
  let occurrences = 0;
  for await (const rows of engine.symbolRows(kb)) {
    for (const { symbol, frequency, patternMemberFrequency } of rows) {
      expect([symbol, frequency, patternMemberFrequency]).toEqual([
        symbol,
        symbols.get(symbol)!.frequency,
        symbols.get(symbol)!.pattern_member_frequency,
      ]);
      occurrences += frequency;
    }
  }
  expect(totals.total_symbols_in_patterns_frequencies).toBe(occurrences);
  const sums = new Map<string, unknown>();
  for await (const rows of engine.affinities(kb)) for (const [symbol, affinity] of rows) sums.set(symbol, Object.fromEntries(affinity));
  for (const [symbol, { emotives }] of symbols) expect([symbol, sums.get(symbol)]).toEqual([symbol, emotives]);
  for (const document of corpus.patterns.filter((_, at) => at % 500 === 0)) {
    const view = await engine.pattern(kb, document.name as string);
    expect(view).toMatchObject({ frequency: document.frequency, patternData: document.pattern_data });
    expect(view!.emotives.map((record) => Object.fromEntries(record))).toEqual(Array.isArray(document.emotives) ? document.emotives : []);
  }
}

const checksum = (): string =>
  corpus.patterns.reduce((sum, { name, frequency }) => addToChecksum(sum, String(name).slice(5), frequency as number), "0".repeat(16));

describe("engram migrate mongo", () => {
  it("killed three times, ends with every counter as in the source", { timeout: LONG_MS }, async () => {
    let finds = 0;
    for (let kills = 0; kills < 3; kills++) {
      const child = spawn(process.execPath, migrate(mongo.url), { stdio: "ignore" });
      const before = finds;
      mongo.before = (command) => {
        // The last batches before may be learned, one of them perhaps not recorded.
        if (
          Object.keys(command)[0] === "find" &&
          String(command.find) === "patterns_kb" &&
          ++finds === before + BATCHES_ALIVE + 1 + (kills % 2)
        )
          child.kill("SIGKILL");
      };
      const [code, signal] = await once(child, "exit");
      expect([code, signal]).toEqual([null, "SIGKILL"]);
    }
    mongo.before = () => undefined;
    const { stdout } = await run(process.execPath, migrate(mongo.url));
    const report = JSON.parse(stdout) as MigrationReport;
    expect(report).toMatchObject({ finished: true, dry_run: false });
    expect(report.knowledge_bases).toMatchObject([
      {
        source: "weather_kato",
        node: "weather",
        entries: PATTERNS,
        patterns: PATTERNS,
        learns: learns(),
        left_out: 0,
        problems: {},
        checksum: checksum(),
      },
    ]);
    expect(mongo.commands.filter((name) => /insert|update|delete|drop|create/i.test(name))).toEqual([]);
    await expectWhole();

    // A finished run is not gone on with: another one meets a kb that is full.
    const again = run(process.execPath, migrate(mongo.url));
    await expect(again).rejects.toMatchObject({ code: 2, stderr: expect.stringMatching(/ENGRAM_KB_NOT_EMPTY.*--merge/) });
    await run(process.execPath, [CLI, "verify", "--data-dir", dataDir()]);
    await run(process.execPath, [CLI, "rollback", report.id, "--data-dir", dataDir()]);
    const emptied = await openTestEngine("lmdb", { dataDir: dataDir() });
    expect((await emptied.engine.kbTotals(emptied.engine.kbOf("weather"))).total_unique_patterns).toBe(0);
    await emptied.close();
  });

  it("from dump files, through the server that has the folder open, killed three times", { timeout: LONG_MS }, async () => {
    const dump = join(folder, "dump", "weather_kato");
    mkdirSync(dump, { recursive: true });
    writeFileSync(join(dump, "patterns_kb.bson"), Buffer.concat(corpus.patterns.map((document) => BSON.serialize(document))));
    writeFileSync(join(dump, "symbols_kb.bson"), Buffer.concat(corpus.symbols.map((document) => BSON.serialize(document))));
    const hash = (): string =>
      createHash("sha256")
        .update(readFileSync(join(dump, "patterns_kb.bson")))
        .digest("hex");
    const before = hash();
    const server = await startServer({}, ["--data-dir", dataDir()]);
    try {
      for (let kills = 1; kills <= 3; kills++) {
        const child = spawn(process.execPath, migrate(join(folder, "dump")), { stdio: "ignore" });
        const ended = once(child, "exit");
        const learned = async (): Promise<number> => {
          const reply = await fetch(`${server.url}/v1/kbs/weather/stats`);
          return ((await reply.json()) as { patterns: number }).patterns;
        };
        // The first one in its first batch, of which nothing is written down yet.
        while ((await learned()) < 1 + (PATTERNS * (kills - 1)) / 5) {
          if (child.exitCode !== null) throw new Error(`the migration ended by itself with ${child.exitCode}`);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        child.kill("SIGKILL");
        expect(await ended).toEqual([null, "SIGKILL"]);
      }
      const { stdout } = await run(process.execPath, migrate(join(folder, "dump")));
      const report = JSON.parse(stdout) as MigrationReport;
      expect(report).toMatchObject({ finished: true, target: `the server at ${server.url}` });
      expect(report.knowledge_bases[0]).toMatchObject({ patterns: PATTERNS, checksum: checksum() });
      expect(hash()).toBe(before);
    } finally {
      await server.stop();
    }
    await expectWhole();
  });

  it("a dry run reads everything and writes nothing; problems are told, with exit code 4", async () => {
    corpus.patterns[5] = { ...corpus.patterns[5], frequency: null };
    corpus.patterns[6] = { ...corpus.patterns[6], pattern_data: "lost" };
    const report = join(folder, "report.md");
    const failure = await run(process.execPath, [...migrate(mongo.url, "--dry-run"), "--report", report]).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 4 });
    const { knowledge_bases: kbs } = JSON.parse((failure as { stdout: string }).stdout) as MigrationReport;
    expect(kbs).toMatchObject([{ entries: PATTERNS, patterns: PATTERNS - 2, left_out: 2, problems: { no_frequency: 1, unreadable: 1 } }]);
    expect(readFileSync(report, "utf8")).toMatch(/1 × no_frequency/);
    expect(() => readdirSync(dataDir())).toThrow(/ENOENT/);
  });
});
