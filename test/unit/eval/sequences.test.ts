import { describe, expect, it } from "vitest";
import { EngineError } from "../../../src/errors.ts";
import { type Preparation, prepareSequences, readSequences, seededRandom, shuffle } from "../../../src/eval/sequences.ts";

const TEXT = "a a b\nshort\n\n c  c c \nd e f\ng h i j\n";
const preparation: Preparation = { min: 3, limit: 10, collapse: false, seed: 1 };
const texts = (given: Partial<Preparation>): string[] => {
  const { sequences, symbols } = prepareSequences(TEXT, { ...preparation, ...given });
  return sequences.map((sequence) => Array.from(sequence, (id) => symbols[id]).join(" ")).sort();
};

describe("sequences", () => {
  it("are kept from the file's start, by their length before runs are collapsed", () => {
    expect(texts({})).toEqual(["a a b", "c c c", "d e f", "g h i j"]);
    expect(texts({ limit: 2 })).toEqual(["a a b", "c c c"]);
    expect(texts({ min: 4 })).toEqual(["g h i j"]);
    expect(texts({ collapse: true, limit: 3 })).toEqual(["a b", "c", "d e f"]);
    expect(texts({ min: 0 })).toEqual(["a a b", "c c c", "d e f", "g h i j", "short"]);
  });

  it("come in an order that the seed decides", () => {
    const lines = Array.from({ length: 50 }, (_, i) => `x${i} y z`).join("\n");
    const order = (seed: number) => prepareSequences(lines, { ...preparation, limit: 100, seed });
    expect(order(4)).toEqual(order(4));
    expect(order(4).symbols).not.toEqual(order(5).symbols);
    expect(order(4).symbols.toSorted()).toEqual(order(5).symbols.toSorted());
  });

  it("are refused by name when the file cannot be read", () => {
    expect(() => readSequences("no/such/file.txt", preparation)).toThrow(EngineError);
    expect(() => readSequences("no/such/file.txt", preparation)).toThrow("no/such/file.txt");
  });
});

describe("the seeded shuffle", () => {
  it("keeps all items and puts each in each place about equally often", () => {
    const random = seededRandom(9);
    const counts = Array.from({ length: 4 }, () => [0, 0, 0, 0]);
    for (let round = 0; round < 4_000; round++) {
      for (const [place, item] of shuffle([0, 1, 2, 3], random).entries()) counts[item]![place]!++;
    }
    // 1,000 expected, deviation 27: six of them.
    for (const count of counts.flat()) expect(Math.abs(count - 1_000)).toBeLessThan(165);
  });
});
