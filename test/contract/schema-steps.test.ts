/** Schema files over a store that an older version made. A file of its own: a process has one embedded data folder. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openEmbedded } from "../../src/store/clickhouse-client.ts";
import { migrate, readMigrations } from "../../src/store/migrate.ts";

it("moves the patterns of an older schema into the new table, whichever step it was killed after", async () => {
  const old = mkdtempSync(join(tmpdir(), "engram-old-schema-"));
  const clickhouse = await openEmbedded(old, 1);
  const migrations = readMigrations(new URL("../../src/store/sql/", import.meta.url));
  await migrate(clickhouse, migrations.slice(0, 1));
  await clickhouse.insert(
    "patterns",
    ["kb", "generation", "pattern_id", "name_hex", "symbols", "event_ends"],
    [JSON.stringify(["old", 1, 0, "0".repeat(40), [5, 6, 5], [1, 3]]), JSON.stringify(["old", 1, 1, "1".repeat(40), [7, 8], [2]])],
    "old-1",
  );
  const rows = (): Promise<unknown[]> =>
    clickhouse.rows(
      "SELECT pattern_id, lower(hex(name)) AS name, symbols, event_ends, length, distinct_count, first_symbol FROM engram.patterns ORDER BY pattern_id",
    );
  const before = await rows();
  // Every statement of the later files is the last one before a kill, once.
  const moving = migrations.slice(1).flatMap(({ statements }) => statements).length;
  for (let kept = 0; kept < moving; kept++) {
    let left = kept;
    const killed = {
      ...clickhouse,
      command: (sql: string) =>
        sql.includes("schema_migrations") || left-- > 0 ? clickhouse.command(sql) : Promise.reject(new Error("killed")),
    };
    await migrate(killed, migrations).catch((error: Error) => expect(error.message).toBe("killed"));
  }
  await migrate(clickhouse, migrations);
  expect(before).toHaveLength(2);
  expect(await rows()).toEqual(before);
  for (const table of ["minhash_buckets", "first_symbols"]) expect(await clickhouse.rows(`SELECT * FROM engram.${table}`)).toEqual([]);
  // Postings without the byte of the name would rank wrongly: where they say that they are, they are made anew.
  await clickhouse.command("ALTER TABLE engram.postings DROP COLUMN name_byte");
  await clickhouse.command("INSERT INTO engram.postings SELECT 'old', 1, 5, 3, 0, 32");
  await clickhouse.command("INSERT INTO engram.index_marks SELECT 'old', 1, arrayJoin(['postings', 'first symbols']), 2");
  await clickhouse.command("DELETE FROM engram.schema_migrations WHERE version = 12");
  await migrate(clickhouse, migrations);
  expect(await clickhouse.rows("SELECT name_byte FROM engram.postings")).toEqual([]);
  expect(await clickhouse.rows("SELECT name FROM engram.index_marks")).toEqual([{ name: "first symbols" }]);
  await clickhouse.close();
  rmSync(old, { recursive: true, force: true });
});
