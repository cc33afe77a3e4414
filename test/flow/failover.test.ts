/** Another Redis answers than before, as after a failover to a replica that had not received everything: nothing is counted under numbers of the lost. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine-types.ts";
import { EPOCH_FACTOR } from "../../src/store/state-store.ts";
import { openTestEngine } from "../support/engines.ts";
import { type RedisServer, redisAvailable, startRedis } from "../support/redis-server.ts";
import { codeOf } from "../support/state-stores.ts";

// Where redis-server is missing, test/support/skips.ts says so before the run and fails it when CI=true.
describe.skipIf(!redisAvailable())("a failover that loses changes", () => {
  const endings: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end();
  });

  /** One address for whichever server is the master. */
  async function front(first: RedisServer): Promise<{ url: string; lead(to: RedisServer): void }> {
    let port = first.port;
    const sockets = new Set<Socket>();
    const proxy: Server = createServer((client) => {
      const server = connect(port, "127.0.0.1");
      for (const socket of [client, server]) {
        sockets.add(socket);
        socket.on("error", () => socket.destroy());
        socket.on("close", () => sockets.delete(socket));
      }
      client.pipe(server).pipe(client);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    endings.push(() => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    });
    const address = proxy.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return {
      url: `redis://127.0.0.1:${address.port}`,
      lead: (to) => {
        port = to.port;
        for (const socket of sockets) socket.destroy();
      },
    };
  }

  async function opened(flushIntervalMs: number) {
    const master = await startRedis();
    endings.push(() => master.stop());
    const replica = await startRedis(["--replicaof", "127.0.0.1", String(master.port)]);
    endings.push(() => replica.stop());
    const { url, lead } = await front(master);
    const { engine, close } = await openTestEngine("lmdb", { redis: { url }, flushIntervalMs });
    endings.push(close);
    return {
      engine,
      /** From now on the replica receives nothing more. */
      async cut(): Promise<void> {
        const offset = async (server: RedisServer) => /(?:master|slave)_repl_offset:(\d+)/.exec(await server.text("INFO replication"))?.[1];
        while ((await offset(master)) !== (await offset(replica))) await sleep(10);
        await replica.command("REPLICAOF NO ONE");
      },
      promote: () => lead(replica),
    };
  }

  const learn = (engine: Engine, kb: string, name: string) => engine.learnSequences(kb, [[["a"], ["b"], [name]]]);
  async function learned(engine: Engine, kb: string, name: string): Promise<string> {
    for (let tries = 0; tries < 500; tries++) {
      const code = await codeOf(learn(engine, kb, name));
      if (code !== "ENGRAM_STORE_UNREACHABLE") return code;
      await sleep(20);
    }
    return "still unreachable";
  }
  const futures = async (engine: Engine, kb: string): Promise<string[]> =>
    (await engine.predictState(kb, [["a"], ["b"]])).predictions.map(({ future }) => String(future.flat())).sort();

  it("goes on in a new epoch where only unflushed learns were lost, and forgets them", async () => {
    const { engine, cut, promote } = await opened(60_000);
    const kb = engine.kbOf("node");
    await learn(engine, kb, "kept");
    await cut();
    await learn(engine, kb, "lost");
    expect(await futures(engine, kb)).toEqual(["kept", "lost"]);
    promote();
    expect(await learned(engine, kb, "new")).toBe("no error");
    expect((await engine.kbHead(kb)).seq).toBe(EPOCH_FACTOR + 1);
    expect(await futures(engine, kb)).toEqual(["kept", "new"]);
  });

  it("refuses a kb whose flushed changes were lost until it is rebuilt, and no other", async () => {
    const { engine, cut, promote } = await opened(5);
    const [kb, other] = [engine.kbOf("node"), engine.kbOf("other")];
    await learn(engine, kb, "kept");
    await learn(engine, other, "kept");
    await cut();
    await learn(engine, kb, "lost");
    await engine.flush();
    promote();
    expect(await learned(engine, kb, "new")).toBe("ENGRAM_STATE_BEHIND");
    expect(await learned(engine, other, "new")).toBe("no error");
  });
});
