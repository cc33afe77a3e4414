import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import type { Logger } from "../../src/log.ts";
import { openRedisState, type RedisStateOptions } from "../../src/store/redis-open.ts";
import type { StateStore } from "../../src/store/state-store.ts";
import { expectWhole, startLearnChild } from "../support/learn-child.ts";
import { type RedisServer, redisAvailable, startRedis } from "../support/redis-server.ts";
import { allSymbols, codeOf, drain, learnOf, NOW, sessionOf } from "../support/state-stores.ts";

/** A call that fails because Redis is away must fail within milliseconds; a busy test machine gets more. */
const AT_ONCE_MS = 400;

// Where redis-server is missing, test/support/skips.ts says so before the run and fails it when CI=true.
describe.skipIf(!redisAvailable())("Redis going wrong", () => {
  const endings: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end();
  });
  const serve = async (settings: readonly string[] = []): Promise<RedisServer> => {
    const server = await startRedis(settings);
    endings.push(() => server.stop());
    return server;
  };
  const openAt = async (url: string, over: Partial<RedisStateOptions> = {}): Promise<StateStore> => {
    const store = await openRedisState({ url, outboxMax: 1e6, commandTimeoutMs: 5_000, socketTimeoutMs: 8_000, ...over });
    endings.push(() => store.close());
    return store;
  };
  /** The server behind a proxy that passes its answers on as `answer` does. */
  const proxyTo = async (server: RedisServer, answer: (part: Buffer, client: Socket) => void): Promise<string> => {
    const sockets = new Set<Socket>();
    const proxy: Server = createServer((client) => {
      const redis = connect(server.port, "127.0.0.1");
      for (const socket of [client, redis]) {
        sockets.add(socket);
        socket.on("error", () => socket.destroy());
      }
      client.pipe(redis);
      redis.on("data", (part: Buffer) => answer(part, client));
      client.on("close", () => redis.end());
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    endings.push(() => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    });
    const address = proxy.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return `redis://127.0.0.1:${address.port}`;
  };
  const again = async <T>(call: () => Promise<T>): Promise<T> => {
    for (let tries = 0; ; tries++) {
      try {
        return await call();
      } catch (error) {
        if (tries === 200) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };

  it("fails at once while Redis is away, and works when it is back", async () => {
    const server = await serve();
    const store = await openAt(server.url);
    await store.commitLearn(learnOf("kb", [["a", "b"]]), null);
    expect(await store.tail("kb", 1)).toHaveLength(1);
    const underWay = Promise.all(Array.from({ length: 50 }, () => codeOf(store.counters("kb", 1, Array(5_000).fill("x"), []))));
    await server.kill9();
    expect(new Set(await underWay).has("ENGRAM_STORE_UNREACHABLE")).toBe(true);
    const start = performance.now();
    expect(await codeOf(store.readSession("s", NOW, true))).toBe("ENGRAM_STORE_UNREACHABLE");
    expect(await codeOf(store.commitLearn(learnOf("kb", [["a", "b"]]), null))).toBe("ENGRAM_STORE_UNREACHABLE");
    expect(await store.ping()).toBe(false);
    expect(performance.now() - start).toBeLessThan(AT_ONCE_MS);
    await server.start();
    expect(await again(() => store.tail("kb", 1))).toHaveLength(1);
    // Reads come first: changes wait for the comparison with what was acknowledged before.
    const learn = learnOf("kb", [["a", "b"]]);
    expect(await again(() => store.commitLearn(learn, null))).toMatchObject({ result: { seq: 2, frequency: 2 } });
  });

  it("does not count a learn twice whose answer was lost", async () => {
    const server = await serve();
    let silent = false;
    const url = await proxyTo(server, (part, client) => {
      if (silent) client.destroy();
      else client.write(part);
    });
    const store = await openAt(url);
    await store.createSession(sessionOf("s"));
    const learn = learnOf("kb", [["a", "b"]]);
    const session = { next: sessionOf("s", { version: 2 }), expectedVersion: 1 };
    // Known to the server before, so that the lost answer is the script's own.
    await store.commitLearn(learnOf("warm", [["a", "b"]]), null);
    silent = true;
    expect(await codeOf(store.commitLearn(learn, session))).toBe("ENGRAM_STORE_UNREACHABLE");
    silent = false;
    expect(await again(() => store.commitLearn(learn, session))).toEqual({ outcome: "conflict" });
    expect((await store.readSession("s", NOW, false))?.session.version).toBe(2);
    expect(await store.head("kb")).toMatchObject({ seq: 1 });
    silent = true;
    expect(await codeOf(store.commitLearns([learn], "r"))).toBe("ENGRAM_STORE_UNREACHABLE");
    silent = false;
    expect(await again(() => store.commitLearns([learn], "r"))).toMatchObject([{ seq: 2, frequency: 2 }]);
    expect(await store.head("kb")).toMatchObject({ seq: 2 });
  });

  it("gives up on a server that is silent", async () => {
    const server = await serve();
    const store = await openAt(server.url, { commandTimeoutMs: 200, socketTimeoutMs: 300 });
    expect(await server.command("CLIENT PAUSE 1500 ALL")).toBe("+OK");
    expect(await codeOf(store.head("kb"))).toBe("ENGRAM_STORE_UNREACHABLE");
    expect(await again(() => store.head("kb"))).toMatchObject({ seq: 0 });
  });

  it("tells neither address nor password, in errors or in the log", async () => {
    const server = await serve(["--requirepass", "right"]);
    const said: unknown[] = [];
    const say = (...args: unknown[]): void => {
      said.push(args);
    };
    const log: Logger = { debug: say, info: say, warn: say, error: say, fatal: say };
    const url = `redis://:hunter%212@127.0.0.1:${server.port}`;
    const error = await openRedisState({ url, outboxMax: 1, log }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "ENGRAM_STORE_UNREACHABLE", message: expect.stringContaining("WRONGPASS") });
    expect(said.length).toBeGreaterThan(0);
    expect(inspect([error, said], { depth: 20, showHidden: true })).not.toMatch(/hunter/);
    expect(await codeOf(openRedisState({ url: "http://:hunter2@x", outboxMax: 1 }))).toBe("ENGRAM_SETTINGS_INVALID");
    expect(await codeOf(openRedisState({ url: "no address hunter2", outboxMax: 1 }))).toBe("ENGRAM_SETTINGS_INVALID");
    const store = await openAt(`redis://:right@127.0.0.1:${server.port}`, { log });
    expect(await store.ping()).toBe(true);
  });

  it("says so when nothing listens", async () => {
    const server = await serve();
    await server.stopProcess();
    const start = performance.now();
    expect(await codeOf(openRedisState({ url: server.url, outboxMax: 1 }))).toBe("ENGRAM_STORE_UNREACHABLE");
    expect(performance.now() - start).toBeLessThan(AT_ONCE_MS);
  });

  it("says that memory is full, goes on reading, and leaves no learn half done", async () => {
    const server = await serve(["--maxmemory", "4mb", "--maxmemory-policy", "noeviction"]);
    const child = startLearnChild(["redis", server.url, "p:"]);
    await child.ended;
    expect(child.output()).toContain("stopped ENGRAM_DISK_FULL");
    expect(child.acknowledged.length).toBeGreaterThan(100);
    const store = await openAt(server.url, { keyPrefix: "p:" });
    await expectWhole(store, child.acknowledged);
    expect(await server.command("CONFIG SET maxmemory 0")).toBe("+OK");
    // Fuller still: a read whose session should live longer leaves the expiry as it is.
    await store.createSession(sessionOf("s2"));
    expect(await server.command("CONFIG SET maxmemory 1mb")).toBe("+OK");
    expect(await codeOf(store.saveSession(sessionOf("s2", { version: 2 }), 1))).toBe("ENGRAM_DISK_FULL");
    expect((await store.readSession("s2", NOW + 30_000, true))?.session).toEqual(sessionOf("s2"));
    expect(await codeOf(openAt(server.url, { keyPrefix: "p:" }))).toBe("no error");
  });

  it("keeps every acknowledged learn, whole, when server and client are killed", async () => {
    const server = await serve();
    let known: number[] = [];
    for (let round = 0; round < 3; round++) {
      const child = startLearnChild(["redis", server.url, "p:"]);
      await child.until(200 + round * 157);
      if (round !== 1) await child.kill9();
      if (round !== 0) await server.kill9();
      await child.ended;
      expect(child.acknowledged.length, child.output()).toBeGreaterThanOrEqual(200);
      if (round !== 0) await server.start();
      known = [...known, ...child.acknowledged];
      await expectWhole(await openAt(server.url, { keyPrefix: "p:" }), known);
    }
  });

  it("keeps every acknowledged learn when the server is killed while it holds back what it answered", async () => {
    const server = await serve();
    const folder = mkdtempSync(join(tmpdir(), "engram-flushes-"));
    const spy = new Redis(server.url, { retryStrategy: () => null });
    spy.on("error", () => {}); // its server is killed
    const child = startLearnChild(["redis", server.url, "p:"]);
    // Flushes of much else, which make the server's own take long.
    const file = await open(join(folder, "much"), "w");
    let busy = true;
    const flushes = (async () => {
      while (busy) {
        await file.write(Buffer.alloc(32e6), 0, 32e6, 0);
        await file.sync();
      }
      await file.close();
      rmSync(folder, { recursive: true });
    })();
    await child.until(200);
    // Such a moment comes within a second or two. On a disk too quick for it, this is a kill like any other.
    const until = Date.now() + 10_000;
    for (let held = false; !held && Date.now() < until; ) {
      const state = await spy.info("persistence");
      held = /aof_pending_bio_fsync:[1-9]/.test(state) && Number(/aof_buffer_length:(\d+)/.exec(state)?.[1]) > 2_000;
    }
    await server.kill9();
    busy = false;
    spy.disconnect();
    await Promise.all([child.ended, flushes]);
    await server.start();
    await expectWhole(await openAt(server.url, { keyPrefix: "p:" }), child.acknowledged);
  });

  it("acknowledges no change before its bytes are in the append-only file, and holds back no read", async () => {
    const server = await serve();
    let held = false;
    const url = await proxyTo(server, (part, client) => {
      // Byte for byte, because an answer may hold anything; of the same length, because its length stands before it; and never less than true.
      const text = part.toString("latin1");
      client.write(Buffer.from(held ? text.replace(/(aof_buffer_length:)\d/, "$19") : text, "latin1"));
    });
    // Without KATO's keys: their expiry makes the server write to its file at moments of its own.
    const store = await openAt(url, { layout: "compact" });
    const other = await openAt(server.url, { keyPrefix: "other:" });
    const learn = learnOf("kb", [["a", "b"]]);
    await other.commitLearn(learn, null);
    const entries = await other.tail("kb", 1);
    let token = "";
    const changes: Record<string, () => Promise<unknown>> = {
      createSession: () => store.createSession(sessionOf("s")),
      saveSession: () => store.saveSession(sessionOf("s", { version: 2 }), 1),
      "saveSession again": () => store.saveSession(sessionOf("s", { version: 2 }), 1),
      replay: () => store.replay(entries),
      commitLearn: () => store.commitLearn(learn, { next: sessionOf("s", { version: 3 }), expectedVersion: 2 }),
      commitLearns: () => store.commitLearns([learn], "r"),
      "commitLearns again": () => store.commitLearns([learn], "r"),
      finalizeKb: () => store.finalizeKb("kb", NOW),
      clearKb: () => store.clearKb("kb", NOW),
      raiseEpoch: () => store.raiseEpoch("kb"),
      takeFlush: async () => {
        token = (await store.takeFlush("me", 10, 60_000))?.token ?? "none";
      },
      finishFlush: () => store.finishFlush("me", token),
      deleteSession: () => store.deleteSession("s"),
    };
    for (const [name, change] of Object.entries(changes)) {
      held = true;
      let over = false;
      const result = change().finally(() => {
        over = true;
      });
      await Promise.all([store.head("kb"), store.readSession("s", NOW, true), new Promise((resolve) => setTimeout(resolve, 40))]);
      expect(over, name).toBe(false);
      held = false;
      await result;
    }
    expect(await store.outboxSize()).toBe(0);
  });

  it("asks for nothing under appendfsync always, and warns once where nothing is promised", async () => {
    const spyOn = async (server: RedisServer): Promise<() => Promise<number>> => {
      const spy = new Redis(server.url);
      endings.push(() => spy.disconnect());
      return async () => Number(/cmdstat_info:calls=(\d+)/.exec(await spy.info("commandstats"))?.[1] ?? 0);
    };
    const warnings: string[] = [];
    const say = (): void => {};
    const log: Logger = { debug: say, info: say, warn: (_, text) => void warnings.push(text), error: say, fatal: say };
    const learnTen = async (url: string): Promise<void> => {
      const store = await openAt(url, { log });
      for (let i = 0; i < 10; i++) await store.commitLearn(learnOf("kb", [["a", "b"]]), null);
    };
    // Each count counts itself the next time, and each new connection asks INFO twice: whether the server is ready, and which it is.
    const infosOf = async (settings: readonly string[]): Promise<number> => {
      const server = await serve(settings);
      const infos = await spyOn(server);
      const before = await infos();
      await learnTen(server.url);
      return (await infos()) - before - 3;
    };
    expect(await infosOf(["--appendfsync", "always"])).toBe(1);
    expect(warnings).toEqual([]);
    expect(await infosOf([])).toBeGreaterThanOrEqual(10);
    expect(warnings).toEqual([]);
    expect(await infosOf(["--appendonly", "no"])).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/no append-only file/)]);
    // A user who may neither ask INFO nor CONFIG.
    const server = await serve();
    expect(await server.command("ACL SETUSER small on >small ~* +@all -info -config")).toBe("+OK");
    await learnTen(`redis://small:small@127.0.0.1:${server.port}`);
    expect(warnings.slice(1)).toEqual([expect.stringMatching(/may not ask INFO/)]);
  });

  it("refuses to go on over a store that was emptied under it", async () => {
    const server = await serve();
    const store = await openAt(server.url);
    await store.commitLearn(learnOf("kb", [["a", "b"]]), null);
    await server.wipe();
    expect(await codeOf(store.commitLearn(learnOf("kb", [["a", "b"]]), null))).toBe("ENGRAM_STATE_BEHIND");
    expect(await codeOf(store.head("kb"))).toBe("ENGRAM_STATE_BEHIND");
    expect(await server.command("DBSIZE")).toBe(":0");
    const later = await openAt(server.url);
    expect(await later.head("kb")).toMatchObject({ seq: 0 });
  });

  it("sends its scripts again when the server forgot them", async () => {
    const server = await serve();
    const store = await openAt(server.url);
    await store.commitLearn(learnOf("kb", [["a", "b"]]), null);
    expect(await server.command("SCRIPT FLUSH")).toBe("+OK");
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => store.commitLearn(learnOf("kb", [["a", "b"]]), null)));
    expect(outcomes.every(({ outcome }) => outcome === "committed")).toBe(true);
    expect(await store.head("kb")).toMatchObject({ seq: 21 });
  });

  it("refuses another data format, and a key of another kind as a bad reply", async () => {
    const server = await serve();
    expect(await server.command("SET other:id 0:abc")).toBe("+OK");
    expect(await codeOf(openRedisState({ url: server.url, outboxMax: 1, keyPrefix: "other:" }))).toBe("ENGRAM_DATA_FORMAT");
    const store = await openAt(server.url);
    expect(await server.command("SADD engram:k:kb x")).toBe(":1");
    expect(await codeOf(store.head("kb"))).toBe("ENGRAM_STORE_REPLY");
  });

  it("leaves no key behind of generations that are over", async () => {
    const server = await serve();
    const store = await openAt(server.url, { layout: "compact" });
    const keys = async (): Promise<number> => Number((await server.command("DBSIZE")).slice(1));
    const everything = learnOf("kb", [["a", "b"]], { emotives: [[["joy", 1]]], vectors: [{ symbol: "v", values: [1] }] });
    await store.clearKb("kb", NOW);
    await drain(store);
    while ((await store.sweepGenerations(2)) > 0);
    const few = await keys();
    for (let i = 0; i < 5; i++) {
      await store.commitLearn(everything, null);
      await store.clearKb("kb", NOW);
    }
    expect(await keys()).toBeGreaterThan(few + 30);
    await drain(store);
    while ((await store.sweepGenerations(2)) > 0);
    expect(await keys()).toBe(few);
    expect(await allSymbols(store, await store.head("kb"))).toEqual([]);
  });
});
