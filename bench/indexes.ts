/**
 * The indexes that lag behind the flush, over one large knowledge base on disk and nothing in memory: questions with the stage minhash by buckets and by a
 * scan that signs every pattern, and states of one symbol by the index of first symbols and by a scan; what filling costs, and bytes a pattern. Every answer
 * that says certified is compared with the scan's. In this process, on embedded stores in a temporary folder.
 *
 *   node dist/bench/indexes.js [--patterns 1000000] [--questions 30] [--rounds 3] [--out bench/record/NAME.json]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { configOf } from "../src/config.ts";
import { openEngine } from "../src/engine.ts";
import type { Engine, PredictResult } from "../src/engine-types.ts";
import { silentLogger } from "../src/log.ts";
import type { SessionConfig } from "../src/model/session-config.ts";
import type { SourceName } from "../src/model/source-name.ts";
import { openEmbedded } from "../src/store/clickhouse-client.ts";
import { Corpus } from "../src/stress/corpus.ts";
import { machineOf, writeRecord } from "./machine.ts";

const { values: args } = parseArgs({
  options: {
    patterns: { type: "string", default: "1000000" },
    questions: { type: "string", default: "30" },
    rounds: { type: "string", default: "3" },
    out: { type: "string" },
  },
});
const [PATTERNS, QUESTIONS, ROUNDS] = [Number(args.patterns), Number(args.questions), Number(args.rounds)];
const KB = "indexes";
const LEARNED_AT_ONCE = 5_000;
const corpus = new Corpus({ patterns: PATTERNS, seed: 1, vocabulary: 500_000 });
/** From the most frequent symbol to rare ones. */
const FIRSTS = [0, 1, 10, 100, 1_000, 10_000, 100_000].map((rank) => `w${rank}`);
const STAGED: SessionConfig = { filter_pipeline: ["minhash"], minhash_threshold: 0.5, recall_threshold: 0.1, max_predictions: 10 };

const quantile = (times: readonly number[], share: number): number =>
  [...times].sort((a, b) => a - b)[Math.floor(share * times.length)] ?? 0;
const rounded = (value: number): number => Math.round(value * 10) / 10;
const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await work();
  return rounded((performance.now() - start) / 1_000);
};

async function timed(
  engine: Engine,
  state: readonly string[],
  config: SessionConfig,
  source: SourceName,
): Promise<{ ms: number; result: PredictResult }> {
  const events = state.map((symbol) => [symbol]);
  const start = performance.now();
  const result = await engine.predictState(KB, events, config, { source });
  return { ms: performance.now() - start, result };
}

/** The same questions to both, one after the other; the scan only so many times, where it is dear. */
async function compare(
  engine: Engine,
  states: readonly (readonly string[])[],
  config: SessionConfig,
  source: SourceName,
  scans: number,
  rounds: number,
) {
  const times = { index: [] as number[], scan: [] as number[] };
  let certified = 0;
  let candidates = 0;
  for (let round = 0; round < rounds; round++) {
    for (const state of states) {
      const index = await timed(engine, state, config, source);
      times.index.push(index.ms);
      if (round >= scans) continue;
      const scan = await timed(engine, state, config, "stream");
      times.scan.push(scan.ms);
      if (round > 0) continue;
      candidates += index.result.trace.candidates;
      if (!index.result.trace.certified) continue;
      certified++;
      const names = ({ predictions }: PredictResult): string => predictions.map(({ name }) => name).join();
      if (names(index.result) !== names(scan.result)) throw new Error(`${source} and the scan differ for ${state.join(" ")}`);
    }
  }
  return {
    questions: states.length,
    certified,
    candidates: Math.round(candidates / states.length),
    indexMs: { p50: rounded(quantile(times.index, 0.5)), p95: rounded(quantile(times.index, 0.95)) },
    scanMs: { p50: rounded(quantile(times.scan, 0.5)), p95: rounded(quantile(times.scan, 0.95)) },
  };
}

async function bytesOf(dataDir: string): Promise<Record<string, number>> {
  const clickhouse = await openEmbedded(join(dataDir, "clickhouse"), 1);
  try {
    const rows = await clickhouse.rows<{ name: string; bytes: number }>(
      "SELECT table AS name, toFloat64(sum(bytes_on_disk)) AS bytes FROM system.parts WHERE database = 'engram' AND active GROUP BY table",
    );
    return Object.fromEntries(rows.map(({ name, bytes }) => [name, rounded(bytes / PATTERNS)]));
  } finally {
    await clickhouse.close();
  }
}

const machine = machineOf();
const dataDir = mkdtempSync(join(tmpdir(), "engram-indexes-"));
try {
  const engine = await openEngine(configOf({ dataDir, residentBytes: 0, outboxMax: 1_000_000 }), silentLogger);
  const measured = await (async () => {
    try {
      for (let at = 0; at < PATTERNS; at += LEARNED_AT_ONCE) {
        const sequences = Array.from({ length: Math.min(LEARNED_AT_ONCE, PATTERNS - at) }, (_, i) =>
          corpus.pattern(at + i).map((symbol) => [symbol]),
        );
        await engine.learnSequences(KB, sequences);
        if (at % 100_000 === 0) console.log(`${at} of ${PATTERNS} patterns`);
      }
      await engine.flush();
      const fillSeconds = await seconds(async () => {
        await engine.setMinhash(KB, {});
        await engine.flush();
      });
      const states = corpus.questions(QUESTIONS).filter((state) => state.length > 1);
      const minhash = await compare(engine, states, STAGED, "buckets", 1, ROUNDS);
      const first = [];
      for (const symbol of FIRSTS)
        first.push({ symbol, ...(await compare(engine, [[symbol]], { max_predictions: 10 }, "postings", 3 * ROUNDS, 3 * ROUNDS)) });
      return { fillSeconds, minhash, first };
    } finally {
      await engine.close();
    }
  })();
  const figures = { patterns: PATTERNS, ...measured, bytesPerPattern: await bytesOf(dataDir) };
  console.log(JSON.stringify(figures, null, 2));
  if (args.out !== undefined) writeRecord(args.out, "indexes", figures, machine);
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}
