import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { BSON } from "mongodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openMongoDump } from "../../../src/migrate/mongo-dump.ts";
import { openMongoServer } from "../../../src/migrate/mongo-server.ts";
import type { MigrationSource, SourceBatch, SourceKb } from "../../../src/migrate/source.ts";
import { kato2Corpus } from "../../support/kato2-corpus.ts";
import { type MongoWireServer, startMongoWireServer } from "../../support/mongo-wire-server.ts";

const LIMITS = { symbolsPerPatternMax: 4_096, symbolBytesMax: 65_536, assumedFrequency: undefined };
const COUNT = 501;
const BATCH = 100;
const corpus = kato2Corpus(COUNT, 7);
const wanted = corpus.patterns.map((document) => ({
  name: String(document.name).slice(5),
  frequency: document.frequency,
  emotives: Array.isArray(document.emotives) ? document.emotives.map((record) => Object.entries(record)) : [],
  metadata: Object.entries(document.metadata as Record<string, string[]>).map(([name, values]) => [name, [...values].sort()]),
}));

let folder: string;
let server: MongoWireServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "engram-mongo-"));
  server = await startMongoWireServer({
    weather_kato: { patterns_kb: corpus.patterns, symbols_kb: corpus.symbols, metadata: [] },
    unrelated: { users: [] },
  });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function dumpFolder(name: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  const database = join(folder, name, "weather_kato");
  await mkdir(database, { recursive: true });
  for (const [file, content] of Object.entries(files)) await writeFile(join(database, file), content);
  return join(folder, name);
}

const bson = (documents: readonly Record<string, unknown>[]): Buffer =>
  Buffer.concat(documents.map((document) => BSON.serialize(document)));
const exported = (documents: readonly Record<string, unknown>[], relaxed: boolean): string[] =>
  documents.map((document) => BSON.EJSON.stringify(document, { relaxed }));

const sources: Readonly<Record<string, () => Promise<MigrationSource>>> = {
  "a live server": () => openMongoServer({ url: server.url, serviceName: "kato", limits: LIMITS, batchPatterns: BATCH }),
  mongodump: async () =>
    openDump(
      await dumpFolder("plain", {
        "patterns_kb.bson": bson(corpus.patterns),
        "symbols_kb.bson": bson(corpus.symbols),
        "patterns_kb.metadata.json": "{}",
      }),
    ),
  "mongodump --gzip": async () =>
    openDump(
      await dumpFolder("gzip", {
        "patterns_kb.bson.gz": gzipSync(bson(corpus.patterns)),
        "symbols_kb.bson.gz": gzipSync(bson(corpus.symbols)),
      }),
    ),
  "mongoexport, a document a line": async () =>
    openDump(
      await dumpFolder("lines", {
        "patterns_kb.json": `${exported(corpus.patterns, true).join("\n")}\n`,
        "symbols_kb.json": exported(corpus.symbols, true).join("\n"),
      }),
    ),
  "mongoexport --jsonArray --pretty, canonical": async () =>
    openDump(
      await dumpFolder("array", {
        "patterns_kb.json": `[${exported(corpus.patterns, false)
          .map((text) => JSON.stringify(JSON.parse(text), null, 1))
          .join(",\n")}]`,
        "symbols_kb.json": `[${exported(corpus.symbols, false).join(",")}]`,
      }),
    ),
};
const openDump = (path: string): Promise<MigrationSource> =>
  openMongoDump({ path, serviceName: "kato", limits: LIMITS, batchPatterns: BATCH });

async function read(source: MigrationSource, kb: SourceKb, resume?: string): Promise<SourceBatch[]> {
  const batches: SourceBatch[] = [];
  for await (const batch of source.batches(kb, resume)) batches.push(batch);
  return batches;
}
const brief = (batches: readonly SourceBatch[]) =>
  batches.flatMap(({ patterns }) =>
    patterns.map(({ pattern, frequency, emotives, metadata }) => ({ name: pattern.name, frequency, emotives, metadata })),
  );

