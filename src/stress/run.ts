/**
 * A stress run: load a corpus, serve it, ask it, check what it says against an exact scan, ask the same in other ways. Each step is a phase of
 * its own process or store, so that what one leaves in memory does not help or hurt the next.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { openEngine } from "../engine.ts";
import { EngineError } from "../errors.ts";
import { HTTP_LIMITS } from "../http/limits.ts";
import type { Logger } from "../log.ts";
import { kbId } from "../model/kb-id.ts";
import type { Corpus } from "./corpus.ts";
import { type Filled, fillCorpus } from "./fill.ts";
import type { AnswerRow, EnsembleAsked, OnProgress, StressRecord, ThroughputRow } from "./record.ts";
import { type Answer, type Asking, askAll, quantile, type Served, scanAll, startServer, throughput } from "./served.ts";
import { mergeAndMeasure, type StoreSize } from "./store-size.ts";

const NODE = "stress";
/** Patterns drawn and learned at a time: a commit, as large as those of imports. */
const LOAD_STEP = 4_000;
/** Steps under way: one is drawn while another is packed and others wait for the disk. */
const LOAD_AHEAD = 4;

/** Says in a data folder which corpus lies in it. */
const CORPUS_FILE = "stress-corpus.json";

/**
 * Puts the corpus into the data folder: learns it, or, where `isFilled`, writes what learning would have left. Null when it is there already.
 * Errors: ENGRAM_BAD_REQUEST when another one is; those of `fillCorpus`.
 */
export async function loadCorpus(
  config: Config,
  log: Logger,
  corpus: Corpus,
  isFilled: boolean,
  onProgress: OnProgress,
): Promise<StressRecord["load"]> {
  const file = join(config.dataDir, CORPUS_FILE);
  const wanted = JSON.stringify(corpus.settings);
  if (existsSync(file)) {
    const there = readFileSync(file, "utf8");
    if (there === wanted) return null;
    throw new EngineError(
      "ENGRAM_BAD_REQUEST",
      `${config.dataDir} holds another corpus: ${there}. Ask for that one, or choose another folder.`,
    );
  }
  const kb = kbId(NODE, config.serviceName);
  const { patterns } = corpus.settings;
  const took = isFilled ? await fillCorpus(config, log, corpus, kb, onProgress) : await learnCorpus(config, log, corpus, kb, onProgress);
  writeFileSync(file, wanted);
  return { isFilled, ...took, patternsPerSecond: patterns / took.seconds };
}

async function learnCorpus(config: Config, log: Logger, corpus: Corpus, kb: string, onProgress: OnProgress): Promise<Filled> {
  const engine = await openEngine(config, log);
  let memoryPeakBytes = 0;
  const start = performance.now();
  try {
    const { patterns } = corpus.settings;
    const underWay: Promise<void>[] = [];
    let packedBefore: Promise<unknown> = Promise.resolve();
    for (let at = 0; at < patterns; at += LOAD_STEP) {
      const count = Math.min(LOAD_STEP, patterns - at);
      const packed = engine.packLines(linesOf(corpus, at, count), at + 1, { ...HTTP_LIMITS });
      // Begun in order; one waits for the disk while the next is written.
      const committed = Promise.all([packed, packedBefore]).then(async ([{ patterns: ready, errors }]) => {
        if (errors.size > 0) throw new Error(`a pattern of the corpus was refused: ${[...errors.values()][0]!.message}`);
        await engine.learnPacked(kb, ready);
        memoryPeakBytes = Math.max(memoryPeakBytes, process.memoryUsage.rss());
        onProgress("loading", at + count, patterns);
      });
      packedBefore = packed;
      // The first of them that fails is the one that is waited for.
      committed.catch(() => undefined);
      underWay.push(committed);
      if (underWay.length > LOAD_AHEAD) await underWay.shift();
    }
    await Promise.all(underWay);
    const seconds = (performance.now() - start) / 1_000;
    onProgress("indexing", 0, 0);
    await engine.flush();
    memoryPeakBytes = Math.max(memoryPeakBytes, process.memoryUsage.rss());
    return { seconds, settledSeconds: (performance.now() - start) / 1_000, memoryPeakBytes };
  } finally {
    await engine.close();
  }
}

/** Patterns as the lines of a bulk learn, one symbol an event. */
function linesOf(corpus: Corpus, from: number, count: number): Buffer {
  let text = "";
  for (let at = from; at < from + count; at++) text += `${JSON.stringify(corpus.pattern(at).map((symbol) => [symbol]))}\n`;
  return Buffer.from(text);
}

export const sizeOf = (config: Config, onProgress: OnProgress): Promise<StoreSize> =>
  mergeAndMeasure(join(config.dataDir, "clickhouse"), (name) => onProgress(`merging ${name}`, 0, 0));

