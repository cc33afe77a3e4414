/**
 * Starts `clickhouse-bridge.mjs`: ClickHouse over HTTP for tests, because no ClickHouse server can be installed beside them. What it shows is
 * the network path of the product (pool, retries, faults), not a server's load, users or clusters.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("clickhouse-bridge.mjs", import.meta.url));
/** A start takes about a second; a busy machine takes longer. */
const START_MS = 60_000;

/** What happens to requests, in the order of the list; a request meets the first that counts it. */
export interface BridgeFault {
  /** 503; an answer that comes late; a connection reset before anything is done; one reset after all was done. */
  readonly kind: "unavailable" | "delay" | "reset" | "lostReply";
  /** Which statements; all (and pings) when left out. */
  readonly statements?: "insert" | "read";
  /** Every so many of them; each when left out. */
  readonly every?: number;
  /** At most so many times. */
  readonly times?: number;
  readonly delayMs?: number;
}

export interface BridgeOptions {
  /** Without: everybody is let in, as a fresh ClickHouse does. */
  readonly user?: string;
  readonly password?: string;
}

export interface ClickHouseBridge {
  readonly url: string;
  readonly port: number;
  /** Replaces the faults; resolves when they hold. */
  faults(list: readonly BridgeFault[]): Promise<void>;
  /** Starts it again on the same port and folder, after `kill9`. */
  start(): Promise<void>;
  /** Ends it without warning; the data stays. */
  kill9(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

export async function startBridge(options: BridgeOptions = {}): Promise<ClickHouseBridge> {
  const folder = mkdtempSync(join(tmpdir(), "engram-bridge-"));
  let child: ChildProcess | undefined;
  let gone: Promise<void> = Promise.resolve();
  let port = 0;

  const kill9 = async (): Promise<void> => {
    child?.kill("SIGKILL");
    await gone;
    child = undefined;
  };
  const start = async (): Promise<void> => {
    const login = options.user === undefined ? [] : [options.user, options.password ?? ""];
    const started = spawn(process.execPath, [CHILD, folder, String(port), ...login], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
    child = started;
    gone = new Promise((resolve) => started.once("exit", () => resolve()));
    let output = "";
    port = await new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`The ClickHouse bridge did not start in ${START_MS} ms:\n${output}`)), START_MS);
      const read = (part: Buffer): void => {
        output += part.toString("utf8");
        const ready = /^ready (\d+)$/m.exec(output);
        if (ready === null) return;
        clearTimeout(timer);
        resolve(Number(ready[1]));
      };
      started.stdout?.on("data", read);
      started.stderr?.on("data", read);
      started.once("exit", (code) => {
        clearTimeout(timer);
        reject(new Error(`The ClickHouse bridge ended with code ${code}:\n${output}`));
      });
    });
  };
  const stop = async (): Promise<void> => {
    await kill9();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    faults: (list) =>
      new Promise((resolve, reject) => {
        if (child === undefined) return reject(new Error("The bridge does not run."));
        child.once("message", () => resolve());
        child.send(list);
      }),
    start,
    kill9,
    stop,
  };
}
