/** Predictions as text: the same values as the objects, and floats that a Python client reads as floats. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FuturePotential, OneSymbolPrediction, Prediction } from "../../../src/engine-types.ts";
import { configText, emotivesText, float, offsetDate, pairsText, sessionDate } from "../../../src/http/json-text.ts";
import { answerChunks, predictionChunks } from "../../../src/http/prediction-json.ts";
import { SESSION_DEFAULTS } from "../../../src/model/session-config.ts";

const seed = process.env.FC_SEED;
const RUNS = { numRuns: 200, ...(seed !== undefined && { seed: Number(seed) }) };

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer().map((value) => value),
  fc.constantFrom(0, -0, 1, -1, 1e21, -1e21, 1e20, 5e-324, Number.MAX_VALUE, 2 ** 53),
);
const symbol = fc.string({ unit: "binary", maxLength: 6 });
const symbols = fc.array(symbol, { maxLength: 4 });
const events = fc.array(symbols, { maxLength: 3 });
const emotives = fc
  .uniqueArray(fc.tuple(fc.oneof(symbol, fc.constantFrom("__proto__", "constructor", "10", "2")), number), {
    selector: ([name]) => name,
    maxLength: 4,
  })
  .map((pairs) => pairs as [string, number][]);
const anomalies = fc.array(fc.record({ observed: symbol, expected: symbol, similarity: number }), { maxLength: 2 });
const weighted = fc.oneof(number, fc.constant(null));
const WEIGHTED = { weighted_similarity: weighted, weighted_evidence: weighted, weighted_confidence: weighted, weighted_snr: weighted };
const RATIOS = {
  evidence: number,
  confidence: number,
  similarity: number,
  fragmentation: number,
  snr: number,
  potential: number,
};

const general: fc.Arbitrary<Prediction> = fc.record({
  type: fc.constant("prototypical" as const),
  name: fc.string(),
  frequency: fc.nat(),
  emotives,
  matches: symbols,
  past: events,
  present: events,
  future: events,
  missing: events,
  extras: events,
  anomalies,
  sequence: events,
  ...RATIOS,
  confluence: number,
  predictive_information: number,
  entropy: number,
  normalized_entropy: number,
  global_normalized_entropy: number,
  itfdf_similarity: number,
  tfidf_score: number,
  pattern_probability: number,
  weighted_strength: number,
  bayesian_posterior: number,
  bayesian_prior: number,
  bayesian_likelihood: number,
  ...WEIGHTED,
});
const oneSymbol: fc.Arbitrary<OneSymbolPrediction> = fc.record({
  name: fc.string(),
  frequency: fc.nat(),
  emotives,
  pattern_data: events,
  length: fc.nat(),
  matches: symbols,
  past: symbols,
  present: symbols,
  future: symbols,
  missing: symbols,
  extras: symbols,
  anomalies,
  ...RATIOS,
  ...WEIGHTED,
});
const potential: fc.Arbitrary<FuturePotential> = fc.record({
  future: events,
  aggregate_potential: number,
  supporting_patterns: fc.nat(),
  total_weighted_frequency: number,
});

/** What JSON.parse should give: emotives as an object in which every name is an own key. */
const asParsed = (prediction: Prediction | OneSymbolPrediction) => ({ ...prediction, emotives: own(prediction.emotives) });
function own(pairs: readonly (readonly [string, number])[]): object {
  const record = {};
  for (const [name, value] of pairs) {
    Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return record;
}

const INTEGER_FIELDS = new Set(["frequency", "length", "supporting_patterns"]);
/** Texts of all numbers outside strings, each with the key before it. */
function numberTexts(json: string): [key: string, text: string][] {
  const found: [string, string][] = [];
  let key = "";
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*/g)) {
    if (token.startsWith('"')) key = JSON.parse(token);
    else found.push([key, token]);
  }
  return found;
}

