/**
 * A real redis-server for tests: a process of its own on a free port with a folder of its own, with an append-only file as in production:
 * `appendfsync everysec`, Redis' default, under which an acknowledged change must survive a killed server too (docs/stores.md).
 * Where the binary is missing, suites that need it are skipped; `skips.ts` says so once, and fails the run when CI=true.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A start takes 20 ms; one that reads a large append-only file on a busy machine takes seconds. */
const START_MS = 20_000;

let available: boolean | undefined;

/** True where redis-server can be started. */
export function redisAvailable(): boolean {
  available ??= spawnSync("redis-server", ["--version"]).status === 0;
  return available;
}

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Starts it again with the same port and folder, after `stopProcess` or `kill9`. */
  start(): Promise<void>;
  /** Ends it as an operator would; the data stays. */
  stopProcess(): Promise<void>;
  /** Ends it without warning; the data stays. */
  kill9(): Promise<void>;
  /** Removes every key. */
  wipe(): Promise<void>;
  /** Sends one inline command and answers the first line of the reply. */
  command(line: string): Promise<string>;
  /** Sends one inline command and answers the bulk text of the reply. */
  text(line: string): Promise<string>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Starts a server; `settings` are further command-line settings, such as `["--maxmemory", "4mb"]`. */
export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "engram-redis-"));
  const port = await freePort();
  let child: ChildProcess | undefined;
  let gone: Promise<void> = Promise.resolve();
  let output = "";

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child?.kill(signal);
    await gone;
    child = undefined;
  };
  const server: RedisServer = {
    url: `redis://127.0.0.1:${port}`,
    port,
    start: async () => {
      const own = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
      const started = spawn("redis-server", [...own, "--appendonly", "yes", "--appendfsync", "everysec", ...settings]);
      child = started;
      started.stdout.on("data", (part: Buffer) => {
        output += part.toString("utf8");
      });
      gone = new Promise((resolve) => started.once("exit", () => resolve()));
      const until = Date.now() + START_MS;
      for (;;) {
        const answer = await inline(port, "PING").catch((error: Error) => error.message);
        if (answer === "+PONG" || answer.startsWith("-NOAUTH")) return;
        if (Date.now() > until || started.exitCode !== null) throw new Error(`redis-server did not start (${answer}):\n${output}`);
        await sleep(10);
      }
    },
    stopProcess: () => end("SIGTERM"),
    kill9: () => end("SIGKILL"),
    wipe: async () => {
      await inline(port, "FLUSHALL");
    },
    command: (line) => inline(port, line),
    text: (line) => inline(port, line, true),
    stop: async () => {
      await end("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (address !== null && typeof address === "object" ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}

function inline(port: number, line: string, bulk = false): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let reply = "";
    socket.setTimeout(2_000, () => socket.destroy(new Error("no answer")));
    socket.once("error", reject);
    socket.once("connect", () => socket.write(`${line}\r\n`));
    socket.on("data", (part: Buffer) => {
      reply += part.toString("latin1");
      const first = reply.indexOf("\r\n");
      const bytes = /^\$(\d+)/.exec(reply)?.[1];
      if (first < 0 || (bulk && bytes !== undefined && reply.length < first + 2 + Number(bytes))) return;
      socket.destroy();
      resolve(bulk ? reply.slice(first + 2) : reply.slice(0, first));
    });
    socket.once("close", () => reject(new Error("closed")));
  });
}
