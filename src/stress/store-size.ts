/** How much of the disk the tables of an embedded store take, a table at a time, once everything is merged. Opens the store; nobody else may have it. */
import { setTimeout as sleep } from "node:timers/promises";
import { type ClickHouse, openEmbedded } from "../store/clickhouse-client.ts";

const MERGE_POLL_MS = 500;

export interface StoreSize {
  /** Patterns in the store, over all kbs. */
  readonly patterns: number;
  readonly bytes: Readonly<Record<string, number>>;
}

/**
 * Makes one part of a table. A merge that the store began by itself is waited for: asked meanwhile it gives up after two minutes and says so only when told to.
 * Errors: ENGRAM_STORE_REPLY with the store's reason.
 */
export async function mergeTable(clickhouse: ClickHouse, table: string): Promise<void> {
  const { database } = clickhouse;
  for (;;) {
    const { parts, merges } = await partsOf(clickhouse, table);
    if (parts <= 1) return;
    if (merges > 0) {
      await sleep(MERGE_POLL_MS);
      continue;
    }
    try {
      await clickhouse.load(`OPTIMIZE TABLE ${database}.${table} FINAL SETTINGS optimize_throw_if_noop = 1`);
    } catch (error) {
      // One may have begun in between.
      if ((await partsOf(clickhouse, table)).merges === 0) throw error;
    }
  }
}

async function partsOf(clickhouse: ClickHouse, table: string): Promise<{ parts: number; merges: number }> {
  const count = (of: string): string => `toString((SELECT count() FROM system.${of} database = {db:String} AND table = {table:String}))`;
  const [row] = await clickhouse.rows<{ parts: string; merges: string }>(
    `SELECT ${count("parts WHERE active AND")} AS parts, ${count("merges WHERE")} AS merges`,
    { db: clickhouse.database, table },
  );
  return { parts: Number(row!.parts), merges: Number(row!.merges) };
}

/** Merges every table, which settles sizes and makes searches read fewer parts. Seconds to minutes for many million patterns, nothing for what is merged. */
export async function mergeAndMeasure(folder: string, onTable: (name: string) => void = () => undefined): Promise<StoreSize> {
  const clickhouse = await openEmbedded(folder, 1);
  const db = clickhouse.database;
  try {
    const tables = await clickhouse.rows<{ name: string }>(
      "SELECT name FROM system.tables WHERE database = {db:String} AND engine LIKE '%MergeTree' ORDER BY name",
      { db },
    );
    for (const { name } of tables) {
      onTable(name);
      await mergeTable(clickhouse, name);
    }
    const sizes = await clickhouse.rows<{ name: string; bytes: string }>(
      "SELECT table AS name, toString(sum(bytes_on_disk)) AS bytes FROM system.parts WHERE database = {db:String} AND active GROUP BY table ORDER BY table",
      { db },
    );
    const [count] = await clickhouse.rows<{ patterns: string }>(`SELECT toString(count()) AS patterns FROM ${db}.patterns`);
    return { patterns: Number(count!.patterns), bytes: Object.fromEntries(sizes.map(({ name, bytes }) => [name, Number(bytes)])) };
  } finally {
    await clickhouse.close();
  }
}
