/**
 * The pool on a million patterns of the frozen corpus in resident memory: two threads beside one, one thread beside the calling thread (what dispatch
 * costs), with a cutoff, as bulk scoring asks and as a prediction asks. Wall time, since the work is on other threads: two threads show
 * what they can only where two cores are idle. A side's answer is the number of matches.
 */

import { Tally } from "../../src/engine/scoring.ts";
import { openInlinePool } from "../../src/pool/inline-pool.ts";
import type { KernelPool, PlacedBlock, PreparedQuery } from "../../src/pool/kernel-pool.ts";
import { openPiscinaPool } from "../../src/pool/piscina-pool.ts";
import type { CandidateColumns } from "../../src/wire/candidate-columns.ts";
import { packQueries } from "../../src/wire/query-pack.ts";
import { frozenCorpus, VOCABULARY } from "../corpus.ts";
import { type BenchMode, param } from "../harness.ts";
import type { Contest, Side } from "../rounds.ts";
import { lcsTable, sampleOf } from "./answers.ts";
import { columnsOfIds } from "./native-block.ts";

const CUTOFF = 0.5;
/** The ensemble of 100 predictions. */
const KEEP = 300;
/** Rows of one seal: what a scan hands over at a time. */
const RANGE_ROWS = 50_000;

const querySpec = (ids: Uint32Array) =>
  ({
    symbols: Array.from(ids, String),
    symbolIds: ids,
    similarity: "token",
    recallThreshold: CUTOFF,
    partners: null,
    stages: [],
    keep: KEEP,
    keepBy: "similarity",
    table: null,
    symbolCount: VOCABULARY,
  }) as const;

interface Opened {
  readonly pool: KernelPool;
  readonly blocks: readonly PlacedBlock[];
  readonly query: PreparedQuery;
}

async function filled(pool: KernelPool, ranges: readonly CandidateColumns[], ids: Uint32Array): Promise<Opened> {
  const blocks: PlacedBlock[] = [];
  for (const columns of ranges) {
    const sealed = await pool.resident.seal(columns, VOCABULARY);
    if (sealed === undefined) throw new Error("the bench's resident memory is too small");
    blocks.push(...sealed);
  }
  return { pool, blocks, query: pool.prepare(querySpec(ids)) };
}

export async function openPool(mode: BenchMode): Promise<Contest> {
  const corpus = frozenCorpus();
  const rows = param(mode, 400, 1_000_000);
  const base = sampleOf(corpus.sequences, Math.min(rows, 20_000));
  const query = corpus.queries[8]!;
  const reach = (q: Uint32Array): number =>
    lcsTable([q], base)[0]!.reduce((sum, lcs, c) => sum + ((2 * lcs) / (q.length + base[c]!.length) >= CUTOFF - 1e-9 ? 1 : 0), 0);
  // Rows in the order in which a kb would have learned them, the same 20,000 again and again.
  const shuffled = [...base].sort((a, b) => a[0]! - b[0]! || a.length - b.length);
  const repeat = Math.max(1, Math.floor(RANGE_ROWS / shuffled.length));
  const range = columnsOfIds(Array.from({ length: repeat }, () => shuffled).flat());
  const ranges = Array.from({ length: Math.max(1, Math.round(rows / range.rows)) }, () => range);
  const pairs = ranges.reduce((sum, part) => sum + part.rows, 0);
  const expected = (reach(query) * pairs) / base.length;

  const residentBytes = param(mode, 24, 1_000) * 2 ** 20;
  const options = { symbolCapacity: 1 << 16, residentBytes };
  const opened: [name: string, Opened][] = [
    ["calling thread", await filled(await openInlinePool({ ...options, yieldMs: Number.POSITIVE_INFINITY }), ranges, query)],
    ["1 thread", await filled(await openPiscinaPool({ threads: 1, queueMax: 8, ...options }), ranges, query)],
    ["2 threads", await filled(await openPiscinaPool({ threads: 2, queueMax: 8, ...options }), ranges, query)],
  ];
  const many = corpus.queries.filter((_, q) => q % 2 === 0);
  const manyExpected = many.reduce((sum, q) => sum + reach(q) * (range.rows / base.length), 0);
  const sides: Side[] = opened.flatMap(([name, { pool, blocks, query: prepared }]) => {
    const pack = packQueries(many.map((ids) => pool.prepare(querySpec(ids))));
    return [
      {
        name: `one query, ${name}`,
        items: pairs,
        expected,
        run: async () => {
          // As a prediction does it: each slice hears what the slices before found.
          const tally = new Tally(KEEP);
          await pool.scan(prepared, blocks, (block) => tally.take(block), { floor: () => tally.floor });
          return tally.scored({ readMs: 0, transferMs: 0 }).matched;
        },
      },
      {
        name: `bulk, ${name}`,
        items: many.length * range.rows,
        expected: manyExpected,
        run: async () => {
          const found = await pool.scoreMany({ pack, table: null, symbolCount: VOCABULARY }, range);
          return found.reduce((sum, { hits }) => sum + hits.matched.reduce((part, matched) => part + matched, 0), 0);
        },
      },
    ];
  });
  return {
    name: `pool, ${pairs.toLocaleString("en")} patterns of 38 ids, cutoff ${CUTOFF}`,
    unit: "pair",
    threads: true,
    sides,
    gates: [
      {
        line: "4",
        what: "two threads beside one (two idle cores needed)",
        slow: "one query, 1 thread",
        fast: "one query, 2 threads",
        required: 1.85,
        ambitious: 1.95,
        needsIdle: true,
      },
      {
        line: "4",
        what: "dispatch: one thread beside the calling thread",
        slow: "one query, 1 thread",
        fast: "one query, calling thread",
        required: 1.05,
        atMost: true,
      },
    ],
    close: async () => {
      await Promise.all(opened.map(([, { pool }]) => pool.close()));
    },
  };
}
