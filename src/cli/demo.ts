/**
 * `engram demo`: learns a pronouncing dictionary, sound by sound, and asks it words as they are, cut short and misheard. The second run
 * finds it learned. Needs the development dependencies (the dictionary is one).
 */
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import Table from "cli-table3";
import type { Command } from "commander";
import { EngineError } from "../errors.ts";
import type { SessionConfig } from "../model/session-config.ts";
import { replaceFile } from "../replace-file.ts";
import { urlOption } from "./arguments.ts";
import { type Dictionary, type Question, questionsOf, soundsOf, wordsBySounds } from "./demo-words.ts";
import { BATCH_SEQUENCES } from "./learn.ts";
import { type AnyPrediction, type Memory, openMemory, withPatience } from "./memory.ts";
import { numberOption } from "./predict.ts";
import { loadSettings, logOf, type SettingOptions, withDataDir, withSettings } from "./settings.ts";
import { eventsText, grouped, perSecond, shorten, startBar, tell } from "./terminal.ts";

const NODE = "pronunciations";

/** Ranked by likeness, since a listener wants the word that fits best and not the one heard most often. */
const QUESTION_SETTINGS: SessionConfig = { max_predictions: 10, recall_threshold: 0.3, rank_sort_algo: "similarity", ensemble: "ranked" };

interface DemoOptions extends SettingOptions {
  readonly url?: string;
  readonly queries: string;
  readonly seed: string;
  readonly json?: boolean;
}

async function loadDictionary(): Promise<Dictionary> {
  try {
    return (await import("cmu-pronouncing-dictionary")).dictionary;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new EngineError(
      "ENGRAM_FILE_UNREADABLE",
      "The demo needs the package cmu-pronouncing-dictionary. Install the development dependencies: npm ci --include=dev.",
      { cause: error },
    );
  }
}

/** How many entries of the dictionary were learned, by the record beside the data; a memory that holds nothing needs all. */
async function learnedBefore(file: string, memory: Memory): Promise<number> {
  if ((await memory.patternCount()) === 0) return 0;
  try {
    return (JSON.parse(await readFile(file, "utf8")) as { learned: number }).learned;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new EngineError(
      "ENGRAM_CONFLICT",
      `The node ${NODE} holds patterns that this demo did not learn. Choose an empty folder with --data-dir.`,
      { cause: error },
    );
  }
}

/** One record for each memory that learned: the folder's own, and each server named. */
const recordPath = (dataDir: string, url: string | undefined): string =>
  join(dataDir, "learn-progress", url === undefined ? "demo.json" : `demo-${encodeURIComponent(url)}.json`);

async function writeRecord(file: string, learned: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await replaceFile(file, `${JSON.stringify({ learned })}\n`);
}

async function learnAll(memory: Memory, dictionary: Dictionary, record: string, note: (text: string) => void): Promise<void> {
  const sequences = Object.values(dictionary).map((pronunciation) => soundsOf(pronunciation).map((sound) => [sound]));
  const before = await learnedBefore(record, memory);
  if (before >= sequences.length) {
    note(`${grouped(sequences.length)} pronunciations were learned before (${grouped(await memory.patternCount())} patterns).`);
    return;
  }
  note(`Learning ${grouped(sequences.length)} pronunciations; it can be stopped and started again.`);
  const bar = startBar("{bar} {percentage}% | {learned} pronunciations | {rate} | {eta_formatted} left", sequences.length, before, {
    learned: grouped(before),
    rate: "0/s",
  });
  const started = Date.now();
  try {
    for (let at = before; at < sequences.length; at += BATCH_SEQUENCES) {
      const batch = sequences.slice(at, at + BATCH_SEQUENCES);
      await withPatience(() => memory.learn(batch, `demo-${at}`));
      const learned = at + batch.length;
      await writeRecord(record, learned);
      bar.update(learned, { learned: grouped(learned), rate: perSecond(learned - before, Date.now() - started) });
    }
  } finally {
    bar.stop();
  }
  const seconds = ((Date.now() - started) / 1_000).toFixed(1);
  note(
    `Learned in ${seconds} s: ${grouped(await memory.patternCount())} patterns (words that sound alike are one; a single sound is none).`,
  );
}

