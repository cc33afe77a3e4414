/** The contract suite on a Redis Cluster of three masters, and what only a cluster has: learns that cross slots, cut anywhere. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRedisState } from "../../src/store/redis-open.ts";
import { stateStoreSuite } from "../contract/state-store.ts";
import { type RedisClusterServers, startCluster } from "../support/redis-cluster.ts";
import { codeOf, learnOf, NOW, redisBackEnd, sessionOf } from "../support/state-stores.ts";

let cluster: RedisClusterServers;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.stop();
});

describe("the state store on Redis Cluster", () => {
  stateStoreSuite(redisBackEnd(() => cluster, undefined));
});

describe("a learn between two slots", () => {
  it("is carried on by whoever meets it, once, wherever it was cut", async () => {
    const options = { url: cluster.url, outboxMax: 1e6, keyPrefix: "cut:", commandTimeoutMs: 10_000 };
    const store = await openRedisState(options);
    const other = await openRedisState(options);
    for (let cut = 0; cut < 3; cut++) {
      const id = `s${cut}`;
      await store.createSession(sessionOf(id, { stm: [["a"], ["b"]] }));
      const learn = learnOf("kb", [["a"], ["b"]]);
      const next = sessionOf(id, { version: 2 });
      // The process that learns dies before its step number `cut`.
      const dying = store as unknown as { redis: { change: (name: string, ...rest: unknown[]) => Promise<unknown> } };
      const whole = dying.redis.change.bind(dying.redis);
      let steps = 0;
      dying.redis.change = (name, ...rest) => {
        if (name !== "noteKb" && steps++ === cut) return Promise.reject(new Error("killed"));
        return whole(name, ...rest);
      };
      expect(await codeOf(store.commitLearn(learn, { next, expectedVersion: 1 }))).toBe("Error: killed");
      dying.redis.change = whole;
      const found = await other.readSession(id, NOW, false);
      // Nothing was done before the intent stood; from then on the learn is finished, and only once.
      expect(found?.session.version).toBe(cut === 0 ? 1 : 2);
      expect(found?.head.seq).toBe(cut);
      if (cut > 0) expect(await store.commitLearn(learn, { next, expectedVersion: 1 })).toEqual({ outcome: "conflict" });
      expect((await other.head("kb")).seq).toBe(cut);
    }
    await store.close();
    await other.close();
  });

  it("is counted once when many processes carry it on at the same time", async () => {
    const options = { url: cluster.url, outboxMax: 1e6, keyPrefix: "race:", commandTimeoutMs: 10_000 };
    const stores = await Promise.all(Array.from({ length: 4 }, () => openRedisState(options)));
    const [first] = stores;
    for (let round = 1; round <= 50; round++) {
      const id = `s${round}`;
      await first?.createSession(sessionOf(id));
      const commit = { next: sessionOf(id, { version: 2 }), expectedVersion: 1 };
      const outcomes = await Promise.all([
        ...stores.map((store) => store.commitLearn(learnOf("kb", [["a", "b"]]), commit)),
        ...stores.map((store) => store.readSession(id, NOW, false)),
      ]);
      expect(outcomes.slice(0, 4).filter((outcome) => outcome && "outcome" in outcome && outcome.outcome === "committed")).toHaveLength(1);
      expect((await first?.head("kb"))?.seq).toBe(round);
    }
    await Promise.all(stores.map((store) => store.close()));
  });

  it("is not for the key layout kato", async () => {
    expect(await codeOf(openRedisState({ url: cluster.url, outboxMax: 1, layout: "kato" }))).toBe("ENGRAM_SETTINGS_INVALID");
  });
});
