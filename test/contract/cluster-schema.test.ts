/**
 * The cluster form against the numbered schema files: every statement parses, and made into plain tables it has the same columns, codecs,
 * keys and settings. There is no cluster here: what replication and sharding do is not tested.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type ClickHouse, openEmbedded } from "../../src/store/clickhouse-client.ts";
import { migrate, readMigrations } from "../../src/store/migrate.ts";

const SQL = new URL("../../src/store/sql/", import.meta.url);
const statements = readFileSync(new URL("cluster/cluster.sql", SQL), "utf8")
  .replace(/^\s*--.*$/gm, "")
  .split(/;\s*(?:\n|$)/)
  .map((statement) => statement.trim())
  .filter((statement) => statement !== "");

interface Table {
  readonly name: string;
  readonly columns: unknown[];
  readonly key: string;
  readonly settings: string[];
  readonly engine: string;
}

async function tablesOf(clickhouse: ClickHouse, database: string): Promise<Map<string, Table>> {
  const rows = await clickhouse.rows<{ name: string; engine: string; sorting_key: string; text: string }>(
    "SELECT name, engine_full AS engine, sorting_key, create_table_query AS text FROM system.tables WHERE database = {database:String} ORDER BY name",
    { database },
  );
  const columns = await clickhouse.rows<{ table: string }>(
    "SELECT table, name, type, default_kind, default_expression, compression_codec FROM system.columns WHERE database = {database:String} ORDER BY table, position",
    { database },
  );
  return new Map(
    rows.map(({ name, engine, sorting_key: key, text }) => [
      name.replace(/_shard$/, ""),
      {
        name,
        columns: columns.filter(({ table }) => table === name).map(({ table: _, ...column }) => column),
        key,
        settings: (/ SETTINGS (.*)$/.exec(text)?.[1] ?? "")
          .replace("replicated_deduplication_window", "deduplication_window")
          .replace("non_deduplication_window", "deduplication_window")
          .split(", ")
          .sort(),
        engine: /^\w+/.exec(engine)![0],
      },
    ]),
  );
}

it("parses, and comes to the same tables as the numbered files", async () => {
  const folder = mkdtempSync(join(tmpdir(), "engram-cluster-schema-"));
  const clickhouse = await openEmbedded(folder, 1);
  try {
    expect(statements).toHaveLength(26);
    for (const statement of statements) await clickhouse.command(`EXPLAIN AST ${statement}`);
    // Which would say so if they did not parse.
    await expect(clickhouse.command(`EXPLAIN AST ${statements[1]!.replace("ENGINE", "ENGIN")}`)).rejects.toThrow("Syntax error");
    await migrate(clickhouse, readMigrations(SQL));
    const plain = await tablesOf(clickhouse, "engram");
    plain.delete("schema_migrations");

    await clickhouse.command("CREATE DATABASE IF NOT EXISTS cluster_form");
    const shards = statements.filter((statement) => /^CREATE TABLE \S+ \S+ \S+ engram\.\w+_shard ON/.test(statement));
    for (const statement of shards) {
      const local = statement
        .replace(" ON CLUSTER '{cluster}'", "")
        .replace("engram.", "cluster_form.")
        .replace(/Replicated(\w*MergeTree)\('[^']+', '[^']+'(?:, (\w+))?\)/, (_, engine: string, version = "") => `${engine}(${version})`)
        .replace("replicated_deduplication_window", "non_replicated_deduplication_window");
      await clickhouse.command(local);
    }
    const sharded = await tablesOf(clickhouse, "cluster_form");
    expect([...sharded.keys()]).toEqual([...plain.keys()]);
    for (const [name, table] of plain) expect({ ...sharded.get(name)!, name }).toEqual(table);

    // Over each of them lies a view of all shards, and what is found by pattern is spread by pattern.
    const views = statements.filter((statement) => statement.includes("ENGINE = Distributed"));
    expect(views).toHaveLength(plain.size);
    for (const view of views) {
      const name = /engram\.(\w+) ON/.exec(view)![1]!;
      const spread = view.includes("cityHash64(kb, generation, pattern_id)");
      expect(spread, name).toBe(["patterns", "postings", "minhash_buckets", "first_symbols", "deleted_patterns"].includes(name));
    }
  } finally {
    await clickhouse.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