export interface AskSettings {
  readonly program: string;
  readonly dataDir: string;
  /** key=value for the server. */
  readonly settings: readonly string[];
  readonly ensemble: EnsembleAsked;
  readonly sources: readonly string[];
  readonly thresholds: readonly number[];
  readonly answers: readonly number[];
  /** Questions of which an exact scan is asked too. */
  readonly checked: number;
  /** Questions asked once before, of each row, so that caches and code are warm. */
  readonly warm: number;
  readonly clients: readonly number[];
  readonly seconds: number;
}

export interface Asked {
  readonly answers: readonly AnswerRow[];
  readonly throughput: readonly ThroughputRow[];
  readonly memoryPeakBytes: number | null;
  /** Per threshold, the names that an exact scan gave to each checked question, for the most answers asked. */
  readonly truth: ReadonlyMap<number, readonly (readonly string[])[]>;
}

/** Serves the data folder and asks. Errors: an Error when the server does not start or answers anything but 200. */
export async function askServer(settings: AskSettings, questions: readonly (readonly string[])[], onProgress: OnProgress): Promise<Asked> {
  const served = await startServer(settings.program, settings.dataDir, settings.settings);
  try {
    const rows: AnswerRow[] = [];
    const truth = new Map<number, readonly (readonly string[])[]>();
    const most = Math.max(...settings.answers);
    const cells = settings.thresholds.length * settings.answers.length * settings.sources.length;
    const { ensemble } = settings;
    for (const threshold of settings.thresholds) {
      const scan = (answers: number): Promise<string[][]> =>
        truthOf(served, { ensemble, source: "stream", threshold, answers }, questions.slice(0, settings.checked), onProgress);
      const exactMost = await scan(most);
      truth.set(threshold, exactMost);
      for (const answers of settings.answers) {
        // The most similar ones begin as more of them do (ties by name); potentials are figures of the whole ensemble.
        const exact = ensemble === "ranked" || answers === most ? exactMost : await scan(answers);
        for (const source of settings.sources) {
          onProgress(`${source} at ${threshold}`, rows.length, cells);
          const asking: Asking = { ensemble, source: source === "planned" ? undefined : source, threshold, answers };
          await askAll(served.url, NODE, questions.slice(0, settings.warm), asking);
          const given = await askAll(served.url, NODE, questions, asking);
          rows.push(rowOf(source, asking, given, exact));
        }
      }
    }
    const rates: ThroughputRow[] = [];
    for (const source of settings.sources) {
      for (const clients of settings.clients) {
        const asking: Asking = {
          ensemble,
          source: source === "planned" ? undefined : source,
          threshold: 0.5,
          answers: Math.min(...settings.answers),
        };
        onProgress(`${clients} clients, ${source}`, 0, 0);
        const rate = await throughput(served.url, NODE, questions, asking, clients, settings.seconds);
        rates.push({
          source,
          threshold: 0.5,
          answers: asking.answers,
          clients,
          perSecond: rate.perSecond,
          p50: rate.p50Ms,
          p95: rate.p95Ms,
          refused: rate.refused,
        });
      }
    }
    return { answers: rows, throughput: rates, memoryPeakBytes: served.memoryPeak(), truth };
  } finally {
    await served.stop();
  }
}

/** Questions that one pass over the kb answers; states of one call are 512 at most. */
const SCANNED_AT_ONCE = 64;

/** By scans over everything: of the most similar ones one for many questions, of KATO's ensemble one for each. */
async function truthOf(
  served: Served,
  asking: Asking,
  questions: readonly (readonly string[])[],
  onProgress: OnProgress,
): Promise<string[][]> {
  const names: string[][] = [];
  const step = asking.ensemble === "ranked" ? SCANNED_AT_ONCE : 1;
  for (let at = 0; at < questions.length; at += step) {
    onProgress(`exact scans at ${asking.threshold}`, at, questions.length);
    const some = questions.slice(at, at + step);
    if (asking.ensemble === "ranked") names.push(...(await scanAll(served.url, NODE, some, asking)));
    else names.push(...(await askAll(served.url, NODE, some, asking)).map((answer) => [...answer.names]));
  }
  return names;
}

function rowOf(source: string, { threshold, answers }: Asking, given: readonly Answer[], exact: readonly (readonly string[])[]): AnswerRow {
  const times = given.map(({ ms }) => ms).sort((a, b) => a - b);
  let wanted = 0;
  let found = 0;
  let certifiedWrong = 0;
  exact.forEach((all, i) => {
    const right = all.slice(0, answers);
    const answer = given[i]!;
    const named = new Set(answer.names);
    wanted += right.length;
    found += right.filter((name) => named.has(name)).length;
    if (answer.certified && answer.names.join() !== right.join()) certifiedWrong++;
  });
  return {
    source,
    threshold,
    answers,
    questions: given.length,
    p50: quantile(times, 0.5),
    p95: quantile(times, 0.95),
    p99: quantile(times, 0.99),
    fastest: times[0] ?? 0,
    certified: given.filter(({ certified }) => certified).length / given.length,
    checked: exact.length,
    recall: wanted === 0 ? 1 : found / wanted,
    certifiedWrong,
    rowsRead: given.reduce((sum, { rowsRead }) => sum + rowsRead, 0) / given.length,
  };
}
