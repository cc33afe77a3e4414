/**
 * Bulk learning over HTTP into the embedded stores of the built server: patterns a second from the first byte sent to the last pattern in
 * ClickHouse, counters checked; and what each part of it costs alone, on the same patterns.
 *
 *   npm run bench:bulk -- [--patterns 100000] [--rounds 3] [--out bench/record/NAME.json]
 *
 * The client runs beside the server and shares its cores. Parts are timed in this process, one after the other, so their sum is what one
 * core would need; in the server the insert runs beside the rest.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { packPatterns } from "../src/engine/pack-patterns.ts";
import { HTTP_LIMITS } from "../src/http/limits.ts";
import { lineBatches } from "../src/http/line-batches.ts";
import { patternLines } from "../src/http/pattern-lines.ts";
import { openEmbedded } from "../src/store/clickhouse-client.ts";
import { openPatternStore } from "../src/store/clickhouse-patterns.ts";
import { openLmdbState } from "../src/store/lmdb-open.ts";
import { machineOf, writeRecord } from "./machine.ts";
import { serve } from "./served.ts";
import { zipfCorpus } from "./zipf-corpus.ts";

const SEED = 20261125;
const COMMIT = 1_000;
const FLUSH = 20_000;
/** Patterns of one request, as many as it may carry. */
const REQUEST_LINES = HTTP_LIMITS.patternLinesMax;
const RULES = { symbolsPerPatternMax: HTTP_LIMITS.symbolsPerSequenceMax, persistence: 5 };
const { values: args } = parseArgs({
  options: {
    patterns: { type: "string", default: "100000" },
    rounds: { type: "string", default: "3" },
    out: { type: "string" },
  },
});
const machine = machineOf();
const count = Number(args.patterns);
const corpus = zipfCorpus(count, 1, SEED);
const lines = corpus.patterns.map((pattern) => JSON.stringify(pattern.map((symbol) => [symbol])));
const symbols = corpus.patterns.reduce((sum, pattern) => sum + pattern.length, 0);

function post(url: string, path: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(`${url}${path}`, { method: "POST", headers: { "content-type": "application/x-ndjson" } }, (reply) => {
      let text = "";
      reply.setEncoding("utf8");
      reply.on("data", (part: string) => {
        text += part;
      });
      reply.on("end", () => (reply.statusCode === 200 ? resolve(text) : reject(new Error(`${reply.statusCode}: ${text}`))));
      reply.on("error", reject);
    });
    call.on("error", reject);
    call.end(body);
  });
}

interface Round {
  readonly answeredPerSecond: number;
  readonly flushedPerSecond: number;
  /** Processor time of the server a pattern, all threads. */
  readonly cpuMicroseconds: number;
}

