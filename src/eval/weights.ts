/**
 * Finds the weights of the vote: those under which the symbols that did come next were most likely, on ballots about training sequences
 * whose own pattern had no vote. A candidate's chance is exp(score) over the sum of all (a conditional logit, McFadden 1974); a question
 * with several right symbols counts their sum. Newton's method with a small pull towards zero; deterministic.
 *
 * Cost: 5 to 15 passes over the ballots, each candidates times kinds of evidence squared: about 0.1 s for 300 ballots. With one right
 * symbol a question there is one optimum; with several the curvature of the denominator alone is used, which keeps every step uphill.
 */
import { type Ballot, EVIDENCE, scoresOf } from "./vote.ts";

export interface TuningBallot extends Ballot {
  readonly hidden: ReadonlySet<number>;
}

/** Pull towards zero (half of it times the sum of squares is taken off the mean log likelihood): weights of useless evidence stay small. */
const PULL = 1e-3;
const STEPS_MAX = 25;
/** A gain of mean log likelihood below this changes no ranking to speak of. */
const GAIN_MIN = 1e-6;
/** Halvings of a step that went too far. */
const HALVINGS_MAX = 10;

/** Before any tuning: the voters alike. Also the answer when no ballot holds a right symbol. */
export const EVEN_WEIGHTS: Float64Array = Float64Array.from(EVIDENCE, (kind) => (kind === "prior" || kind === "seen" ? 0 : 0.5));

interface Slope {
  /** Mean log likelihood less the pull. */
  readonly value: number;
  readonly gradient: Float64Array;
  /** Covariance of the evidence under the weights' chances, plus the pull: row by row, symmetric. */
  readonly curvature: Float64Array;
}

export function tuneWeights(ballots: readonly TuningBallot[]): Float64Array {
  const usable = ballots
    .map(({ candidates, evidence, hidden }) => ({
      evidence,
      right: Array.from(candidates.keys()).filter((index) => hidden.has(candidates[index]!)),
    }))
    .filter(({ right }) => right.length > 0);
  let weights = EVEN_WEIGHTS;
  if (usable.length === 0) return weights;
  let slope = slopeAt(usable, weights);
  for (let step = 0; step < STEPS_MAX; step++) {
    const direction = solve(slope.curvature, slope.gradient);
    const next = climb(usable, weights, direction, slope.value);
    if (next === undefined) return weights;
    const gain = next.slope.value - slope.value;
    ({ weights, slope } = next);
    if (gain < GAIN_MIN) break;
  }
  return weights;
}

interface Usable {
  readonly evidence: Float64Array;
  /** Indices of the right candidates, at least one. */
  readonly right: readonly number[];
}

/** The first of the step, its half, its quarter … that gains anything. */
function climb(
  ballots: readonly Usable[],
  from: Float64Array,
  direction: Float64Array,
  value: number,
): { weights: Float64Array; slope: Slope } | undefined {
  for (let halving = 0, scale = 1; halving < HALVINGS_MAX; halving++, scale /= 2) {
    const weights = from.map((weight, kind) => weight + scale * direction[kind]!);
    const slope = slopeAt(ballots, weights);
    if (slope.value > value) return { weights, slope };
  }
  return undefined;
}

function slopeAt(ballots: readonly Usable[], weights: Float64Array): Slope {
  const kinds = weights.length;
  const gradient = new Float64Array(kinds);
  const curvature = new Float64Array(kinds * kinds);
  const mean = new Float64Array(kinds);
  let value = 0;
  for (const { evidence, right } of ballots) {
    const chances = scoresOf(evidence, weights);
    const top = chances.reduce((most, score) => Math.max(most, score));
    let total = 0;
    for (let index = 0; index < chances.length; index++) total += chances[index] = Math.exp(chances[index]! - top);
    const rightTotal = right.reduce((sum, index) => sum + chances[index]!, 0);
    // A right candidate so unlikely that its chance is 0 in a double still has a finite logarithm.
    value += Math.log(Math.max(rightTotal / total, Number.MIN_VALUE));
    mean.fill(0);
    for (let index = 0; index < chances.length; index++) {
      const chance = chances[index]! / total;
      const at = index * kinds;
      for (let a = 0; a < kinds; a++) {
        const part = chance * evidence[at + a]!;
        mean[a]! += part;
        for (let b = 0; b <= a; b++) curvature[a * kinds + b]! += part * evidence[at + b]!;
      }
    }
    for (let a = 0; a < kinds; a++) {
      gradient[a]! -= mean[a]!;
      for (let b = 0; b <= a; b++) curvature[a * kinds + b]! -= mean[a]! * mean[b]!;
    }
    if (rightTotal === 0) continue;
    for (const index of right) {
      const chance = chances[index]! / rightTotal;
      for (let a = 0; a < kinds; a++) gradient[a]! += chance * evidence[index * kinds + a]!;
    }
  }
  const count = ballots.length;
  value /= count;
  for (let a = 0; a < kinds; a++) {
    value -= (PULL / 2) * weights[a]! ** 2;
    gradient[a] = gradient[a]! / count - PULL * weights[a]!;
    for (let b = 0; b <= a; b++) {
      const entry = curvature[a * kinds + b]! / count + (a === b ? PULL : 0);
      curvature[a * kinds + b] = entry;
      curvature[b * kinds + a] = entry;
    }
  }
  return { value, gradient, curvature };
}

/** Solves `matrix` x = `vector` for a symmetric positive definite matrix, by elimination. */
function solve(matrix: Float64Array, vector: Float64Array): Float64Array {
  const size = vector.length;
  const rows = matrix.slice();
  const x = vector.slice();
  for (let pivot = 0; pivot < size; pivot++) {
    for (let row = pivot + 1; row < size; row++) {
      const factor = rows[row * size + pivot]! / rows[pivot * size + pivot]!;
      for (let column = pivot; column < size; column++) rows[row * size + column]! -= factor * rows[pivot * size + column]!;
      x[row]! -= factor * x[pivot]!;
    }
  }
  for (let row = size - 1; row >= 0; row--) {
    for (let column = row + 1; column < size; column++) x[row]! -= rows[row * size + column]! * x[column]!;
    x[row]! /= rows[row * size + row]!;
  }
  return x;
}
