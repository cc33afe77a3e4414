import { createClient } from "@clickhouse/client";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openKatoServer } from "../../../src/migrate/kato-server.ts";
import type { MigrationSource, SourceBatch, SourceKb, SourceSymbol } from "../../../src/migrate/source.ts";
import { type ClickHouseBridge, startBridge } from "../../support/clickhouse-bridge.ts";
import { fillKato3 } from "../../support/kato3-stores.ts";
import { type RedisServer, redisAvailable, startRedis } from "../../support/redis-server.ts";

const LIMITS = { symbolsPerPatternMax: 4_096, symbolBytesMax: 65_536, assumedFrequency: undefined };
const KB = "weather_kato";

describe.skipIf(!redisAvailable())("KATO 3 from its ClickHouse and Redis", () => {
  let bridge: ClickHouseBridge;
  let redis: RedisServer;
  let filled: Awaited<ReturnType<typeof fillKato3>>;
  let source: MigrationSource;
  beforeAll(async () => {
    bridge = await startBridge({ user: "reader", password: "s3cret" });
    redis = await startRedis();
    filled = await fillKato3({ url: bridge.url, user: "reader", password: "s3cret" }, redis.url, KB, 57, 11);
    source = await open("s3cret");
  });
  afterAll(async () => {
    await source?.close();
    await bridge?.stop();
    await redis?.stop();
  });
  const open = (password: string): Promise<MigrationSource> =>
    openKatoServer({
      clickhouse: { url: bridge.url, user: "reader", password },
      redisUrl: redis.url,
      serviceName: "kato",
      limits: LIMITS,
      batchPatterns: 10,
    });
  const read = async (kb: SourceKb, resume?: string): Promise<SourceBatch[]> => {
    const batches: SourceBatch[] = [];
    for await (const batch of source.batches(kb, resume)) batches.push(batch);
    return batches;
  };
  const names = (batches: readonly SourceBatch[]): string[] =>
    batches.flatMap((batch) => batch.patterns.map(({ pattern }) => pattern.name));

  it("gives every pattern once with its counters, and goes on from any place", async () => {
    const [kb] = (await source.listKbs()) as [SourceKb];
    expect(kb).toMatchObject({ name: KB, node: "weather" });
    const batches = await read(kb);
    const got = new Map(batches.flatMap((batch) => batch.patterns.map((one) => [one.pattern.name, one] as const)));
    expect(got.size).toBe(57);
    expect(names(batches)).toHaveLength(57);
    for (const { name, frequency, emotives, metadata } of filled.patterns) {
      expect(got.get(name)).toMatchObject({ frequency, emotives, metadata });
    }
    for (const [at, batch] of batches.entries()) expect(names(await read(kb, batch.resume))).toEqual(names(batches.slice(at + 1)));
  });

  it("gives symbols with counters and affinity", async () => {
    const [kb] = (await source.listKbs()) as [SourceKb];
    const symbols = new Map<string, SourceSymbol>();
    for await (const slice of source.symbols(kb)) for (const one of slice) symbols.set(one.symbol, one);
    expect(symbols.size).toBe(filled.symbols.size);
    for (const [symbol, wanted] of filled.symbols) expect(symbols.get(symbol)).toEqual({ symbol, ...wanted });
  });

  it("tells of a row that stands twice, and of a lost counter", async () => {
    const client = createClient({ url: bridge.url, username: "reader", password: "s3cret" });
    const cache = new Redis(redis.url);
    const [twice, lost] = filled.patterns as unknown as [{ name: string }, { name: string; frequency: number }];
    await client.command({ query: `INSERT INTO kato.patterns_data SELECT * FROM kato.patterns_data WHERE name = '${twice.name}'` });
    await cache.del(`${KB}:frequency:${lost.name}`);
    const [kb] = (await source.listKbs()) as [SourceKb];
    const batches = await read(kb);
    const problems = batches.flatMap((batch) => batch.problems);
    expect(problems.map(({ kind, entry, leftOut }) => [kind, entry, leftOut]).sort()).toEqual([
      ["duplicate", twice.name, true],
      ["no_frequency", lost.name, true],
    ]);
    expect(names(batches).sort()).toEqual(
      filled.patterns
        .map(({ name }) => name)
        .filter((name) => name !== lost.name)
        .sort(),
    );
    expect(batches.reduce((sum, batch) => sum + batch.entries, 0)).toBe(58);
    await client.close();
    await cache.quit();
  });

  it("does not tell passwords", async () => {
    const refused = open("s3cret-wrong");
    await expect(refused).rejects.toMatchObject({ code: "ENGRAM_STORE_UNREACHABLE" });
    await expect(refused).rejects.not.toThrow(/s3cret/);
    expect(source.description).not.toMatch(/s3cret/);
  });
});
