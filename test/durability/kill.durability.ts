/**
 * The full suite: `npm run test:durability`. ENGRAM_TEST_KILLS scales it: by default twenty kills of the server on LMDB, and ten each of
 * the server, of redis-server, and of both. Each run: 1,000 observe-and-learn rounds by eight clients; the seed is printed.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startRedis } from "../support/redis-server.ts";
import { killRun } from "./kill.ts";

const SCALE = Number(process.env.ENGRAM_TEST_KILLS ?? 1);
const FIRST_SEED = Number(process.env.ENGRAM_TEST_SEED ?? 20261123);
const ROUNDS = Number(process.env.ENGRAM_TEST_ROUNDS ?? 1_000);

const SUITES = [
  { store: "lmdb", victim: "server", runs: 20 },
  { store: "redis", victim: "server", runs: 10 },
  { store: "redis", victim: "redis", runs: 10 },
  { store: "redis", victim: "both", runs: 10 },
] as const;

describe.each(SUITES)("kill -9 of $victim on $store", ({ store, victim, runs }) => {
  const seeds = Array.from({ length: Math.max(1, Math.round(runs * SCALE)) }, (_, i) => FIRST_SEED + i);
  it.each(seeds)(
    "seed %i loses nothing and counts nothing twice",
    async (seed) => {
      const folder = mkdtempSync(join(tmpdir(), "engram-kill-"));
      const redis = store === "redis" ? await startRedis() : undefined;
      try {
        const result = await killRun({
          seed,
          rounds: ROUNDS,
          clients: 8,
          folder,
          ...(redis && { redis }),
          victim,
          withinMs: Number(process.env.ENGRAM_TEST_KILL_WITHIN_MS ?? 3_000),
          rebuild: true,
        });
        console.log(
          `${store}, kill of ${victim}, seed ${seed}: after ${Math.round(result.killedAfterMs)} ms; ${result.learns} learns, ${result.observes} observes, all there`,
        );
        expect(result.learns).toBe(ROUNDS);
      } finally {
        await redis?.stop();
        rmSync(folder, { recursive: true, force: true });
      }
    },
    180_000,
  );
});
