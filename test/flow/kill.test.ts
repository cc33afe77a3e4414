/** One short kill -9 of each kind, with every run of the tests; the long suite is `npm run test:durability`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { killRun } from "../durability/kill.ts";
import { redisAvailable, startRedis } from "../support/redis-server.ts";

const KINDS = [
  { store: "lmdb", victim: "server" },
  { store: "redis", victim: "both" },
] as const;

it.each(KINDS.filter(({ store }) => store === "lmdb" || redisAvailable()))(
  "kill -9 of $victim on $store loses nothing and counts nothing twice",
  async ({ store, victim }) => {
    const seed = Number(process.env.ENGRAM_TEST_SEED ?? Math.floor(Math.random() * 1e9));
    console.log(`seed ${seed} (repeat with ENGRAM_TEST_SEED)`);
    const folder = mkdtempSync(join(tmpdir(), "engram-kill-"));
    const redis = store === "redis" ? await startRedis() : undefined;
    try {
      const { learns } = await killRun({
        seed,
        rounds: 200,
        clients: 8,
        folder,
        ...(redis && { redis }),
        victim,
        withinMs: 400,
        rebuild: store === "lmdb",
      });
      expect(learns).toBe(200);
    } finally {
      await redis?.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  120_000,
);
