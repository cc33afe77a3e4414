/**
 * `engram stress`: how the memory does with many patterns, and whether what it says is right. Loads a seeded corpus into a data folder of its
 * own, serves it, asks it over HTTP, checks a sample against an exact scan, and writes a record, a page and a chart. A million patterns take a
 * few minutes on two cores; the folder may be kept and asked again.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { EngineError } from "../errors.ts";
import { SOURCE_NAMES } from "../model/source-name.ts";
import type { EnsembleAsked, StressRecord } from "../stress/record.ts";
import { loadSettings, logOf, withDataDir } from "./settings.ts";
import { startBar, tell } from "./terminal.ts";

interface StressFlags {
  readonly patterns: string;
  readonly seed: string;
  readonly vocabulary: string;
  readonly questions: string;
  readonly checked: string;
  readonly warm: string;
  readonly sources: string;
  readonly ensemble: string;
  readonly thresholds: string;
  readonly answers: string;
  readonly clients: string;
  readonly seconds: string;
  readonly baselines?: boolean;
  readonly fill?: boolean;
  readonly json?: boolean;
  readonly dataDir?: string;
  readonly out?: string;
  readonly set?: readonly string[];
}

function numbers(name: string, text: string, min: number, max: number, whole = true): number[] {
  const values = text.split(",").map(Number);
  if (values.every((value) => value >= min && value <= max && (!whole || Number.isInteger(value)))) return values;
  throw new EngineError(
    "ENGRAM_BAD_REQUEST",
    `--${name} takes ${whole ? "integers" : "numbers"} from ${min} to ${max}, separated by commas.`,
  );
}
const number = (name: string, text: string, min: number, max: number): number => numbers(name, text, min, max)[0]!;

function sourcesOf(text: string): string[] {
  const sources = text.split(",");
  const known = [...SOURCE_NAMES, "planned"] as readonly string[];
  if (sources.every((source) => known.includes(source))) return sources;
  throw new EngineError("ENGRAM_BAD_REQUEST", `--sources takes of ${known.join(", ")}, separated by commas.`);
}

function ensembleOf(text: string): EnsembleAsked {
  if (text === "ranked" || text === "kato") return text;
  throw new EngineError("ENGRAM_BAD_REQUEST", "--ensemble takes ranked or kato.");
}

function commitOf(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    // An installed package has no repository around it.
    return "unknown";
  }
}

/** KATO's stages and the naive way, each over the folder's store while nobody else has it. */
async function otherWays(
  dataDir: string,
  patterns: number,
  questions: readonly (readonly string[])[],
  truth: ReadonlyMap<number, readonly (readonly string[])[]>,
  onProgress: (phase: string, done: number, of: number) => void,
): Promise<StressRecord["baselines"]> {
  const { katoBaseline } = await import("../stress/baseline-kato.ts");
  const { NAIVE_PATTERNS_MAX, naiveBaseline } = await import("../stress/baseline-naive.ts");
  const folder = join(dataDir, "clickhouse");
  const baseline = { patterns, questions, truth, onProgress };
  const rows = await katoBaseline(folder, baseline);
  return patterns > NAIVE_PATTERNS_MAX ? rows : [...rows, ...(await naiveBaseline(folder, baseline))];
}

