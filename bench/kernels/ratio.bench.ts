/** Character ratio: one word or text against many, with and without a cutoff; the plain table beside it. */
import { codePointsOf, Kernels } from "../../src/kernels/index.ts";
import { indelRatio } from "../../test/reference/ratio.ts";
import { type BenchCase, type BenchSuite, type OpenSuite, param, sumOf } from "../harness.ts";
import { columnOf, words } from "./inputs.ts";

export const openRatioBench: OpenSuite = (mode): BenchSuite => {
  const cases: BenchCase[] = [];
  const opened: ReturnType<Kernels["query"]>[] = [];

  const add = (name: string, text: string, candidates: readonly string[], cutoffs: readonly number[]): void => {
    const kernels = new Kernels();
    const input = columnOf(candidates.map(codePointsOf));
    const column = kernels.column(input.flat, input.offsets);
    const query = kernels.query(codePointsOf(text));
    opened.push(query);
    const ratios = candidates.map((candidate) => indelRatio(text, candidate));
    for (const cutoff of cutoffs) {
      cases.push({
        name: `ratio/${name}, cutoff ${cutoff}`,
        unit: "pair",
        items: candidates.length,
        expected: sumOf(ratios.filter((ratio) => ratio >= cutoff - 1e-9)),
        run: () => sumOf(query.indelRatios(column, cutoff).ratios),
      });
    }
    if (name === "words") {
      const run = (): number => sumOf(candidates.map((candidate) => indelRatio(text, candidate)));
      cases.push({ name: "ratio/words, twin", unit: "pair", items: candidates.length, expected: sumOf(ratios), run });
    }
  };

  add("words", "shivelonder", words(param(mode, 40, 20_000), 1), [0, 0.6, 0.8]);
  // Sentences of nine words, as character mode joins them; queries of one to seven words of 63 bits.
  const sentence = (seed: number, length: number): string => words(length, seed).join(" ");
  const sentences = Array.from({ length: param(mode, 10, 2_000) }, (_, i) => sentence(100 + i, 9));
  for (const length of [8, 15, 30, 60]) {
    const text = sentence(7, length);
    add(`query of ${text.length}`, text, sentences, [0, 0.7]);
  }
  return {
    cases,
    close: () =>
      opened.forEach((query) => {
        query.release();
      }),
  };
};
