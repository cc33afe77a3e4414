import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { openEmbedded } from "../../src/store/clickhouse-client.ts";
import { openPatternStore } from "../../src/store/clickhouse-patterns.ts";
import { migrate, readMigrations } from "../../src/store/migrate.ts";
import { patternStoreSuite } from "./pattern-store.ts";

const folder = mkdtempSync(join(tmpdir(), "engram-patterns-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

patternStoreSuite("embedded", async () => openPatternStore(await openEmbedded(folder, 2)));

it("refuses a store that was written by a newer schema or by another text of a schema file", async () => {
  const clickhouse = await openEmbedded(folder, 1);
  const migrations = readMigrations(new URL("../../src/store/sql/", import.meta.url));
  await migrate(clickhouse, migrations);
  await expect(migrate(clickhouse, [])).rejects.toMatchObject({ code: "ENGRAM_DATA_FORMAT" });
  const changed = migrations.map((migration) => ({ ...migration, checksum: "0" }));
  await expect(migrate(clickhouse, changed)).rejects.toMatchObject({ code: "ENGRAM_DATA_FORMAT" });
  await clickhouse.close();
});
