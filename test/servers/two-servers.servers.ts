/** Two API processes at length: 1,000 of 1,000 learns seen by the other, also with the flusher held up and while a large kb loads; outages of five seconds. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { outage, tablesEqualState } from "./outages.ts";
import {
  concurrentObserves,
  done,
  newsOfTheOther,
  readYourWrites,
  sameFromEither,
  startTwoServers,
  type TwoServers,
} from "./two-servers.ts";

/** Several times what a flush takes, so that how much waits at the moment of the outage leaves more than half of it free. */
const OUTBOX_MAX = 400;

describe("two API processes", () => {
  let servers: TwoServers;
  beforeAll(async () => {
    servers = await startTwoServers();
  });
  afterAll(async () => {
    await servers?.stop();
  });

  // 60 s to 175 s, the most of it while some hundred thousand patterns are loaded beside it.
  it("show 1,000 of 1,000 learns in the other's next prediction: flushed, held up, and while a large kb loads", {
    timeout: 600_000,
  }, async () => {
    expect(await readYourWrites(servers, "writes", 400)).toBe(400);
    await servers.bridge.faults([{ kind: "unavailable", statements: "insert" }]);
    expect(await readYourWrites(servers, "writes", 300, 400)).toBe(300);
    await servers.bridge.faults([]);
    let loading = true;
    const load = (async () => {
      let loaded = 0;
      for (let batch = 0; loading; batch++) {
        const sequences = Array.from({ length: 200 }, (_, i) => [[`x${batch}`], [`y${i}`], [`z${(i * 7) % 90}`]]);
        await done(servers.a, "POST", "/v1/kbs/large/learn", { sequences });
        loaded += 200;
      }
      return loaded;
    })();
    try {
      expect(await readYourWrites(servers, "writes", 300, 700)).toBe(300);
    } finally {
      // Also when it fails: the tests after it have the servers to themselves.
      loading = false;
    }
    console.log(`1,000 of 1,000; ${await load} patterns were loaded meanwhile`);
  });

  it("take 200 concurrent observes on one session, each once", async () => {
    for (let round = 0; round < 5; round++) await concurrentObserves(servers, `many${round}`, 200);
  });

  it("answer the same, byte for byte, and tell each other of sessions", async () => {
    for (let round = 0; round < 3; round++) await sameFromEither(servers, `same${round}`);
    await newsOfTheOther(servers, "news");
  });

  it("refuse within a second while Redis is away for 5 s, lose and double nothing, and are back within a second of it", async () => {
    const { redis } = servers;
    const met = await outage(servers, "redis", { away: () => redis.stopProcess(), back: () => redis.start() }, 16, 5_000);
    console.log("Redis away for 5 s:", met);
    expect(met.refused).toBeGreaterThan(0);
    expect(met.answeredMeanwhile).toBe(0);
    await tablesEqualState(servers, "redis");
  });

  it("lose nothing when Redis is killed under load", async () => {
    const { redis } = servers;
    const met = await outage(servers, "killed", { away: () => redis.kill9(), back: () => redis.start() }, 16, 1_000);
    console.log("Redis killed, away for 1 s:", met);
    await tablesEqualState(servers, "killed");
  });
});

describe("two API processes with a small outbox", () => {
  let servers: TwoServers;
  beforeAll(async () => {
    servers = await startTwoServers({ ENGRAM_OUTBOX_MAX: String(OUTBOX_MAX) });
  });
  afterAll(async () => {
    await servers?.stop();
  });

  it("learn on while ClickHouse is away for 5 s, up to the outbox's bound, and flush everything after its return", async () => {
    const { bridge } = servers;
    const met = await outage(servers, "clickhouse", { away: () => bridge.kill9(), back: () => bridge.start() }, 16, 5_000);
    console.log("ClickHouse away for 5 s:", met);
    // Observes and learns went on for a while; then the bound held.
    expect(met.answeredMeanwhile).toBeGreaterThan(OUTBOX_MAX / 2);
    expect(met.refused).toBeGreaterThan(0);
    await tablesEqualState(servers, "clickhouse");
  });
});
