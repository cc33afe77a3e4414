/** Character ratio: every form and build against the twin, cutoffs on and beside the value, and the recorded ratios. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { codePointsOf } from "../../src/kernels/kernels.ts";
import { indelRatio } from "../reference/ratio.ts";
import { builds, columnOf, golden, parameters, texts } from "./builds.ts";

describe.each(builds)("$name", ({ kernels }) => {
  test("pair and prepared forms equal the twin, to the last bit", () => {
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        const expected = indelRatio(a, b);
        expect(kernels.indelRatio(a, b)).toBe(expected);
        const query = kernels.query(codePointsOf(a));
        try {
          expect(query.indelRatio(codePointsOf(b))).toBe(expected);
        } finally {
          query.release();
        }
      }),
      parameters(300),
    );
  });

  test("a column keeps exactly the candidates that reach the cutoff", () => {
    const cutoffs = fc.oneof(fc.constantFrom(0, 0.1, 0.5, 2 / 3, 0.8, 1, 1.5, -1), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(texts, fc.array(texts, { minLength: 1, maxLength: 8 }), cutoffs, fc.boolean(), (text, others, free, exact) => {
        const candidates = ["", text, ...others];
        const ratios = candidates.map((candidate) => indelRatio(text, candidate));
        // Half of the cutoffs are a ratio that occurs: inclusive comparison is where mistakes would show.
        const cutoff = exact ? ratios.at(-1)! : free;
        kernels.clear();
        const { flat, offsets } = columnOf(candidates.map(codePointsOf));
        const column = kernels.column(flat, offsets);
        const query = kernels.query(codePointsOf(text));
        try {
          const found = query.indelRatios(column, cutoff);
          const expected = ratios.map((ratio, index) => ({ ratio, index })).filter(({ ratio }) => ratio >= cutoff - 1e-9);
          expect([...found.indices]).toEqual(expected.map(({ index }) => index));
          expect([...found.ratios]).toEqual(expected.map(({ ratio }) => ratio));
        } finally {
          query.release();
        }
      }),
      parameters(300),
    );
  });

  test("the recorded ratios", () => {
    const { cases } = golden<{ cases: { a: string; b: string; ratio: number }[] }>("token_ratio");
    expect(cases.length).toBe(150);
    for (const { a, b, ratio } of cases) expect(Math.abs(kernels.indelRatio(a, b) - ratio)).toBeLessThanOrEqual(1e-9);
  });
});
