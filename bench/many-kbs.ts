/**
 * Many small knowledge bases in one store: is one of thousands answered as fast as one alone, is clearing one quick, and do the parts of the tables
 * stay few? In this process, on embedded stores in a temporary folder.
 *
 *   node dist/bench/many-kbs.js [--kbs 5000] [--patterns 1000] [--questions 400] [--out bench/record/NAME.json]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { configOf } from "../src/config.ts";
import { openEngine } from "../src/engine.ts";
import type { Engine } from "../src/engine-types.ts";
import { silentLogger } from "../src/log.ts";
import { openEmbedded } from "../src/store/clickhouse-client.ts";
import { Corpus } from "../src/stress/corpus.ts";
import { machineOf, writeRecord } from "./machine.ts";

const { values: args } = parseArgs({
  options: {
    kbs: { type: "string", default: "5000" },
    patterns: { type: "string", default: "1000" },
    questions: { type: "string", default: "400" },
    out: { type: "string" },
  },
});
const [KBS, PATTERNS, QUESTIONS] = [Number(args.kbs), Number(args.patterns), Number(args.questions)];
const CLEARED = 20;
const VOCABULARY = 50_000;
const CONFIG = { recall_threshold: 0.3, max_predictions: 10 };

const corpusOf = (kb: number): Corpus => new Corpus({ patterns: PATTERNS, seed: kb + 1, vocabulary: VOCABULARY });
const nodeOf = (kb: number): string => `small${kb}`;
const quantile = (ascending: readonly number[], share: number): number => ascending[Math.floor(share * ascending.length)] ?? 0;

async function learn(engine: Engine, kb: number): Promise<void> {
  const corpus = corpusOf(kb);
  const sequences = Array.from({ length: PATTERNS }, (_, i) => corpus.pattern(i).map((symbol) => [symbol]));
  await engine.learnSequences(engine.kbOf(nodeOf(kb)), sequences);
}

/** Each question goes to the next of the kbs; a question is a window of a stored pattern, so somebody must be found. */
async function ask(engine: Engine, kbs: readonly number[]): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < QUESTIONS; i++) {
    const kb = kbs[i % kbs.length]!;
    const pattern = corpusOf(kb).pattern(i % PATTERNS);
    const state = pattern.slice(0, 12).map((symbol) => [symbol]);
    const start = performance.now();
    const { predictions } = await engine.predictState(engine.kbOf(nodeOf(kb)), state, CONFIG);
    times.push(performance.now() - start);
    if (predictions.length === 0) throw new Error(`kb ${kb} does not know the beginning of its own pattern ${i % PATTERNS}`);
  }
  return times.sort((a, b) => a - b);
}

async function withEngine<R>(dataDir: string, use: (engine: Engine) => Promise<R>): Promise<R> {
  const engine = await openEngine(configOf({ dataDir }), silentLogger);
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

async function partsOf(dataDir: string): Promise<Record<string, number>> {
  const clickhouse = await openEmbedded(join(dataDir, "clickhouse"), 1);
  try {
    const rows = await clickhouse.rows<{ name: string; parts: number }>(
      "SELECT table AS name, toUInt32(count()) AS parts FROM system.parts WHERE database = 'engram' AND active GROUP BY table ORDER BY table",
    );
    return Object.fromEntries(rows.map(({ name, parts }) => [name, parts]));
  } finally {
    await clickhouse.close();
  }
}

const sum = (parts: Record<string, number>): number => Object.values(parts).reduce((all, count) => all + count, 0);
const machine = machineOf();
const dataDir = mkdtempSync(join(tmpdir(), "engram-many-kbs-"));
try {
  const alone = await withEngine(dataDir, async (engine) => {
    await learn(engine, 0);
    await engine.flush();
    await ask(engine, [0]);
    return ask(engine, [0]);
  });
  const partsOfOne = await partsOf(dataDir);
  const many = await withEngine(dataDir, async (engine) => {
    const start = performance.now();
    for (let kb = 1; kb < KBS; kb++) {
      await learn(engine, kb);
      if (kb % 100 === 0)
        console.log(`${kb} of ${KBS} kbs, ${Math.round((kb * PATTERNS * 1_000) / (performance.now() - start))} patterns a second`);
    }
    await engine.flush();
    // Spread over all of them; each is met cold first, and again.
    const kbs = Array.from({ length: Math.min(KBS, QUESTIONS) }, (_, i) => Math.floor((i * KBS) / Math.min(KBS, QUESTIONS)));
    const cold = await ask(engine, kbs);
    const warm = await ask(engine, kbs);
    const clears: number[] = [];
    for (let kb = 0; kb < Math.min(CLEARED, KBS); kb++) {
      const session = await engine.createSession({ nodeId: nodeOf(kb) });
      const before = performance.now();
      await engine.clearAll(session.id);
      clears.push(performance.now() - before);
    }
    return { cold, warm, clears: clears.sort((a, b) => a - b) };
  });
  const partsOfAll = await partsOf(dataDir);
  const figures = {
    kbs: KBS,
    patterns: PATTERNS,
    questions: QUESTIONS,
    oneKb: { p50Ms: quantile(alone, 0.5), p95Ms: quantile(alone, 0.95) },
    oneOfMany: {
      p50Ms: quantile(many.warm, 0.5),
      p95Ms: quantile(many.warm, 0.95),
      times: quantile(many.warm, 0.5) / quantile(alone, 0.5),
    },
    firstTime: { p50Ms: quantile(many.cold, 0.5), p95Ms: quantile(many.cold, 0.95) },
    clearAll: { p50Ms: quantile(many.clears, 0.5), mostMs: many.clears.at(-1) },
    parts: { ofOneKb: sum(partsOfOne), ofAll: sum(partsOfAll), byTable: partsOfAll },
  };
  console.log(JSON.stringify(figures, null, 2));
  if (args.out !== undefined) writeRecord(args.out, "many knowledge bases", figures, machine);
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}
