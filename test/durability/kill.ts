/** One run: rounds against a server, a kill -9 at a random moment of whom the run names, restart, and the books must balance. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { type Config, configOf } from "../../src/config.ts";
import { silentLogger } from "../../src/log.ts";
import { rebuildState } from "../../src/rebuild.ts";
import { openStores } from "../../src/store/open.ts";
import type { RedisServer } from "../support/redis-server.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { expectedCounters, runRounds, seeded } from "./rounds.ts";

export interface KillRun {
  readonly seed: number;
  readonly rounds: number;
  readonly clients: number;
  readonly folder: string;
  /** Runs the state store; absent: LMDB in the folder. */
  readonly redis?: RedisServer;
  readonly victim: "server" | "redis" | "both";
  /** Kills happen once within this time after the start of the rounds. */
  readonly withinMs: number;
  /** Also delete the state store, rebuild, and compare. */
  readonly rebuild: boolean;
}

async function get(url: string, path: string): Promise<Record<string, unknown>> {
  const response = await fetch(url + path);
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

export async function killRun(run: KillRun): Promise<{ learns: number; observes: number; killedAfterMs: number }> {
  const random = seeded(run.seed);
  const env: Record<string, string> = { ENGRAM_DATA_DIR: run.folder, ...(run.redis && { ENGRAM_REDIS_URL: run.redis.url }) };
  let server: ServerProcess = await startServer(env);
  const killAfter = random() * run.withinMs;
  let killed = false;
  const killing = (async () => {
    await sleep(killAfter);
    killed = true;
    if (run.victim !== "server") await run.redis!.kill9();
    if (run.victim !== "redis") await server.kill9();
    if (run.victim !== "server") await run.redis!.start();
    if (run.victim !== "redis") server = await startServer(env);
  })();
  const node = `kill${run.seed}`;
  const { tally, counted } = await runRounds({ url: () => server.url, node, rounds: run.rounds, clients: run.clients, random });
  await killing;
  expect(killed, "the rounds ended before the kill: raise the rounds").toBe(true);
  const learns = [...tally.learned.values()].reduce((sum, times) => sum + times, 0);
  try {
    // Every observe and learn counted once: none lost, none twice.
    expect(counted, `seed ${run.seed}: observes counted by the sessions`).toBe(tally.observes);
    const want = expectedCounters(tally);
    const stats = await get(server.url, `/v1/kbs/${node}/stats`);
    expect(stats.totals, `seed ${run.seed}`).toEqual(want.totals);
    expect((await get(server.url, `/symbols/stats?node_id=${node}`)).symbols, `seed ${run.seed}`).toEqual(want.symbols);
    for (const [name, times] of tally.acknowledged) {
      const answer = (await get(server.url, `/pattern/${encodeURIComponent(name)}?node_id=${node}`)) as {
        pattern: { pattern?: { frequency: number } };
      };
      expect(answer.pattern.pattern?.frequency, `seed ${run.seed}: frequency of ${name}`).toBe(times);
    }
    const queries = await askAll(server.url, node, run.seed);
    expect(await server.stop(), server.output()).toBe(0);
    await compareStores(run, node, learns);
    if (run.rebuild) {
      if (run.redis) await run.redis.wipe();
      else rmSync(join(run.folder, "state"), { recursive: true, force: true });
      await rebuildState(storesOf(run), silentLogger);
      server = await startServer(env);
      expect((await get(server.url, `/v1/kbs/${node}/stats`)).totals).toEqual(want.totals);
      expect((await get(server.url, `/symbols/stats?node_id=${node}`)).symbols).toEqual(want.symbols);
      expect(await askAll(server.url, node, run.seed)).toEqual(queries);
      expect(await server.stop(), server.output()).toBe(0);
    }
  } catch (error) {
    await server.kill9();
    throw error;
  }
  return { learns, observes: tally.observes, killedAfterMs: killAfter };
}

const storesOf = (run: KillRun): Config => configOf({ dataDir: run.folder, ...(run.redis && { redis: { url: run.redis.url } }) });

/** 200 seeded queries through the stateless prediction call; whole answers. */
async function askAll(url: string, node: string, seed: number): Promise<unknown[]> {
  const random = seeded(seed + 1);
  const answers: unknown[] = [];
  for (let i = 0; i < 200; i++) {
    const state = Array.from({ length: 2 + Math.floor(random() * 4) }, () => [`s${Math.floor(random() * random() * 60)}`]);
    const response = await fetch(`${url}/v1/kbs/${node}/predict`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ state, config: { max_predictions: 20 } }),
    });
    expect(response.status).toBe(200);
    answers.push(((await response.json()) as { predictions: unknown }).predictions);
  }
  expect(JSON.stringify(answers)).toContain("future");
  return answers;
}

/** After the flush of a clean stop, the tables hold exactly what the state store counts. */
async function compareStores(run: KillRun, node: string, learns: number): Promise<void> {
  expect(readdirSync(run.folder)).toContain("clickhouse");
  const stores = await openStores(storesOf(run), silentLogger);
  try {
    const kb = (await stores.state.listKbs()).find((name) => name.startsWith(node))!;
    const head = await stores.state.head(kb);
    expect(await stores.state.outboxSize()).toBe(0);
    expect(await stores.patterns.counts(kb, head.generation)).toEqual({
      patterns: head.patternCount,
      names: head.patternCount,
      symbols: head.symbolCount,
      vectors: 0,
      learns,
    });
    expect((await stores.patterns.listKbs()).find((row) => row.kb === kb)!.seq).toBe(head.seq);
  } finally {
    await stores.close();
  }
}
