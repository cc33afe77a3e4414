/** The server under stress: the program itself, started on a free port of this machine over the run's data folder, and what it uses. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { LoadClient } from "./load-client.ts";
import type { EnsembleAsked } from "./record.ts";

export interface Served {
  readonly url: string;
  /** Most memory the process had so far, in bytes; null where the system does not tell. */
  memoryPeak(): number | null;
  stop(): Promise<void>;
}

/** Errors: an Error with what the server printed when it ends before it listens. */
export async function startServer(program: string, dataDir: string, settings: readonly string[]): Promise<Served> {
  const flags = settings.flatMap((pair) => ["--set", pair]);
  const child = spawn(process.execPath, [program, "serve", "--port", "0", "--data-dir", dataDir, "--log-level", "warn", ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  // Who stops the run stops the server with it: it would hold the data folder for ever.
  const endToo = (): void => void child.kill("SIGTERM");
  process.prependListener("exit", endToo);
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => {
      process.removeListener("exit", endToo);
      resolve();
    });
  });
  const url = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (part: Buffer) => {
      text += part.toString("utf8");
      const found = /answers at (http:\/\/\S+)/.exec(text);
      if (found !== null) resolve(found[1]!);
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`the server ended: ${text}`)));
  });
  return {
    url,
    memoryPeak: () => {
      try {
        const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"));
        return found === null ? null : Number(found[1]) * 1024;
      } catch {
        // Not a system with /proc: the report leaves the figure out.
        return null;
      }
    },
    stop: async () => {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

/** What one question was answered. */
export interface Answer {
  readonly ms: number;
  readonly names: readonly string[];
  readonly certified: boolean;
  readonly source: string;
  /** Patterns whose symbols were read. */
  readonly rowsRead: number;
}

export interface Asking {
  readonly ensemble: EnsembleAsked;
  readonly source: string | undefined;
  readonly threshold: number;
  readonly answers: number;
}

interface PredictReply {
  readonly predictions: readonly { readonly name: string }[];
  readonly trace: { readonly source: string; readonly certified: boolean; readonly rowsRead: number };
}

const bodyOf = (state: readonly string[], { ensemble, threshold, answers }: Asking): object => ({
  state: state.map((symbol) => [symbol]),
  config: {
    recall_threshold: threshold,
    max_predictions: answers,
    ensemble,
    rank_sort_algo: ensemble === "kato" ? "potential" : "similarity",
  },
});

/** Asks the questions one after the other on one connection. */
export async function askAll(url: string, node: string, questions: readonly (readonly string[])[], asking: Asking): Promise<Answer[]> {
  const client = await LoadClient.open(url);
  const path = `/v1/kbs/${node}/predict${asking.source === undefined ? "" : `?source=${asking.source}`}`;
  const answers: Answer[] = [];
  try {
    for (const state of questions) {
      const start = performance.now();
      const reply = await client.json<PredictReply>("POST", path, bodyOf(state, asking));
      answers.push({
        ms: performance.now() - start,
        names: reply.predictions.map(({ name }) => name),
        certified: reply.trace.certified,
        source: reply.trace.source,
        rowsRead: reply.trace.rowsRead,
      });
    }
  } finally {
    client.close();
  }
  return answers;
}

/** Names have it there, and none in predictions, as KATO's have. */
const PATTERN_PREFIX = "PTRN|";

interface ScoreReply {
  readonly results: readonly { readonly index: number; readonly matches: readonly { readonly name: string }[] }[];
}

/** The names that are most similar to each question, found by scoring every pattern with it: one pass over the kb for all of them. */
export async function scanAll(
  url: string,
  node: string,
  questions: readonly (readonly string[])[],
  { threshold, answers }: Asking,
): Promise<string[][]> {
  if (questions.length === 0) return [];
  const client = await LoadClient.open(url);
  try {
    const queries = questions.map((state) => state.map((symbol) => [symbol]));
    const { results } = await client.json<ScoreReply>("POST", `/v1/kbs/${node}/score`, { queries, cutoff: threshold, keep: answers });
    const names: string[][] = questions.map(() => []);
    for (const { index, matches } of results) names[index] = matches.map(({ name }) => name.slice(PATTERN_PREFIX.length));
    return names;
  } finally {
    client.close();
  }
}

/** Answers a second with so many clients asking without pause, and how long one answer took. */
export async function throughput(
  url: string,
  node: string,
  questions: readonly (readonly string[])[],
  asking: Asking,
  clients: number,
  seconds: number,
): Promise<{ clients: number; perSecond: number; p50Ms: number; p95Ms: number; refused: number }> {
  const start = performance.now();
  const end = start + seconds * 1_000;
  const path = `/v1/kbs/${node}/predict${asking.source === undefined ? "" : `?source=${asking.source}`}`;
  const times: number[] = [];
  let refused = 0;
  await Promise.all(
    Array.from({ length: clients }, async (_, c) => {
      const client = await LoadClient.open(url);
      for (let i = c; performance.now() < end; i += clients) {
        const before = performance.now();
        const reply = await client.request("POST", path, JSON.stringify(bodyOf(questions[i % questions.length]!, asking)));
        if (reply.status === 200) times.push(performance.now() - before);
        else if (reply.status === 503) refused++;
        else throw new Error(`the server answered ${reply.status}: ${reply.body.toString("utf8").slice(0, 200)}`);
      }
      client.close();
    }),
  );
  times.sort((a, b) => a - b);
  return {
    clients,
    perSecond: (times.length * 1_000) / (performance.now() - start),
    p50Ms: quantile(times, 0.5),
    p95Ms: quantile(times, 0.95),
    refused,
  };
}

/** Of ascending values; 0 of none. */
export const quantile = (ascending: readonly number[], share: number): number =>
  ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))] ?? 0;
