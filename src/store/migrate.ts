/**
 * Numbered SQL files, applied once each, in order. A file that was applied must not change afterwards: its checksum is kept, and a
 * difference is refused, because the tables on disk would no longer be what the file says.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { EngineError } from "../errors.ts";
import type { ClickHouse } from "./clickhouse-client.ts";

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly statements: readonly string[];
  readonly checksum: string;
}

/** Reads the migrations that come with the program. */
export function readMigrations(folder: URL): Migration[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}-[\w-]+\.sql$/.test(name))
    .sort()
    .map((name) => {
      const text = readFileSync(new URL(name, folder), "utf8");
      return {
        version: Number(name.slice(0, 4)),
        name,
        statements: text
          .replace(/^\s*--.*$/gm, "")
          .split(/;\s*(?:\n|$)/)
          .map((statement) => statement.trim())
          .filter((statement) => statement !== ""),
        checksum: createHash("sha256").update(text).digest("hex"),
      };
    });
}

/** Applies what is missing. Errors: ENGRAM_DATA_FORMAT when an applied file changed or the store is newer than this program. */
export async function migrate(clickhouse: ClickHouse, migrations: readonly Migration[]): Promise<void> {
  const { database } = clickhouse;
  await clickhouse.command(
    `CREATE TABLE IF NOT EXISTS ${database}.schema_migrations (version UInt32, name String, checksum String, applied_at DateTime DEFAULT now()) ` +
      "ENGINE = MergeTree ORDER BY version SETTINGS fsync_after_insert = 1",
  );
  const applied = await clickhouse.rows<{ version: number; checksum: string }>(
    `SELECT version, any(checksum) AS checksum FROM ${database}.schema_migrations GROUP BY version ORDER BY version`,
  );
  const known = new Map(migrations.map((migration) => [migration.version, migration]));
  for (const { version, checksum } of applied) {
    const migration = known.get(version);
    if (migration === undefined) {
      throw new EngineError(
        "ENGRAM_DATA_FORMAT",
        `The pattern store was written by a newer version (schema ${version}). Use that version or a newer one.`,
      );
    }
    if (migration.checksum !== checksum) {
      throw new EngineError(
        "ENGRAM_DATA_FORMAT",
        `The schema file ${migration.name} differs from the one this store was made with. Restore the released file.`,
      );
    }
  }
  const done = new Set(applied.map((row) => row.version));
  for (const migration of migrations) {
    if (done.has(migration.version)) continue;
    for (const statement of migration.statements) {
      // A crash between two statements leaves tables without their row here, so creating must be repeatable.
      const repeatable = statement
        .replace(/^CREATE TABLE (?!IF NOT EXISTS)/, "CREATE TABLE IF NOT EXISTS ")
        .replace(/^(CREATE TABLE IF NOT EXISTS|ALTER TABLE) (\w+)/, `$1 ${database}.$2`)
        .replaceAll("{database}", database);
      await clickhouse.command(repeatable);
    }
    await clickhouse.insert(
      "schema_migrations",
      ["version", "name", "checksum"],
      [JSON.stringify([migration.version, migration.name, migration.checksum])],
      `migration-${migration.version}`,
    );
  }
}
