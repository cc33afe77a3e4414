import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { openEmbedded } from "../../src/store/clickhouse-client.ts";
import { openPatternStore } from "../../src/store/clickhouse-patterns.ts";
import { migrate, readMigrations } from "../../src/store/migrate.ts";
import { bucketIndexSuite } from "./bucket-index.ts";
import { patternIndexSuite } from "./pattern-index.ts";
import { learnEntry, patternStoreSuite } from "./pattern-store.ts";

const folder = mkdtempSync(join(tmpdir(), "engram-patterns-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

patternStoreSuite("embedded", async () => openPatternStore(await openEmbedded(folder, 2)));
patternIndexSuite("embedded", async () => openPatternStore(await openEmbedded(folder, 2)));
bucketIndexSuite("embedded", async () => openPatternStore(await openEmbedded(folder, 2)));

it("completes a batch of which only the first tables were written, without doubling what was", async () => {
  const clickhouse = await openEmbedded(folder, 1);
  let insertsLeft = Number.POSITIVE_INFINITY;
  const store = await openPatternStore({
    ...clickhouse,
    insert: (...args) => (insertsLeft-- > 0 ? clickhouse.insert(...args) : Promise.reject(new Error("the process was killed here"))),
  });
  for (let written = 0; written < 5; written++) {
    const kb = `part${written}`;
    const vectors = [{ symbol: "VCTR|v", values: [1, 2] }];
    const entries = Array.from({ length: 40 }, (_, i) =>
      learnEntry(kb, 1, i + 1, i, [i, 3, 5], { firstNewSymbol: i === 0 ? 0 : i, vectors: i === 0 ? vectors : [] }),
    );
    const batch = { token: `part-${written}`, entries };
    insertsLeft = written;
    await expect(store.write(batch)).rejects.toThrow("killed");
    insertsLeft = Number.POSITIVE_INFINITY;
    await store.write(batch);
    await store.write(batch);
    expect(await store.counts(kb, 1)).toMatchObject({ patterns: 40, names: 40, vectors: 1, learns: 40 });
    const symbols = entries.flatMap((entry) => (entry.kind === "learn" ? entry.symbolIds.filter((id) => id >= entry.firstNewSymbol) : []));
    expect((await store.counts(kb, 1)).symbols).toBe(symbols.length);
  }
  await store.close();
});

it("refuses a store that was written by a newer schema or by another text of a schema file", async () => {
  const clickhouse = await openEmbedded(folder, 1);
  const migrations = readMigrations(new URL("../../src/store/sql/", import.meta.url));
  await migrate(clickhouse, migrations);
  await expect(migrate(clickhouse, [])).rejects.toMatchObject({ code: "ENGRAM_DATA_FORMAT" });
  const changed = migrations.map((migration) => ({ ...migration, checksum: "0" }));
  await expect(migrate(clickhouse, changed)).rejects.toMatchObject({ code: "ENGRAM_DATA_FORMAT" });
  await clickhouse.close();
});
