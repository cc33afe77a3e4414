/** The lane kernels, eight candidates side by side: every build and the tuned twins of the benches against the reference, by place. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IntersectionTwin, intersectionsBySet } from "../../bench/twins/jaccard.ts";
import { TokenLcsTwin } from "../../bench/twins/token-lcs.ts";
import type { Kernels } from "../../src/kernels/index.ts";
import { jaccardCounts } from "../reference/jaccard.ts";
import { lcsLength } from "../reference/lcs.ts";
import { builds, columnOf, parameters, randomFrom } from "./builds.ts";

/** Around the group of 8, the word of 64, words of 63 bits by two and four, and slices of four words. */
const LENGTHS = [0, 1, 7, 8, 9, 40, 63, 64, 65, 126, 127, 189, 252, 253, 300, 505];
const QUERY_LENGTHS = [...LENGTHS, 600];

const inputs = fc
  .record({
    queryLength: fc.constantFrom(...QUERY_LENGTHS),
    lengths: fc.array(fc.oneof(fc.constantFrom(...LENGTHS), fc.nat(30)), { maxLength: 20 }),
    alphabet: fc.constantFrom(1, 2, 8, 60, 400, 3_000),
    seed: fc.nat(),
  })
  .map(({ queryLength, lengths, alphabet, seed }) => {
    const random = randomFrom(seed);
    const draw = (length: number): Uint32Array => Uint32Array.from({ length }, () => Math.floor(random() * alphabet));
    return { query: draw(queryLength), candidates: lengths.map(draw) };
  });

/** Runs `use` with the query open and the candidates laid in lanes; `order` tells which stands where. */
function withLanes<T>(
  kernels: Kernels,
  query: Uint32Array,
  candidates: readonly Uint32Array[],
  use: (opened: ReturnType<Kernels["query"]>, column: ReturnType<Kernels["laneColumn"]>) => T,
): T {
  kernels.clear();
  const { flat, offsets } = columnOf(candidates);
  const column = kernels.laneColumn(flat, offsets);
  const opened = kernels.query(query);
  try {
    return use(opened, column);
  } finally {
    opened.release();
  }
}

