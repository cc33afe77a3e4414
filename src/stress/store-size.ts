/** How much of the disk the tables of an embedded store take, a table at a time, once everything is merged. Opens the store; nobody else may have it. */
import { type ClickHouse, openEmbedded } from "../store/clickhouse-client.ts";

export interface StoreSize {
  /** Patterns in the store, over all kbs. */
  readonly patterns: number;
  readonly bytes: Readonly<Record<string, number>>;
}

/** Makes one part of a table; nothing where there is one. */
export const mergeStatement = ({ database }: ClickHouse, table: string): string =>
  `OPTIMIZE TABLE ${database}.${table} FINAL SETTINGS optimize_skip_merged_partitions = 1`;

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
      await clickhouse.load(mergeStatement(clickhouse, name));
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
