/**
 * `engram score QUERIES`: every state of a file against every pattern of a kb, as JSON lines or Parquet. A batch is written and recorded before the
 * one after the next is begun, so memory is bounded, every core is busy while lines are written, and a run that was killed goes on
 * where it stood.
 */
import { rm } from "node:fs/promises";
import { type Command, Option } from "commander";
import { parquetOfLines } from "../store/parquet.ts";
import { kbOption, urlOption } from "./arguments.ts";
import { sizeOf } from "./file-parts.ts";
import { type LineFormat, readBatches, type SourceBatch, type SourceLimits } from "./learn-source.ts";
import { type Memory, openMemory, type ScoreSettings, withPatience } from "./memory.ts";
import { numberOption } from "./predict.ts";
import { OUTPUT_STRUCTURE, outputLine, ScoreOutput, type ScoreProgress } from "./score-output.ts";
import { loadSettings, logOf, type SettingOptions, withSettings } from "./settings.ts";
import { grouped, perSecond, startBar } from "./terminal.ts";

/** As many as the engine scores in one pass over the kb. */
const BATCH_STATES = 512;
/** States times `keep` of a batch: what one answer may hold. */
const BATCH_MATCHES_MAX = 1_000_000;
/** Batches in the memory at a time: one is scored while the one before it is written. */
const AHEAD = 2;

export interface ScoreRun {
  readonly memory: Pick<Memory, "score">;
  readonly file: string;
  readonly format: LineFormat;
  readonly limits: SourceLimits;
  readonly skipBad: boolean;
  readonly settings: ScoreSettings;
  readonly output: Pick<ScoreOutput, "append" | "save">;
  readonly from: ScoreProgress;
  readonly stopped: () => boolean;
  readonly onProgress: (progress: ScoreProgress, pairs: number) => void;
  readonly batchStates?: number;
}

/** Scores the rest of the file. */
export async function scoreFile(run: ScoreRun): Promise<ScoreProgress> {
  const batchStates = run.batchStates ?? Math.max(1, Math.min(BATCH_STATES, Math.floor(BATCH_MATCHES_MAX / run.settings.keep)));
  const batches = readBatches(run.file, {
    format: run.format,
    limits: run.limits,
    fromByte: run.from.byteOffset,
    fromLine: run.from.line,
    batchSequences: batchStates,
    skipBad: run.skipBad,
  });
  let progress = run.from;
  let pairs = 0;
  const write = async ({ batch, answers }: { batch: SourceBatch; answers: Awaited<ReturnType<Memory["score"]>> }): Promise<void> => {
    let text = "";
    let matched = 0;
    answers.forEach((answer, i) => {
      text += outputLine(answer, progress.states + i, batch.lines[i]!);
      matched += answer.matched;
      pairs += answer.patterns;
    });
    const outputBytes = await run.output.append(text, progress.outputBytes);
    progress = {
      byteOffset: batch.endByte,
      line: batch.endLine,
      skipped: progress.skipped + batch.skipped,
      states: progress.states + answers.length,
      matched: progress.matched + matched,
      outputBytes,
    };
    await run.output.save(progress);
    run.onProgress(progress, pairs);
  };
  const running: Promise<{ batch: SourceBatch; answers: Awaited<ReturnType<Memory["score"]>> }>[] = [];
  try {
    for await (const batch of batches) {
      const scoring = (async () => ({
        batch,
        answers: batch.sequences.length === 0 ? [] : await withPatience(() => run.memory.score(batch.sequences, run.settings)),
      }))();
      // Looked at in its turn; until then its failure is nobody's.
      scoring.catch(() => undefined);
      running.push(scoring);
      if (running.length >= AHEAD) await write(await running.shift()!);
      if (run.stopped()) break;
    }
    while (running.length > 0) await write(await running.shift()!);
  } finally {
    await Promise.allSettled(running);
  }
  return progress;
}

interface ScoreOptions extends SettingOptions {
  readonly kb: string;
  readonly cutoff: string;
  readonly keep: string;
  readonly similarity: "token" | "character";
  readonly out?: string;
  readonly as?: "jsonl" | "parquet";
  readonly format?: LineFormat;
  readonly url?: string;
  readonly skipBad?: boolean;
  readonly restart?: boolean;
  readonly json?: boolean;
}

