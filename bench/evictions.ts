/**
 * More knowledge bases than memory holds, asked in turn, twice each (one asked once pushes nobody out), so that each second question evicts one and loads another: does the process grow, and does it answer
 * the same? The built server on embedded stores in a temporary folder; memory as the system tells it, so on Linux only.
 *
 *   npm run bench:evictions -- [--kbs 24] [--patterns 20000] [--bytes 24000000] [--reloads 1000] [--out bench/record/NAME.json]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { configOf } from "../src/config.ts";
import { openEngine } from "../src/engine.ts";
import { silentLogger } from "../src/log.ts";
import { Corpus } from "../src/stress/corpus.ts";
import { LoadClient } from "./load-client.ts";
import { machineOf, writeRecord } from "./machine.ts";
import { serve } from "./served.ts";

const { values: args } = parseArgs({
  options: {
    kbs: { type: "string", default: "24" },
    patterns: { type: "string", default: "20000" },
    bytes: { type: "string", default: "24000000" },
    reloads: { type: "string", default: "1000" },
    out: { type: "string" },
  },
});
const [KBS, PATTERNS, BYTES, RELOADS] = [Number(args.kbs), Number(args.patterns), Number(args.bytes), Number(args.reloads)];
const SEED = 20261130;
const VOCABULARY = 50_000;
const LEARN_STEP = 4_000;
/** Rounds over all kbs before the first measurement: what a process takes once is taken then. */
const ROUNDS_BEFORE = 4;

const corpus = new Corpus({ patterns: KBS * PATTERNS, seed: SEED, vocabulary: VOCABULARY });
const nodeOf = (kb: number): string => `evicted${kb}`;
const eventsOf = (index: number): string[][] => corpus.pattern(index).map((symbol) => [symbol]);

async function learnAll(dataDir: string): Promise<void> {
  const engine = await openEngine(configOf({ dataDir }), silentLogger);
  try {
    for (let kb = 0; kb < KBS; kb++) {
      for (let at = 0; at < PATTERNS; at += LEARN_STEP) {
        const count = Math.min(LEARN_STEP, PATTERNS - at);
        await engine.learnSequences(
          engine.kbOf(nodeOf(kb)),
          Array.from({ length: count }, (_, i) => eventsOf(kb * PATTERNS + at + i)),
        );
      }
      console.log(`learned ${kb + 1} of ${KBS} knowledge bases`);
    }
    await engine.flush();
  } finally {
    await engine.close();
  }
}

const residentSetOf = (pid: number): number => {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  if (found === null) throw new Error("the system does not tell the server's memory");
  return Number(found[1]) * 1_024;
};

const machine = machineOf();
const folder = mkdtempSync(join(tmpdir(), "engram-evictions-"));
try {
  await learnAll(folder);
  const server = await serve(folder, { ENGRAM_RESIDENT_BYTES: String(BYTES) });
  const client = await LoadClient.open(server.url);
  try {
    const loads = async (): Promise<number> => {
      const stats = await client.json<{ cache_performance: { cache_misses: number } }>("GET", "/cache/stats");
      return stats.cache_performance.cache_misses;
    };
    const answers = new Map<number, string>();
    const ask = async (kb: number, source?: "resident"): Promise<number> => {
      const state = eventsOf(kb * PATTERNS + 7).slice(0, 8);
      const config = { recall_threshold: 0.3, max_predictions: 10, ensemble: "ranked", rank_sort_algo: "similarity" };
      const start = performance.now();
      const { predictions, trace } = await client.json<{ predictions: { name: string; similarity: number }[]; trace: { source: string } }>(
        "POST",
        `/v1/kbs/${nodeOf(kb)}/predict${source === undefined ? "" : `?source=${source}`}`,
        { state, config },
      );
      const took = performance.now() - start;
      if (source !== undefined && trace.source !== source) throw new Error(`kb ${kb} was answered by ${trace.source}`);
      const answer = JSON.stringify(predictions.map(({ name, similarity }) => [name, similarity]));
      if (predictions.length === 0 || (answers.get(kb) ?? answer) !== answer) throw new Error(`kb ${kb} answers otherwise than before`);
      answers.set(kb, answer);
      return took;
    };
    const askTwice = async (kb: number): Promise<number> => {
      await ask(kb);
      return ask(kb, "resident");
    };
    for (let i = 0; i < KBS * ROUNDS_BEFORE; i++) await askTwice(i % KBS);
    const begun = await loads();
    const times: number[] = [];
    const memory: { reloads: number; bytes: number }[] = [{ reloads: 0, bytes: residentSetOf(server.pid) }];
    for (let i = 0, reloads = 0; reloads < RELOADS; i++) {
      times.push(await askTwice(i % KBS));
      if ((i + 1) % 100 !== 0) continue;
      reloads = (await loads()) - begun;
      memory.push({ reloads, bytes: residentSetOf(server.pid) });
      console.log(`${reloads} reloads, ${Math.round(memory.at(-1)!.bytes / 1e6)} MB`);
      if (i > 20 * RELOADS) throw new Error(`${i} questions made ${reloads} reloads only: the memory holds these knowledge bases`);
    }
    times.sort((a, b) => a - b);
    const figures = {
      kbs: KBS,
      patterns: PATTERNS,
      residentBytes: BYTES,
      reloads: memory.at(-1)!.reloads,
      answersDiffer: 0,
      askMs: { p50: times[Math.floor(times.length / 2)], p95: times[Math.floor(times.length * 0.95)] },
      memory,
      grownBytes: memory.at(-1)!.bytes - memory[0]!.bytes,
    };
    console.log(JSON.stringify({ ...figures, memory: undefined }, null, 2));
    if (args.out !== undefined) writeRecord(args.out, "evicting and reloading knowledge bases", figures, machine);
  } finally {
    client.close();
    await server.stop();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
