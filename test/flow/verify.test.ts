/** Twenty corruptions planted one at a time: each is found by name, and what is made from patterns is made anew. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { configOf } from "../../src/config.ts";
import { openEngine } from "../../src/engine.ts";
import type { Engine } from "../../src/engine-types.ts";
import { silentLogger } from "../../src/log.ts";
import { openInlinePool } from "../../src/pool/inline-pool.ts";
import { type ClickHouse, openEmbedded } from "../../src/store/clickhouse-client.ts";
import { openPatternStore } from "../../src/store/clickhouse-patterns.ts";
import { GenerationKeys, headKey } from "../../src/store/lmdb-keys.ts";
import { openLmdbState } from "../../src/store/lmdb-open.ts";
import { openLocalEvents } from "../../src/store/local-events.ts";
import { decodeHead, encodeHead, HEAD_BYTES } from "../../src/store/state-records.ts";
import { seeded } from "../durability/rounds.ts";

const KB = "kb";
const OF = `kb = '${KB}' AND generation = 1`;
const LEARNS = 60;

/** A corruption: how it is planted, the check that finds it, and whether a repair mends it. */
interface Planted {
  readonly what: string;
  readonly check: string;
  readonly mends: boolean;
  readonly plant: (tables: ClickHouse, raw: Raw) => Promise<unknown>;
}

/** The state store's file, written behind its back. */
interface Raw {
  put(key: Buffer, value: Buffer): Promise<unknown>;
  get(key: Buffer): Buffer | undefined;
  remove(key: Buffer): Promise<unknown>;
}

const keys = new GenerationKeys(0, 1);
const sql = (text: string) => (tables: ClickHouse) => tables.command(text.replaceAll("{kb}", OF));
const flipDouble =
  (key: Buffer, at: number, by = 1) =>
  (_: ClickHouse, raw: Raw) => {
    const bytes = Buffer.from(raw.get(key)!);
    bytes.writeDoubleLE(bytes.readDoubleLE(at) + by, at);
    return raw.put(key, bytes);
  };

