import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { EngineError } from "../../../src/errors.ts";
import { nearestVectors, sumVectors, vectorSymbol } from "../../../src/model/vector.ts";
import { vectorText } from "../../../src/model/vector-text.ts";
import { golden, runs } from "../../reference/golden.ts";

test("text and symbol of the recorded vectors", () => {
  const cases = golden<{ vectors: number[][]; sum_text: string; symbol: string }>("vectors");
  expect(cases.length).toBe(49);
  for (const { vectors, sum_text, symbol } of cases) {
    // JSON knows no -0; the one recorded case that needs it says so in its text.
    const sum = sumVectors(vectors);
    const values = sum_text.startsWith("[-0. ") ? sum.map((value, i) => (i === 0 ? -0 : value)) : sum;
    expect(vectorText(values)).toBe(sum_text);
    expect(vectorSymbol(values)).toBe(symbol);
  }
});

test("printed forms that the recorded vectors do not reach", () => {
  const texts: readonly [number[], string][] = [
    [[], "[]"],
    // Exactly between two eight-digit numbers: to the even digit, up and down.
    [[1 / 512], "[0.00195312]"],
    [[3 / 512], "[0.00585938]"],
    [[0.999999999], "[1.]"],
    [[9.9999999999e9, 1], "[1.e+10 1.e+00]"],
    [[-1e-5, 0], "[-1.e-05  0.e+00]"],
    [[5e-324], "[5.e-324]"],
    [[1.7976931348623157e308, 1], "[1.79769313e+308 1.00000000e+000]"],
    [[0.1, 100.1], "[1.000e-01 1.001e+02]"],
    [[0.1, 100], "[  0.1 100. ]"],
  ];
  for (const [values, text] of texts) expect(vectorText(values)).toBe(text);
});

test("a printed number is the nearest with its digits", () => {
  const value = fc.double({ min: 1e-4, max: 1e8, noNaN: true, maxExcluded: true });
  fc.assert(
    fc.property(value, (number) => {
      const printed = Number(vectorText([number]).slice(1, -1));
      expect(Math.abs(printed - number)).toBeLessThanOrEqual(5e-9 * (1 + Number.EPSILON) + number * Number.EPSILON);
    }),
    runs(500),
  );
});

test("vectors of one observation are added up", () => {
  expect(sumVectors([[1, 2]])).toEqual([1, 2]);
  expect(
    sumVectors([
      [1, 2],
      [3, 4],
      [10, 20],
    ]),
  ).toEqual([14, 26]);
  expect(sumVectors([[1], [1, 2, 3]])).toEqual([2, 3, 4]);
  expect(sumVectors([[1, 2, 3], [1]])).toEqual([2, 3, 4]);
  for (const bad of [
    [
      [1, 2],
      [1, 2, 3],
    ],
    [[1e308], [1e308]],
    [],
  ]) {
    expect(() => sumVectors(bad)).toThrow(EngineError);
    expect(() => sumVectors(bad)).toThrow(expect.objectContaining({ code: "ENGRAM_VECTOR_SHAPE" }));
  }
});

test("a symbol is the hash of the text", () => {
  expect(vectorSymbol([4, 6])).toBe(`VCTR|${createHash("sha1").update("[4. 6.]").digest("hex")}`);
});

test("the nearest are those a full sort gives, ties to the earlier", () => {
  const point = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 2, maxLength: 2 });
  fc.assert(
    fc.property(point, fc.array(point, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), (query, points, count) => {
      const vectors = points.map((values, at) => ({ values, at }));
      const distance = ({ values }: { values: number[] }): number => Math.hypot(values[0]! - query[0]!, values[1]! - query[1]!);
      const sorted = [...vectors].sort((a, b) => distance(a) - distance(b) || a.at - b.at).slice(0, count);
      expect(nearestVectors(query, vectors, count)).toEqual(sorted);
    }),
    runs(300),
  );
});
