/**
 * The vote: what the patterns that resemble a window say comes next. Five voters look at each matched pattern from their own side and give
 * points to the symbols behind the match; a voter's points become shares, shares become evidence (logarithms), and a symbol's score is a
 * weighted sum of its evidence. `weights.ts` finds the weights. Pure: no kernel, no file, no chance.
 *
 * Cost: window symbols found in a pattern times the symbols behind them, for each match; about a millisecond for 2,000 patterns of 40
 * symbols. It knows nothing of where a sequence ends, so it is no use for asking "is this the end?".
 *
 * With n = the pattern's symbols, d = distance behind the match or occurrence (1 = directly behind), g = window symbols behind the one
 * that occurs, aim = 1 / (1 + |d - g - 1|): 1 where the symbol after the window would stand if pattern and window ran on alike.
 * The five were chosen out of some sixty of their kind by likelihood on three test sets (docs/evaluation.md).
 */
import type { Match } from "./matches.ts";
import type { TrainingSet } from "./training-set.ts";

/**
 * - aligned: behind the last matching block, each symbol: (sum of rarity / distance from the window's end, over matched symbols)^3 / n
 * - near: behind each occurrence of a window symbol: aim / (g + 1) / n
 * - informed: behind each occurrence: aim * (rarity of the window's symbols met so far)^3
 * - similar: behind the last matching block: similarity^2 / d
 * - run: behind each occurrence of the window's last symbol: 4^(context - 1) / d, context = symbols that agree up to there
 */
export const VOTERS = ["aligned", "near", "informed", "similar", "run"] as const;
/** What is weighed: the voters, then how often the symbol follows anything, then whether the window shows it already. */
export const EVIDENCE = [...VOTERS, "prior", "seen"] as const;

/* Places in the rows of points and evidence; constants of their own, since the inner loops read them. */
const ALIGNED = 0;
const NEAR = 1;
const INFORMED = 2;
const SIMILAR = 3;
const RUN = 4;
const VOTER_COUNT = 5;
const PRIOR = 5;
const SEEN = 6;
const EVIDENCE_COUNT = 7;

/** Share of the prior in each voter's shares, so that a symbol with no vote of one voter is unlikely and not impossible. */
const PRIOR_SHARE = 0.05;
/** How much more each further symbol of agreeing context counts, and after how many it is certain enough. */
const CONTEXT_BASE = 4;
const CONTEXT_MAX = 8;
/** Symbols that stay in the race after adding up the shares; the right one is cut in 0, 1 and 4 of 100 questions (SIGN, BMS, FIFA). */
const CANDIDATES_MAX = 150;

export interface Ballot {
  /** Symbol ids in the race. */
  readonly candidates: Uint32Array;
  /** EVIDENCE_COUNT numbers a candidate. */
  readonly evidence: Float64Array;
}

/** Points of every voter: VOTER_COUNT numbers a symbol id. The pattern of row `except` has no vote (it is the one asked about). */
export function castVotes(shown: Uint32Array, training: TrainingSet, matches: Iterable<Match>, except = -1): Float64Array {
  const { rarity, symbolCount } = training;
  const points = new Float64Array(symbolCount * VOTER_COUNT);
  const length = shown.length;
  const last = length - 1;
  /** By symbol id: where the window shows it last, or -1. */
  const placeOf = new Int32Array(symbolCount).fill(-1);
  for (let place = 0; place < length; place++) placeOf[shown[place]!] = place;
  /** By window place: the last match that met its symbol. */
  const metIn = new Int32Array(length).fill(-1);

  for (const { row, symbols, similarity, blocks } of matches) {
    if (row === except) continue;
    const n = symbols.length;
    let aligned = 0;
    let behind = 0;
    for (let block = 0; block < blocks.length; block += 3) {
      const start = blocks[block + 1]!;
      const size = blocks[block + 2]!;
      behind = blocks[block]! + size;
      for (let place = start; place < start + size; place++) aligned += rarity[shown[place]!]! / (length - place);
    }
    const alignedPoints = aligned ** 3 / n;
    const similarPoints = similarity ** 2;
    for (let at = behind; at < n; at++) {
      const symbol = symbols[at]! * VOTER_COUNT;
      points[symbol + ALIGNED]! += alignedPoints;
      points[symbol + SIMILAR]! += similarPoints / (at - behind + 1);
    }

    let met = 0;
    for (let from = 0; from < n; from++) {
      const place = placeOf[symbols[from]!]!;
      if (place < 0) continue;
      if (metIn[place] !== row) {
        metIn[place] = row;
        met += rarity[shown[place]!]!;
      }
      const gap = last - place;
      const nearPoints = 1 / ((gap + 1) * n);
      const informedPoints = met ** 3;
      const aimedAt = from + gap + 1;
      for (let at = from + 1; at < n; at++) {
        const symbol = symbols[at]! * VOTER_COUNT;
        const aim = at < aimedAt ? 1 / (1 + aimedAt - at) : 1 / (1 + at - aimedAt);
        points[symbol + NEAR]! += aim * nearPoints;
        points[symbol + INFORMED]! += aim * informedPoints;
      }
      if (gap > 0) continue;
      const runPoints = CONTEXT_BASE ** (contextLength(symbols, from, shown) - 1);
      for (let at = from + 1; at < n; at++) points[symbols[at]! * VOTER_COUNT + RUN]! += runPoints / (at - from);
    }
  }
  return points;
}

