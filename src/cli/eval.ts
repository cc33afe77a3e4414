/**
 * `engram eval next FILE`: how well the next symbol is foreseen, by cross-validation on a file of sequences. Needs no stores: what is
 * learned lives in memory for the length of a fold. Scans run on the kernel pool; half a minute to a minute for 5,000 sequences on two cores.
 */
import { availableParallelism, cpus } from "node:os";
import { basename } from "node:path";
import Table from "cli-table3";
import { type Command, Option } from "commander";
import { EngineError } from "../errors.ts";
import { evaluateNextSymbol, type NextSymbolResult, TOPS } from "../eval/next-symbol.ts";
import { PRESETS, type Preset, type PresetName } from "../eval/presets.ts";
import { readSequences } from "../eval/sequences.ts";
import { openPiscinaPool } from "../pool/piscina-pool.ts";
import { startBar } from "./terminal.ts";

/** A window longer than this would be a pattern of its own. */
const WINDOW_MAX = 1_000;
/** Scans under way at once are few; the queue is never longer. */
const QUEUE_MAX = 64;

interface EvalNextFlags {
  readonly preset?: PresetName;
  readonly min?: string;
  readonly window?: string;
  readonly consequent?: string;
  readonly limit?: string;
  readonly collapse?: boolean;
  readonly folds: string;
  readonly seed: string;
  readonly tuning: string;
  readonly threads?: string;
  readonly json?: boolean;
}

export interface EvalNextSettings extends Omit<Preset, "reference" | "limit"> {
  readonly preset: PresetName | null;
  /** null: the whole file. */
  readonly limit: number | null;
  readonly folds: number;
  readonly seed: number;
  readonly tuning: number;
  readonly threads: number;
}

/** What `--json` prints, and what is kept as a record. Shares are of all tested sequences, 0 to 1; times in milliseconds. */
export interface EvalNextRecord {
  readonly what: "eval next";
  readonly file: string;
  readonly sequences: number;
  readonly symbols: number;
  readonly settings: EvalNextSettings;
  readonly tested: number;
  readonly accuracy: Readonly<Record<string, number>>;
  readonly withoutPrediction: number;
  readonly ms: NextSymbolResult["ms"];
  readonly weights: NextSymbolResult["weights"];
  /** Accuracy of the top symbol, as measured with the programs of others; none without a preset. */
  readonly reference: Readonly<Record<string, number>>;
  readonly machine: { readonly cpu: string; readonly threads: number; readonly node: string };
}

/** The number of an option, or `fallback` when it was not given. Errors: ENGRAM_BAD_REQUEST. */
function wholeNumber(name: string, text: string | undefined, fallback: number, min: number, max: number): number {
  if (text === undefined) return fallback;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new EngineError("ENGRAM_BAD_REQUEST", `${name} must be an integer from ${min} to ${max}.`);
}

