/** The pattern store over HTTP: the same suite as embedded, then with a network that goes wrong, and what only a server can do. */
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPatternStore } from "../../src/store/clickhouse-patterns.ts";
import { type ClickHouseServer, openServer, serverError } from "../../src/store/clickhouse-server.ts";
import { type ClickHouseBridge, startBridge } from "../support/clickhouse-bridge.ts";
import { bucketIndexSuite } from "./bucket-index.ts";
import { patternIndexSuite } from "./pattern-index.ts";
import { learnEntry, patternStoreSuite } from "./pattern-store.ts";

const USER = "engram";
const PASSWORD = "s3cret' pass";

let bridge: ClickHouseBridge;
beforeAll(async () => {
  bridge = await startBridge({ user: USER, password: PASSWORD });
});
afterAll(async () => {
  await bridge?.stop();
});

const serverOf = (database: string, over: Partial<ClickHouseServer> = {}): ClickHouseServer => ({
  url: bridge.url,
  user: USER,
  password: PASSWORD,
  database,
  connectionsMax: 8,
  requestTimeoutMs: 20_000,
  compression: false,
  ...over,
});

patternStoreSuite("over HTTP", async () => openPatternStore(await openServer(serverOf("plain"))));
patternIndexSuite("over HTTP", async () => openPatternStore(await openServer(serverOf("indexed"))));
bucketIndexSuite("over HTTP", async () => openPatternStore(await openServer(serverOf("buckets"))));

describe("on a network that goes wrong", () => {
  beforeAll(() =>
    bridge.faults([
      // Done, but the answer is lost: what is sent again must change nothing. Three in a row at most, one fewer than tries.
      { kind: "lostReply", statements: "insert", every: 4 },
      { kind: "unavailable", every: 6 },
      { kind: "reset", every: 11 },
      { kind: "delay", every: 4, delayMs: 5 },
    ]),
  );
  afterAll(() => bridge.faults([]));
  patternStoreSuite("over HTTP with faults, compressed", async () => {
    return openPatternStore(await openServer(serverOf("faulty", { compression: true })));
  });
  bucketIndexSuite("over HTTP with faults, compressed", async () => {
    return openPatternStore(await openServer(serverOf("faulty_buckets", { compression: true })));
  });
});

describe("a ClickHouse server", () => {
  it("that is away is told of as such within a second, and is used again when it is back", async () => {
    const own = await startBridge();
    try {
      const store = await openPatternStore(await openServer(serverOf("away", { url: own.url, user: "default", password: "" })));
      await store.write({ token: "before", entries: [learnEntry("kb", 1, 1, 0, [1, 2, 3])] });
      await own.kill9();
      const start = performance.now();
      await expect(store.counts("kb", 1)).rejects.toMatchObject({ code: "ENGRAM_STORE_UNREACHABLE" });
      expect(performance.now() - start).toBeLessThan(5_000);
      await own.start();
      expect((await store.counts("kb", 1)).patterns).toBe(1);
      await store.close();
    } finally {
      await own.stop();
    }
  });

  it("that stays away fails a batch, which is whole when it is written again", async () => {
    const store = await openPatternStore(await openServer(serverOf("retried")));
    const entries = Array.from({ length: 500 }, (_, i) =>
      learnEntry("kb", 1, i + 1, i, [i % 7, 3, 5], { firstNewSymbol: i === 0 ? 0 : 13 }),
    );
    await bridge.faults([{ kind: "lostReply", statements: "insert", times: 6 }]);
    await expect(store.write({ token: "once", entries })).rejects.toMatchObject({ code: "ENGRAM_STORE_UNREACHABLE" });
    await bridge.faults([]);
    for (let again = 0; again < 3; again++) await store.write({ token: "once", entries });
    expect(await store.counts("kb", 1)).toMatchObject({ patterns: 500, names: 500, learns: 500 });
    await store.close();
  });

  it("that refuses the user says what to set, and tells no secret", async () => {
    const refused = await openServer(serverOf("plain", { password: "wr0ng-secret" })).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({ code: "ENGRAM_STORE_REPLY" });
    expect(inspect(refused, { depth: 10 })).not.toMatch(/wr0ng-secret|s3cret|d3IwbmctMg/);
    const inUrl = bridge.url.replace("//", `//${USER}:${encodeURIComponent("wr0ng secret")}@`);
    const refusedUrl: unknown = await openServer(serverOf("plain", { url: inUrl, password: "" })).catch((error: unknown) => error);
    expect(refusedUrl).toMatchObject({ code: "ENGRAM_STORE_REPLY" });
    expect(inspect(refusedUrl, { depth: 10 })).not.toMatch(/wr0ng/);
    const right = await openServer(
      serverOf("plain", { url: bridge.url.replace("//", `//${USER}:${encodeURIComponent(PASSWORD)}@`), password: "" }),
    );
    expect(await right.ping()).toBe(true);
    await right.close();
  });

  it("is told to be misconfigured before anything is sent", async () => {
    for (const over of [{ tlsCertFile: "cert.pem" }, { tlsCaFile: "/nowhere/ca.pem" }, { database: "a-b" }]) {
      await expect(openServer(serverOf("plain", over))).rejects.toMatchObject({ code: "ENGRAM_SETTINGS_INVALID" });
    }
  });

  it("answers in codes that say what to do, also where something stands between", () => {
    const code = (text: string): string => serverError(new Error(text), "testing", []).code;
    expect(code("connect ECONNREFUSED 127.0.0.1:8123")).toBe("ENGRAM_STORE_UNREACHABLE");
    expect(code("<html>502 Bad Gateway</html>")).toBe("ENGRAM_STORE_UNREACHABLE");
    expect(code("write: No space left on device")).toBe("ENGRAM_DISK_FULL");
  });
});
