/** Token LCS: one query against a column, by query length and resemblance; the plain table beside it. */
import { Kernels } from "../../src/kernels/index.ts";
import { lcsLength } from "../../test/reference/lcs.ts";
import { type BenchCase, type BenchSuite, type OpenSuite, param, sumOf } from "../harness.ts";
import { type IdColumn, idColumn, noisyCopies } from "./inputs.ts";

const VOCABULARY = 50_000;

export const openLcsBench: OpenSuite = (mode): BenchSuite => {
  const cases: BenchCase[] = [];
  const suites: { kernels: Kernels; query: ReturnType<Kernels["query"]> }[] = [];

  const add = (name: string, query: Uint32Array, input: IdColumn, needed = 0): void => {
    const kernels = new Kernels();
    const column = kernels.column(input.flat, input.offsets);
    const prepared = kernels.query(query);
    suites.push({ kernels, query: prepared });
    const reach = (length: number): number => (length < needed ? 0 : length);
    const expected = sumOf(input.sequences.map((sequence) => reach(lcsLength([...query], [...sequence]))));
    const items = input.sequences.length;
    cases.push({ name: `lcs/${name}`, unit: "pair", items, expected, run: () => sumOf(prepared.lcsLengths(column, needed)) });
    if (name === "unrelated") {
      const lists = input.sequences.map((sequence) => [...sequence]);
      const list = [...query];
      cases.push({ name: "lcs/unrelated, twin", unit: "pair", items, expected, run: () => sumOf(lists.map((s) => lcsLength(list, s))) });
    }
  };

  const queryOf = (length: number): Uint32Array =>
    idColumn({ count: 1, shortest: length, longest: length, vocabulary: VOCABULARY, seed: 11 }).flat;
  const unrelated = idColumn({ count: param(mode, 30, 20_000), shortest: 8, longest: 64, vocabulary: VOCABULARY, seed: 1 });
  add("unrelated", queryOf(40), unrelated);
  add("unrelated, half needed", queryOf(40), unrelated, 20);
  add("similar", queryOf(40), noisyCopies(queryOf(40), param(mode, 30, 20_000), 5, VOCABULARY, 2));
  add(
    "query 8, pattern 14",
    queryOf(8),
    idColumn({ count: param(mode, 30, 20_000), shortest: 14, longest: 14, vocabulary: VOCABULARY, seed: 3 }),
  );
  for (const length of [64, 65, 120, 240, 500]) {
    add(
      `query ${length}`,
      queryOf(length),
      idColumn({ count: param(mode, 10, 3_000), shortest: 8, longest: 64, vocabulary: VOCABULARY, seed: 4 }),
    );
  }
  return {
    cases,
    close: () =>
      suites.forEach(({ query }) => {
        query.release();
      }),
  };
};