describe.each(Object.entries(sources))("KATO 2 from %s", (_, open) => {
  it("gives every pattern once, with counters, emotives and metadata", async () => {
    const source = await open();
    const kbs = await source.listKbs();
    expect(kbs.map(({ name, node }) => [name, node])).toEqual([["weather_kato", "weather"]]);
    const batches = await read(source, kbs[0]!);
    expect(batches.flatMap((batch) => batch.problems)).toEqual([]);
    expect(batches.map((batch) => batch.entries)).toEqual([100, 100, 100, 100, 100, 1]);
    expect(brief(batches)).toEqual(wanted);
    await source.close();
  });

  it("goes on from the place after any batch as if it had not stopped", async () => {
    const source = await open();
    const [kb] = (await source.listKbs()) as [SourceKb];
    const whole = await read(source, kb);
    for (const [at, batch] of whole.entries()) {
      const rest = await read(source, kb, batch.resume);
      expect(brief(rest)).toEqual(brief(whole.slice(at + 1)));
    }
    await source.close();
  });

  it("gives the symbols with their counters and sums", async () => {
    const source = await open();
    const [kb] = (await source.listKbs()) as [SourceKb];
    const symbols = [];
    for await (const slice of source.symbols(kb)) symbols.push(...slice);
    expect(symbols).toEqual(
      corpus.symbols.map(({ name, frequency, pattern_member_frequency: members, emotives }) => ({
        symbol: name,
        frequency,
        patternMemberFrequency: members,
        affinity: Object.entries((emotives as Record<string, number>) ?? {}),
      })),
    );
    await source.close();
  });
});

describe("what is not whole", () => {
  const sound = corpus.patterns[0]!;
  const broken: [string, Record<string, unknown>, string, boolean][] = [
    ["events that are no lists", { ...sound, pattern_data: ["a", "b"] }, "unreadable", true],
    ["a symbol that is a number", { ...sound, pattern_data: [["a", 1]] }, "unreadable", true],
    ["another pattern's name", { ...sound, name: corpus.patterns[1]!.name }, "name_mismatch", true],
    ["one symbol", { ...sound, name: undefined, pattern_data: [["a"]] }, "too_short", true],
    ["no frequency", { ...sound, frequency: undefined }, "no_frequency", true],
    ["frequency 0", { ...sound, frequency: 0 }, "no_frequency", true],
    ["emotives that are text", { ...sound, emotives: [{ joy: "high" }] }, "bad_emotives", false],
    ["metadata that is a list", { ...sound, metadata: ["x"] }, "bad_metadata", false],
  ];
  it.each(broken)("%s is told of, not guessed", async (_, document, kind, leftOut) => {
    const path = await dumpFolder(`broken-${kind}-${leftOut}`, { "patterns_kb.bson": bson([document]) });
    const source = await openDump(path);
    const [batch] = await read(source, (await source.listKbs())[0]!);
    expect(batch!.problems.map((problem) => [problem.kind, problem.leftOut])).toEqual([[kind, leftOut]]);
    expect(batch!.patterns).toHaveLength(leftOut ? 0 : 1);
  });

  it("a frequency may be assumed when asked, and is told of", async () => {
    const path = await dumpFolder("assumed", { "patterns_kb.bson": bson([{ ...sound, frequency: null }]) });
    const source = await openMongoDump({ path, serviceName: "kato", limits: { ...LIMITS, assumedFrequency: 3 } });
    const [batch] = await read(source, (await source.listKbs())[0]!);
    expect(batch!.patterns[0]!.frequency).toBe(3);
    expect(batch!.problems).toMatchObject([{ kind: "no_frequency", leftOut: false }]);
  });

  it("a file that was cut off ends with its place", async () => {
    const path = await dumpFolder("cut", { "patterns_kb.bson": bson(corpus.patterns) });
    const file = join(path, "weather_kato", "patterns_kb.bson");
    await truncate(file, bson(corpus.patterns.slice(0, 3)).length + 10);
    const source = await openDump(path);
    await expect(read(source, (await source.listKbs())[0]!)).rejects.toMatchObject({ code: "ENGRAM_FILE_UNREADABLE" });
  });

  it("a folder without a dump, and a server that is not there, are said to be so", async () => {
    await expect(openDump(`${folder}/nowhere`)).rejects.toMatchObject({ code: "ENGRAM_FILE_UNREADABLE" });
    const url = "mongodb://user:s3cret@127.0.0.1:9/";
    const failure = openMongoServer({ url, serviceName: "kato", limits: LIMITS, selectTimeoutMs: 200 });
    await expect(failure).rejects.toMatchObject({ code: "ENGRAM_STORE_UNREACHABLE" });
    await expect(failure).rejects.not.toThrow(/s3cret/);
  });

  it("a cut line is read again by the driver and nothing comes twice", async () => {
    let cuts = 0;
    server.before = (command, socket) => {
      if (Object.keys(command)[0] === "find" && cuts++ === 1) socket.destroy();
    };
    const source = await sources["a live server"]!();
    const batches = await read(source, (await source.listKbs())[0]!);
    server.before = () => undefined;
    expect(cuts).toBeGreaterThan(2);
    expect(brief(batches)).toEqual(wanted);
    await source.close();
  });
});