/** Symbols up to and with position `end` that agree with the window's end; at least 1, at most CONTEXT_MAX. */
function contextLength(symbols: Uint32Array, end: number, shown: Uint32Array): number {
  const most = Math.min(CONTEXT_MAX, end + 1, shown.length);
  let agree = 1;
  while (agree < most && symbols[end - agree] === shown[shown.length - 1 - agree]) agree++;
  return agree;
}

/** Makes points to evidence. No candidates when nobody voted. */
export function ballotOf(points: Float64Array, shown: Uint32Array, training: TrainingSet): Ballot {
  const { logPrior } = training;
  const perPoint = sharesPerPoint(points);
  const candidates = contenders(points, perPoint);
  const evidence = new Float64Array(candidates.length * EVIDENCE_COUNT);
  for (let index = 0; index < candidates.length; index++) {
    const symbol = candidates[index]!;
    const at = index * EVIDENCE_COUNT;
    const prior = Math.exp(logPrior[symbol]!);
    for (let voter = 0; voter < VOTER_COUNT; voter++) {
      const share = points[symbol * VOTER_COUNT + voter]! * perPoint[voter]!;
      evidence[at + voter] = Math.log((1 - PRIOR_SHARE) * share + PRIOR_SHARE * prior);
    }
    evidence[at + PRIOR] = logPrior[symbol]!;
    evidence[at + SEEN] = shown.includes(symbol) ? 1 : 0;
  }
  return { candidates, evidence };
}

/** By voter: what one of its points is of the whole; 0 for a voter that gave none. */
function sharesPerPoint(points: Float64Array): Float64Array {
  const totals = new Float64Array(VOTER_COUNT);
  for (let at = 0; at < points.length; at += VOTER_COUNT) {
    for (let voter = 0; voter < VOTER_COUNT; voter++) totals[voter]! += points[at + voter]!;
  }
  return totals.map((total) => (total === 0 ? 0 : 1 / total));
}

/** The symbols with the greatest sums of shares, best first, CANDIDATES_MAX at most; ties to the smaller id. */
function contenders(points: Float64Array, perPoint: Float64Array): Uint32Array {
  const support = new Float64Array(points.length / VOTER_COUNT);
  const found: number[] = [];
  for (let symbol = 0; symbol < support.length; symbol++) {
    let sum = 0;
    for (let voter = 0; voter < VOTER_COUNT; voter++) sum += points[symbol * VOTER_COUNT + voter]! * perPoint[voter]!;
    support[symbol] = sum;
    if (sum > 0) found.push(symbol);
  }
  // Sorting plain numbers first is cheaper than comparing ids for symbols that are far from the top.
  const least = found.length <= CANDIDATES_MAX ? 0 : support.toSorted()[support.length - CANDIDATES_MAX]!;
  return Uint32Array.from(
    found
      .filter((symbol) => support[symbol]! >= least)
      .sort((a, b) => support[b]! - support[a]! || a - b)
      .slice(0, CANDIDATES_MAX),
  );
}

/** The candidates by score, best first, `count` at most; ties to the smaller symbol id. */
export function ranked({ candidates, evidence }: Ballot, weights: Float64Array, count: number): number[] {
  const scores = scoresOf(evidence, weights);
  return Array.from(candidates.keys())
    .sort((a, b) => scores[b]! - scores[a]! || candidates[a]! - candidates[b]!)
    .slice(0, count)
    .map((index) => candidates[index]!);
}

/** Weighted sum of each candidate's evidence. */
export function scoresOf(evidence: Float64Array, weights: Float64Array): Float64Array {
  const scores = new Float64Array(evidence.length / weights.length);
  for (let index = 0; index < scores.length; index++) {
    let score = 0;
    for (let kind = 0; kind < weights.length; kind++) score += weights[kind]! * evidence[index * weights.length + kind]!;
    scores[index] = score;
  }
  return scores;
}
