/** Exact set intersection: one query against a column, disjoint and same; `Set` beside it. */
import { Kernels } from "../../src/kernels/index.ts";
import { jaccardCounts } from "../../test/reference/jaccard.ts";
import { type BenchCase, type BenchSuite, type OpenSuite, param, sumOf } from "../harness.ts";
import { type IdColumn, idColumn, noisyCopies } from "./inputs.ts";

const VOCABULARY = 50_000;

export const openJaccardBench: OpenSuite = (mode): BenchSuite => {
  const cases: BenchCase[] = [];
  const opened: ReturnType<Kernels["query"]>[] = [];

  const add = (name: string, ids: Uint32Array, input: IdColumn): void => {
    const kernels = new Kernels();
    const column = kernels.column(input.flat, input.offsets);
    const query = kernels.query(ids);
    opened.push(query);
    const counts = (): number => sumOf(input.sequences.map((sequence) => jaccardCounts([...ids], [...sequence]).intersection));
    const expected = counts();
    const items = input.sequences.length;
    cases.push({ name: `jaccard/${name}`, unit: "pair", items, expected, run: () => sumOf(query.intersectionCounts(column)) });
    if (name === "disjoint") cases.push({ name: "jaccard/disjoint, twin", unit: "pair", items, expected, run: counts });
  };

  const count = param(mode, 20, 20_000);
  const query = (length: number): Uint32Array => Uint32Array.from({ length }, (_, i) => i * 7);
  const elsewhere = idColumn({ count, shortest: 8, longest: 60, vocabulary: VOCABULARY, seed: 1 });
  const shifted = {
    ...elsewhere,
    sequences: elsewhere.sequences.map((s) => s.map((id) => id + 1_000)),
    flat: elsewhere.flat.map((id) => id + 1_000),
  };
  add("disjoint", query(34), shifted);
  add("same", query(34), noisyCopies(query(34), count, 10, VOCABULARY, 2));
  add("query 63", query(63), elsewhere);
  add("query 64", query(64), elsewhere);
  add("query 500", query(500), elsewhere);
  return {
    cases,
    close: () =>
      opened.forEach((prepared) => {
        prepared.release();
      }),
  };
};
