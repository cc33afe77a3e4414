/** Runs the built server as a process of its own, so that a test can kill it as an operator's machine would. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
/** A server on a warm machine is up in about a second; a loaded one takes longer. */
const START_MS = 60_000;

export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** All that it printed, for the message of a failing test. */
  output(): string;
  /** Ends it without warning. */
  kill9(): Promise<void>;
  /** Asks it to stop, and waits; answers its exit code. */
  stop(): Promise<number | null>;
}

/** Starts `engram serve` with the given environment and waits for its address. */
export async function startServer(env: Readonly<Record<string, string>>, args: readonly string[] = []): Promise<ServerProcess> {
  if (!existsSync(MAIN)) throw new Error("The server is not built: run `npm run build` first.");
  const child: ChildProcess = spawn(process.execPath, [MAIN, "serve", ...args], {
    env: { ...process.env, ENGRAM_PORT: "0", ENGRAM_LOG_LEVEL: "warn", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`The server did not print its address in ${START_MS} ms:\n${output}`));
    }, START_MS);
    const read = (part: Buffer): void => {
      output += part.toString("utf8");
      const found = /answers at (http:\/\/127\.0\.0\.1:\d+)/.exec(output);
      if (found !== null) {
        clearTimeout(timer);
        resolve(found[1]!);
      }
    };
    child.stdout!.on("data", read);
    child.stderr!.on("data", read);
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`The server ended with code ${code}:\n${output}`));
    });
  });
  return {
    url,
    pid: child.pid!,
    output: () => output,
    kill9: async () => {
      child.kill("SIGKILL");
      await exited;
    },
    stop: async () => {
      child.kill("SIGTERM");
      return exited;
    },
  };
}
