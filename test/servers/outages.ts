/** Load on two API processes while a store of theirs is away, and the books afterwards: nothing acknowledged is lost, nothing counts twice. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { configOf } from "../../src/config.ts";
import { silentLogger } from "../../src/log.ts";
import { openStores } from "../../src/store/open.ts";
import { call, session, type TwoServers } from "./two-servers.ts";

/** What clients met. */
export interface Outage {
  readonly learns: number;
  /** Refusals, and how long the slowest took to come. */
  readonly refused: number;
  readonly slowestRefusalMs: number;
  /** Calls answered with 200 while the store was away. */
  readonly answeredMeanwhile: number;
  /** From the store's return to the first learn that was answered. */
  readonly backAfterMs: number;
}

interface Watch {
  awaySince: number | undefined;
  /** When it began to come back; it may answer a while before it is known to be there. */
  returnsAt: number | undefined;
  backAt: number | undefined;
  firstLearnAt: number | undefined;
  answeredMeanwhile: number;
  refusals: number[];
}

/** One client: learns patterns of its own on one session, alternating between the processes, each call sent until it is answered. */
async function client(servers: TwoServers, node: string, name: string, over: () => boolean, watch: Watch): Promise<number> {
  const id = await session(servers.a, node, { config: { process_predictions: false } });
  let calls = 0;
  const send = async (path: string, body?: unknown): Promise<void> => {
    const key = `${name}-${calls++}`;
    for (let tries = 0; tries < 2_000; tries++) {
      const start = performance.now();
      const reply = await call(tries % 2 === 0 ? servers.a : servers.b, "POST", path, body, { "idempotency-key": key });
      const away = watch.awaySince !== undefined && start > watch.awaySince && watch.returnsAt === undefined;
      if (reply.status === 200) {
        if (away) watch.answeredMeanwhile++;
        return;
      }
      expect(reply.status, reply.text).toBe(503);
      expect(Number(reply.headers.get("retry-after")), reply.text).toBeGreaterThanOrEqual(1);
      if (away) watch.refusals.push(reply.ms);
      await sleep(20);
    }
    throw new Error(`${path} was not answered`);
  };
  let learned = 0;
  while (!over()) {
    await send(`/sessions/${id}/observe`, { strings: [`${name}a${learned}`, "shared"], vectors: [], emotives: { joy: 0.1 } });
    await send(`/sessions/${id}/observe`, { strings: [`b${learned % 7}`], vectors: [], emotives: {} });
    await send(`/sessions/${id}/learn`);
    learned++;
    if (watch.backAt !== undefined) watch.firstLearnAt ??= performance.now();
  }
  // The session's clock counts its observations, each once.
  const { body } = await call(servers.b, "GET", `/sessions/${id}/percept-data`);
  expect(body.percept_data.strings, name).toEqual([`b${(learned - 1) % 7}`]);
  return learned;
}

/** Runs `clients` clients; after a second the store goes, stays away for `awayMs`, and comes back. */
export async function outage(
  servers: TwoServers,
  node: string,
  store: { away(): Promise<void>; back(): Promise<void> },
  clients: number,
  awayMs: number,
): Promise<Outage> {
  const watch: Watch = {
    awaySince: undefined,
    returnsAt: undefined,
    backAt: undefined,
    firstLearnAt: undefined,
    answeredMeanwhile: 0,
    refusals: [],
  };
  let over = false;
  const load = Array.from({ length: clients }, (_, i) => client(servers, node, `c${i}-`, () => over, watch));
  const course = (async () => {
    try {
      await sleep(1_000);
      await store.away();
      watch.awaySince = performance.now();
      await sleep(awayMs);
      watch.returnsAt = performance.now();
      await store.back();
      watch.backAt = performance.now();
      await sleep(2_000);
    } finally {
      over = true;
    }
  })();
  const [learns] = await Promise.all([Promise.all(load), course]);
  const total = learns.reduce((sum, n) => sum + n, 0);
  // Counted once each, by the state store.
  const { status, text, body } = await call(servers.a, "GET", `/v1/kbs/${node}/stats`);
  expect(status, `two seconds after the store came back: ${text}`).toBe(200);
  expect(body.totals.total_unique_patterns).toBe(total);
  expect(body.totals.total_symbols_in_patterns_frequencies).toBe(3 * total);
  return {
    learns: total,
    refused: watch.refusals.length,
    slowestRefusalMs: Math.max(0, ...watch.refusals),
    answeredMeanwhile: watch.answeredMeanwhile,
    backAfterMs: (watch.firstLearnAt ?? Number.POSITIVE_INFINITY) - (watch.backAt ?? 0),
  };
}

/** Waits until nothing is left to flush, then compares the tables with the state store. */
export async function tablesEqualState(servers: TwoServers, node: string): Promise<void> {
  const stores = await openStores(configOf({ clickhouse: { url: servers.bridge.url }, redis: { url: servers.redis.url } }), silentLogger);
  try {
    const until = Date.now() + 60_000;
    while ((await stores.state.outboxSize()) > 0) {
      if (Date.now() > until) throw new Error("the outbox was not flushed within a minute");
      await sleep(100);
    }
    const kb = `${node}_kato`;
    const head = await stores.state.head(kb);
    const counts = await stores.patterns.counts(kb, head.generation);
    expect(counts).toMatchObject({ patterns: head.patternCount, names: head.patternCount, symbols: head.symbolCount });
    const names: string[] = [];
    let learns = 0;
    let last = 0;
    for await (const slice of stores.patterns.events(kb)) {
      for (const entry of slice) {
        // Every change, each once and none left out.
        expect(entry.seq).toBe(last + 1);
        last = entry.seq;
        if (entry.kind !== "learn") continue;
        learns++;
        if (entry.isNew) names.push(entry.pattern.name);
      }
    }
    expect(last).toBe(head.seq);
    expect(learns).toBe(counts.learns);
    const { patterns } = await stores.state.counters(kb, head.generation, names, []);
    expect(patterns.reduce((sum, pattern) => sum + (pattern?.frequency ?? 0), 0)).toBe(learns);
  } finally {
    await stores.close();
  }
}