const PLANTED: readonly Planted[] = [
  {
    what: "a posting is missing",
    check: "postings.missing",
    mends: true,
    plant: sql(
      "DELETE FROM engram.postings WHERE {kb} AND pattern_id = 3 AND symbol = (SELECT symbols[1] FROM engram.patterns WHERE {kb} AND pattern_id = 3)",
    ),
  },
  {
    what: "all postings of a pattern are missing",
    check: "postings.missing",
    mends: true,
    plant: sql("DELETE FROM engram.postings WHERE {kb} AND pattern_id = 5"),
  },
  {
    what: "a pattern is not found by its first symbol",
    check: "firsts.missing",
    mends: true,
    plant: sql("DELETE FROM engram.first_symbols WHERE {kb} AND pattern_id = 5"),
  },
  {
    what: "a pattern is found by another symbol than its first",
    check: "firsts.surplus",
    mends: true,
    plant: sql(
      "INSERT INTO engram.first_symbols SELECT kb, generation, symbol + 1, length, name, pattern_id FROM engram.first_symbols WHERE {kb} AND pattern_id = 5",
    ),
  },
  {
    what: "a posting of no pattern",
    check: "postings.surplus",
    mends: true,
    plant: sql(
      `INSERT INTO engram.postings SELECT kb, generation, symbol, length, 900, signature, name_byte FROM engram.postings WHERE {kb} LIMIT 1`,
    ),
  },
  {
    what: "a posting with a wrong signature",
    check: "postings.surplus",
    mends: true,
    plant: sql(
      `INSERT INTO engram.postings SELECT kb, generation, symbol, length, pattern_id, signature + 1, name_byte FROM engram.postings WHERE {kb} LIMIT 1`,
    ),
  },
  {
    what: "a posting with a wrong byte of the name",
    check: "postings.surplus",
    mends: true,
    plant: sql(
      `INSERT INTO engram.postings SELECT kb, generation, symbol, length, pattern_id, signature, name_byte + 1 FROM engram.postings WHERE {kb} LIMIT 1`,
    ),
  },
  {
    what: "a name is missing",
    check: "names.missing",
    mends: true,
    plant: sql("DELETE FROM engram.pattern_names WHERE {kb} AND pattern_id = 2"),
  },
  {
    what: "a name of no pattern",
    check: "names.orphan",
    mends: true,
    plant: sql(`INSERT INTO engram.pattern_names (kb, generation, name_hex, pattern_id) VALUES ('${KB}', 1, '${"ab".repeat(20)}', 7)`),
  },
  {
    what: "a wrong length",
    check: "patterns.derived",
    mends: true,
    plant: sql("ALTER TABLE engram.patterns UPDATE length = 99 WHERE {kb} AND pattern_id = 4 SETTINGS mutations_sync = 1"),
  },
  {
    what: "a wrong first symbol",
    check: "patterns.derived",
    mends: true,
    plant: sql(
      "ALTER TABLE engram.patterns UPDATE first_symbol = first_symbol + 1 WHERE {kb} AND pattern_id = 4 SETTINGS mutations_sync = 1",
    ),
  },
  {
    what: "a deleted pattern's row is back",
    check: "patterns.deleted",
    mends: true,
    plant: sql(
      "INSERT INTO engram.patterns (kb, generation, pattern_id, name_hex, symbols, event_ends) SELECT kb, generation, pattern_id, lower(hex(name)), symbols, event_ends FROM engram.deleted_patterns WHERE {kb} LIMIT 1",
    ),
  },
  {
    what: "a pattern is missing",
    check: "patterns.missing",
    mends: false,
    plant: sql("DELETE FROM engram.patterns WHERE {kb} AND pattern_id = 6"),
  },
  {
    what: "a pattern is there twice",
    check: "patterns.duplicate",
    mends: false,
    plant: sql(
      "INSERT INTO engram.patterns (kb, generation, pattern_id, name_hex, symbols, event_ends) SELECT kb, generation, pattern_id, lower(hex(name)), symbols, event_ends FROM engram.patterns WHERE {kb} AND pattern_id = 6 LIMIT 1",
    ),
  },
  {
    what: "a pattern nobody learned",
    check: "patterns.orphan",
    mends: false,
    plant: sql(
      "INSERT INTO engram.patterns (kb, generation, pattern_id, name_hex, symbols, event_ends) SELECT kb, generation, 500, lower(hex(name)), symbols, event_ends FROM engram.patterns WHERE {kb} AND pattern_id = 6 LIMIT 1",
    ),
  },
  {
    what: "a wrong name",
    check: "patterns.hash",
    mends: false,
    plant: sql(
      "ALTER TABLE engram.patterns UPDATE name = unhex(repeat('cd', 20)) WHERE {kb} AND pattern_id = 8 SETTINGS mutations_sync = 1",
    ),
  },
  {
    what: "an event boundary beyond the pattern",
    check: "patterns.events",
    mends: false,
    plant: sql("ALTER TABLE engram.patterns UPDATE event_ends = [99] WHERE {kb} AND pattern_id = 8 SETTINGS mutations_sync = 1"),
  },
  {
    what: "a symbol is missing",
    check: "symbols.missing",
    mends: false,
    plant: sql("DELETE FROM engram.symbols WHERE {kb} AND symbol_id = 1"),
  },
  {
    what: "an event is missing",
    check: "events.missing",
    mends: false,
    plant: sql("DELETE FROM engram.learn_events WHERE {kb} AND seq = 9"),
  },
  {
    what: "the last event is missing",
    check: "events.last",
    mends: false,
    plant: sql(`DELETE FROM engram.learn_events WHERE {kb} AND seq = (SELECT max(seq) FROM engram.learn_events WHERE {kb})`),
  },
  { what: "a symbol's counter is off by one", check: "counters.symbol", mends: false, plant: flipDouble(keys.byId("c", 2), 0) },
  { what: "a symbol is in one pattern too many", check: "counters.symbol", mends: false, plant: flipDouble(keys.byId("c", 3), 8) },
  {
    what: "an affinity is off in its last digit",
    check: "counters.affinity",
    mends: false,
    plant: flipDouble(keys.byId("a", 2), 7, 1e-12),
  },
  {
    what: "a total is off by one",
    check: "counters.kb",
    mends: false,
    plant: (_, raw) => {
      const row = raw.get(headKey(0))!;
      const head = decodeHead(row);
      head.symbolTotal += 1;
      return raw.put(headKey(0), Buffer.concat([encodeHead(head), row.subarray(HEAD_BYTES)]));
    },
  },
];

