import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EVIDENCE, ranked, scoresOf } from "../../../src/eval/vote.ts";
import { EVEN_WEIGHTS, type TuningBallot, tuneWeights } from "../../../src/eval/weights.ts";

const KINDS = EVIDENCE.length;

/** The tuned quantity, computed plainly: mean log likelihood less the pull towards zero. */
function value(ballots: readonly TuningBallot[], weights: Float64Array): number {
  let sum = 0;
  for (const { candidates, evidence, hidden } of ballots) {
    const chances = scoresOf(evidence, weights).map(Math.exp);
    const right = chances.filter((_, index) => hidden.has(candidates[index]!));
    sum += Math.log(right.reduce((a, b) => a + b, 0) / chances.reduce((a, b) => a + b, 0));
  }
  return sum / ballots.length - (1e-3 / 2) * weights.reduce((total, weight) => total + weight ** 2, 0);
}

const ballots = fc.array(
  fc.record({
    evidence: fc.array(fc.array(fc.integer({ min: -30, max: 0 }), { minLength: KINDS, maxLength: KINDS }), { minLength: 2, maxLength: 6 }),
    right: fc.nat(1),
  }),
  { minLength: 1, maxLength: 12 },
);

describe("tuned weights", () => {
  it("cannot be bettered by moving any one of them", () => {
    fc.assert(
      fc.property(ballots, (given) => {
        const tuning = given.map(({ evidence, right }) => ({
          candidates: Uint32Array.from(evidence.keys()),
          evidence: Float64Array.from(evidence.flat(), (tenths) => tenths / 10),
          hidden: new Set([right]),
        }));
        const weights = tuneWeights(tuning);
        const best = value(tuning, weights);
        expect(best).toBeGreaterThanOrEqual(value(tuning, EVEN_WEIGHTS));
        for (let kind = 0; kind < KINDS; kind++) {
          for (const step of [-0.2, 0.2]) {
            const moved = weights.with(kind, weights[kind]! + step);
            expect(value(tuning, moved)).toBeLessThanOrEqual(best + 1e-5);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it("trust the voter that is right and not the one that is wrong", () => {
    const tuning = Array.from({ length: 40 }, (_, at) => {
      const right = at % 3;
      const evidence = new Float64Array(3 * KINDS);
      for (let index = 0; index < 3; index++) {
        evidence[index * KINDS] = index === right ? -0.5 : -2;
        evidence[index * KINDS + 1] = index === right ? -2 : -0.5;
      }
      return { candidates: Uint32Array.of(7, 8, 9), evidence, hidden: new Set([7 + right]) };
    });
    const weights = tuneWeights(tuning);
    expect(weights[0]).toBeGreaterThan(1);
    expect(weights[1]).toBeLessThan(-1);
    for (const ballot of tuning) expect(ballot.hidden.has(ranked(ballot, weights, 1)[0]!)).toBe(true);
  });

  it("climb with several right symbols too, and stay even when no ballot holds one", () => {
    const evidence = Float64Array.from({ length: 3 * KINDS }, (_, at) => -((at * 7) % 5) / 2);
    const ballot = { candidates: Uint32Array.of(1, 2, 3), evidence, hidden: new Set([1, 3]) };
    expect(value([ballot], tuneWeights([ballot]))).toBeGreaterThan(value([ballot], EVEN_WEIGHTS));
    expect(tuneWeights([{ ...ballot, hidden: new Set([4]) }])).toEqual(EVEN_WEIGHTS);
    expect(tuneWeights([])).toEqual(EVEN_WEIGHTS);
  });
});
