/**
 * Token LCS on the frozen corpus, 16 queries against 20,000 candidates: the lane kernel without and with a cutoff, by query length, beside the tuned
 * twin and the plain table. A side's answer is the sum of the LCS lengths that reach the cutoff, of every
 * seventh candidate.
 */
import { Kernels } from "../../src/kernels/index.ts";
import { lcsLength } from "../../test/reference/lcs.ts";
import { CANDIDATES, flatten, frozenCorpus } from "../corpus.ts";
import { type BenchMode, param, sumOf } from "../harness.ts";
import type { Contest, Side } from "../rounds.ts";
import { TokenLcsTwin } from "../twins/token-lcs.ts";
import { CHECK_STEP, lcsTable, lengthSum, sampleOf, stepSum } from "./answers.ts";

const ID_LIMIT = 1 << 16;

/** Queries of 240 ids: the corpus' own, one after the other, cut to length. */
function longQueries(queries: readonly Uint32Array[], length: number): Uint32Array[] {
  const all = queries.flatMap((query) => [...query]);
  return [0, 1].map((at) => Uint32Array.from(all.slice(at * length, (at + 1) * length)));
}

export function openTokenLcs(mode: BenchMode): Contest {
  const corpus = frozenCorpus();
  const { queries } = corpus;
  // Sorted by length, as a store would keep them: the twin's branches profit as the lanes do.
  const candidates = sampleOf(corpus.sequences, param(mode, 40, CANDIDATES));
  const some = sampleOf(candidates, param(mode, 20, CANDIDATES / 5));
  const few = sampleOf(candidates, param(mode, 5, 100));
  const [of64, of240] = [[queries.at(-1)!], longQueries(queries, 240)];
  const kernels = new Kernels({ idLimit: ID_LIMIT });
  const { flat, offsets } = flatten(candidates);
  const column = kernels.laneColumn(flat, offsets);
  const table = lcsTable(queries, candidates);

  const side = (name: string, asked: readonly Uint32Array[], cutoff: number, answers = lcsTable(asked, candidates)): Side => ({
    name,
    items: asked.length * candidates.length,
    expected: lengthSum(answers, asked, candidates, cutoff, CHECK_STEP),
    run: () => {
      let sum = 0;
      for (const ids of asked) {
        const query = kernels.query(ids);
        sum += query.withLaneLcsLengths(column, cutoff, stepSum);
        query.release();
      }
      return sum;
    },
  });
  const twin = new TokenLcsTwin(ID_LIMIT);
  const twinInput = flatten(some);
  const twinOut = new Uint32Array(some.length);
  const plain = few.map((candidate) => [...candidate]);
  const plainQueries = queries.map((query) => [...query]);
  const sides: Side[] = [
    side("kernel", queries, 0, table),
    ...[0.5, 0.7, 0.9].map((cutoff) => side(`kernel, cutoff ${cutoff}`, queries, cutoff, table)),
    {
      name: "kernel, eight queries at once",
      items: queries.length * candidates.length,
      expected: lengthSum(table, queries, candidates, 0, CHECK_STEP),
      run: () => {
        let sum = 0;
        kernels.eachLaneLcsLengths(queries, column, (lengths) => {
          sum += stepSum(lengths);
        });
        return sum;
      },
    },
    side("kernel, query 64", of64, 0),
    side("kernel, query 240", of240, 0),
    {
      name: "tuned twin",
      items: queries.length * some.length,
      expected: lengthSum(lcsTable(queries, some), queries, some, 0, CHECK_STEP),
      run: () => {
        let sum = 0;
        for (const query of queries) {
          twin.prepare(query);
          twin.lengthsInto(twinInput.flat, twinInput.offsets, twinOut);
          sum += stepSum(twinOut);
        }
        return sum;
      },
    },
    {
      name: "plain table",
      items: queries.length * few.length,
      expected: lengthSum(lcsTable(queries, few), queries, few, 0, 1),
      run: () => sumOf(plainQueries.map((query) => sumOf(plain.map((candidate) => lcsLength(query, candidate))))),
    },
  ];
  return {
    name: "token LCS, 8 to 64 ids, query up to 64",
    unit: "pair",
    sides,
    gates: [
      { line: "1", what: "token LCS beside the tuned twin", slow: "tuned twin", fast: "kernel", required: 10 },
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