/** Processor time of all threads of a process, in seconds; NaN where the system has no /proc. */
function cpuSecondsOf(pid: number): number {
  if (!existsSync(`/proc/${pid}/stat`)) return Number.NaN;
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function overHttp(): Promise<Round> {
  const folder = mkdtempSync(join(tmpdir(), "engram-bulk-"));
  const served = await serve(folder);
  try {
    const before = cpuSecondsOf(served.pid);
    const start = performance.now();
    for (let from = 0; from < lines.length; from += REQUEST_LINES) {
      const part = lines.slice(from, from + REQUEST_LINES);
      const text = await post(served.url, "/v1/kbs/bulk/patterns", `${part.join("\n")}\n`);
      const last = JSON.parse(text.trimEnd().split("\n").at(-1)!) as { done: boolean; stored: number; created: number };
      if (!last.done || last.stored !== part.length || last.created !== part.length) throw new Error(`answered ${JSON.stringify(last)}`);
    }
    const answered = performance.now();
    for (;;) {
      const health = (await (await fetch(`${served.url}/health`)).json()) as { outbox: number };
      if (health.outbox === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const flushed = performance.now();
    const cpu = cpuSecondsOf(served.pid) - before;
    const stats = (await (await fetch(`${served.url}/v1/kbs/bulk/stats`)).json()) as {
      patterns: number;
      totals: { total_symbols_in_patterns_frequencies: number };
    };
    if (stats.patterns !== count || stats.totals.total_symbols_in_patterns_frequencies !== symbols) {
      throw new Error(`the kb counts ${JSON.stringify(stats)}, not ${count} patterns of ${symbols} symbols`);
    }
    return {
      answeredPerSecond: (count / (answered - start)) * 1000,
      flushedPerSecond: (count / (flushed - start)) * 1000,
      cpuMicroseconds: (cpu * 1e6) / count,
    };
  } finally {
    await served.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Microseconds a pattern of each part alone. */
async function parts(): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), "engram-bulk-"));
  const cost: Record<string, number> = {};
  const timed = async <R>(name: string, work: () => R | Promise<R>): Promise<R> => {
    const start = performance.now();
    const result = await work();
    cost[name] = (cost[name] ?? 0) + ((performance.now() - start) * 1000) / count;
    return result;
  };
  const state = await openLmdbState({ path: join(folder, "state"), outboxMax: 10 * count });
  const patterns = await openPatternStore(await openEmbedded(join(folder, "clickhouse"), 1));
  try {
    const body = Buffer.from(lines.join("\n"));
    const source = (async function* () {
      for (let at = 0; at < body.length; at += 65_536) yield body.subarray(at, at + 65_536);
    })();
    // Batch by batch, as the server does it: what one leaves behind is not held for the next.
    for await (const { bytes, firstLine } of lineBatches(source, COMMIT, body.length)) {
      const read = await timed("read the lines", () => [...patternLines(bytes, firstLine, HTTP_LIMITS)]);
      const patterns = read.flatMap(({ item }) => ("events" in item ? [item] : []));
      const { packed } = await timed("name and pack them", () => packPatterns(patterns, RULES, Date.now()));
      await timed("commit them", () => state.commitPacked("bulk", packed));
    }
    for (;;) {
      const batch = await timed("take from the outbox", () => state.takeFlush("bench", FLUSH, 60_000));
      if (batch === undefined) break;
      await timed("write to ClickHouse", () => patterns.write(batch));
      await timed("trim the outbox", () => state.finishFlush("bench", batch.token));
    }
    const stored = await patterns.counts("bulk", 1);
    if (stored.patterns !== count || stored.names !== count || stored.learns !== count) throw new Error(`stored ${JSON.stringify(stored)}`);
    return cost;
  } finally {
    await patterns.close();
    await state.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const rounds: Round[] = [];
for (let round = 0; round < Number(args.rounds); round++) rounds.push(await overHttp());
const cost = await parts();
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const figures = {
  patterns: count,
  symbolsPerPattern: symbols / count,
  answeredPerSecond: Math.round(median(rounds.map((round) => round.answeredPerSecond))),
  flushedPerSecond: Math.round(median(rounds.map((round) => round.flushedPerSecond))),
  serverCpuMicroseconds: Math.round(median(rounds.map((round) => round.cpuMicroseconds)) * 10) / 10,
  rounds,
  microsecondsPerPattern: Object.fromEntries(Object.entries(cost).map(([name, value]) => [name, Math.round(value * 10) / 10])),
};
const table = new Table({ head: ["part", "µs a pattern", "share"], style: { head: [], border: [] } });
const total = Object.values(cost).reduce((sum, value) => sum + value, 0);
for (const [name, value] of Object.entries(cost)) table.push([name, value.toFixed(1), `${Math.round((100 * value) / total)} %`]);
console.log(
  `${count} patterns of ${figures.symbolsPerPattern.toFixed(1)} symbols: ${figures.answeredPerSecond}/s until answered (durable), ${figures.flushedPerSecond}/s until all is in ClickHouse, ${figures.serverCpuMicroseconds} µs of the server's processors a pattern\n${table.toString()}`,
);
if (args.out !== undefined) writeRecord(args.out, "bulk learning over HTTP, embedded stores", figures, machine);
