/**
 * Steady load on one server: so many clients, each with a session of its own on one kb, observing (70 %), learning (10 %) and asking for
 * predictions (20 %), with no pause between a client's calls. What it shows: that nothing is refused, that memory does not grow, that the main
 * thread is never held for long. It checks the counts of the kb and of every session against what was acknowledged.
 *
 *   node dist/bench/load.js [--patterns 100000] [--clients 64] [--seconds 60] [--from 20] [--threshold 0.1] [--out bench/record/NAME.json]
 *
 * The load comes from this process on the same machine and shares its cores with the server: figures are those of both together. Settings
 * of the server are taken from the environment (ENGRAM_REDIS_URL and so on).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { LoadClient } from "./load-client.ts";
import type { ProbeReport } from "./load-probe.ts";
import { machineOf, writeRecord } from "./machine.ts";
import { seeded, zipfCorpus } from "./zipf-corpus.ts";

const SEED = 20261125;
const NODE = "load";
const { values: args } = parseArgs({
  options: {
    patterns: { type: "string", default: "100000" },
    clients: { type: "string", default: "64" },
    seconds: { type: "string", default: "60" },
    /** Memory at the end is compared with memory here, when caches are warm. */
    from: { type: "string", default: "20" },
    threshold: { type: "string", default: "0.1" },
    out: { type: "string" },
  },
});

/** What the load must keep. */
const LIMITS = { growth: 1.05, loopDelayP99Ms: 50 } as const;
const BULK_SEQUENCES = 2_000;

type Kind = "observe" | "learn" | "predict";
const KINDS: readonly Kind[] = ["observe", "learn", "predict"];

interface Tally {
  readonly ms: Record<Kind, number[]>;
  readonly statuses: Map<number, number>;
  symbols: number;
}