/** Options over the preset over the defaults. Errors: ENGRAM_BAD_REQUEST. */
export function evalNextSettings(flags: EvalNextFlags): EvalNextSettings {
  const preset: Preset | undefined = flags.preset === undefined ? undefined : PRESETS[flags.preset];
  const most = Number.MAX_SAFE_INTEGER;
  const consequent = wholeNumber("--consequent", flags.consequent, preset?.consequent ?? 1, 1, WINDOW_MAX);
  return {
    preset: flags.preset ?? null,
    consequent,
    window: wholeNumber("--window", flags.window, preset?.window ?? 5, 1, WINDOW_MAX),
    min: wholeNumber("--min", flags.min, preset?.min ?? consequent + 1, 1, most),
    limit: flags.limit === undefined ? (preset?.limit ?? null) : wholeNumber("--limit", flags.limit, most, 1, most),
    collapse: flags.collapse ?? preset?.collapse ?? false,
    folds: wholeNumber("--folds", flags.folds, 14, 2, 1_000),
    seed: wholeNumber("--seed", flags.seed, 1, 0, 2 ** 32 - 1),
    tuning: wholeNumber("--tuning", flags.tuning, 300, 0, 1_000_000),
    threads: wholeNumber("--threads", flags.threads, availableParallelism(), 1, 256),
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export function evalNextReport(record: EvalNextRecord): string {
  const { settings, accuracy, ms } = record;
  const setting = new Table({ style: { head: [], border: [], compact: true } });
  setting.push(
    ["file", `${record.file}: ${record.sequences} sequences, ${record.symbols} symbols`],
    ["asked", `${settings.window} symbols shown, ${settings.consequent} hidden; ${settings.folds} folds, seed ${settings.seed}`],
    ["tested", record.tested],
    ["without a prediction", percent(record.withoutPrediction)],
    ["learn and tune", `${(ms.train / 1_000).toFixed(1)} s`],
    ["ask", `${(ms.ask / 1_000).toFixed(1)} s, ${ms.perQuestion.toFixed(2)} ms a question`],
  );
  const table = new Table({
    head: ["accuracy", ...TOPS.map((top) => `top ${top}`)],
    colAligns: ["left", ...TOPS.map(() => "right" as const)],
    style: { head: [], border: [], compact: true },
  });
  table.push(["Engram", ...TOPS.map((top) => percent(accuracy[`top${top}`]!))]);
  for (const [name, value] of Object.entries(record.reference)) {
    table.push([`${name} (reference)`, `${value.toFixed(1)} %`, ...TOPS.slice(1).map(() => "")]);
  }
  return `${setting.toString()}\n${table.toString()}`;
}

async function evalNext(file: string, flags: EvalNextFlags): Promise<void> {
  const settings = evalNextSettings(flags);
  const set = readSequences(file, { ...settings, limit: settings.limit ?? Number.POSITIVE_INFINITY });
  if (set.sequences.length < settings.folds) {
    throw new EngineError(
      "ENGRAM_BAD_REQUEST",
      `${file} has ${set.sequences.length} sequences of at least ${settings.min} symbols; ${settings.folds} folds need as many. Lower --min or --folds.`,
    );
  }
  const pool = await openPiscinaPool({ threads: settings.threads, queueMax: QUEUE_MAX });
  try {
    const bar = flags.json
      ? undefined
      : startBar("evaluating {bar} fold {value} of {total}, seed {seed}", settings.folds, 0, { seed: `${settings.seed}` });
    let result: NextSymbolResult;
    try {
      result = await evaluateNextSymbol(pool, set, { ...settings, onFold: (done) => bar?.update(done) });
    } finally {
      bar?.stop();
    }
    const record: EvalNextRecord = {
      what: "eval next",
      file: basename(file),
      sequences: set.sequences.length,
      symbols: set.symbols.length,
      settings,
      tested: result.tested,
      accuracy: Object.fromEntries(TOPS.map((top, index) => [`top${top}`, result.right[index]! / result.tested])),
      withoutPrediction: result.withoutPrediction / result.tested,
      ms: result.ms,
      weights: result.weights,
      reference: settings.preset === null ? {} : PRESETS[settings.preset].reference,
      machine: { cpu: cpus()[0]?.model ?? "unknown", threads: settings.threads, node: process.version },
    };
    console.log(flags.json ? JSON.stringify(record, null, 2) : evalNextReport(record));
  } finally {
    await pool.close();
  }
}

export function registerEval(program: Command): void {
  const command = program.command("eval").description("measure on your own data what the memory foresees");
  command
    .command("next")
    .description("how often the next symbol is foreseen: cross-validation on a file, one sequence a line")
    .argument("<file>", "sequences, one a line, symbols between blanks")
    .addOption(new Option("--preset <name>", "protocol of a published evaluation; other options go over it").choices(Object.keys(PRESETS)))
    .option("--min <n>", "shortest sequence used, counted before --collapse (default: consequent + 1)")
    .option("--limit <n>", "most sequences used, from the file's start (default: all)")
    .option("--collapse", "make one symbol of a run of the same symbol")
    .option("--no-collapse", "leave runs as they are")
    .option("--window <n>", "symbols shown (default: 5)")
    .option("--consequent <n>", "symbols hidden at the end; foreseeing any of them is right (default: 1)")
    .option("--folds <n>", "parts of the data, each tested once with the others learned", "14")
    .option("--seed <n>", "of the shuffle and of the choice of tuning questions", "1")
    .option("--tuning <n>", "questions about training sequences a fold, for the weights; 0 leaves them even", "300")
    .option("--threads <n>", "scoring threads (default: one a core)")
    .option("--json", "print a record as JSON")
    .action(evalNext);
}
