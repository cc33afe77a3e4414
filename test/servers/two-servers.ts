/** Two API processes on one Redis and one ClickHouse (over the bridge), and what must hold of them. Used short by the flow tests, long by `test:servers`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { WebSocket } from "ws";
import { type ClickHouseBridge, startBridge } from "../support/clickhouse-bridge.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";

export interface TwoServers {
  readonly a: ServerProcess;
  readonly b: ServerProcess;
  readonly redis: RedisServer;
  readonly bridge: ClickHouseBridge;
  stop(): Promise<void>;
}

export async function startTwoServers(env: Readonly<Record<string, string>> = {}): Promise<TwoServers> {
  const folder = mkdtempSync(join(tmpdir(), "engram-two-"));
  const started: { stop(): Promise<unknown> }[] = [];
  const stop = async (): Promise<void> => {
    for (const part of started.reverse()) await part.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const redis = await startRedis();
    started.push(redis);
    const bridge = await startBridge();
    started.push(bridge);
    // KATO's own names, as its deployments set them.
    const shared = {
      REDIS_URL: redis.url,
      CLICKHOUSE_HOST: "127.0.0.1",
      CLICKHOUSE_PORT: String(bridge.port),
      ENGRAM_DATA_DIR: join(folder, "unused"),
      ENGRAM_THREADS: "1",
      ...env,
    };
    const a = await startServer(shared);
    started.push({ stop: () => a.kill9() });
    const b = await startServer(shared);
    started.push({ stop: () => b.kill9() });
    return { a, b, redis, bridge, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export interface Reply {
  readonly status: number;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: bodies of every form
  readonly body: any;
  readonly headers: Headers;
  readonly ms: number;
}

export async function call(server: ServerProcess, method: string, path: string, body?: unknown, headers = {}): Promise<Reply> {
  const start = performance.now();
  const response = await fetch(server.url + path, {
    method,
    headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    text,
    body: text === "" ? undefined : JSON.parse(text),
    headers: response.headers,
    ms: performance.now() - start,
  };
}

let keys = 0;

/** A call that is answered in the end: a 503 is asked again, under the same key, as KATO's clients do. */
export async function done(server: ServerProcess, method: string, path: string, body?: unknown): Promise<Reply> {
  const key = { "idempotency-key": `done-${process.pid}-${keys++}` };
  for (let tries = 0; ; tries++) {
    const reply = await call(server, method, path, body, key);
    if (reply.status === 503 && tries < 20) {
      await sleep(50);
      continue;
    }
    expect(reply.status, `${method} ${path}: ${reply.text}`).toBe(200);
    return reply;
  }
}

export async function session(server: ServerProcess, node: string, more = {}): Promise<string> {
  return (await done(server, "POST", "/sessions", { node_id: node, ...more })).body.session_id;
}

export const observe = (server: ServerProcess, id: string, strings: readonly string[]): Promise<Reply> =>
  call(server, "POST", `/sessions/${id}/observe`, { strings, vectors: [], emotives: {} });

/** Learns through A, asks B at once: the pattern must be in B's next prediction. Answers how many of them were. */
export async function readYourWrites({ a, b }: TwoServers, node: string, rounds: number, from = 0): Promise<number> {
  const learner = await session(a, node);
  const asker = await session(b, node, { config: { recall_threshold: 0.7, max_predictions: 5 } });
  let found = 0;
  for (let i = from; i < from + rounds; i++) {
    const events = [[`begin${i}`], [`middle${i}`], [`end${i}`]];
    for (const strings of events) await done(a, "POST", `/sessions/${learner}/observe`, { strings, vectors: [], emotives: {} });
    const { pattern_name } = (await done(a, "POST", `/sessions/${learner}/learn`)).body;
    await done(b, "POST", `/sessions/${asker}/clear-stm`);
    for (const strings of events.slice(0, 2)) await done(b, "POST", `/sessions/${asker}/observe`, { strings, vectors: [], emotives: {} });
    const { predictions } = (await done(b, "GET", `/sessions/${asker}/predictions`)).body;
    if (predictions.some(({ name }: { name: string }) => `PTRN|${name}` === pattern_name || name === pattern_name)) found++;
  }
  return found;
}

