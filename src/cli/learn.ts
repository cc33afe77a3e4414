/**
 * `engram learn FILE`: learns a file of sequences, a batch at a time, and can be stopped and started again. A batch has a key of its own, so
 * one that was learned just before a crash and is sent again counts once.
 */
import type { Command } from "commander";
import { Option } from "commander";
import { kbOption, urlOption } from "./arguments.ts";
import { sizeOf } from "./file-parts.ts";
import { type LearnProgress, ProgressRecord } from "./learn-progress.ts";
import { type LineFormat, readBatches, type SourceLimits } from "./learn-source.ts";
import { type Memory, openMemory, withPatience } from "./memory.ts";
import { loadSettings, logOf, type SettingOptions, withSettings } from "./settings.ts";
import { grouped, perSecond, startBar, tell } from "./terminal.ts";

/** About 30 commits to the state store a second keep it busy; larger batches only make a stop wait longer. */
export const BATCH_SEQUENCES = 2_000;

export interface LearnRun {
  readonly memory: Memory;
  readonly file: string;
  readonly format: LineFormat;
  readonly limits: SourceLimits;
  readonly skipBad: boolean;
  readonly record: ProgressRecord;
  readonly from: LearnProgress;
  /** Asked between batches; the work at hand is finished first. */
  readonly stopped: () => boolean;
  readonly onProgress: (progress: LearnProgress) => void;
  readonly batchSequences?: number;
}

/** Learns the rest of the file. The next batch is read while one is being learned, and no further. */
export async function learnFile(run: LearnRun): Promise<LearnProgress> {
  let progress = run.from;
  const batches = readBatches(run.file, {
    format: run.format,
    limits: run.limits,
    fromByte: progress.byteOffset,
    fromLine: progress.line,
    batchSequences: run.batchSequences ?? BATCH_SEQUENCES,
    skipBad: run.skipBad,
  });
  for await (const batch of batches) {
    const { stored, tooShort } =
      batch.sequences.length === 0
        ? { stored: 0, tooShort: 0 }
        : await withPatience(() => run.memory.learn(batch.sequences, `${progress.run}-${progress.byteOffset}-${batch.endByte}`));
    progress = {
      run: progress.run,
      byteOffset: batch.endByte,
      line: batch.endLine,
      stored: progress.stored + stored,
      tooShort: progress.tooShort + tooShort,
      skipped: progress.skipped + batch.skipped,
    };
    await run.record.save(progress);
    run.onProgress(progress);
    if (run.stopped()) break;
  }
  return progress;
}

interface LearnOptions extends SettingOptions {
  readonly kb: string;
  readonly format?: LineFormat;
  readonly url?: string;
  readonly skipBad?: boolean;
  readonly restart?: boolean;
  readonly json?: boolean;
}

/** What was done by this run, and in all. */
const resultOf = (file: string, node: string, from: LearnProgress, last: LearnProgress) => ({
  file,
  node,
  learned: last.stored - from.stored,
  too_short: last.tooShort - from.tooShort,
  skipped: last.skipped - from.skipped,
  learned_in_all: last.stored,
  line: last.line,
});

async function learn(file: string, options: LearnOptions): Promise<void> {
  const loaded = loadSettings(options);
  const { config } = loaded;
  const format = options.format ?? (/\.(jsonl|ndjson)$/i.test(file) ? "jsonl" : "lines");
  const size = await sizeOf(file);
  const record = new ProgressRecord({ dataDir: config.dataDir, file, node: options.kb, lineFormat: format, url: options.url ?? "" });
  if (options.restart) await record.forget();
  const from = await record.load();
  if (size > 0 && from.byteOffset >= size) {
    const text = `${file} was learned before: ${grouped(from.stored)} sequences. Pass --restart to learn it again (frequencies then count twice).`;
    tell(options, resultOf(file, options.kb, from, from), text);
    return;
  }
  // The run's name must outlive a crash of the very first batch.
  else if (from.byteOffset === 0) await record.save(from);
  // Beside the result where that is JSON.
  const note = options.json ? console.error : console.log;
  if (from.byteOffset > 0) note(`Going on at line ${grouped(from.line + 1)}; ${grouped(from.stored)} sequences are learned already.`);

  let stopping = false;
  const onSignal = (): void => {
    // A second signal ends the process at once: once() has given the first one's handler away.
    stopping = true;
    console.error("\nStopping after the batch at hand; the same command goes on from there.");
  };
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  const memory = await openMemory({ config, log: logOf(loaded, true), node: options.kb, url: options.url });
  const started = Date.now();
  const rate = (progress: LearnProgress): string => perSecond(progress.stored - from.stored, Date.now() - started);
  const bar = startBar("{bar} {percentage}% | {sequences} sequences | {rate} | {eta_formatted} left", size, from.byteOffset, {
    sequences: grouped(from.stored),
    rate: "0/s",
  });
  let last = from;
  try {
    last = await learnFile({
      memory,
      file,
      format,
      limits: config,
      skipBad: options.skipBad ?? false,
      record,
      from,
      stopped: () => stopping,
      onProgress: (progress) => bar.update(progress.byteOffset, { sequences: grouped(progress.stored), rate: rate(progress) }),
    });
  } finally {
    bar.stop();
    await memory.close();
    process.removeListener("SIGINT", onSignal);
    process.removeListener("SIGTERM", onSignal);
  }
  const notes = [
    `${grouped(last.stored - from.stored)} sequences learned into ${options.kb} by ${memory.where} (${rate(last)})`,
    ...(last.tooShort > from.tooShort ? [`${grouped(last.tooShort - from.tooShort)} too short to be a pattern`] : []),
    ...(last.skipped > from.skipped ? [`${grouped(last.skipped - from.skipped)} bad lines passed over`] : []),
  ];
  tell(options, resultOf(file, options.kb, from, last), `${notes.join(", ")}.`);
  // 130: what a shell expects of a command that a signal ended.
  if (stopping) process.exitCode = 130;
}

export function registerLearn(program: Command): void {
  withSettings(
    program
      .command("learn")
      .description("learn a file of sequences; stopped and started again, it goes on where it stood")
      .argument("<file>", "one sequence a line")
      .addOption(kbOption("node whose knowledge base learns", "default"))
      .addOption(
        new Option("--format <format>", "lines: symbols with spaces between; jsonl: JSON arrays (default: by the file's name)").choices([
          "lines",
          "jsonl",
        ]),
      )
      .addOption(urlOption())
      .option("--skip-bad", "pass over lines that cannot be learned, and count them")
      .option("--restart", "forget how far the file was learned, and begin anew")
      .option("--json", "print the result as JSON"),
  ).action(learn);
}