async function score(file: string, options: ScoreOptions): Promise<void> {
  const settings: ScoreSettings = {
    cutoff: numberOption("--cutoff", options.cutoff, 0, 1, false),
    keep: numberOption("--keep", options.keep, 1, 65_536, true),
    similarity: options.similarity,
  };
  const loaded = loadSettings(options);
  const { config } = loaded;
  const format = options.format ?? (/\.(jsonl|ndjson)$/i.test(file) ? "jsonl" : "lines");
  const as = options.as ?? (options.out?.endsWith(".parquet") ? "parquet" : "jsonl");
  const out = options.out ?? `${file}.scores.${as}`;
  // Parquet has its end before its rows can be read: lines are collected first.
  const linesPath = as === "parquet" ? `${out}.part.jsonl` : out;
  const size = await sizeOf(file);
  const url = options.url ?? "";
  const output = new ScoreOutput(linesPath, { file, node: options.kb, lineFormat: format, url, dataDir: config.dataDir, ...settings });
  const from = await output.open(options.restart ?? false);
  if (from.states > 0) console.error(`Going on at line ${grouped(from.line + 1)}; ${grouped(from.states)} states are scored already.`);

  let stopping = false;
  const onSignal = (): void => {
    // A second signal ends the process at once: once() has given the first one's handler away.
    stopping = true;
    console.error("\nStopping after the batches at hand; the same command goes on from there.");
  };
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  const started = Date.now();
  let last = from;
  let pairs = 0;
  let where = "";
  try {
    const memory = await openMemory({ config, log: logOf(loaded, true), node: options.kb, url: options.url, isKept: true });
    where = memory.where;
    const bar = startBar("{bar} {percentage}% | {states} states | {rate} | {eta_formatted} left", size, from.byteOffset, {
      states: grouped(from.states),
      rate: "0 pairs/s",
    });
    try {
      last = await scoreFile({
        memory,
        file,
        format,
        limits: config,
        skipBad: options.skipBad ?? false,
        settings,
        output,
        from,
        stopped: () => stopping,
        onProgress: (progress, done) => {
          pairs = done;
          bar.update(progress.byteOffset, {
            states: grouped(progress.states),
            rate: perSecond(done, Date.now() - started).replace("/s", " pairs/s"),
          });
        },
      });
    } finally {
      bar.stop();
      await memory.close();
    }
  } finally {
    await output.close();
    process.removeListener("SIGINT", onSignal);
    process.removeListener("SIGTERM", onSignal);
  }
  const seconds = (Date.now() - started) / 1000;
  if (!stopping) {
    if (as === "parquet") {
      await parquetOfLines(linesPath, out, OUTPUT_STRUCTURE);
      await rm(linesPath);
    }
    await output.forget();
  }
  if (options.json) {
    const { states, matched, skipped } = last;
    console.log(
      JSON.stringify({ out, finished: !stopping, states, matched, skipped, pairs, seconds, pairsPerSecond: Math.round(pairs / seconds) }),
    );
  } else {
    const notes = [
      `${grouped(last.states - from.states)} states scored against ${options.kb} by ${where} (${grouped(pairs)} pairs, ${perSecond(pairs, seconds * 1000)})`,
      `${grouped(last.matched)} matches`,
      ...(last.skipped > 0 ? [`${grouped(last.skipped)} bad lines passed over`] : []),
    ];
    console.log(`${notes.join(", ")}${stopping ? "" : `: ${out}`}.`);
  }
  // 130: what a shell expects of a command that a signal ended.
  if (stopping) process.exitCode = 130;
}

export function registerScore(program: Command): void {
  withSettings(
    program
      .command("score")
      .description("score a file of states against every pattern; stopped and started again, it goes on where it stood")
      .argument("<queries>", "one state a line")
      .addOption(kbOption("node whose knowledge base is asked", "default"))
      .option("--cutoff <similarity>", "lowest similarity of a match, 0 to 1", "0.5")
      .option("--keep <count>", "most matches written for a state, the best ones", "1000")
      .addOption(
        new Option("--similarity <measure>", "compare symbols or their characters").choices(["token", "character"]).default("token"),
      )
      .option("--out <file>", "where the scores go (default: beside the queries)")
      .addOption(new Option("--as <format>", "JSON lines or Parquet (default: by the name of --out)").choices(["jsonl", "parquet"]))
      .addOption(
        new Option(
          "--format <format>",
          "of the queries. lines: symbols with spaces between; jsonl: JSON arrays (default: by the file's name)",
        ).choices(["lines", "jsonl"]),
      )
      .addOption(urlOption())
      .option("--skip-bad", "pass over lines that are no states, and count them")
      .option("--restart", "forget how far the file was scored, and write the output anew")
      .option("--json", "print the summary as JSON"),
  ).action(score);
}