/** Concurrent observes on one session through both: all land, none twice. */
export async function concurrentObserves({ a, b }: TwoServers, node: string, count: number): Promise<void> {
  const id = await session(a, node);
  const names = Array.from({ length: count }, (_, i) => `symbol${i}`);
  const replies = await Promise.all(names.map((name, i) => observe(i % 2 === 0 ? a : b, id, [name])));
  for (const reply of replies) expect(reply.status, reply.text).toBe(200);
  const { stm } = (await done(b, "GET", `/sessions/${id}/stm`)).body;
  expect(stm.flat().sort()).toEqual([...names].sort());
  // Each was told a length of its own: none was answered from another's state.
  expect(new Set(replies.map(({ body }) => body.stm_length)).size).toBe(count);
}

/** Without what moves by itself: times, what is left of a life, trace ids. */
const still = (text: string): string =>
  text
    .replace(
      /"(expires_at|created_at|last_accessed|ttl_seconds|timestamp|time_remaining|ttl_remaining|ttl_remaining_seconds)": ?("[^"]*"|[\d.]+)/g,
      '"$1":0',
    )
    .replace(/"(trace_id|request_id|unique_id)": ?"[^"]*"/g, '"$1":""');

/** Sessions, counters and predictions byte for byte from either. */
export async function sameFromEither({ a, b }: TwoServers, node: string): Promise<number> {
  const id = await session(a, node, { config: { recall_threshold: 0.1 } });
  for (let i = 0; i < 12; i++) {
    const server = i % 2 === 0 ? a : b;
    for (let k = 0; k < 4; k++) {
      const body = { strings: [`s${(i * k) % 7}`, `t${k}`], vectors: [], emotives: { joy: i / 7 }, metadata: { book: `b${i % 3}` } };
      await done(server, "POST", `/sessions/${id}/observe`, body);
    }
    await done(server, "POST", `/sessions/${id}/learn`);
  }
  for (const strings of [["s1", "t1"], ["s2"], ["s3", "t3"]])
    await done(a, "POST", `/sessions/${id}/observe`, { strings, vectors: [], emotives: {} });
  const paths = [
    `/sessions/${id}`,
    `/sessions/${id}/stm`,
    `/sessions/${id}/config`,
    `/sessions/${id}/predictions`,
    `/sessions/${id}/cognition-data`,
    `/sessions/${id}/percept-data`,
    "/sessions/count",
    `/symbols/stats?node_id=${node}`,
    `/v1/kbs/${node}/stats`,
  ];
  const compare = async (): Promise<void> => {
    for (const path of paths) {
      const [one, other] = [await done(a, "GET", path), await done(b, "GET", path)];
      expect(still(other.text), path).toBe(still(one.text));
    }
  };
  await compare();
  // From an empty memory both repeat the last future potentials, wherever they were computed.
  await done(b, "POST", `/sessions/${id}/clear-stm`);
  await compare();
  return paths.length;
}

/** A WebSocket client of A sees a session made and ended through B. */
export async function newsOfTheOther({ a, b }: TwoServers, node: string): Promise<void> {
  const socket = new WebSocket(`${a.url.replace("http", "ws")}/ws/events`);
  // biome-ignore lint/suspicious/noExplicitAny: frames of every form
  const frames: any[] = [];
  let wake = (): void => {};
  socket.on("message", (data) => {
    frames.push(JSON.parse(String(data)));
    wake();
  });
  const seen = async (matches: (text: string) => boolean): Promise<void> => {
    while (!frames.some((frame) => matches(JSON.stringify(frame)))) await new Promise<void>((resolve) => (wake = resolve));
  };
  try {
    // The snapshot comes first: from then on nothing is missed.
    while (frames.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    const id = await session(b, node);
    await seen((text) => text.includes("session.created") && text.includes(id));
    await done(b, "DELETE", `/sessions/${id}`);
    await seen((text) => text.includes("session.destroyed") && text.includes(id));
  } finally {
    socket.close();
  }
}
