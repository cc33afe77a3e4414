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
    const answers = new Map<number, string>();
    /** Milliseconds of an answer; undefined where the source cannot serve just now. */
    const ask = async (kb: number, source: string): Promise<number | undefined> => {
      const state = eventsOf(kb * PATTERNS + 7).slice(0, 8);
      const config = { recall_threshold: 0.3, max_predictions: 10, ensemble: "ranked", rank_sort_algo: "similarity" };
      const start = performance.now();
      const { status, body } = await client.request("POST", `/v1/kbs/${nodeOf(kb)}/predict${source}`, JSON.stringify({ state, config }));
      const took = performance.now() - start;
      if (status === 422) return undefined;
      if (status !== 200) throw new Error(`kb ${kb} was answered ${status}: ${body.toString("utf8").slice(0, 300)}`);
      const { predictions } = JSON.parse(body.toString("utf8")) as { predictions: { name: string; similarity: number }[] };
      const answer = JSON.stringify(predictions.map(({ name, similarity }) => [name, similarity]));
      if (predictions.length === 0 || (answers.get(kb) ?? answer) !== answer) throw new Error(`kb ${kb} answers otherwise than before`);
      answers.set(kb, answer);
      return took;
    };
    const times: number[] = [];
    let refused = 0;
    /** A whole turn: by the time a kb is asked again, the others have taken its place. */
    const askAll = async (): Promise<void> => {
      for (let kb = 0; kb < KBS; kb++) {
        await ask(kb, "");
        const took = await ask(kb, "?source=resident");
        if (took === undefined) refused++;
        else times.push(took);
      }
    };
    for (let round = 0; round < ROUNDS_BEFORE; round++) await askAll();
    times.length = 0;
    refused = 0;
    const memory: { reloads: number; bytes: number }[] = [{ reloads: 0, bytes: residentSetOf(server.pid) }];
    while (times.length < RELOADS) {
      await askAll();
      if (refused > RELOADS) throw new Error(`${refused} questions found no room: give the memory a few times what a knowledge base takes`);
      memory.push({ reloads: times.length, bytes: residentSetOf(server.pid) });
      if (memory.length % 5 === 0) console.log(`${times.length} reloads, ${Math.round(memory.at(-1)!.bytes / 1e6)} MB`);
    }
    times.sort((a, b) => a - b);
    const figures = {
      kbs: KBS,
      patterns: PATTERNS,
      residentBytes: BYTES,
      reloads: memory.at(-1)!.reloads,
      refused,
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
