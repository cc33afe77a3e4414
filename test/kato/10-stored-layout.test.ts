/** Section 10 of KATO's interface: what its tests and its dashboard read in Redis. Where state is embedded there is no Redis to read. */
import { Redis } from "ioredis";
import { expect, it } from "vitest";
import { type Kato, onEveryServer } from "./servers.ts";

async function inRedis<T>(kato: Kato, read: (redis: Redis) => Promise<T>): Promise<T | undefined> {
  if (kato.redisUrl === undefined) return undefined;
  const redis = new Redis(kato.redisUrl);
  try {
    return await read(redis);
  } finally {
    redis.disconnect();
  }
}

onEveryServer("the stored layout", (kato) => {
  it("[T] shows in Redis how often a pattern was learned, its newest 5 emotives, its metadata, its symbols' affinity", async () => {
    const node = kato.node();
    const kb = `${node}_kato`;
    const id = await kato.session({ node_id: node });
    let name = "";
    for (let i = 1; i <= 6; i++) {
      await kato.call("POST", `/sessions/${id}/clear-stm`);
      await kato.call("POST", `/sessions/${id}/observe`, { strings: ["a"], emotives: { joy: i }, metadata: { n: i, flag: true } });
      await kato.observe(id, "b");
      name = (await kato.call("POST", `/sessions/${id}/learn`)).body.pattern_name.slice(5);
    }
    await kato.call("POST", `/sessions/${id}/clear-stm`);
    const plain = (await kato.learn(id, ["plain"], ["words"])).slice(5);
    const read = await inRedis(kato, async (redis) => ({
      frequency: await redis.get(`${kb}:frequency:${name}`),
      emotives: JSON.parse((await redis.get(`${kb}:emotives:${name}`)) as string),
      metadata: JSON.parse((await redis.get(`${kb}:metadata:${name}`)) as string),
      affinity: await redis.hgetall(`${kb}:affinity:a`),
      plainFrequency: await redis.get(`${kb}:frequency:${plain}`),
      plainAffinity: await redis.exists(`${kb}:affinity:plain`),
      session: await redis.exists(`kato:session:${id}`),
    }));
    const affinity = await kato.call("GET", `/symbols/a/affinity?node_id=${node}`);
    expect(affinity.body.affinity).toEqual({ joy: 21 });
    if (read === undefined) return;
    expect(read).toEqual({
      frequency: "6",
      emotives: [2, 3, 4, 5, 6].map((joy) => ({ joy })),
      metadata: { flag: ["True"], n: ["1", "2", "3", "4", "5", "6"] },
      affinity: { joy: expect.stringMatching(/^21(\.0)?$/) },
      plainFrequency: "1",
      plainAffinity: 0,
      session: 1,
    });
  });

  it("is gone after clear-all", async () => {
    const node = kato.node();
    const id = await kato.session({ node_id: node });
    const name = (await kato.learn(id, ["a"], ["b"])).slice(5);
    await kato.call("POST", `/sessions/${id}/clear-all`);
    const left = await inRedis(kato, (redis) => redis.exists(`${node}_kato:frequency:${name}`));
    expect(left ?? 0).toBe(0);
    expect((await kato.call("GET", `/symbols/stats?node_id=${node}`)).body.symbols).toEqual({});
  });
});