export interface Answer {
  readonly question: Question;
  readonly predictions: readonly AnyPrediction[];
  readonly ms: number;
}

/** Place of the true word among the answers, from 1; 0 when it is not there. Words that sound alike are the same pattern. */
export const placeOf = ({ question, predictions }: Answer): number =>
  predictions.findIndex((prediction) => "sequence" in prediction && prediction.sequence.flat().join(" ") === question.truth.join(" ")) + 1;

export function answerTable(answers: readonly Answer[], index: ReadonlyMap<string, readonly string[]>): string {
  const table = new Table({
    head: ["asked", "heard", "recalled", "similarity", "missing", "comes next", "word's place", "ms"],
    colAligns: ["left", "left", "left", "right", "left", "left", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  for (const answer of answers) {
    const { question, predictions, ms } = answer;
    const [best] = predictions;
    const sounds = best !== undefined && "sequence" in best ? best.sequence.flat().join(" ") : "";
    const place = placeOf(answer);
    table.push([
      `${question.word}, ${question.kind}`,
      shorten(question.sounds.join(" "), 34),
      shorten((index.get(sounds) ?? ["(nothing)"]).join(", "), 30),
      best === undefined ? "" : best.similarity.toFixed(3),
      best === undefined ? "" : eventsText((best.missing as readonly (string | readonly string[])[]).filter((event) => event.length > 0)),
      best === undefined ? "" : shorten(eventsText(best.future), 24),
      place === 0 ? "-" : place,
      ms.toFixed(1),
    ]);
  }
  return table.toString();
}

/** The middle value of a list that is not empty; the lower one of two. */
export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!;

export function totals(answers: readonly Answer[], patterns: number): string {
  const first = answers.filter((answer) => placeOf(answer) === 1).length;
  const found = answers.filter((answer) => placeOf(answer) > 0).length;
  const times = answers.map(({ ms }) => ms);
  return `${answers.length} questions over ${grouped(patterns)} patterns: the word itself was first ${first} times, among the first ten ${found} times; median ${median(times).toFixed(1)} ms, slowest ${Math.max(...times).toFixed(1)} ms.`;
}

async function demo(options: DemoOptions): Promise<void> {
  const random = numberOption("--queries", options.queries, 0, 10_000, true);
  const seed = numberOption("--seed", options.seed, 0, 0xffff_ffff, true);
  const loaded = loadSettings(options);
  const config = loaded.sources.has("dataDir") ? loaded.config : withDataDir(loaded.config, join(loaded.config.dataDir, "demo"));
  const dictionary = await loadDictionary();
  const memory = await openMemory({ config, log: logOf(loaded, true), node: NODE, url: options.url });
  try {
    await learnAll(memory, dictionary, recordPath(config.dataDir, options.url), options.json ? console.error : console.log);
    const answers: Answer[] = [];
    for (const question of questionsOf(dictionary, random, seed)) {
      const state = question.sounds.map((sound) => [sound]);
      const started = performance.now();
      const predictions = await memory.predict(state, QUESTION_SETTINGS);
      answers.push({ question, predictions, ms: performance.now() - started });
    }
    const patterns = await memory.patternCount();
    const text = [
      `\nQuestions, the last ${random} drawn with --seed ${seed}:`,
      answerTable(answers, wordsBySounds(dictionary)),
      ...(answers.length > 0 ? [totals(answers, patterns)] : []),
    ].join("\n");
    tell(options, { patterns, questions: answers.map((answer) => ({ ...answer, place: placeOf(answer) })) }, text);
  } finally {
    await memory.close();
  }
}

export function registerDemo(program: Command): void {
  withSettings(
    program
      .command("demo")
      .description("learn a dictionary of pronunciations (once) and ask it words, cut short and misheard too")
      .option("--queries <count>", "questions beside the fixed ones", "15")
      .option("--seed <number>", "draws other questions", "1")
      .option("--json", "print questions and answers as JSON")
      .addOption(urlOption("a running server instead of a folder of its own (default: ./data/demo, in this process)")),
  ).action(demo);
}
