/** A filled corpus is, row for row, what a learned one is: else what is measured on it says nothing of a memory. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type Config, configOf } from "../../src/config.ts";
import { openEngine } from "../../src/engine.ts";
import { silentLogger } from "../../src/log.ts";
import { kbId } from "../../src/model/kb-id.ts";
import { openEmbedded } from "../../src/store/clickhouse-client.ts";
import { openLmdb } from "../../src/store/lmdb-open.ts";
import { Corpus } from "../../src/stress/corpus.ts";
import { fillCorpus } from "../../src/stress/fill.ts";
import { loadCorpus } from "../../src/stress/run.ts";

const TABLES = {
  symbols: "*",
  patterns: "*",
  pattern_names: "*",
  // The time is another one.
  learn_events: "* EXCEPT at",
  postings: "*",
  first_symbols: "*",
  vectors: "*",
  deleted_patterns: "*",
};

async function tablesOf(config: Config): Promise<Record<string, unknown[]>> {
  const clickhouse = await openEmbedded(join(config.dataDir, "clickhouse"), 1);
  try {
    const tables: Record<string, unknown[]> = {};
    for (const [table, columns] of Object.entries(TABLES)) {
      tables[table] = await clickhouse.rows(`SELECT ${columns} FROM ${clickhouse.database}.${table} ORDER BY ALL`);
    }
    return tables;
  } finally {
    await clickhouse.close();
  }
}

/** All rows but those of the store itself: its name, its counters of flushes. */
async function stateOf(config: Config): Promise<Map<string, string>> {
  const db = openLmdb(join(config.dataDir, "state"));
  try {
    const rows = new Map<string, string>();
    for (const { key, value } of db.getRange({})) {
      if (key[0] !== "M".charCodeAt(0) || key.toString("latin1") === "Mkbs") rows.set(key.toString("hex"), value.toString("hex"));
    }
    return rows;
  } finally {
    await db.close();
  }
}

it("a filled corpus has the rows of a learned one, repeats and all, and goes on learning", { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "engram-fill-test-"));
  const corpus = new Corpus({ patterns: 5_000, seed: 7, vocabulary: 30 });
  const configIn = (name: string): Config => configOf({ dataDir: join(folder, name), threads: 1, indexStep: 1_000 });
  const quiet = (): void => undefined;
  try {
    const learned = configIn("learned");
    const filled = configIn("filled");
    await loadCorpus(learned, silentLogger, corpus, false, quiet);
    const load = await loadCorpus(filled, silentLogger, corpus, true, quiet);
    expect(load).toMatchObject({ isFilled: true });
    expect(await loadCorpus(filled, silentLogger, corpus, true, quiet)).toBeNull();

    const [was, is] = [await tablesOf(learned), await tablesOf(filled)];
    // Learning leaves the last patterns, fewer than a step, to be scanned.
    const indexed = 1_000 * Math.floor((was.patterns as unknown[]).length / 1_000);
    for (const table of ["postings", "first_symbols"]) {
      is[table] = is[table]!.filter((row) => Number((row as { pattern_id: string }).pattern_id) < indexed);
      expect(is[table].length).toBeGreaterThan(indexed - 1);
    }
    for (const table of Object.keys(TABLES)) expect(is[table], table).toEqual(was[table]);
    expect(is.learn_events).toHaveLength(5_000);
    expect(is.patterns!.length).toBeLessThan(5_000);
    expect(await stateOf(filled)).toEqual(await stateOf(learned));

    const kb = kbId("stress", filled.serviceName);
    const more = [[["w1"], ["never seen"]], corpus.pattern(0).map((symbol) => [symbol])];
    for (const config of [learned, filled]) {
      const engine = await openEngine(config, silentLogger);
      try {
        expect(await engine.learnSequences(kb, more)).toEqual({ stored: 2, tooShort: 0 });
      } finally {
        await engine.close();
      }
    }
    const [wasLater, isLater] = [await tablesOf(learned), await tablesOf(filled)];
    for (const table of ["symbols", "patterns", "pattern_names", "learn_events"]) expect(isLater[table], table).toEqual(wasLater[table]);
    expect(isLater.patterns).toHaveLength(is.patterns!.length + 1);
    expect(await stateOf(filled)).toEqual(await stateOf(learned));

    await expect(fillCorpus(filled, silentLogger, corpus, kb, quiet)).rejects.toMatchObject({ code: "ENGRAM_BAD_REQUEST" });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
