/**
 * Bulk scoring as `engram score` does it: states against a whole kb on embedded stores, at cutoff 0.5, on one thread and on all; a sample of the answers
 * compared with the plain table over every pattern.
 *
 *   npm run bench:score -- [--patterns 1000000] [--queries 10000] [--one 4096] [--checked 20] [--out bench/record/NAME.json]
 *
 * One thread gets `--one` of the queries: its rate is what is asked for, and the rest would only take its time. Rounds alternate.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { configOf } from "../src/config.ts";
import { openEngine } from "../src/engine.ts";
import type { Engine, ScoredState } from "../src/engine-types.ts";
import { silentLogger } from "../src/log.ts";
import { lcsTable } from "./gates/answers.ts";
import { machineOf, writeRecord } from "./machine.ts";
import { zipfCorpus } from "./zipf-corpus.ts";

const { values } = parseArgs({
  options: {
    patterns: { type: "string", default: "1000000" },
    queries: { type: "string", default: "10000" },
    one: { type: "string", default: "4096" },
    rounds: { type: "string", default: "2" },
    checked: { type: "string", default: "20" },
    out: { type: "string" },
  },
});
const [patternCount, queryCount, oneCount, rounds, checked] = [
  values.patterns,
  values.queries,
  values.one,
  values.rounds,
  values.checked,
].map(Number) as [number, number, number, number, number];
const CUTOFF = 0.5;
const BATCH = 5_000;
const SEED = 20261125;
const THREADS = availableParallelism();
const figure = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const events = (symbols: readonly string[]): string[][] => symbols.map((symbol) => [symbol]);

const machine = machineOf();
const corpus = zipfCorpus(patternCount, queryCount, SEED);
const folder = mkdtempSync(join(tmpdir(), "engram-score-"));
const opened = (threads: number): Promise<Engine> => openEngine(configOf({ dataDir: join(folder, "data"), threads }), silentLogger);

async function load(): Promise<void> {
  const engine = await opened(THREADS);
  const start = performance.now();
  try {
    for (let from = 0; from < patternCount; from += BATCH) {
      await engine.learnSequences(engine.kbOf("bulk"), corpus.patterns.slice(from, from + BATCH).map(events));
      if (from % 100_000 === 0)
        console.error(`${from.toLocaleString("en")} patterns learned, ${Math.round((performance.now() - start) / 1000)} s`);
    }
    await engine.flush();
  } finally {
    await engine.close();
  }
}

interface Run {
  readonly threads: number;
  readonly queries: number;
  readonly seconds: number;
  readonly pairsPerSecond: number;
  readonly loadAverage: number;
}

const answers = new Map<number, ScoredState>();

async function run(threads: number, count: number): Promise<Run> {
  const engine = await opened(threads);
  try {
    const kb = engine.kbOf("bulk");
    const queries = corpus.queries.slice(0, count).map(events);
    // What is compiled, and what the store reads the first time, is not what is measured.
    for await (const _ of engine.scoreAll({ kb, queries: queries.slice(0, 512), cutoff: CUTOFF }));
    const start = performance.now();
    let pairs = 0;
    for await (const answer of engine.scoreAll({ kb, queries, cutoff: CUTOFF })) {
      pairs += answer.patterns;
      const known = answers.get(answer.index);
      if (known === undefined) answers.set(answer.index, answer);
      else if (JSON.stringify(known) !== JSON.stringify(answer))
        throw new Error(`query ${answer.index}: ${threads} threads answer otherwise than before`);
    }
    const seconds = (performance.now() - start) / 1000;
    return { threads, queries: count, seconds, pairsPerSecond: pairs / seconds, loadAverage: Math.round(loadavg()[0]! * 100) / 100 };
  } finally {
    await engine.close();
  }
}

/** Similarities of every pattern that reaches the cutoff, by the plain table. */
function check(): void {
  const ids = new Map<string, number>();
  const numbered = (symbols: readonly string[]): Uint32Array =>
    Uint32Array.from(symbols, (symbol) => {
      const id = ids.get(symbol) ?? ids.size;
      ids.set(symbol, id);
      return id;
    });
  const patterns = corpus.patterns.map(numbered);
  const step = Math.max(1, Math.floor(queryCount / checked));
  for (let index = 0; index < queryCount; index += step) {
    const query = numbered(corpus.queries[index]!);
    const lengths = lcsTable([query], patterns)[0]!;
    const expected = patterns
      .map((pattern, p) => (2 * lengths[p]!) / (pattern.length + query.length))
      .filter((similarity) => similarity >= CUTOFF - 1e-9)
      .sort((a, b) => b - a);
    const { matched, matches } = answers.get(index)!;
    const found = matches.map(({ similarity }) => similarity);
    if (matched !== expected.length || JSON.stringify(found) !== JSON.stringify(expected.slice(0, found.length)))
      throw new Error(`query ${index}: ${matched} matches, the plain table finds ${expected.length}`);
  }
}

try {
  await load();
  const runs: Run[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const threads of [1, THREADS]) {
      const last = round === rounds - 1 && threads === THREADS;
      runs.push(await run(threads, last ? queryCount : Math.min(oneCount, queryCount)));
      const { seconds, pairsPerSecond, loadAverage } = runs.at(-1)!;
      console.error(
        `${threads} threads: ${figure.format(pairsPerSecond)} pairs/s in ${Math.round(seconds)} s, load average ${loadAverage}`,
      );
    }
  }
  check();
  const best = (threads: number): number =>
    Math.max(...runs.filter((one) => one.threads === threads).map(({ pairsPerSecond }) => pairsPerSecond));
  const ratio = best(THREADS) / best(1);
  const table = new Table({ head: ["threads", "queries", "s", "pairs/s", "load average"], style: { head: [], border: [] } });
  for (const one of runs)
    table.push([one.threads, one.queries, figure.format(one.seconds), figure.format(one.pairsPerSecond), one.loadAverage]);
  console.log(table.toString());
  console.log(
    `${THREADS} threads score ${figure.format(ratio)} times the pairs a second of one (best of ${rounds} rounds each); asked: 1.8 on two idle cores.`,
  );
  console.log(`${Math.min(checked, queryCount)} answers equal the plain table over every pattern.`);
  if (values.out !== undefined) {
    const what = `${queryCount} states against ${patternCount} patterns at cutoff ${CUTOFF}`;
    writeRecord(
      values.out,
      what,
      { seed: SEED, patterns: patternCount, queries: queryCount, cutoff: CUTOFF, ratio, checked, runs },
      machine,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
