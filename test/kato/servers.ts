/**
 * The servers that KATO's demands are checked against: the same tests over each way to run. One server a kind and file, listening on a
 * free port, since KATO's own tests come over the network too. A further way to run is one more row.
 */
import { afterAll, beforeAll, describe } from "vitest";
import type { ConfigInput } from "../../src/config.ts";
import { buildApp } from "../../src/http/app.ts";
import { silentLogger } from "../../src/log.ts";
import { startBridge } from "../support/clickhouse-bridge.ts";
import { openTestEngine, type StateBackEnd } from "../support/engines.ts";
import { redisAvailable } from "../support/redis-server.ts";

interface Running {
  readonly url: string;
  /** Where the state is in a Redis. */
  readonly redisUrl: string | undefined;
  close(): Promise<void>;
}

interface Kind {
  readonly name: string;
  /** Where it is false the suite is skipped, as test/support/skips.ts says before the run. */
  readonly available: () => boolean;
  start(): Promise<Running>;
}

async function startInProcess(backEnd: StateBackEnd, settings: ConfigInput = {}): Promise<Running> {
  const opened = await openTestEngine(backEnd, settings);
  const app = buildApp({
    engine: opened.engine,
    log: silentLogger,
    serviceName: opened.config.serviceName,
    version: "0.0.0-test",
    documents: true,
  });
  try {
    await app.listen({ host: "127.0.0.1", port: 0 });
  } catch (error) {
    await opened.close();
    throw error;
  }
  const address = app.server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    redisUrl: opened.config.redis.url,
    close: async () => {
      await app.close();
      await opened.close();
    },
  };
}

/** The server mode: both stores are servers; ClickHouse is the bridge. */
async function startOnServers(): Promise<Running> {
  const bridge = await startBridge();
  try {
    const running = await startInProcess("redis", { clickhouse: { url: bridge.url } });
    return {
      ...running,
      close: async () => {
        await running.close();
        await bridge.stop();
      },
    };
  } catch (error) {
    await bridge.stop();
    throw error;
  }
}

/** `npm run test:servers` asks for the server mode, whose bridge takes its time; every other run for the rest. */
const KINDS: readonly Kind[] =
  process.env.ENGRAM_TEST_KATO === "servers"
    ? [{ name: "Redis and ClickHouse over HTTP", available: redisAvailable, start: startOnServers }]
    : [
        { name: "embedded stores", available: () => true, start: () => startInProcess("lmdb") },
        { name: "Redis and embedded ClickHouse", available: redisAvailable, start: () => startInProcess("redis") },
      ];

export interface Answer {
  readonly status: number;
  readonly text: string;
  // Any JSON: tests look into it as KATO's do.
  // biome-ignore lint/suspicious/noExplicitAny: tests read bodies of every form
  readonly body: any;
  readonly headers: Headers;
}

/** A running server, as a client sees it. */
export interface Kato {
  readonly url: string;
  /** Undefined where the server keeps its state itself. */
  readonly redisUrl: string | undefined;
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** A new session's id, on a node of its own unless one is named. */
  session(body?: Readonly<Record<string, unknown>>): Promise<string>;
  /** A node id that nobody else uses. */
  node(stem?: string): string;
  observe(id: string, ...strings: string[]): Promise<Answer>;
  /** Observes one event after the other and learns them; answers the pattern's name. */
  learn(id: string, ...events: readonly (readonly string[])[]): Promise<string>;
}

/** Runs the same tests over every kind of server. */
export function onEveryServer(title: string, tests: (kato: Kato) => void): void {
  for (const kind of KINDS) {
    describe.skipIf(!kind.available())(`${title} (${kind.name})`, () => {
      let running: Running | undefined;
      beforeAll(async () => {
        running = await kind.start();
      });
      afterAll(async () => running?.close());
      tests(
        client(() => {
          if (running === undefined) throw new Error("the server is not up yet");
          return running;
        }),
      );
    });
  }
}

let nodes = 0;

function client(running: () => Running): Kato {
  const kato: Kato = {
    get url() {
      return running().url;
    },
    get redisUrl() {
      return running().redisUrl;
    },
    async call(method, path, body, headers = {}) {
      const given = body !== undefined;
      const response = await fetch(`${running().url}${path}`, {
        method,
        headers: { ...(given && { "content-type": "application/json" }), ...headers },
        ...(given && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, text, body: text === "" ? undefined : JSON.parse(text), headers: response.headers };
    },
    async session(body = {}) {
      const { status, body: session } = await kato.call("POST", "/sessions", { node_id: kato.node(), ...body });
      if (status !== 200) throw new Error(`no session: ${status} ${JSON.stringify(session)}`);
      return session.session_id;
    },
    node: (stem = "node") => `test_${stem}_${process.pid}_${nodes++}`,
    observe: (id, ...strings) => kato.call("POST", `/sessions/${id}/observe`, { strings, vectors: [], emotives: {} }),
    async learn(id, ...events) {
      for (const event of events) await kato.observe(id, ...event);
      const { status, body } = await kato.call("POST", `/sessions/${id}/learn`);
      if (status !== 200) throw new Error(`not learned: ${status} ${JSON.stringify(body)}`);
      return body.pattern_name;
    },
  };
  return kato;
}
