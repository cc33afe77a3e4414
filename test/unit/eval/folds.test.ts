import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { foldsOf, questionOf } from "../../../src/eval/folds.ts";

describe("folds", () => {
  it("test every sequence once and never learn what they test", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.integer({ min: 0, max: 200 }), (count, more) => {
        const total = count + more;
        const folds = foldsOf(total, count);
        const all = Array.from({ length: total }, (_, index) => index);
        expect(folds.flatMap(({ test }) => test)).toEqual(all);
        for (const { training, test } of folds) {
          expect(test.length).toBeGreaterThan(0);
          expect([...training, ...test].sort((a, b) => a - b)).toEqual(all);
        }
      }),
    );
  });

  it("put the rest into the last", () => {
    expect(foldsOf(11, 3).map(({ test }) => test.length)).toEqual([3, 3, 5]);
  });
});

describe("a question", () => {
  it("shows what stands before the hidden end, and only that", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(9), { maxLength: 30 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 4 }),
        (symbols, window, consequent) => {
          const question = questionOf(Uint32Array.from(symbols), window, consequent);
          if (symbols.length <= consequent) {
            expect(question).toBeUndefined();
            return;
          }
          const cut = symbols.length - consequent;
          expect([...question!.shown]).toEqual(symbols.slice(Math.max(0, cut - window), cut));
          expect(question!.hidden).toEqual(new Set(symbols.slice(cut)));
        },
      ),
    );
  });
});
