/**
 * Character ratio on the frozen corpus' texts, short (mean 37 characters) and long (mean 223), in Latin letters and in Cyrillic ones: the kernel
 * without and with a cutoff, beside its tuned twin, the plain table, `fastest-levenshtein` (which computes Levenshtein's distance, a cheaper recurrence)
 * and `fuzzball`'s ratio (whole percents). A side's answer is the sum of its ratios, as whole numbers, or of its distances.
 */
import { distance } from "fastest-levenshtein";
import { ratio as fuzzballRatio } from "fuzzball";
import { Kernels, type TextColumn } from "../../src/kernels/index.ts";
import { indelRatio } from "../../test/reference/ratio.ts";
import { CANDIDATES, flatten, frozenCorpus, pointsOf, type Texts, wide } from "../corpus.ts";
import { type BenchMode, param } from "../harness.ts";
import type { Contest, Side } from "../rounds.ts";
import { RatioTwin } from "../twins/ratio.ts";
import { foundSum, foundSums, lcsTable, ratioSum, sampleOf, wholeRatio } from "./answers.ts";

/** Levenshtein's distance by the table. */
function tableDistance(a: Uint32Array, b: Uint32Array): number {
  const row = Uint32Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    let diagonal = row[0]!;
    row[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const up = row[j]!;
      row[j] = Math.min(up + 1, row[j - 1]! + 1, diagonal + (a[i - 1] === b[j - 1] ? 0 : 1));
      diagonal = up;
    }
  }
  return row[b.length]!;
}

const pairs = (texts: Texts, of: (query: string, candidate: string) => number) => (): number => {
  let sum = 0;
  for (const query of texts.queries) for (const candidate of texts.candidates) sum += of(query, candidate);
  return sum;
};

function contest(name: string, texts: Texts, mode: BenchMode, sizes: { readonly all: number; readonly few: number }): Contest {
  const candidates = sampleOf(texts.candidates, param(mode, 30, sizes.all));
  const few: Texts = { queries: texts.queries, candidates: sampleOf(candidates, param(mode, 3, sizes.few)) };
  const points = candidates.map(pointsOf);
  const queries = texts.queries.map(pointsOf);
  const answers = lcsTable(queries, points);
  const fewPoints = few.candidates.map(pointsOf);
  const fewItems = queries.length * fewPoints.length;

  /** `ask` compares all texts with the column and adds up what was found. */
  const textSide = (
    label: string,
    turn: (text: string) => string,
    cutoff: number,
    ask: (kernels: Kernels, column: TextColumn, asked: readonly string[]) => number,
  ): Side => {
    const kernels = new Kernels();
    const column = kernels.texts(candidates.map(turn));
    const asked = texts.queries.map(turn);
    return {
      name: label,
      items: asked.length * candidates.length,
      expected: foundSums(answers, queries, points, cutoff),
      run: () => ask(kernels, column, asked),
    };
  };
  const kernelSide = (label: string, turn: (text: string) => string, cutoff: number): Side =>
    textSide(label, turn, cutoff, (kernels, column, asked) => {
      let sum = 0;
      for (const text of asked) {
        const prepared = kernels.text(text);
        // Candidates are sorted by length, as the table is: matches come in their order.
        sum += prepared.withRatios(column, cutoff, ({ ratios }) => foundSum(ratios));
        prepared.release();
      }
      return sum;
    });
  const togetherSide = (label: string, turn: (text: string) => string): Side =>
    textSide(label, turn, 0, (kernels, column, asked) => {
      let sum = 0;
      kernels.eachRatios(asked, column, ({ ratios }) => {
        sum += foundSum(ratios);
      });
      return sum;
    });
  const twinSide = (): Side => {
    const twin = new RatioTwin(Math.max(...queries.map(({ length }) => length)));
    const { flat, offsets } = flatten(points);
    const bytes = Uint8Array.from(flat);
    const ratios = new Float64Array(candidates.length);
    const asked = queries.map((query) => Uint8Array.from(query));
    return {
      name: "tuned twin",
      items: asked.length * candidates.length,
      expected: foundSums(answers, queries, points, 0),
      run: () => {
        let sum = 0;
        for (const text of asked) {
          twin.prepare(text);
          twin.ratiosInto(bytes, offsets, 0, candidates.length, ratios);
          sum += foundSum(ratios);
        }
        return sum;
      },
    };
  };
  const same = (text: string): string => text;
  const sides: Side[] = [
    kernelSide("kernel", same, 0),
    ...[0.5, 0.7, 0.8, 0.9].map((cutoff) => kernelSide(`kernel, cutoff ${cutoff}`, same, cutoff)),
    kernelSide("kernel, wide", wide, 0),
    togetherSide("kernel, many texts at once", same),
    togetherSide("kernel, many texts at once, wide", wide),
    twinSide(),
    {
      name: "plain table",
      items: fewItems,
      run: pairs(few, (query, candidate) => wholeRatio(indelRatio(query, candidate))),
      expected: ratioSum(lcsTable(queries, fewPoints), queries, fewPoints, 0),
    },
    {
      name: "fastest-levenshtein",
      items: fewItems,
      run: pairs(few, distance),
      expected: queries.reduce((sum, query) => sum + fewPoints.reduce((part, other) => part + tableDistance(query, other), 0), 0),
    },
    {
      name: "fuzzball",
      items: fewItems,
      run: pairs(few, (query, candidate) => fuzzballRatio(query, candidate, { full_process: false })),
      expected: pairs(few, (query, candidate) => Math.round(100 * indelRatio(query, candidate)))(),
    },
  ];
  const what = `character ratio, ${name}`;
  return {
    name: what,
    unit: "pair",
    sides,
    gates: [
      { line: "2", what: `${what}: beside the tuned twin`, slow: "tuned twin", fast: "kernel", required: 15 },
      { line: "2", what: `${what}: beside fastest-levenshtein`, slow: "fastest-levenshtein", fast: "kernel", required: 40 },
      { line: "2", what: `${what}: beside fuzzball`, slow: "fuzzball", fast: "kernel", required: 250 },
      { line: "2", what: `${what}: cutoff 0.8 beside none`, slow: "kernel", fast: "kernel, cutoff 0.8", required: 4, ambitious: 8 },
      { line: "2", what: `${what}: wide beside Latin letters`, slow: "kernel, wide", fast: "kernel", required: 2, atMost: true },
    ],
  };
}

export const openShortRatio = (mode: BenchMode): Contest =>
  contest("37 characters", frozenCorpus().short, mode, { all: CANDIDATES, few: 60 });
/** A tenth of the candidates: a long pair takes thirty times as long. */
export const openLongRatio = (mode: BenchMode): Contest =>
  contest("223 characters", frozenCorpus().long, mode, { all: CANDIDATES / 10, few: 10 });
