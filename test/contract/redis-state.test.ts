import { afterAll, beforeAll, describe } from "vitest";
import { type RedisServer, redisAvailable, startRedis } from "../support/redis-server.ts";
import { redisBackEnd } from "../support/state-stores.ts";
import { stateStoreSuite } from "./state-store.ts";

// Where redis-server is missing, test/support/skips.ts says so before the run and fails it when CI=true.
describe.skipIf(!redisAvailable()).each(["kato", "compact"] as const)("the state store on Redis, key layout %s", (layout) => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(async () => {
    await server?.stop();
  });
  stateStoreSuite(redisBackEnd(() => server, layout));
});
