/** One pattern against one short-term memory: the alignment, and the reference twin, against 480 recorded cases. */
import { expect, test } from "vitest";
import { align, basicRatios, extrasOf } from "../../../src/aggregate/alignment.ts";
import { weightedRatios } from "../../../src/aggregate/metrics.ts";
import { matchingBlocks } from "../../reference/blocks.ts";
import { bruteMatch } from "../../reference/brute-match.ts";
import { difference, golden } from "../../reference/golden.ts";
import { partnersOf } from "./inputs.ts";

type Events = string[][];

interface Case {
  input: {
    pattern_data: Events;
    stm: Events;
    token_matching: boolean;
    recall_threshold: number;
    fuzzy_token_threshold: number;
    weights: Record<string, number> | null;
  };
  similarity: number;
  expected: {
    flat: {
      matches: string[];
      past: string[];
      present: string[];
      missing: string[];
      extras: string[];
      similarity: number;
      number_of_blocks: number;
      anomalies: object[];
    };
    prediction: { weighted_similarity: number | null };
  } | null;
}

const cases = golden<Case>("matching");

test("all 480 are there, rejected and matched", () => {
  expect(cases.length).toBe(480);
  expect(cases.filter(({ expected }) => expected === null).length).toBe(73);
});

test("the alignment gives the recorded fields and ratios", () => {
  for (const { input, expected } of cases) {
    if (expected === null) continue;
    const pattern = input.pattern_data.flat();
    const state = input.stm.flat();
    const partners = partnersOf(state, pattern, input.fuzzy_token_threshold);
    const { blockCount, flatExtrasCount, ...aligned } = align(input.pattern_data, state, matchingBlocks(pattern, state).flat(), partners);
    const present = aligned.present.flat();
    const { weights } = input;
    const weigh = (symbols: string[]): number => symbols.reduce((sum, symbol) => sum + (weights?.[symbol] ?? 0), 0);
    const weighted = weightedRatios({
      matches: weigh([...aligned.matches]),
      state: weigh(state),
      pattern: weigh(pattern),
      present: weigh(present),
      extras: 0,
    });
    const got = {
      ...aligned,
      extras: extrasOf(input.stm, aligned.present),
      ...basicRatios({ ...aligned, blockCount, flatExtrasCount }, pattern.length, present.length),
      similarity: expected.flat.similarity,
      weighted_similarity: weights === null ? null : weighted.weighted_similarity,
    };
    expect(difference(expected.prediction, got)).toBe("");
    expect(blockCount).toBe(expected.flat.number_of_blocks);
    expect(flatExtrasCount).toBe(expected.flat.extras.length);
    expect([...aligned.past, ...aligned.present, ...aligned.future]).toEqual(input.pattern_data);
  }
});

test("the reference twin gives the recorded fields, ratios and rejections", () => {
  for (const { input, expected, similarity } of cases) {
    const match = bruteMatch(input.pattern_data, input.stm, {
      tokenLevel: input.token_matching,
      recallThreshold: input.recall_threshold,
      fuzzy: input.fuzzy_token_threshold,
    });
    if (typeof match === "string") {
      expect(expected, match).toBeNull();
      continue;
    }
    expect(expected).not.toBeNull();
    const { weighted_similarity: _, ...prediction } = expected!.prediction;
    const { matches, past, present, missing, extras } = expected!.flat;
    const got = { ...match, matches: match.flat.matches };
    expect(difference({ ...prediction, similarity, flat: { matches, past, present, missing, extras } }, got)).toBe("");
    expect(match.blocks.length).toBe(expected!.flat.number_of_blocks);
  }
});