async function stress(flags: StressFlags): Promise<void> {
  const corpusSettings = {
    patterns: number("patterns", flags.patterns, 100, 1_000_000_000),
    seed: number("seed", flags.seed, 0, 2 ** 31),
    vocabulary: number("vocabulary", flags.vocabulary, 2, 100_000_000),
  };
  const questionCount = number("questions", flags.questions, 1, 100_000);
  const ask = {
    ensemble: ensembleOf(flags.ensemble),
    sources: sourcesOf(flags.sources),
    thresholds: numbers("thresholds", flags.thresholds, 0.01, 1, false),
    answers: numbers("answers", flags.answers, 1, 10_000),
    checked: Math.min(questionCount, number("checked", flags.checked, 0, 100_000)),
    warm: number("warm", flags.warm, 0, 100_000),
    clients: flags.clients === "" ? [] : numbers("clients", flags.clients, 1, 1_024),
    seconds: number("seconds", flags.seconds, 1, 3_600),
  };
  // Loaded here, so that the other commands, and help, start without the stores' native parts.
  const { Corpus } = await import("../stress/corpus.ts");
  const { askServer, loadCorpus, sizeOf } = await import("../stress/run.ts");
  const { stressChart, stressMarkdown } = await import("../stress/report.ts");

  const dataDir = flags.dataDir ?? mkdtempSync(join(tmpdir(), "engram-stress-"));
  const loaded = loadSettings({ dataDir, ...(flags.set && { set: flags.set }) });
  const log = logOf(loaded, true);
  const config = withDataDir(loaded.config, dataDir);
  const bar = startBar("{phase} {bar} {percentage} % | {duration_formatted}", 1, 0, { phase: "opening" });
  const onProgress = (phase: string, done: number, of: number): void => bar.update(of === 0 ? 0 : done / of, { phase: phase.padEnd(24) });
  const isTemporary = flags.dataDir === undefined;
  const clean = (): void => {
    if (isTemporary) rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  };
  // Not the end that a signal brings by itself, which leaves a server and a folder behind.
  const onSignal = (): never => process.exit(130);
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  process.once("exit", clean);
  try {
    const corpus = new Corpus(corpusSettings);
    const questions = corpus.questions(questionCount);
    const load = await loadCorpus(config, log, corpus, flags.fill === true, onProgress);
    const size = await sizeOf(config, onProgress);
    const program = fileURLToPath(new URL("./main.js", import.meta.url));
    const asked = await askServer({ program, dataDir, settings: flags.set ?? [], ...ask }, questions, onProgress);
    const record: StressRecord = {
      what: "stress",
      date: new Date().toISOString().slice(0, 10),
      commit: commitOf(),
      machine: { cpu: cpus()[0]?.model ?? "unknown", cores: availableParallelism(), memoryBytes: totalmem(), node: process.version },
      corpus: { ...corpusSettings, stored: size.patterns, questions: questionCount, warm: ask.warm },
      load,
      bytesPerPattern: {
        ...Object.fromEntries(Object.entries(size.bytes).map(([name, bytes]) => [name, bytes / size.patterns])),
        "in all": Object.values(size.bytes).reduce((sum, bytes) => sum + bytes, 0) / size.patterns,
      },
      ensemble: ask.ensemble,
      answers: asked.answers,
      throughput: asked.throughput,
      serving: { memoryPeakBytes: asked.memoryPeakBytes },
      baselines: flags.baselines ? await otherWays(config.dataDir, size.patterns, questions, asked.truth, onProgress) : [],
    };
    bar.stop();
    const page = stressMarkdown(record);
    tell(flags, record, page);
    if (flags.out !== undefined) {
      if (!existsSync(flags.out)) mkdirSync(flags.out, { recursive: true });
      writeFileSync(join(flags.out, "stress.json"), `${JSON.stringify(record, null, 2)}\n`);
      writeFileSync(join(flags.out, "stress.md"), page);
      writeFileSync(join(flags.out, "stress.svg"), stressChart(record));
      (flags.json ? console.error : console.log)(`Written to ${flags.out}: stress.json, stress.md, stress.svg`);
    }
    const wrong = record.answers.reduce((sum, row) => sum + row.certifiedWrong, 0);
    if (wrong > 0)
      throw new EngineError("ENGRAM_STORE_REPLY", `${wrong} answers were certified and differ from an exact scan. Please report it.`);
  } finally {
    bar.stop();
    process.removeListener("SIGINT", onSignal);
    process.removeListener("SIGTERM", onSignal);
    process.removeListener("exit", clean);
    clean();
  }
}

export function registerStress(program: Command): void {
  program
    .command("stress")
    .description("load many patterns, ask them over HTTP, and check what comes back against an exact scan")
    .option("--patterns <n>", "patterns of the corpus", "100000")
    .option("--seed <n>", "of the corpus and of the questions", "1")
    .option("--vocabulary <n>", "distinct symbols at most, by Zipf", "500000")
    .option("--questions <n>", "states asked", "200")
    .option("--checked <n>", "questions that an exact scan answers too", "20")
    .option("--warm <n>", "questions asked once before, of each row, not counted", "20")
    .option("--sources <list>", `of ${SOURCE_NAMES.join(", ")}, planned`, "postings,planned")
    .option("--ensemble <name>", "ranked: the most similar ones; kato: KATO's ensemble, by potential", "ranked")
    .option("--thresholds <list>", "recall thresholds", "0.1,0.3,0.5,0.7")
    .option("--answers <list>", "predictions asked", "10,100")
    .option("--clients <list>", "clients at a time, for answers a second", "1,8,64")
    .option("--seconds <n>", "seconds a rate is measured", "5")
    .option("--fill", "write what learning the patterns would have left, instead of learning them: for many million")
    .option("--baselines", "ask the checked questions in KATO's way and in the naive way too")
    .option("--data-dir <folder>", "keep the data here and use what is there (default: a temporary folder)")
    .option("--json", "print the record as JSON")
    .option("--out <folder>", "write stress.json, stress.md and stress.svg here")
    .option("--set <key=value>", "a setting of the server; may be repeated", (value: string, before: string[] = []) => [...before, value])
    .action(stress);
}