describe.each(builds)("$name", ({ kernels }) => {
  test("LCS lengths are the twin's, and with a cutoff 0 exactly below it", () => {
    fc.assert(
      fc.property(inputs, fc.constantFrom(0.01, 0.3, 0.5, 0.7, 0.9, 1), ({ query, candidates }, cutoff) => {
        withLanes(kernels, query, candidates, (opened, column) => {
          const placed = [...column.order].map((c) => candidates[c]!);
          const expected = placed.map((candidate) => lcsLength([...query], [...candidate]));
          expect([...opened.laneLcsLengths(column)]).toEqual(expected);
          const reaching = expected.map((length, place) => {
            const total = query.length + placed[place]!.length;
            return total > 0 && (2 * length) / total < cutoff - 1e-9 ? 0 : length;
          });
          expect([...opened.laneLcsLengths(column, cutoff)]).toEqual(reaching);
        });
        // An id that does not fit 16 bits: the column has no narrow copy.
        withLanes(kernels, query, [...candidates, Uint32Array.of(0xffff)], (opened, column) => {
          const placed = [...column.order].map((c) => candidates[c] ?? Uint32Array.of(0xffff));
          expect([...opened.laneLcsLengths(column)]).toEqual(placed.map((candidate) => lcsLength([...query], [...candidate])));
        });
      }),
      parameters(150),
    );
  });

  test("places ascend by length, and a query id past the limit matches nothing, padding least of all", () => {
    const limit = kernels.idLimit;
    const candidates = [Uint32Array.of(5, 6, 7), Uint32Array.of(9), new Uint32Array(0), Uint32Array.of(7, 9)];
    withLanes(kernels, Uint32Array.of(limit, 9, limit, 0xffffffff, 7), candidates, (opened, column) => {
      expect([...column.order]).toEqual([2, 1, 3, 0]);
      expect([...opened.laneLcsLengths(column)]).toEqual([0, 1, 1, 1]);
      expect([...opened.laneIntersectionCounts(column)]).toEqual([0, 1, 2, 1]);
    });
    expect(() => kernels.laneColumn(Uint32Array.of(limit), Uint32Array.of(0, 1))).toThrow(RangeError);
    expect(() => kernels.laneColumn(new Uint32Array(65_536), Uint32Array.of(0, 65_536))).toThrow(RangeError);
  });

  test("the greatest lane id of 16 bits is found", () => {
    withLanes(kernels, Uint32Array.of(0xfffe, 0), [Uint32Array.of(0xfffe), Uint32Array.of(0, 0xfffe, 0)], (opened, column) => {
      expect([...opened.laneLcsLengths(column)]).toEqual([1, 2]);
    });
  });

  test("many queries at once: eights, what is left over and long ones, each query once and by its number", () => {
    const lengths = fc.array(fc.oneof(fc.constantFrom(0, 1, 63, 64, 65, 130), fc.nat(64)), { maxLength: 20 });
    fc.assert(
      fc.property(inputs, lengths, fc.boolean(), fc.nat(), ({ candidates, query }, queryLengths, isNarrow, seed) => {
        kernels.clear();
        const all = isNarrow ? candidates : [...candidates, Uint32Array.of(0xffff)];
        const { flat, offsets } = columnOf(all);
        const column = kernels.laneColumn(flat, offsets);
        const random = randomFrom(seed);
        const pool = [...query, ...flat, kernels.idLimit, 0xffffffff];
        const queries = queryLengths.map((length) => Uint32Array.from({ length }, () => pool[Math.floor(random() * pool.length)]!));
        const found: number[][] = [];
        kernels.eachLaneLcsLengths(queries, column, (values, at) => {
          expect(found[at]).toBeUndefined();
          found[at] = [...values];
        });
        const placed = [...column.order].map((c) => [...all[c]!]);
        const known = (id: number): boolean => id < kernels.idLimit;
        expect(found).toEqual(queries.map((ids) => placed.map((candidate) => lcsLength([...ids].filter(known), candidate))));
      }),
      parameters(100),
    );
  });

  test("of a batch too, nothing stays behind when its user throws, and nothing else may be opened meanwhile", () => {
    kernels.clear();
    const column = kernels.laneColumn(Uint32Array.of(5, 6, 7), Uint32Array.of(0, 3));
    const queries = Array.from({ length: 8 }, (_, q) => Uint32Array.of(5 + (q % 3)));
    expect(() => kernels.eachLaneLcsLengths(queries, column, () => void kernels.query(Uint32Array.of(1)))).toThrow("a query is open");
    const opened = kernels.query(Uint32Array.of(9, 7));
    expect(() => kernels.eachLaneLcsLengths(queries, column, () => undefined)).toThrow("a query is open");
    expect([...opened.laneLcsLengths(column)]).toEqual([1]);
    opened.release();
  });

  test("intersections equal the twin's, with repeats and without", () => {
    fc.assert(
      fc.property(inputs, fc.boolean(), ({ query, candidates: drawn }, areSets) => {
        const candidates = areSets ? drawn.map((ids) => Uint32Array.from(new Set(ids))) : drawn;
        withLanes(kernels, query, candidates, (opened, column) => {
          const expected = [...column.order].map((c) => jaccardCounts([...query], [...candidates[c]!]).intersection);
          expect([...opened.laneIntersectionCounts(column)]).toEqual(expected);
          // Nothing of the query stays behind.
          expect([...opened.laneIntersectionCounts(column)]).toEqual(expected);
        });
      }),
      parameters(150),
    );
  });

  test("all equal, and 4,096 ids against 4,096", () => {
    const equal = (length: number): Uint32Array => new Uint32Array(length).fill(3);
    const random = randomFrom(8);
    const long = Uint32Array.from({ length: 4_096 }, () => Math.floor(random() * 900));
    const half = long.map((id, i) => (i % 2 === 0 ? id : 1_000 + (id % 7)));
    withLanes(kernels, equal(100), [equal(64), equal(200), equal(1)], (opened, column) => {
      expect([...opened.laneLcsLengths(column, 0.5)]).toEqual([0, 64, 100]);
    });
    withLanes(kernels, long, [half, long, equal(9)], (opened, column) => {
      const expected = [equal(9), half, long].map((candidate) => lcsLength([...long], [...candidate]));
      expect([...opened.laneLcsLengths(column)]).toEqual(expected);
      expect([...opened.laneLcsLengths(column, 0.9)]).toEqual([0, 0, 4_096]);
    });
  });
});

test("the tuned twins compute the same", () => {
  const lcs = new TokenLcsTwin(4_096);
  const intersection = new IntersectionTwin(4_096);
  fc.assert(
    fc.property(inputs, ({ query, candidates }) => {
      const { flat, offsets } = columnOf(candidates);
      const out = new Uint32Array(candidates.length);
      lcs.prepare(query);
      lcs.lengthsInto(flat, offsets, out);
      expect([...out]).toEqual(candidates.map((candidate) => lcsLength([...query], [...candidate])));
      const few = query.subarray(0, 64);
      intersection.prepare(few);
      intersection.countsInto(flat, offsets, out);
      expect([...out]).toEqual(candidates.map((candidate) => jaccardCounts([...few], [...candidate]).intersection));
      const sets = candidates.map((candidate) => Uint32Array.from(new Set(candidate)));
      const column = columnOf(sets);
      intersection.countsOfSetsInto(column.flat, column.offsets, out);
      const expected = sets.map((set) => jaccardCounts([...few], [...set]).intersection);
      expect([...out]).toEqual(expected);
      intersectionsBySet(
        new Set(few),
        sets.map((set) => [...set]),
        out,
      );
      expect([...out]).toEqual(expected);
    }),
    parameters(100),
  );
  expect(() => intersection.prepare(Uint32Array.from({ length: 65 }, (_, i) => i))).toThrow(RangeError);
});
