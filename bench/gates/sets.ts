/**
 * Exact set intersection, the Jaccard index' costly half, on the frozen corpus' sets (mean 33 ids): out of postings and by the lane kernel, beside
 * the lane kernel's tuned twin and `Set.has`. A side's answer is the sum of shared ids (of every seventh candidate).
 */
import { Kernels } from "../../src/kernels/index.ts";
import { CANDIDATES, flatten, frozenCorpus } from "../corpus.ts";
import { type BenchMode, param } from "../harness.ts";
import type { Contest } from "../rounds.ts";
import { IntersectionTwin } from "../twins/jaccard.ts";
import { CHECK_STEP, sampleOf, stepSum } from "./answers.ts";

const ID_LIMIT = 1 << 16;

export function openJaccard(mode: BenchMode): Contest {
  const corpus = frozenCorpus();
  const setOf = (ids: Uint32Array): Uint32Array => Uint32Array.from(new Set(ids)).sort();
  const queries = corpus.queries.map(setOf);
  const candidates = sampleOf(corpus.sequences.map(setOf), param(mode, 40, CANDIDATES));
  const few = sampleOf(candidates, param(mode, 10, 2_000));
  const kernels = new Kernels({ idLimit: ID_LIMIT });
  const { flat, offsets } = flatten(candidates);
  const column = kernels.laneColumn(flat, offsets);
  const sets = kernels.setColumn(flat, offsets);
  const out = new Uint32Array(candidates.length);
  const twin = new IntersectionTwin(ID_LIMIT);
  const querySets = queries.map((query) => new Set(query));
  const withSets = (of: readonly Uint32Array[]) => (): number => {
    let shared = 0;
    for (const set of querySets) {
      for (const candidate of of) for (let i = 0; i < candidate.length; i++) if (set.has(candidate[i]!)) shared++;
    }
    return shared;
  };
  const expected = withSets(candidates.filter((_, c) => c % CHECK_STEP === 0))();
  const items = queries.length * candidates.length;
  return {
    name: "exact Jaccard, 33 ids",
    unit: "pair",
    sides: [
      {
        name: "kernel",
        items,
        expected,
        run: () => {
          let shared = 0;
          for (const ids of queries) {
            const query = kernels.query(ids);
            shared += query.withSharedCounts(sets, stepSum);
            query.release();
          }
          return shared;
        },
      },
      {
        name: "lane kernel",
        items,
        expected,
        run: () => {
          let shared = 0;
          for (const ids of queries) {
            const query = kernels.query(ids);
            shared += stepSum(query.laneIntersectionCounts(column, out));
            query.release();
          }
          return shared;
        },
      },
      {
        name: "tuned twin",
        items,
        expected,
        run: () => {
          let shared = 0;
          for (const ids of queries) {
            twin.prepare(ids);
            twin.countsOfSetsInto(flat, offsets, out);
            shared += stepSum(out);
          }
          return shared;
        },
      },
      { name: "Set.has", items: queries.length * few.length, run: withSets(few), expected: withSets(few)() },
    ],
    gates: [{ line: "3", what: "exact Jaccard beside Set.has", slow: "Set.has", fast: "kernel", required: 80, ambitious: 100 }],
  };
}
