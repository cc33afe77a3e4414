import { describe, expect, it } from "vitest";
import type { Match } from "../../../src/eval/matches.ts";
import { trainingSetOf } from "../../../src/eval/training-set.ts";
import { ballotOf, castVotes, EVIDENCE, ranked, VOTERS } from "../../../src/eval/vote.ts";

const [A, B, C, D, E] = [0, 1, 2, 3, 4];
const training = trainingSetOf([Uint32Array.of(A, B, C), Uint32Array.of(B, D), Uint32Array.of(D, E)], 6);
const shown = Uint32Array.of(A, B);
const matches: Match[] = [
  { row: 0, symbols: Uint32Array.of(A, B, C), similarity: 4 / 5, blocks: Uint32Array.of(0, 0, 2) },
  { row: 1, symbols: Uint32Array.of(B, D), similarity: 2 / 4, blocks: Uint32Array.of(0, 1, 1) },
];
const RARITY_A = Math.log(3 / 1);
const RARITY_B = Math.log(3 / 2);
const pointsOf = (points: Float64Array, symbol: number): Record<string, number> =>
  Object.fromEntries(VOTERS.map((voter, index) => [voter, points[symbol * VOTERS.length + index]!]));
const close = (expected: Record<string, number>) =>
  Object.fromEntries(Object.entries(expected).map(([key, value]) => [key, expect.closeTo(value, 12)]));

describe("the counts of a training set", () => {
  it("are of its patterns", () => {
    expect([...training.rarity]).toEqual([RARITY_A, RARITY_B, RARITY_A, RARITY_B, RARITY_A, 0].map((value) => expect.closeTo(value, 12)));
    // Followers: b, c, d, e; half a count for each of six symbols on top.
    expect([...training.logPrior]).toEqual([0.5, 1.5, 1.5, 1.5, 1.5, 0.5].map((count) => expect.closeTo(Math.log(count / 7), 12)));
    expect(() => trainingSetOf([new Uint32Array(4_097)], 1)).toThrow("4097 symbols");
  });
});

describe("the voters", () => {
  const points = castVotes(shown, training, matches);

  it("give what their rules say", () => {
    expect(pointsOf(points, C)).toEqual(
      close({
        aligned: (RARITY_A / 2 + RARITY_B) ** 3 / 3,
        // Behind a (one window symbol is behind it) and behind b, both exactly where it should stand.
        near: 1 / 2 / 3 + 1 / 3,
        informed: RARITY_A ** 3 + (RARITY_A + RARITY_B) ** 3,
        similar: 0.8 ** 2,
        run: 4,
      }),
    );
    expect(pointsOf(points, D)).toEqual(close({ aligned: RARITY_B ** 3 / 2, near: 1 / 2, informed: RARITY_B ** 3, similar: 0.25, run: 1 }));
    // b stands behind a, one place before where the symbol after the window would.
    expect(pointsOf(points, B)).toEqual(close({ aligned: 0, near: 1 / 2 / 2 / 3, informed: RARITY_A ** 3 / 2, similar: 0, run: 0 }));
    expect(pointsOf(points, E)).toEqual({ aligned: 0, near: 0, informed: 0, similar: 0, run: 0 });
  });

  it("leave out the pattern that is asked about", () => {
    const without = castVotes(shown, training, matches, 0);
    expect(pointsOf(without, C)).toEqual({ aligned: 0, near: 0, informed: 0, similar: 0, run: 0 });
    expect(pointsOf(without, D)).toEqual(pointsOf(points, D));
  });

  it("count agreeing context up to eight symbols, whatever stands before it", () => {
    const window = Uint32Array.from({ length: 20 }, () => A);
    const run = (context: number): number => {
      const symbols = Uint32Array.from([B, ...Array.from({ length: context }, () => A), C]);
      return pointsOf(castVotes(window, training, [{ row: 0, symbols, similarity: 0.5, blocks: Uint32Array.of(1, 0, context) }]), C).run!;
    };
    expect(run(1)).toBe(1);
    expect(run(2)).toBe(4 + 1 / 2);
    // Each a is an occurrence of the window's last symbol: the k-th has a context of k, and the c is context - k + 1 behind it.
    const expected = [1, 4, 16, 64, 256, 1024, 4096, 16384, 16384, 16384].map((points, at) => points / (10 - at));
    expect(run(10)).toBeCloseTo(
      expected.reduce((a, b) => a + b),
      6,
    );
  });
});

describe("a ballot", () => {
  const points = castVotes(shown, training, matches);
  const ballot = ballotOf(points, shown, training);

  it("holds the symbols that got points, with the logarithms of their shares", () => {
    expect([...ballot.candidates]).toEqual([C, D, B]);
    const row = (index: number) => [...ballot.evidence.slice(index * EVIDENCE.length, (index + 1) * EVIDENCE.length)];
    const prior = 1.5 / 7;
    expect(row(0)[3]).toBeCloseTo(Math.log(0.95 * (0.64 / 0.89) + 0.05 * prior), 12);
    expect(row(0)[5]).toBeCloseTo(Math.log(prior), 12);
    expect(row(2)[4]).toBeCloseTo(Math.log(0.05 * prior), 12);
    expect(ballot.candidates.map((_, index) => row(index)[6]!)).toEqual(Uint32Array.of(0, 0, 1));
  });

  it("is ranked by weighted evidence, ties to the smaller id", () => {
    const only = (kind: (typeof EVIDENCE)[number], weight: number) => Float64Array.from(EVIDENCE, (each) => (each === kind ? weight : 0));
    expect(ranked(ballot, only("run", 1), 3)).toEqual([C, D, B]);
    expect(ranked(ballot, only("run", -1), 3)).toEqual([B, D, C]);
    expect(ranked(ballot, only("seen", 1), 2)).toEqual([B, C]);
    expect(ranked(ballot, only("prior", 0), 10)).toEqual([B, C, D]);
  });

  it("is empty when nobody voted, and keeps the 150 with most support", () => {
    expect(ballotOf(castVotes(shown, training, []), shown, training).candidates).toHaveLength(0);
    const many = trainingSetOf([Uint32Array.from({ length: 200 }, (_, id) => id)], 200);
    const symbols = many.patterns[0]!;
    const cast = castVotes(Uint32Array.of(0), many, [{ row: 0, symbols, similarity: 2 / 201, blocks: Uint32Array.of(0, 0, 1) }]);
    // Support falls with the distance behind the match.
    expect([...ballotOf(cast, Uint32Array.of(0), many).candidates]).toEqual(Array.from({ length: 150 }, (_, at) => at + 1));
  });
});
