/**
 * How well the next symbol is foreseen: cross-validation over a set of sequences. In each fold the training sequences are learned as
 * patterns, the vote's weights are tuned on questions about training sequences (each without its own pattern), and only then are the
 * test sequences asked. Nothing of a test sequence reaches the patterns, the counts or the weights of its fold.
 */
import type { KernelPool } from "../pool/kernel-pool.ts";
import { type Fold, foldsOf, type Question, questionOf } from "./folds.ts";
import { matchesOf } from "./matches.ts";
import { type SequenceSet, seededRandom, shuffle } from "./sequences.ts";
import { type TrainingSet, trainingSetOf } from "./training-set.ts";
import { type Ballot, ballotOf, castVotes, EVIDENCE, ranked } from "./vote.ts";
import { tuneWeights } from "./weights.ts";

/** A prediction list of this length counts as right when any of its symbols is. */
export const TOPS = [1, 3, 10] as const;

export interface NextSymbolOptions {
  readonly window: number;
  readonly consequent: number;
  readonly folds: number;
  readonly seed: number;
  /** Questions about training sequences for the tuning of a fold's weights. */
  readonly tuning: number;
  /** Called after each fold with how many are done. */
  readonly onFold?: (done: number) => void;
}

export interface NextSymbolResult {
  /** Sequences tested, those without a prediction included. */
  readonly tested: number;
  /** Parallel to TOPS: how many were right. */
  readonly right: readonly number[];
  /** No symbol was returned: too short a sequence, or no pattern shares a symbol with the window. */
  readonly withoutPrediction: number;
  /** Median over the folds, by kind of evidence. */
  readonly weights: Readonly<Record<(typeof EVIDENCE)[number], number>>;
  /** Milliseconds of wall time: learning and tuning of all folds, asking, and asking for one question. */
  readonly ms: { readonly train: number; readonly ask: number; readonly perQuestion: number };
}

/** Questions whose scans are under way at once: one is scored while the votes of another are counted. */
const IN_FLIGHT = 4;

/** Errors: ENGRAM_LIMIT_EXCEEDED for a sequence too long to learn; those of the pool. */
export async function evaluateNextSymbol(pool: KernelPool, set: SequenceSet, options: NextSymbolOptions): Promise<NextSymbolResult> {
  const right = TOPS.map(() => 0);
  const foldWeights: Float64Array[] = [];
  const ms = { train: 0, ask: 0 };
  let tested = 0;
  let withoutPrediction = 0;
  for (const [at, fold] of foldsOf(set.sequences.length, options.folds).entries()) {
    // Golden-ratio hash (Knuth): folds of one run, and of runs with seeds side by side, get unlike streams.
    const random = seededRandom(options.seed ^ Math.imul(at + 1, 0x9e3779b1));
    const { weights, answers, trainMs, askMs } = await evaluateFold(pool, set, fold, options, random);
    foldWeights.push(weights);
    ms.train += trainMs;
    ms.ask += askMs;
    tested += fold.test.length;
    withoutPrediction += fold.test.length - answers.filter(({ list }) => list.length > 0).length;
    for (const { hidden, list } of answers) {
      TOPS.forEach((top, index) => {
        if (list.slice(0, top).some((symbol) => hidden.has(symbol))) right[index]!++;
      });
    }
    options.onFold?.(at + 1);
  }
  const medians = EVIDENCE.map((kind, index) => [kind, median(foldWeights.map((weights) => weights[index]!))]);
  return {
    tested,
    right,
    withoutPrediction,
    weights: Object.fromEntries(medians) as NextSymbolResult["weights"],
    ms: { ...ms, perQuestion: ms.ask / Math.max(1, tested) },
  };
}

/** What a test sequence was answered: up to the longest of TOPS, best first, as symbol ids. */
export interface Answer {
  readonly hidden: ReadonlySet<number>;
  readonly list: readonly number[];
}

export interface FoldResult {
  readonly weights: Float64Array;
  /** Of the test sequences that are long enough to ask about. */
  readonly answers: readonly Answer[];
  readonly trainMs: number;
  readonly askMs: number;
}

/** Learns, tunes and asks one fold. Weights and lists depend on the training sequences and on what is shown, never on what is hidden. */
export async function evaluateFold(
  pool: KernelPool,
  { sequences, symbols }: SequenceSet,
  fold: Fold,
  options: Pick<NextSymbolOptions, "window" | "consequent" | "tuning">,
  random: () => number,
): Promise<FoldResult> {
  const start = performance.now();
  const training = trainingSetOf(
    fold.training.map((index) => sequences[index]!),
    symbols.length,
  );
  const asked = tuningQuestions(training, options, random);
  const weights = tuneWeights(await askAll(pool, training, symbols, asked, (ballot, { hidden }) => ({ ...ballot, hidden })));
  const tuned = performance.now();
  const questions = fold.test.flatMap((index) => questionOf(sequences[index]!, options.window, options.consequent) ?? []);
  const answers = await askAll(pool, training, symbols, questions, (ballot, { hidden }) => ({
    hidden,
    list: ranked(ballot, weights, TOPS.at(-1)!),
  }));
  return { weights, answers, trainMs: tuned - start, askMs: performance.now() - tuned };
}

interface AskedQuestion extends Question {
  /** Row of the pattern that may not vote, because it holds the answer. */
  readonly except?: number;
}

/** Questions about training sequences, asked as the test asks: their ends hidden, their own pattern without a vote. */
function tuningQuestions(
  training: TrainingSet,
  options: Pick<NextSymbolOptions, "window" | "consequent" | "tuning">,
  random: () => number,
): AskedQuestion[] {
  const rows = shuffle(Array.from(training.patterns.keys()), random).slice(0, options.tuning);
  return rows.flatMap((row) => {
    const question = questionOf(training.patterns[row]!, options.window, options.consequent);
    return question === undefined ? [] : [{ ...question, except: row }];
  });
}

/** Asks all questions, a few at once; results in the questions' order. */
async function askAll<Q extends AskedQuestion, R>(
  pool: KernelPool,
  training: TrainingSet,
  texts: readonly string[],
  questions: readonly Q[],
  use: (ballot: Ballot, question: Q) => R,
): Promise<R[]> {
  const results = new Array<R>(questions.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < questions.length) {
      const at = next++;
      const question = questions[at]!;
      const matches = await matchesOf(pool, training, question.shown, texts);
      results[at] = use(ballotOf(castVotes(question.shown, training, matches, question.except), question.shown, training), question);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return results;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
