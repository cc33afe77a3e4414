import { expect, it } from "vitest";
import { Corpus } from "../../../src/stress/corpus.ts";

const settings = { patterns: 20_000, seed: 3, vocabulary: 5_000 };

it("draws the same pattern for a number, alone or in a row, and another one for another seed", () => {
  const corpus = new Corpus(settings);
  const row = Array.from({ length: 100 }, (_, i) => corpus.pattern(i));
  expect(new Corpus(settings).pattern(57)).toEqual(row[57]);
  expect(new Corpus({ ...settings, seed: 4 }).pattern(57)).not.toEqual(row[57]);
  expect(new Corpus(settings).questions(50)).toEqual(corpus.questions(50));
});

it("has the lengths, the frequencies and the near-duplicates it says", () => {
  const corpus = new Corpus(settings);
  const patterns = Array.from({ length: settings.patterns }, (_, i) => corpus.pattern(i));
  const lengths = patterns.map((pattern) => pattern.length);
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  expect(mean).toBeGreaterThan(12);
  expect(mean).toBeLessThan(16);
  expect(Math.min(...lengths)).toBeGreaterThanOrEqual(2);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(60);
  const counts = new Map<string, number>();
  for (const symbol of patterns.flat()) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
  const all = lengths.reduce((sum, length) => sum + length, 0);
  // Zipf: the first symbol has ln 2 / ln V of all, the second ln 1.5 / ln V.
  expect(counts.get("w0")! / all).toBeCloseTo(Math.log(2) / Math.log(settings.vocabulary), 2);
  expect(counts.get("w1")! / all).toBeCloseTo(Math.log(1.5) / Math.log(settings.vocabulary), 2);
  // A tenth of the neighbours are both mutations of one base; by chance hardly any share four rare symbols.
  const near = patterns.slice(0, 2_000).filter((pattern, i) => {
    const next = new Set(patterns[i + 1]);
    return pattern.filter((symbol) => next.has(symbol) && counts.get(symbol)! < 100).length >= 4;
  });
  expect(near.length).toBeGreaterThan(30);
});

it("asks windows of stored patterns", () => {
  const sizes = new Corpus(settings)
    .questions(400)
    .map((question) => question.length)
    .sort((a, b) => a - b);
  expect(sizes[0]).toBeGreaterThanOrEqual(2);
  expect(sizes.at(-1)).toBeLessThanOrEqual(24);
  expect(sizes[200]).toBeGreaterThanOrEqual(7);
  expect(sizes[200]).toBeLessThanOrEqual(9);
});
