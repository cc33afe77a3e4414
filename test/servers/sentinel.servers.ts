/** The state store behind Sentinels: it follows a failover, and what the replica had is there. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openRedisState } from "../../src/store/redis-open.ts";
import { type SentinelServers, startSentinels } from "../support/redis-cluster.ts";
import { codeOf, learnOf, sessionOf } from "../support/state-stores.ts";

let servers: SentinelServers;
beforeAll(async () => {
  servers = await startSentinels();
});
afterAll(async () => {
  await servers?.stop();
});

it("follows the master that the Sentinels promote, and goes on counting", async () => {
  const store = await openRedisState({ url: servers.url, outboxMax: 1e6 });
  await store.createSession(sessionOf("s", { expiresAtMs: Date.now() + 600_000 }));
  const learn = (i: number) => store.commitLearn(learnOf("kb", [["a"], [`b${i}`]]), null);
  for (let i = 0; i < 200; i++) expect(await learn(i)).toMatchObject({ outcome: "committed" });
  // What the replica has not received is lost in a failover (min-replicas-to-write bounds that): here it has everything.
  const offset = async (role: "master" | "replica"): Promise<string | undefined> =>
    /(?:master|slave)_repl_offset:(\d+)/.exec(await servers[role].text("INFO replication"))?.[1];
  while ((await offset("master")) !== (await offset("replica"))) await sleep(20);
  await servers.master.kill9();
  const gone = performance.now();
  expect(await codeOf(learn(200))).toBe("ENGRAM_STORE_UNREACHABLE");
  await servers.promoted();
  while ((await codeOf(learn(200))) !== "no error") await sleep(50);
  console.log(`away for ${Math.round(performance.now() - gone)} ms in a failover`);
  const head = await store.head("kb");
  // The learn that was not answered may have been counted by nobody: the master was dead.
  expect(head).toMatchObject({ seq: 201, patternCount: 201 });
  expect((await store.readSession("s", Date.now(), false))?.session.id).toBe("s");
  await store.close();
});
