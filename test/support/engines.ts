/** Engines for tests: every kind of store and pool behind the same door, each in a folder of its own that is removed afterwards. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, type ConfigInput, configOf } from "../../src/config.ts";
import { type EngineParts, openEngine } from "../../src/engine.ts";
import type { Engine } from "../../src/engine-types.ts";
import { silentLogger } from "../../src/log.ts";
import { openInlinePool } from "../../src/pool/inline-pool.ts";
import type { KernelPool } from "../../src/pool/kernel-pool.ts";
import { openStores, type Stores } from "../../src/store/open.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";

export interface OpenedEngine {
  readonly engine: Engine;
  /** Beneath the engine, for tests that change something behind its back. */
  readonly stores: Stores;
  readonly config: Config;
  readonly folder: string;
  /** Empties the Redis behind it. */
  wipeRedis(): Promise<void>;
  close(): Promise<void>;
}

export type StateBackEnd = "lmdb" | "redis";

/** Opens an engine over embedded ClickHouse and the given state store; the pool is inline unless `threads` says otherwise, or `pool` is given. */
export async function openTestEngine(
  backEnd: StateBackEnd,
  input: ConfigInput = {},
  threads = 0,
  pool?: KernelPool,
): Promise<OpenedEngine> {
  const folder = mkdtempSync(join(tmpdir(), "engram-flow-"));
  let redis: RedisServer | undefined;
  try {
    if (backEnd === "redis") redis = await startRedis();
    const config = configOf({
      dataDir: join(folder, "data"),
      threads: Math.max(1, threads),
      residentBytes: 16 * 2 ** 20,
      ...input,
      ...(redis && { redis: { url: redis.url } }),
    });
    const own =
      pool !== undefined || threads === 0 ? { pool: pool ?? (await openInlinePool({ residentBytes: config.residentBytes })) } : {};
    // After the pool: what opens the engine closes the stores when it fails, and a pool within this process needs no closing.
    const stores = await openStores(config, silentLogger);
    const parts: EngineParts = { stores, ...own };
    const engine = await openEngine(config, silentLogger, parts);
    return {
      engine,
      stores,
      config,
      folder,
      wipeRedis: async () => redis!.wipe(),
      close: async () => {
        await engine.close();
        await redis?.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await redis?.stop();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
