/** The prefix filter against brute force: no pattern that is similar enough is without a row that is read, and bounds hold. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { planPostings, weightsOf } from "../../../src/engine/postings-plan.ts";
import { UNKNOWN_SYMBOL } from "../../../src/store/state-store.ts";
import { lcsLength } from "../../reference/lcs.ts";

const symbols = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 14 });

it("reads a row of every pattern that reaches the similarity, whatever the order of the symbols", () => {
  fc.assert(
    fc.property(
      symbols,
      fc.array(symbols, { maxLength: 30 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.infiniteStream(fc.nat()),
      (state, patterns, t, df) => {
        const ids = Uint32Array.from(state, (symbol) => (symbol === 9 ? UNKNOWN_SYMBOL : symbol));
        const known = [...weightsOf(ids)].map(([id, weight]) => ({ id, weight, patterns: df.next().value }));
        const plan = planPostings(known, state.length, t);
        for (const pattern of patterns) {
          const similarity = (2 * lcsLength(pattern, [...ids])) / (pattern.length + state.length);
          if (similarity < t - 1e-9 || similarity === 0) continue;
          expect(plan).toBeDefined();
          expect(pattern.length).toBeGreaterThanOrEqual(plan!.lengthFrom);
          expect(plan!.reads.some(({ symbol, lengthTo }) => pattern.length <= lengthTo && pattern.includes(symbol))).toBe(true);
        }
      },
    ),
    { numRuns: 500 },
  );
});

it("reads what few patterns have for the lengths of the rarest symbol, where it must be read at all", () => {
  const known = [10, 16_384, 16_385, 20_000].map((patterns, id) => ({ id, weight: 1, patterns }));
  const lengths = (similarity: number): number[] => planPostings(known, 4, similarity)!.reads.map(({ lengthTo }) => lengthTo);
  expect(lengths(0.5)).toEqual([12, 12, 4, 0]);
  // A pattern has 3 symbols at least, and one without the first two reaches it with no more than 1.
  expect(lengths(0.8)).toEqual([6, 6, 1, -2]);
});

it("reads rare symbols for long patterns and frequent ones for short or none", () => {
  const known = [3, 5, 7].map((id, i) => ({ id, weight: 1, patterns: 10 ** (i + 5) }));
  // Of 3 known symbols a pattern of length 4 must have 2 to reach 0.5, so the third is read for shorter ones only.
  expect(planPostings(known, 3, 0.5)).toEqual({
    lengthFrom: 1,
    reads: [
      { symbol: 3, weight: 1, lengthTo: 9 },
      { symbol: 5, weight: 1, lengthTo: 5 },
      { symbol: 7, weight: 1, lengthTo: 1 },
    ],
    rows: 11_100_000,
  });
  expect(planPostings(known, 3, 0.9)!.reads.map(({ lengthTo }) => lengthTo)).toEqual([3, 1, -1]);
  expect(planPostings([], 3, 0.5)).toBeUndefined();
  // One known symbol of ten cannot reach 0.5.
  expect(planPostings(known.slice(0, 1), 10, 0.5)).toBeUndefined();
});