describe("engram verify", () => {
  const folder = mkdtempSync(join(tmpdir(), "engram-verify-test-"));
  let engine: Engine;
  let tables: ClickHouse;
  let raw: Raw;

  beforeAll(async () => {
    const config = configOf({ dataDir: folder, threads: 1 });
    tables = await openEmbedded(join(folder, "clickhouse"), 1);
    const state = await openLmdbState({ path: join(folder, "state"), outboxMax: 100_000 });
    const patterns = await openPatternStore(tables);
    const events = openLocalEvents(silentLogger);
    const close = async (): Promise<void> => {
      await events.close();
      await patterns.close();
      await state.close();
    };
    engine = await openEngine(config, silentLogger, { pool: await openInlinePool(), stores: { state, patterns, events, close } as never });
    const db = open<Buffer, Buffer>({
      path: join(folder, "state"),
      noSubdir: false,
      encoding: "binary",
      keyEncoding: "binary",
      cache: false,
    });
    raw = { put: (key, value) => db.put(key, value), get: (key) => db.get(key), remove: (key) => db.remove(key) };
    const random = seeded(31);
    const learned = await engine.learnPatterns(
      KB,
      Array.from({ length: LEARNS }, (_, i) => ({
        events: [[`s${Math.floor(random() * 9)}`], [`own${i % 50}`, `t${i % 7}`]].map((event) => [...event].sort()),
        emotives: [[["joy", random()] as const]],
      })),
    );
    const names = learned.map((item) => (item === "tooShort" ? "" : item.name));
    await engine.deletePatterns(KB, { names: [names[10]!, names[20]!] });
    await engine.updatePattern(KB, names[30]!, { frequency: 5 });
    await engine.flush();
    await patterns.index.addPostings(KB, 1, 0, (await state.head(KB)).patternCount);
    await patterns.index.addFirstSymbols(KB, 1, 0, (await state.head(KB)).patternCount);
  }, 120_000);
  afterAll(async () => {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("finds nothing in a kb that is in order, and says the same of an equal one", async () => {
    const report = await engine.verifyKb(KB, false);
    expect(report).toMatchObject({
      patterns: expect.any(Number),
      findings: [],
      countersCompared: true,
      checksum: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    await engine.copyKb(KB, "copy");
    expect(await engine.verifyKb("copy", false)).toMatchObject({ findings: [], checksum: report.checksum, patterns: report.patterns });
    expect(PLANTED.length).toBeGreaterThanOrEqual(20);
  }, 120_000);

  // Each corruption is planted into tables as they were: what it spoilt is put back from copies.
  const TABLES = ["patterns", "pattern_names", "postings", "first_symbols", "symbols", "learn_events"];

  it.each(PLANTED.map((planted) => [planted.what, planted] as const))(
    "finds that %s",
    async (_, { check, mends, plant }) => {
      for (const table of TABLES) await tables.command(`CREATE TABLE engram.kept_${table} AS engram.${table}`);
      for (const table of TABLES) await tables.command(`INSERT INTO engram.kept_${table} SELECT * FROM engram.${table} WHERE kb = '${KB}'`);
      const rows = [keys.byId("c", 2), keys.byId("c", 3), keys.byId("a", 2), headKey(0)].map(
        (key) => [key, Buffer.from(raw.get(key)!)] as const,
      );
      try {
        await plant(tables, raw);
        const found = (await engine.verifyKb(KB, false)).findings.map((finding) => finding.check);
        expect(found).toContain(check);
        const left = (await engine.verifyKb(KB, true)).findings;
        if (mends) expect(left).toEqual([]);
        else expect(left.map((finding) => finding.check)).toContain(check);
      } finally {
        for (const table of TABLES) {
          await tables.command(`DELETE FROM engram.${table} WHERE kb = '${KB}'`);
          await tables.command(`INSERT INTO engram.${table} SELECT * FROM engram.kept_${table} SETTINGS insert_deduplicate = 0`);
          await tables.command(`DROP TABLE engram.kept_${table} SYNC`);
        }
        for (const [key, value] of rows) await raw.put(key, value);
      }
    },
    120_000,
  );
});
