/**
 * Token LCS on the frozen corpus, 16 queries against 20,000 candidates: the kernel without and with a cutoff, by query length, and the plain
 * table on a sample. A side's answer is the sum of the ratios that reach the cutoff, as whole numbers.
 */
import { Kernels, type RatioMatches } from "../../src/kernels/index.ts";
import { lcsLength } from "../../test/reference/lcs.ts";
import { CANDIDATES, flatten, frozenCorpus } from "../corpus.ts";
import { type BenchMode, param } from "../harness.ts";
import type { Contest, Side } from "../rounds.ts";
import { lcsTable, ratioSum, sampleOf, wholeRatio } from "./answers.ts";

/** Queries of 240 ids: the corpus' own, one after the other, cut to length. */
function longQueries(queries: readonly Uint32Array[], length: number): Uint32Array[] {
  const all = queries.flatMap((query) => [...query]);
  return [0, 1].map((at) => Uint32Array.from(all.slice(at * length, (at + 1) * length)));
}

function sumOfRatios({ ratios }: RatioMatches): number {
  let sum = 0;
  for (let i = 0; i < ratios.length; i++) sum += wholeRatio(ratios[i]!);
  return sum;
}

export function openTokenLcs(mode: BenchMode): Contest {
  const corpus = frozenCorpus();
  const { queries } = corpus;
  const candidates = sampleOf(corpus.sequences, param(mode, 40, CANDIDATES));
  const few = sampleOf(candidates, param(mode, 5, 100));
  const [of64, of240] = [[queries.at(-1)!], longQueries(queries, 240)];
  const kernels = new Kernels({ idLimit: 1 << 16 });
  const { flat, offsets } = flatten(candidates);
  const column = kernels.column(flat, offsets);
  const table = lcsTable(queries, candidates);

  const kernel = (asked: readonly Uint32Array[], cutoff: number) => (): number => {
    let sum = 0;
    for (const ids of asked) {
      const query = kernels.query(ids);
      sum += sumOfRatios(query.indelRatios(column, cutoff));
      query.release();
    }
    return sum;
  };
  const side = (name: string, asked: readonly Uint32Array[], cutoff: number, answers = lcsTable(asked, candidates)): Side => ({
    name,
    items: asked.length * candidates.length,
    run: kernel(asked, cutoff),
    expected: ratioSum(answers, asked, candidates, cutoff),
  });
  const plain = few.map((candidate) => [...candidate]);
  const plainQueries = queries.map((query) => [...query]);
  const sides: Side[] = [
    side("kernel", queries, 0, table),
    ...[0.5, 0.7, 0.9].map((cutoff) => side(`kernel, cutoff ${cutoff}`, queries, cutoff, table)),
    side("kernel, query 64", of64, 0),
    side("kernel, query 240", of240, 0),
    {
      name: "plain table",
      items: queries.length * few.length,
      run: () => {
        let sum = 0;
        for (const query of plainQueries) {
          for (const candidate of plain) sum += wholeRatio((2 * lcsLength(query, candidate)) / (query.length + candidate.length));
        }
        return sum;
      },
      expected: ratioSum(lcsTable(queries, few), queries, few, 0),
    },
  ];
  return {
    name: "token LCS, 8 to 64 ids, query up to 64",
    unit: "pair",
    sides,
    gates: [
      { line: "1", what: "token LCS beside the plain table", slow: "plain table", fast: "kernel", required: 40 },
      { line: "1", what: "token LCS: cutoff 0.7 beside none", slow: "kernel", fast: "kernel, cutoff 0.7", required: 2.5 },
      {
        line: "1",
        what: "token LCS: query 240 beside query 64",
        slow: "kernel, query 240",
        fast: "kernel, query 64",
        required: 5,
        atMost: true,
      },
    ],
  };
}
