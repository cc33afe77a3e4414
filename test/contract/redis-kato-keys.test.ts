/** The key layout `kato`: what stands under KATO's names is what the kb holds, after any history; and nothing of a generation that is over. */
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRedisState } from "../../src/store/redis-open.ts";
import type { StateStore } from "../../src/store/state-store.ts";
import type { TwinKb } from "../reference/state.ts";
import { type RedisServer, redisAvailable, startRedis } from "../support/redis-server.ts";
import { codeOf, learnOf, sessionOf } from "../support/state-stores.ts";
import { history, play, runs } from "./state-learns.ts";

const byText = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);
const counts = (rows: Iterable<[string, number]>): Record<string, string> =>
  Object.fromEntries([...rows].map(([name, n]): [string, string] => [name, String(n)]));

/** What KATO would have in Redis for a kb. */
function katoKeys(twin: TwinKb): Map<string, unknown> {
  const keys = new Map<string, unknown>();
  const rows = twin.symbolRows();
  const names = [...twin.now.patterns.keys()];
  twin.counters(names, []).patterns.forEach((pattern, i) => {
    keys.set(`frequency:${names[i]}`, String(pattern?.frequency));
    if (pattern && pattern.emotives.length > 0)
      keys.set(
        `emotives:${names[i]}`,
        pattern.emotives.map((record) => Object.fromEntries(record)),
      );
    if (pattern && pattern.metadata.length > 0) keys.set(`metadata:${names[i]}`, Object.fromEntries(pattern.metadata));
  });
  if (rows.length > 0) {
    keys.set("symbols:freq", counts(rows.map(({ symbol, frequency }) => [symbol, frequency])));
    keys.set("symbols:pmf", counts(rows.map(({ symbol, patternMemberFrequency }) => [symbol, patternMemberFrequency])));
    for (const [name, total] of Object.entries(twin.head().totals)) keys.set(`global:${name}`, String(total));
  }
  twin.affinities(rows.map(({ id }) => id)).forEach((record, i) => {
    if (record.length > 0) keys.set(`affinity:${rows[i]?.symbol}`, Object.fromEntries(record));
  });
  return keys;
}

describe.skipIf(!redisAvailable())("the key layout kato", () => {
  let server: RedisServer;
  let reader: Redis;
  beforeAll(async () => {
    server = await startRedis();
    reader = new Redis(server.url, { protocol: 2 });
  });
  afterAll(async () => {
    reader?.disconnect();
    await server?.stop();
  });
  let stores = 0;
  const open = async (over: object = {}): Promise<{ store: StateStore; katoPrefix: string }> => {
    stores += 1;
    const katoPrefix = `kato${stores}:`;
    const store = await openRedisState({
      url: server.url,
      outboxMax: 1e6,
      keyPrefix: `own${stores}:`,
      katoPrefix,
      commandTimeoutMs: 20_000,
      socketTimeoutMs: 20_000,
      ...over,
    });
    return { store, katoPrefix };
  };
  const read = async (prefix: string, key: string): Promise<unknown> => {
    const type = await reader.type(key);
    const name = key.slice(prefix.length);
    if (type === "hash") {
      const [fields, values] = await Promise.all([reader.hkeys(key), reader.hvals(key)]);
      const pairs = fields.map((field, i) => [field, values[i]] as const);
      return Object.fromEntries(name.startsWith("affinity:") ? pairs.map(([field, n]) => [field, Number(n)]) : pairs);
    }
    const text = await reader.get(key);
    return /^(emotives|metadata):/.test(name) ? JSON.parse(text ?? "") : text;
  };

  it("shows what the kb holds after any history of changes", async () => {
    await fc.assert(
      fc.asyncProperty(history, async (operations) => {
        const { store, katoPrefix } = await open();
        try {
          for (const twin of await play(store, operations)) {
            while ((await store.sweepGenerations(1_000)) > 0);
            const prefix = `${katoPrefix}${twin.kb}:`;
            const found = await Promise.all(
              (await reader.keys(`${katoPrefix}*`))
                .filter((key) => key.startsWith(prefix))
                .map(async (key): Promise<[string, unknown]> => [key.slice(prefix.length), await read(prefix, key)]),
            );
            expect(found.sort(byText)).toEqual([...katoKeys(twin)].sort(byText));
          }
        } finally {
          await store.close();
        }
      }),
      runs(60),
    );
  });

  it("is gone when a clear answers, but for what was learned again", async () => {
    const { store, katoPrefix } = await open();
    const learns = Array.from({ length: 500 }, (_, i) => learnOf("kb", [["a", `b${i}`]], { emotives: [[["joy", 0.1]]] }));
    await store.commitLearns(learns);
    expect(await reader.get(`${katoPrefix}kb:frequency:${learns[7]?.pattern.name}`)).toBe("1");
    expect(await reader.get(`${katoPrefix}kb:emotives:${learns[7]?.pattern.name}`)).toBe('[{"joy": 0.1}]');
    expect(await reader.hgetall(`${katoPrefix}kb:affinity:b7`)).toEqual({ joy: "0.1" });
    await store.clearKb("kb", 1);
    expect(await reader.keys(`${katoPrefix}*`)).toEqual([]);
    await store.close();
  });

  it("keeps sessions as KATO does, and forgets them with ours", async () => {
    const { store, katoPrefix } = await open();
    const now = Date.now();
    const expiresAtMs = now + 60_000;
    await store.createSession(sessionOf("s", { createdAtMs: now, expiresAtMs, stm: [["a"]] }));
    const key = `${katoPrefix}kato:session:s`;
    expect(JSON.parse((await reader.get(key)) ?? "")).toMatchObject({ session_id: "s", node_id: "node", stm: [["a"]], ttl_seconds: 60 });
    expect(await reader.pexpiretime(key)).toBe(expiresAtMs);
    await store.readSession("s", now + 5_000, true);
    expect(await reader.pexpiretime(key)).toBe(now + 65_000);
    expect(await reader.smembers(`${katoPrefix}kato:session:_active_index`)).toEqual(["s"]);
    await store.saveSession(sessionOf("s", { version: 2, time: 9, createdAtMs: now, expiresAtMs }), 1);
    expect(JSON.parse((await reader.get(key)) ?? "")).toMatchObject({ time: 9, access_count: 2 });
    await store.deleteSession("s");
    expect(await reader.keys(`${katoPrefix}*`)).toEqual([]);
    await store.close();
  });

  it("refuses to grow past its size, and still counts what it has", async () => {
    const { store } = await open({ katoPatternsMax: 3 });
    const learn = (i: number) => store.commitLearn(learnOf("kb", [["a", `b${i}`]]), null);
    for (let i = 0; i < 3; i++) await learn(i);
    expect(await codeOf(learn(3))).toBe("ENGRAM_STORE_FULL");
    expect(await codeOf(store.commitLearns([learnOf("kb", [["a", "b1"]]), learnOf("other", [["x", "y"]])]))).toBe("ENGRAM_STORE_FULL");
    expect(await learn(1)).toMatchObject({ outcome: "committed", result: { frequency: 2 } });
    expect(await store.head("kb")).toMatchObject({ patternCount: 3, seq: 4 });
    await store.clearKb("kb", 1);
    expect(await learn(3)).toMatchObject({ outcome: "committed" });
    await store.close();
  });

  it("is not opened as the other layout", async () => {
    const { store } = await open();
    await store.close();
    const options = { url: server.url, outboxMax: 1, keyPrefix: `own${stores}:` };
    expect(await codeOf(openRedisState({ ...options, layout: "compact" }))).toBe("ENGRAM_DATA_FORMAT");
  });
});
