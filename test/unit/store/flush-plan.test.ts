import fc from "fast-check";
import { expect, it } from "vitest";
import { shareFlush } from "../../../src/store/flush-plan.ts";

const shares = (counts: readonly number[], limit: number): number[] => {
  const given = new Map(
    shareFlush(
      counts.map((count, kb) => ({ kb, count })),
      limit,
    ).map(({ kb, count }) => [kb, count]),
  );
  return counts.map((_, kb) => given.get(kb) ?? 0);
};

it("gives what small ones leave over to the others, in turn", () => {
  expect(shares([100, 2, 2, 2], 20)).toEqual([14, 2, 2, 2]);
  expect(shares([2, 2, 2, 100], 20)).toEqual([2, 2, 2, 14]);
  expect(shares([100, 100], 5)).toEqual([3, 2]);
  expect(shares([5, 5, 5], 2)).toEqual([1, 1, 0]);
  expect(shares([], 5)).toEqual([]);
});

it("fills the batch, passes nobody's count, and starves nobody whose equal share is one", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 20 }), fc.integer({ min: 1, max: 200 }), (counts, limit) => {
      const given = shares(counts, limit);
      const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
      expect(sum(given)).toBe(Math.min(limit, sum(counts)));
      const equal = Math.floor(limit / counts.length);
      given.forEach((count, i) => {
        expect(count).toBeLessThanOrEqual(counts[i] as number);
        expect(count).toBeGreaterThanOrEqual(Math.min(counts[i] as number, equal));
      });
    }),
  );
});
