/** Character ratio: one word or text against many, with and without a cutoff; the plain table beside it. */
/** Character ratio: one word or text against many, with and without a cutoff; the tuned twin and the plain table beside it. */
import { Kernels } from "../../src/kernels/index.ts";
import { indelRatio } from "../../test/reference/ratio.ts";
import { type BenchCase, type BenchSuite, type OpenSuite, param, sumOf } from "../harness.ts";
import { RatioTwin } from "../twins/ratio.ts";
import { words } from "./inputs.ts";

export const openRatioBench: OpenSuite = (mode): BenchSuite => {
  const cases: BenchCase[] = [];
  const opened: ReturnType<Kernels["text"]>[] = [];

  const add = (name: string, text: string, candidates: readonly string[], cutoffs: readonly number[]): void => {
    const kernels = new Kernels();
    const column = kernels.texts(candidates);
    const prepared = kernels.text(text);
    opened.push(prepared);
    const items = candidates.length;
    const ratios = new Float64Array(items);
    // Sums of ratios depend on their order in the last digits: whole numbers do not.
    const whole = (values: ArrayLike<number>): number => sumOf(Array.from(values, (ratio) => Math.floor(ratio * 2 ** 20)));
    const answers = candidates.map((candidate) => indelRatio(text, candidate));
    for (const cutoff of cutoffs) {
      cases.push({
        name: `ratio/${name}, cutoff ${cutoff}`,
        unit: "pair",
        items,
        expected: whole(answers.filter((ratio) => ratio >= cutoff - 1e-9)),
        run: () => prepared.withRatios(column, cutoff, (found) => whole(found.ratios)),
      });
    }
    const twin = new RatioTwin(text.length);
    const bytes = new TextEncoder();
    const flat = bytes.encode(candidates.join(""));
    const offsets = new Uint32Array(items + 1);
    candidates.forEach((candidate, c) => {
      offsets[c + 1] = offsets[c]! + candidate.length;
    });
    twin.prepare(bytes.encode(text));
    const run = (): number => {
      twin.ratiosInto(flat, offsets, 0, items, ratios);
      return whole(ratios);
    };
    cases.push({ name: `ratio/${name}, tuned twin`, unit: "pair", items, expected: whole(answers), run });
    if (name !== "words") return;
    const plain = (): number => whole(candidates.map((candidate) => indelRatio(text, candidate)));
    cases.push({ name: `ratio/${name}, plain twin`, unit: "pair", items, expected: whole(answers), run: plain });
  };

  add("words", "shivelonder", words(param(mode, 40, 20_000), 1), [0, 0.6, 0.8]);
  // Sentences of nine words, as character mode joins them; queries of one to seven words of 63 bits.
  const sentence = (seed: number, length: number): string => words(length, seed).join(" ");
  const sentences = Array.from({ length: param(mode, 10, 2_000) }, (_, i) => sentence(100 + i, 9));
  for (const length of [8, 15, 30, 60]) {
    const text = sentence(7, length);
    add(`query of ${text.length}`, text, sentences, [0, 0.7, 0.8]);
  }
  return {
    cases,
    close: () =>
      opened.forEach((prepared) => {
        prepared.release();
      }),
  };
};
