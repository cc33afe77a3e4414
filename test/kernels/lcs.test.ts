/** Token LCS: every form and build against the twin, and the recorded lengths. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lcsLength } from "../reference/lcs.ts";
import { builds, columnOf, golden, idsOf, parameters, randomFrom, sequences } from "./builds.ts";

describe.each(builds)("$name", ({ kernels }) => {
  test("pair and prepared forms equal the twin", () => {
    fc.assert(
      fc.property(sequences, ({ a, b }) => {
        const expected = lcsLength([...a], [...b]);
        expect(kernels.lcsLength(a, b)).toBe(expected);
        expect(kernels.lcsLength(b, a)).toBe(expected);
        const query = kernels.query(a);
        try {
          expect(query.lcsLength(b)).toBe(expected);
        } finally {
          query.release();
        }
      }),
      parameters(300),
    );
  });

  test("a column gives the twin's lengths, and 0 exactly below the needed length", () => {
    fc.assert(
      fc.property(sequences, fc.array(sequences, { maxLength: 4 }), fc.option(fc.nat(300)), ({ a, b }, others, free) => {
        const candidates = [b, new Uint32Array(0), a, ...others.map((other) => other.b)];
        const expected = candidates.map((candidate) => lcsLength([...a], [...candidate]));
        // Without a free value, the first candidate's own length: just reached, where an early exit would be wrong.
        const needed = free ?? expected[0]!;
        kernels.clear();
        const { flat, offsets } = columnOf(candidates);
        const column = kernels.column(flat, offsets);
        const query = kernels.query(a);
        try {
          expect([...query.lcsLengths(column)]).toEqual(expected);
          expect([...query.lcsLengths(column, needed)]).toEqual(expected.map((length) => (length < needed ? 0 : length)));
        } finally {
          query.release();
        }
      }),
      parameters(100),
    );
  });

  test("long sequences: 4,096 against 3,000 ids", () => {
    const random = randomFrom(5);
    for (const alphabet of [2, 60, 3_000]) {
      const a = Uint32Array.from({ length: 4_096 }, () => Math.floor(random() * alphabet));
      const b = Uint32Array.from({ length: 3_000 }, () => Math.floor(random() * alphabet));
      const expected = lcsLength([...a], [...b]);
      expect(kernels.lcsLength(a, b)).toBe(expected);
      const query = kernels.query(a);
      try {
        expect(query.lcsLength(b)).toBe(expected);
      } finally {
        query.release();
      }
    }
  });

  test("a needed length that only the last elements bring is reached", () => {
    for (const length of [40, 64, 65, 252, 253, 300, 504, 505, 1_000]) {
      // Candidate and query share only their last 20 elements: every early bound is as tight as it can be.
      const a = Uint32Array.from({ length }, (_, i) => i);
      const b = Uint32Array.from({ length }, (_, i) => (i < length - 20 ? 2_000 + i : i));
      kernels.clear();
      const { flat, offsets } = columnOf([b]);
      const column = kernels.column(flat, offsets);
      const query = kernels.query(a);
      try {
        expect([...query.lcsLengths(column, 20)]).toEqual([20]);
        expect([...query.lcsLengths(column, 21)]).toEqual([0]);
      } finally {
        query.release();
      }
    }
  });

  test("query ids past the limit match nothing; candidate ids past it are refused", () => {
    const limit = kernels.idLimit;
    const query = kernels.query(Uint32Array.of(7, 0xffffffff, limit, 9));
    try {
      expect(query.lcsLength(Uint32Array.of(7, 8, 9))).toBe(2);
      expect(() => query.lcsLength(Uint32Array.of(limit))).toThrow(RangeError);
    } finally {
      query.release();
    }
  });

  test("the recorded lengths", () => {
    const { cases } = golden<{ cases: { input: { pattern_data: string[][]; stm: string[][] }; lcs_length: number }[] }>("matching");
    expect(cases.length).toBe(480);
    for (const { input, lcs_length } of cases) {
      const { a, b } = idsOf(input.pattern_data.flat(), input.stm.flat());
      expect(kernels.lcsLength(a, b)).toBe(lcs_length);
    }
  });
});
