/** `engram predict`: what the memory makes of a state, as a table or as JSON. */
import { type Command, Option } from "commander";
import { EngineError } from "../errors.ts";
import { RANK_METRICS, type RankMetric, type SessionConfig } from "../model/session-config.ts";
import { kbOption, urlOption } from "./arguments.ts";
import { BadLine, eventsOf } from "./learn-source.ts";
import { openMemory, type Sequence } from "./memory.ts";
import { predictionTable } from "./prediction-table.ts";
import { loadSettings, logOf, type SettingOptions, withSettings } from "./settings.ts";

interface PredictOptions extends SettingOptions {
  readonly kb: string;
  readonly url?: string;
  readonly events?: string;
  readonly json?: boolean;
  readonly threshold?: string;
  readonly k: string;
  readonly rank?: RankMetric;
}

/** The state of the command line: words (each an event), or `--events` as JSON. Errors: ENGRAM_BAD_REQUEST. */
export function stateOf(words: readonly string[], events: string | undefined): Sequence {
  if (events === undefined) {
    const symbols = words.flatMap((word) => word.split(/\s+/)).filter((symbol) => symbol !== "");
    if (symbols.length === 0) throw badState("name the symbols seen, for instance: engram predict --kb weather coffee rain");
    return symbols.map((symbol) => [symbol]);
  }
  if (words.length > 0) throw badState("give either words or --events, not both");
  try {
    const value: unknown = JSON.parse(events);
    if (Array.isArray(value) && value.length > 0) return eventsOf(value);
  } catch (error) {
    if (error instanceof BadLine) throw badState(`--events: ${error.message}`);
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw badState(`--events must be a JSON array, for instance '[["coffee","rain"],["umbrella"]]'`);
}

const badState = (why: string): EngineError => new EngineError("ENGRAM_BAD_REQUEST", `The state is unclear: ${why}.`);

/** A number of an option within its bounds. Errors: ENGRAM_BAD_REQUEST. */
export function numberOption(name: string, text: string, min: number, max: number, whole: boolean): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (value >= min && value <= max && (!whole || Number.isInteger(value))) return value;
  throw new EngineError("ENGRAM_BAD_REQUEST", `${name} must be ${whole ? "an integer" : "a number"} from ${min} to ${max}.`);
}

async function predict(words: readonly string[], options: PredictOptions): Promise<void> {
  const state = stateOf(words, options.events);
  const settings: SessionConfig = {
    max_predictions: numberOption("-k", options.k, 1, 10_000, true),
    ...(options.threshold !== undefined && { recall_threshold: numberOption("--threshold", options.threshold, 0, 1, false) }),
    ...(options.rank !== undefined && { rank_sort_algo: options.rank }),
  };
  const loaded = loadSettings(options);
  const memory = await openMemory({ config: loaded.config, log: logOf(loaded, true), node: options.kb, url: options.url, isKept: true });
  try {
    const predictions = await memory.predict(state, settings);
    if (options.json) console.log(JSON.stringify(predictions, null, 2));
    else if (predictions.length === 0) console.log(`Nothing in ${options.kb} resembles this. A lower --threshold lets weaker matches in.`);
    else console.log(predictionTable(predictions));
  } finally {
    await memory.close();
  }
}

export function registerPredict(program: Command): void {
  withSettings(
    program
      .command("predict")
      .description("ask what the symbols seen resemble, what is missing and what comes next")
      .argument("[symbols...]", "symbols in the order seen, each an event")
      .addOption(kbOption("node whose knowledge base is asked", "default"))
      .option("--events <json>", 'events with several symbols: \'[["a","b"],["c"]]\'')
      .option("--threshold <similarity>", "lowest similarity of an answer, 0 to 1")
      .option("-k <count>", "most answers", "10")
      .addOption(new Option("--rank <metric>", "metric by which answers are ranked").choices([...RANK_METRICS]))
      .option("--json", "print whole predictions as JSON")
      .addOption(urlOption()),
  ).action(predict);
}
