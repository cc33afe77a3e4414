/** Metric functions one by one, and every metric of every prediction over small kbs: the aggregate and the reference twin against records. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { Futures, futureText } from "../../../src/aggregate/future-potentials.ts";
import {
  classicExpectation,
  conditionalProbability,
  countSymbols,
  expectation,
  globalNormalizedEntropy,
  normalizedEntropy,
} from "../../../src/aggregate/metrics.ts";
import { aggregate } from "../../../src/aggregate/predict-aggregate.ts";
import { TimeSlices } from "../../../src/aggregate/time-slices.ts";
import { averageEmotives } from "../../../src/model/emotives.ts";
import { accumulateMetadata } from "../../../src/model/metadata.ts";
import { brutePredict } from "../../reference/brute.ts";
import { type BruteKb, type BruteLearn, bruteKb } from "../../reference/brute-kb.ts";
import { difference, golden } from "../../reference/golden.ts";
import { inputOf } from "./inputs.ts";

type Events = string[][];
type Probabilities = Record<string, number>;
interface Forecast {
  name: string;
  similarity: number;
  frequency: number;
  future: Events;
}

const of = (probabilities: Probabilities) => (symbol: string) => probabilities[symbol] ?? 0;

/** Every recorded function by the function of src that computes it. */
const FUNCTIONS: Record<string, (...args: never[]) => unknown> = {
  average_emotives: (records: Probabilities[]) => Object.fromEntries(averageEmotives(records.map((record) => Object.entries(record)))),
  accumulate_metadata: (observed: Record<string, unknown>[]) => Object.fromEntries(accumulateMetadata(observed)),
  classic_expectation: classicExpectation,
  expectation,
  normalized_entropy: (symbols: string[], base: number) => normalizedEntropy(countSymbols(symbols), symbols.length, base),
  global_normalized_entropy: (symbols: string[], probabilities: Probabilities, base: number) =>
    globalNormalizedEntropy(new Set(symbols), of(probabilities), base),
  conditional_probability: (symbols: string[], probabilities: Probabilities) => conditionalProbability(symbols, of(probabilities)),
  future_key: (future: Events) => createHash("sha1").update(futureText(future)).digest("hex"),
  ensemble_predictive_information: async (forecasts: Forecast[]) => {
    const total = forecasts.reduce((sum, { frequency }) => sum + frequency, 0);
    const futures = new Futures();
    const groups = forecasts.map(({ future, frequency, similarity }) => futures.add(future, frequency, similarity));
    const predictions = forecasts.map(({ name, frequency, similarity }, i) => {
      // KATO leaves the two shares unset when the sum is 0; a prediction's frequency is at least 1, so it never is.
      const share = total === 0 ? null : frequency / total;
      const weighted_strength = share === null ? null : similarity * share;
      return {
        name,
        pattern_probability: share,
        weighted_strength,
        predictive_information: futures.predictiveInformation(groups[i], weighted_strength ?? 0),
      };
    });
    return { predictions, future_potentials: await futures.potentials(await TimeSlices.begin()) };
  },
};

test("172 recorded calls of metric functions", async () => {
  const cases = golden<{ function: string; args: never[]; result: unknown }>("metric_functions");
  expect(cases.length).toBe(172);
  for (const { function: name, args, result } of cases) {
    const got = await FUNCTIONS[name]!(...args);
    const potentials = (value: unknown): unknown => (value as { future_potentials?: unknown }).future_potentials;
    if (potentials(result) === undefined) expect(difference(result, got), `${name} ${JSON.stringify(args)}`).toBe("");
    else {
      expect(difference((result as { predictions: unknown }).predictions, (got as { predictions: unknown }).predictions)).toBe("");
      expect(difference(inOrder(potentials(result)), inOrder(potentials(got)))).toBe("");
    }
  }
});

/** Recorded future potentials are ordered by potential (nine decimals), then by their text; here the text is JavaScript's. */
function inOrder(potentials: unknown): unknown {
  const list = potentials as { aggregate_potential: number; future: Events }[];
  const nine = (value: number): number => Math.round(value * 1e9);
  return [...list].sort(
    (a, b) => nine(b.aggregate_potential) - nine(a.aggregate_potential) || (JSON.stringify(a.future) < JSON.stringify(b.future) ? -1 : 1),
  );
}

interface KbCase {
  learned: { pattern_data: Events; times: number; emotives: Probabilities | null; name: string }[];
  finalized: boolean;
  stm: Events;
  config: { recall_threshold: number; affinity_emotive?: string | null };
  kb: { totals: Record<string, number>; symbols: Record<string, { frequency: number; pattern_member_frequency: number }> };
  affinity: Record<string, Probabilities>;
  predictions: { name: string; potential: number }[];
  future_potentials: { future: Events; aggregate_potential: number }[];
}

function kbOf({ learned, finalized }: KbCase): BruteKb {
  const learns = learned.flatMap(({ pattern_data, times, emotives }): BruteLearn[] =>
    new Array(times).fill({ events: pattern_data, emotives: emotives === null ? [] : [Object.entries(emotives)] }),
  );
  return bruteKb(learns, finalized ? { finalizedAfter: learns.length } : {});
}

test("108 recorded kbs: counters, all metrics, future potentials", async () => {
  const cases = golden<KbCase>("kb_metrics");
  expect(cases.length).toBe(108);
  expect(cases.filter(({ finalized }) => finalized).length).toBe(37);
  for (const entry of cases) {
    const kb = kbOf(entry);
    expect(kb.patterns.map(({ name }) => name)).toEqual([...new Set(entry.learned.map(({ name }) => name))]);
    expect(difference(entry.kb.totals, kb.totals)).toBe("");
    for (const [symbol, recorded] of Object.entries(entry.kb.symbols)) {
      const counters = kb.symbols.get(symbol)!;
      expect([counters.frequency, counters.patternMemberFrequency]).toEqual([recorded.frequency, recorded.pattern_member_frequency]);
      expect(difference(entry.affinity[symbol] ?? {}, Object.fromEntries(counters.affinity))).toBe("");
    }

    const { affinity_emotive, recall_threshold } = entry.config;
    const config = { recall_threshold, max_predictions: 1_000, ...(affinity_emotive ? { affinity_emotive } : {}) };
    const ours = await aggregate(inputOf(kb, entry.stm, config), await TimeSlices.begin());
    const brute = brutePredict({ kb, stm: entry.stm, config });
    // Where two predictions tie, the recorded order is by name.
    for (const { predictions, futurePotentials } of [ours, brute]) {
      expect(difference(entry.predictions, predictions)).toBe("");
      expect(difference(inOrder(entry.future_potentials), inOrder(futurePotentials))).toBe("");
    }
    expect(ours.cut).toBe(0);
  }
});
