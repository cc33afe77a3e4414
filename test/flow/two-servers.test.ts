/** Two API processes act as one: a short run of each promise; `npm run test:servers` has the long ones, and faults. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  concurrentObserves,
  newsOfTheOther,
  readYourWrites,
  sameFromEither,
  startTwoServers,
  type TwoServers,
} from "../servers/two-servers.ts";
import { redisAvailable } from "../support/redis-server.ts";

// Where redis-server is missing, test/support/skips.ts says so before the run and fails it when CI=true.
describe.skipIf(!redisAvailable())("two API processes on one Redis and one ClickHouse", () => {
  let servers: TwoServers;
  beforeAll(async () => {
    servers = await startTwoServers();
  });
  afterAll(async () => {
    await servers?.stop();
  });

  it("show what was learned through one in the other's next prediction, also while nothing can be flushed", async () => {
    expect(await readYourWrites(servers, "writes", 20)).toBe(20);
    await servers.bridge.faults([{ kind: "unavailable", statements: "insert" }]);
    expect(await readYourWrites(servers, "writes", 20, 20)).toBe(20);
    await servers.bridge.faults([]);
    expect(await readYourWrites(servers, "writes", 10, 40)).toBe(10);
  });

  it("take 200 concurrent observes on one session, each once", () => concurrentObserves(servers, "many", 200));

  it("answer the same, byte for byte", async () => {
    expect(await sameFromEither(servers, "same")).toBeGreaterThan(0);
  });

  it("tell each other of sessions", () => newsOfTheOther(servers, "news"));
});
