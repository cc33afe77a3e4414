/** Set intersection: every build, in a register and in scratch, against the twin. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jaccardCounts } from "../reference/jaccard.ts";
import { builds, columnOf, parameters, randomFrom } from "./builds.ts";

/** Query and candidate sizes around 64 classes, where the kernel changes its way, with repeats. */
const pairs = fc
  .tuple(fc.constantFrom(0, 1, 20, 62, 63, 64, 65, 127, 128, 500), fc.nat(200), fc.constantFrom(0.5, 1, 3), fc.nat())
  .map(([distinct, length, overlap, seed]) => {
    const random = randomFrom(seed);
    const range = Math.max(1, Math.ceil(distinct * overlap));
    const query = Uint32Array.from({ length: distinct + Math.floor(distinct / 4) }, (_, i) => (i < distinct ? i * 3 : (i % distinct) * 3));
    const candidate = Uint32Array.from({ length }, () => Math.floor(random() * range) * 3);
    return { query, candidate };
  });

describe.each(builds)("$name", ({ kernels }) => {
  test("intersections equal the twin", () => {
    fc.assert(
      fc.property(pairs, fc.array(pairs, { maxLength: 3 }), ({ query, candidate }, others) => {
        const candidates = [candidate, new Uint32Array(0), query, ...others.map((other) => other.candidate)];
        const expected = candidates.map((ids) => jaccardCounts([...query], [...ids]).intersection);
        expect(kernels.intersectionCount(query, candidate)).toBe(expected[0]);
        kernels.clear();
        const { flat, offsets } = columnOf(candidates);
        const column = kernels.column(flat, offsets);
        const sets = kernels.setColumn(flat, offsets);
        const prepared = kernels.query(query);
        try {
          expect([...prepared.intersectionCounts(column)]).toEqual(expected);
          expect([...prepared.sharedCounts(sets)]).toEqual(expected);
        } finally {
          prepared.release();
        }
      }),
      parameters(300),
    );
  });

  test("ids that no set has, or that no query may have, are shared by none", () => {
    kernels.clear();
    const sets = kernels.setColumn(Uint32Array.of(5, 9, 5, 7), Uint32Array.of(0, 3, 3, 4));
    const none = kernels.setColumn(new Uint32Array(0), Uint32Array.of(0, 0));
    const prepared = kernels.query(Uint32Array.of(9, kernels.idLimit - 1, 10, 5, kernels.idLimit, 0xffffffff));
    try {
      expect([...prepared.sharedCounts(sets)]).toEqual([2, 0, 0]);
      expect([...prepared.sharedCounts(none)]).toEqual([0]);
    } finally {
      prepared.release();
    }
    expect(() => kernels.setColumn(Uint32Array.of(kernels.idLimit), Uint32Array.of(0, 1))).toThrow(RangeError);
  });
});
