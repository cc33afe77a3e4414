/** Matching blocks: every build and both algorithms (query of one word, longer query) against the twin, and the recorded blocks. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matchingBlocks } from "../reference/blocks.ts";
import { builds, columnOf, golden, idsOf, parameters, randomFrom, sequences } from "./builds.ts";

/** Short sequences over two to four ids: most blocks a pair, deep nesting, many ties. */
const tangled = fc
  .tuple(fc.integer({ min: 2, max: 4 }), fc.integer({ min: 0, max: 70 }), fc.integer({ min: 0, max: 90 }), fc.nat())
  .map(([alphabet, lengthA, lengthB, seed]) => {
    const random = randomFrom(seed);
    const draw = (length: number) => Uint32Array.from({ length }, () => Math.floor(random() * alphabet));
    return { a: draw(lengthA), b: draw(lengthB) };
  });

describe.each(builds)("$name", ({ kernels }) => {
  test("blocks equal the twin", () => {
    // The twin is cubic: long all-equal pairs are cut short here and have a test of their own.
    const bounded = sequences.map(({ a, b }) => ({ a: a.subarray(0, 140), b: b.subarray(0, 140) }));
    fc.assert(
      fc.property(fc.oneof(bounded, tangled), ({ a, b }) => {
        expect(kernels.matchingBlocks(a, b)).toEqual(matchingBlocks([...a], [...b]));
      }),
      parameters(500),
    );
  });

  test("a column gives the blocks of each candidate", () => {
    fc.assert(
      fc.property(tangled, fc.array(tangled, { maxLength: 4 }), ({ a, b }, others) => {
        const candidates = [a, new Uint32Array(0), b, ...others.map((other) => other.a)];
        kernels.clear();
        const { flat, offsets } = columnOf(candidates);
        const column = kernels.column(flat, offsets);
        const query = kernels.query(b);
        try {
          const found = query.matchingBlocksOf(column);
          const blocks = candidates.map((_, c) => [...found.blocks.subarray(found.starts[c]! * 3, found.starts[c + 1]! * 3)]);
          expect(blocks).toEqual(candidates.map((candidate) => matchingBlocks([...candidate], [...b]).flat()));
        } finally {
          query.release();
        }
      }),
      parameters(50),
    );
  });

  test("the recorded blocks", () => {
    const { cases } = golden<{ cases: { input: { pattern_data: string[][]; stm: string[][] }; matching_blocks: number[][] }[] }>(
      "matching",
    );
    expect(cases.length).toBe(480);
    for (const { input, matching_blocks } of cases) {
      const { a, b } = idsOf(input.pattern_data.flat(), input.stm.flat());
      expect(kernels.matchingBlocks(a, b)).toEqual(matching_blocks.slice(0, -1));
    }
  });

  test("unknown ids on both sides are not equal to each other", () => {
    expect(kernels.matchingBlocks(Uint32Array.of(1, 2, 3), Uint32Array.of(4, 0xffffffff, 3))).toEqual([[2, 2, 1]]);
    const state = new Uint32Array(70).fill(0xffffffff);
    state[69] = 3;
    expect(kernels.matchingBlocks(Uint32Array.of(1, 2, 3), state)).toEqual([[2, 69, 1]]);
  });

  test("repetitive inputs, where most pairs are equal, equal the twin", () => {
    const equal = (length: number): number[] => new Array<number>(length).fill(0);
    const periodic = (length: number, period: number): number[] => Array.from({ length }, (_, i) => i % period);
    // Runs of 1, 2, 3 … (or falling) with a stranger behind each: as many distinct lengths as fit.
    const staircase = (length: number, stranger: number, falling: boolean): number[] => {
      const top = Math.floor(Math.sqrt(2 * length));
      const runs = Array.from({ length: top }, (_, r) => [...equal(falling ? top - r : r + 1), stranger]);
      return runs.flat().slice(0, length);
    };
    const fibonacci = (length: number): number[] => {
      let [before, word] = [[0], [0, 1]];
      while (word.length < length) [before, word] = [word, [...word, ...before]];
      return word.slice(0, length);
    };
    const kinds = fc.oneof(
      fc.integer({ min: 1, max: 5 }).map((period) => (length: number) => periodic(length, period)),
      fc.boolean().map((falling) => (length: number) => staircase(length, falling ? 8 : 9, falling)),
      fc.constant(fibonacci),
    );
    const strangers = fc.array(fc.tuple(fc.nat(150), fc.integer({ min: 20, max: 22 })), { maxLength: 6 });
    const inputs = fc.tuple(kinds, fc.integer({ min: 60, max: 150 }), strangers).map(([kind, length, changes]) => {
      const ids = Uint32Array.from(kind(length));
      for (const [at, id] of changes) if (at < length) ids[at] = id;
      return ids;
    });
    fc.assert(
      fc.property(inputs, inputs, (pattern, state) => {
        expect(kernels.matchingBlocks(pattern, state)).toEqual(matchingBlocks([...pattern], [...state]));
      }),
      parameters(60),
    );
    // At the limits: every run of the longer one's end, one after the other.
    const long = Uint32Array.from(staircase(4_096, 9, true));
    const blocks = kernels.matchingBlocks(long, Uint32Array.from(staircase(16_384, 8, false)));
    expect(blocks[0]).toEqual([0, expect.any(Number), 90]);
    expect(blocks.every(([i, , size], n) => n === 0 || i >= blocks[n - 1]![0] + blocks[n - 1]![2] || size === 0)).toBe(true);
  });

  test("long worst cases end, with the right blocks", () => {
    const equal = (length: number) => new Uint32Array(length).fill(5);
    // All equal: one block from both starts on.
    expect(kernels.matchingBlocks(equal(4_096), equal(16_384))).toEqual([[0, 0, 4_096]]);
    expect(kernels.matchingBlocks(equal(4_096), equal(64))).toEqual([[0, 0, 64]]);
    // One stranger in the pattern: the longer part first, then what fits before it.
    const pattern = equal(1_000);
    pattern[300] = 6;
    expect(kernels.matchingBlocks(pattern, equal(900))).toEqual([[301, 0, 699]]);
    // Two ids alternating against the same shifted by one.
    const alternating = Uint32Array.from({ length: 800 }, (_, i) => i % 2);
    expect(kernels.matchingBlocks(alternating, alternating.subarray(1))).toEqual([[1, 0, 799]]);
    // A thousand blocks of one size: every run of two is followed by an id that the other side lacks.
    const twos = Uint32Array.from({ length: 3_000 }, (_, i) => (i % 3 === 2 ? 9 : i % 3));
    const state = twos.map((id) => (id === 9 ? 8 : id));
    expect(kernels.matchingBlocks(twos, state)).toEqual(Array.from({ length: 1_000 }, (_, n) => [3 * n, 3 * n, 2]));
  });
});
