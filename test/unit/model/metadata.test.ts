import { expect, test } from "vitest";
import { accumulateMetadata, pythonText } from "../../../src/model/metadata.ts";

test("values are written as Python's str writes them", () => {
  const texts: readonly [unknown, string][] = [
    ["it's", "it's"],
    ["", ""],
    [true, "True"],
    [false, "False"],
    [null, "None"],
    [1, "1"],
    [-0, "0"],
    [0.5, "0.5"],
    [1e20, "100000000000000000000"],
    [1e21, "1e+21"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [-1.5e-7, "-1.5e-07"],
    [2.5e-300, "2.5e-300"],
    [["a", 1, null, ["it's"]], `['a', 1, None, ["it's"]]`],
    [{ k: "v", n: { "it's": [true] } }, `{'k': 'v', 'n': {"it's": [True]}}`],
    [[], "[]"],
    [{}, "{}"],
  ];
  for (const [value, text] of texts) expect(pythonText(value)).toBe(text);
});

test("values gather per name, each text once, by code point", () => {
  const observed = [{ tag: "\u{10000}", n: 1 }, { tag: "\ue000", __proto__: null }, { n: "1" }, JSON.parse('{"__proto__": "kept"}')];
  expect(accumulateMetadata(observed)).toEqual([
    ["tag", ["\ue000", "\u{10000}"]],
    ["n", ["1"]],
    ["__proto__", ["kept"]],
  ]);
  expect(accumulateMetadata([])).toEqual([]);
});