async function startProbed(folder: string): Promise<{ url: string; child: ChildProcess; probe: () => Promise<ProbeReport> }> {
  const main = fileURLToPath(new URL("../src/cli/main.js", import.meta.url));
  const probe = new URL("./load-probe.js", import.meta.url).href;
  const child = spawn(process.execPath, ["--expose-gc", "--import", probe, main, "serve", "--port", "0", "--data-dir", folder], {
    env: { ...process.env, ENGRAM_LOG_LEVEL: "warn" },
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const url = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (part: Buffer) => {
      text += part.toString("utf8");
      const found = /answers at (http:\/\/127\.0\.0\.1:\d+)/.exec(text);
      if (found !== null) resolve(found[1]!);
    });
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${text}`)));
  });
  return {
    url,
    child,
    probe: async () => {
      const answer = once(child, "message");
      child.send("report");
      return (await answer)[0] as ProbeReport;
    },
  };
}

/** One client until `end`; answers how many observations its session must have counted. */
async function client(
  url: string,
  number: number,
  until: () => boolean,
  tally: Tally,
  patterns: readonly (readonly string[])[],
): Promise<void> {
  const random = seeded(SEED + number);
  const connection = await LoadClient.open(url);
  const { session_id: id } = await connection.json<{ session_id: string }>("POST", "/sessions", {
    node_id: NODE,
    config: { recall_threshold: Number(args.threshold), process_predictions: false },
  });
  let [observed, held, at] = [0, 0, 0];
  let source = patterns[Math.floor(random() * patterns.length)]!;
  const send = async (kind: Kind, method: string, path: string, body?: object): Promise<Record<string, unknown> | undefined> => {
    const before = performance.now();
    const reply = await connection.request(method, `/sessions/${id}/${path}`, body === undefined ? "" : JSON.stringify(body));
    tally.ms[kind].push(performance.now() - before);
    tally.statuses.set(reply.status, (tally.statuses.get(reply.status) ?? 0) + 1);
    return reply.status === 200 ? (JSON.parse(reply.body.toString("utf8")) as Record<string, unknown>) : undefined;
  };
  while (!until()) {
    const draw = random();
    if (draw < 0.1 && held >= 2) {
      const answer = await send("learn", "POST", "learn");
      if (answer === undefined) continue;
      if (!String(answer.pattern_name).startsWith("PTRN|")) throw new Error(`learn answered ${JSON.stringify(answer)}`);
      tally.symbols += held;
      [held, at] = [0, 0];
      source = patterns[Math.floor(random() * patterns.length)]!;
    } else if (draw < 0.3 && held > 0) {
      const answer = await send("predict", "GET", "predictions");
      if (answer !== undefined && !Array.isArray(answer.predictions)) throw new Error("predictions are no list");
    } else {
      // Two symbols at a time out of a known pattern, now and then a strange one.
      const strings = [
        source[at++ % source.length]!,
        random() < 0.2 ? `strange${Math.floor(random() * 1e4)}` : source[at++ % source.length]!,
      ];
      const answer = await send("observe", "POST", "observe", { strings, vectors: [], emotives: {} });
      if (answer === undefined) continue;
      observed++;
      held += strings.length;
      if (answer.time !== observed) throw new Error(`the session counted ${String(answer.time)} observations of ${observed}`);
    }
  }
  connection.close();
}

const percentile = (values: readonly number[], p: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? 0) * 100) / 100;
};
const mib = (bytes: number): number => Math.round(bytes / 2 ** 20);

interface Stats {
  readonly totals: { readonly total_unique_patterns: number; readonly total_symbols_in_patterns_frequencies: number };
}

const machine = machineOf();
const folder = mkdtempSync(join(tmpdir(), "engram-load-"));
const server = await startProbed(folder);
try {
  const { patterns } = zipfCorpus(Number(args.patterns), 1, SEED);
  const setup = await LoadClient.open(server.url);
  for (let from = 0; from < patterns.length; from += BULK_SEQUENCES) {
    const sequences = patterns.slice(from, from + BULK_SEQUENCES).map((pattern) => pattern.map((symbol) => [symbol]));
    await setup.json("POST", `/v1/kbs/${NODE}/learn`, { sequences });
    process.stderr.write(`\rloaded ${Math.min(patterns.length, from + BULK_SEQUENCES)} of ${patterns.length} patterns`);
  }
  process.stderr.write("\n");
  const before = await setup.json<Stats>("GET", `/v1/kbs/${NODE}/stats`);

  const seconds = Number(args.seconds);
  const tally: Tally = { ms: { observe: [], learn: [], predict: [] }, statuses: new Map(), symbols: 0 };
  const end = performance.now() + seconds * 1000;
  const load = Promise.all(
    Array.from({ length: Number(args.clients) }, (_, i) => client(server.url, i, () => performance.now() > end, tally, patterns)),
  );
  // What went before belongs to the start.
  await server.probe();
  await sleep(Number(args.from) * 1000);
  const early = await server.probe();
  await load;
  const late = await server.probe();

  const after = await setup.json<Stats>("GET", `/v1/kbs/${NODE}/stats`);
  setup.close();
  const refused = [...tally.statuses].filter(([status]) => status >= 500).reduce((sum, [, count]) => sum + count, 0);
  const counted = after.totals.total_symbols_in_patterns_frequencies - before.totals.total_symbols_in_patterns_frequencies;
  if (refused === 0 && counted !== tally.symbols)
    throw new Error(`the kb counted ${counted} symbols, the clients learned ${tally.symbols}`);

  const growth = Math.round((late.rssBytes / early.rssBytes) * 1000) / 1000;
  const loopDelayP99Ms = Math.round(Math.max(early.loopDelayMs.p99, late.loopDelayMs.p99) * 100) / 100;
  const calls = KINDS.map((kind) => ({
    kind,
    calls: tally.ms[kind].length,
    perSecond: Math.round(tally.ms[kind].length / seconds),
    p50Ms: percentile(tally.ms[kind], 0.5),
    p99Ms: percentile(tally.ms[kind], 0.99),
    maxMs: percentile(tally.ms[kind], 1),
  }));
  const table = new Table({ head: ["call", "calls", "a second", "p50 ms", "p99 ms", "max ms"], style: { head: [], border: [] } });
  for (const row of calls) table.push([row.kind, row.calls, row.perSecond, row.p50Ms, row.p99Ms, row.maxMs]);
  console.log(table.toString());
  const kept = { noRefusals: refused === 0, memory: growth <= LIMITS.growth, loopDelay: loopDelayP99Ms <= LIMITS.loopDelayP99Ms };
  const word = (held: boolean): string => (held ? "kept" : "NOT KEPT");
  console.log(`answers of 5xx: ${refused} (${word(kept.noRefusals)})`);
  console.log(
    `RSS after collection: ${mib(early.rssBytes)} MiB at ${args.from} s, ${mib(late.rssBytes)} MiB at ${seconds} s: x ${growth} (at most ${LIMITS.growth}: ${word(kept.memory)})`,
  );
  console.log(
    `event-loop delay p99: ${loopDelayP99Ms} ms, longest ${Math.round(Math.max(early.loopDelayMs.max, late.loopDelayMs.max))} ms (at most ${LIMITS.loopDelayP99Ms}: ${word(kept.loopDelay)})`,
  );
  if (args.out !== undefined) {
    const parameters = {
      patterns: patterns.length,
      clients: Number(args.clients),
      seconds,
      from: Number(args.from),
      threshold: Number(args.threshold),
    };
    const statuses = Object.fromEntries(tally.statuses);
    writeRecord(args.out, "steady load", { parameters, calls, statuses, early, late, growth, loopDelayP99Ms, kept }, machine);
  }
  if (Object.values(kept).includes(false)) process.exitCode = 1;
} finally {
  if (server.child.exitCode === null) {
    server.child.kill("SIGTERM");
    await once(server.child, "exit");
  }
  rmSync(folder, { recursive: true, force: true });
}