describe("predictions as JSON", () => {
  it("reads back as the same values, every float with a point or an exponent", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(general, oneSymbol), { maxLength: 3 }),
        fc.array(potential, { maxLength: 2 }),
        (list, futurePotentials) => {
          const text = [...answerChunks('{"length":1,', { predictions: list as Prediction[], futurePotentials }, ',"frequency":2}')].join(
            "",
          );
          expect(JSON.parse(text)).toEqual({
            length: 1,
            predictions: list.map(asParsed),
            future_potentials: futurePotentials,
            frequency: 2,
          });
          const floats = numberTexts(text).filter(([key]) => !INTEGER_FIELDS.has(key));
          for (const [key, written] of floats) expect(`${key} ${written}`).toMatch(/[.e]/);
          expect(floats.length).toBeGreaterThanOrEqual(list.length * Object.keys(RATIOS).length);
        },
      ),
      RUNS,
    );
  });

  it("writes the fields in the order of the wire", () => {
    const [prediction] = fc.sample(general, 1);
    const [text] = [...predictionChunks("{", [prediction!], "}")];
    expect(Object.keys(JSON.parse(text!).predictions[0])).toEqual([
      ..."type name frequency emotives matches past present future missing extras anomalies sequence evidence confidence".split(" "),
      ..."similarity fragmentation snr confluence potential predictive_information entropy normalized_entropy".split(" "),
      ..."global_normalized_entropy itfdf_similarity tfidf_score pattern_probability weighted_strength".split(" "),
      ..."bayesian_posterior bayesian_prior bayesian_likelihood".split(" "),
      ..."weighted_similarity weighted_evidence weighted_confidence weighted_snr".split(" "),
    ]);
  });

  it("comes in several chunks when it is large, and they join to the whole", () => {
    const [sample] = fc.sample(general, 1);
    const large = { ...sample!, matches: new Array(20_000).fill("symbol") };
    const chunks = [...answerChunks("{", { predictions: new Array(9).fill(large), futurePotentials: [] }, "}")];
    expect(chunks.length).toBeGreaterThan(3);
    expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThan(800_000);
    expect(JSON.parse(chunks.join("")).predictions).toHaveLength(9);
  });

  it("refuses a number that JSON has no words for", () => {
    const [sample] = fc.sample(general, 1);
    for (const entropy of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(() => [...predictionChunks("{", [{ ...sample!, entropy }], "}")]).toThrow(/no place in JSON/);
    }
  });
});

describe("pieces of JSON text", () => {
  it("writes floats", () => {
    expect([0, -0, 1, -3, 0.1, 1e-7, 1e20, 1e21, 2 ** 53].map(float)).toEqual([
      "0.0",
      "-0.0",
      "1.0",
      "-3.0",
      "0.1",
      "1e-7",
      "100000000000000000000.0",
      "1e+21",
      "9007199254740992.0",
    ]);
  });

  it("keeps the order of names and treats every name alike", () => {
    expect(emotivesText([])).toBe("{}");
    expect(
      emotivesText([
        ["z", 1],
        ["10", 2],
        ["__proto__", 0.5],
        ['a"b', -1],
      ]),
    ).toBe('{"z":1.0,"10":2.0,"__proto__":0.5,"a\\"b":-1.0}');
    expect(pairsText([["__proto__", ["x"]]])).toBe('{"__proto__":["x"]}');
  });

  it("writes settings with floats as floats", () => {
    const text = configText({ ...SESSION_DEFAULTS, recall_threshold: 1, ensemble: "ranked" });
    expect(text).toContain('"recall_threshold":1.0,');
    expect(text).toContain('"length_max_ratio":2.0,');
    expect(text).toContain('"persistence":5,');
    expect(JSON.parse(text)).toEqual({ ...SESSION_DEFAULTS, recall_threshold: 1, ensemble: "ranked" });
  });

  it("writes dates with microseconds", () => {
    const ms = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
    expect(sessionDate(ms)).toBe("2026-01-02T03:04:05.006000Z");
    expect(offsetDate(ms)).toBe("2026-01-02T03:04:05.006000+00:00");
  });
});
