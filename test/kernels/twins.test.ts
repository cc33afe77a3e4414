/** The reference twins against the golden files: the kernels are judged by the twins, so the twins must be right first. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { matchingBlocks } from "../reference/blocks.ts";
import { jaccard } from "../reference/jaccard.ts";
import { lcsLength } from "../reference/lcs.ts";
import { agreement, equalBands, signature } from "../reference/minhash.ts";
import { indelRatio } from "../reference/ratio.ts";

function golden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../data/golden/${name}.json`, import.meta.url), "utf8")) as T;
}

test("lcsLength and matchingBlocks give the recorded values", () => {
  const { cases } = golden<{
    cases: { input: { pattern_data: string[][]; stm: string[][] }; lcs_length: number; matching_blocks: number[][] }[];
  }>("matching");
  expect(cases.length).toBe(480);
  for (const entry of cases) {
    const pattern = entry.input.pattern_data.flat();
    const state = entry.input.stm.flat();
    expect(lcsLength(pattern, state)).toBe(entry.lcs_length);
    expect(matchingBlocks(pattern, state)).toEqual(entry.matching_blocks.slice(0, -1));
  }
});

test("indelRatio gives the recorded values", () => {
  const { cases } = golden<{ cases: { a: string; b: string; ratio: number }[] }>("token_ratio");
  expect(cases.length).toBe(150);
  for (const { a, b, ratio } of cases) expect(Math.abs(indelRatio(a, b) - ratio)).toBeLessThanOrEqual(1e-9);
});

test("signature, agreement, equalBands and jaccard give the recorded values", () => {
  const { cases, pairs } = golden<{
    cases: { tokens: string[]; hashvalues: number[] }[];
    pairs: { i: number; j: number; jaccard: number; estimate: number; equal_bands: number[] }[];
  }>("minhash");
  expect(cases.length).toBe(50);
  expect(pairs.length).toBeGreaterThan(0);
  for (const { tokens, hashvalues } of cases) expect(signature(tokens)).toEqual(hashvalues);
  for (const pair of pairs) {
    const left = cases[pair.i]!;
    const right = cases[pair.j]!;
    expect(agreement(left.hashvalues, right.hashvalues) / 100).toBeCloseTo(pair.estimate, 12);
    expect(equalBands(left.hashvalues, right.hashvalues)).toEqual(pair.equal_bands);
    expect(jaccard(left.tokens, right.tokens)).toBeCloseTo(pair.jaccard, 12);
  }
});
