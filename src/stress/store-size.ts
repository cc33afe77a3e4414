/** How much of the disk the tables of an embedded store take, a table at a time, once everything is merged. Opens the store; nobody else may have it. */
import { setTimeout as sleep } from "node:timers/promises";
import { type ClickHouse, openEmbedded } from "../store/clickhouse-client.ts";

const MERGE_POLL_MS = 500;
/** Share of a table's rows in its largest part from which on it counts as merged. */
const MERGED = 0.98;

export interface StoreSize {
  /** Patterns in the store, over all kbs. */
  readonly patterns: number;
  readonly bytes: Readonly<Record<string, number>>;
}

/**
 * Merges a table until nearly all of it is one part: a little beside it is what every kb has that goes on learning, and another merge would copy the whole once more.
 * A merge that the store began by itself is waited for: asked meanwhile it gives up after two minutes and says so only when told to.
 * Errors: ENGRAM_STORE_REPLY with the store's reason.
 */
export async function mergeTable(clickhouse: ClickHouse, table: string): Promise<void> {
  const { database } = clickhouse;
  for (;;) {
    const { isMerged, merges } = await stateOf(clickhouse, table);
    if (isMerged) return;
    if (merges > 0) {
      await sleep(MERGE_POLL_MS);
      continue;
    }
    try {
      await clickhouse.load(`OPTIMIZE TABLE ${database}.${table} FINAL SETTINGS optimize_throw_if_noop = 1`);
    } catch (error) {
      // One may have begun in between.
      if ((await stateOf(clickhouse, table)).merges === 0) throw error;
    }
  }
}

async function stateOf(clickhouse: ClickHouse, table: string): Promise<{ isMerged: boolean; merges: number }> {
  const of = "WHERE database = {db:String} AND table = {table:String}";
  const [row] = await clickhouse.rows<{ parts: string; largest: string; total: string; merges: string }>(
    "SELECT toString(count()) AS parts, toString(max(rows)) AS largest, toString(sum(rows)) AS total, " +
      `(SELECT toString(count()) FROM system.merges ${of}) AS merges FROM system.parts ${of} AND active`,
    { db: clickhouse.database, table },
  );
  const isMerged = Number(row!.parts) <= 1 || Number(row!.largest) >= MERGED * Number(row!.total);
  return { isMerged, merges: Number(row!.merges) };
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
