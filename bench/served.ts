/** The built server as a child process, for benches that measure over HTTP. Whoever starts it stops it. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Served {
  readonly url: string;
  /** Of the server process. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts the server on a free port over a data folder; resolves when it answers. `settings`: variables of its environment. */
export async function serve(folder: string, settings: Readonly<Record<string, string>> = {}): Promise<Served> {
  const main = fileURLToPath(new URL("../src/cli/main.js", import.meta.url));
  const child = spawn(process.execPath, [main, "serve", "--port", "0", "--data-dir", folder], {
    env: { ...process.env, ENGRAM_LOG_LEVEL: "warn", ...settings },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (part: Buffer) => {
      text += part.toString("utf8");
      const found = /answers at (http:\/\/127\.0\.0\.1:\d+)/.exec(text);
      if (found !== null) resolve(found[1]!);
    });
    child.once("exit", () => reject(new Error(`the server ended: ${text}`)));
  });
  return {
    url,
    pid: child.pid!,
    stop: async () => {
      child.kill("SIGTERM");
      await exited;
    },
  };
}
