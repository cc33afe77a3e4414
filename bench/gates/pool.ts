/**
 * The pool on a million patterns of the frozen corpus in resident memory: two threads beside one, one thread beside the calling thread (what dispatch
 * costs), with a cutoff, as a prediction asks and, in a contest of its own, as bulk scoring does. Wall time, since the work is on other threads: two
 * threads show what they can only where two cores are idle, and in bursts of some hundred milliseconds: threads that wake up may meet on one core, and are
 * parted by the scheduler only a few milliseconds later. A side's answer is the number of matches.
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
/** Scans of a run, one after the other: 300 ms on two threads. */
const SCANS = 20;
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

interface Data {
  /** A range of rows, and how often it is stored. */
  readonly range: CandidateColumns;
  readonly times: number;
  /** How many rows of a range all asked states together match. */
  readonly matches: number;
}

function dataOf(mode: BenchMode, asked: readonly Uint32Array[]): Data {
  const corpus = frozenCorpus();
  const rows = param(mode, 400, 1_000_000);
  const base = sampleOf(corpus.sequences, Math.min(rows, 20_000));
  const reach = (q: Uint32Array): number =>
    lcsTable([q], base)[0]!.reduce((sum, lcs, c) => sum + ((2 * lcs) / (q.length + base[c]!.length) >= CUTOFF - 1e-9 ? 1 : 0), 0);
  // Rows in the order in which a kb would have learned them, the same 20,000 again and again.
  const shuffled = [...base].sort((a, b) => a[0]! - b[0]! || a.length - b.length);
  const repeat = Math.max(1, Math.floor(RANGE_ROWS / shuffled.length));
  const range = columnsOfIds(Array.from({ length: repeat }, () => shuffled).flat());
  return {
    range,
    times: Math.max(1, Math.round(rows / range.rows)),
    matches: asked.reduce((sum, query) => sum + reach(query) * repeat, 0),
  };
}

const optionsOf = (mode: BenchMode) => ({ symbolCapacity: 1 << 16, residentBytes: param(mode, 24, 1_000) * 2 ** 20 });

const openPools = async (mode: BenchMode): Promise<[name: string, KernelPool][]> => [
  ["calling thread", await openInlinePool({ ...optionsOf(mode), yieldMs: Number.POSITIVE_INFINITY })],
  ["1 thread", await openPiscinaPool({ threads: 1, queueMax: 8, ...optionsOf(mode) })],
  ["2 threads", await openPiscinaPool({ threads: 2, queueMax: 8, ...optionsOf(mode) })],
];

export async function openPool(mode: BenchMode): Promise<Contest> {
  const query = frozenCorpus().queries[8]!;
  const { range, times, matches } = dataOf(mode, [query]);
  const pools = await openPools(mode);
  const ranges = Array.from({ length: times }, () => range);
  const rows = range.rows * times;
  const sides: Side[] = [];
  for (const [name, pool] of pools) {
    const { blocks, query: prepared } = await filled(pool, ranges, query);
    sides.push({
      name,
      items: rows * SCANS,
      expected: matches * times * SCANS,
      run: async () => {
        let matched = 0;
        for (let scan = 0; scan < SCANS; scan++) {
          // As a prediction does it: each slice hears what the slices before found.
          const tally = new Tally(KEEP);
          await pool.scan(prepared, blocks, (block) => tally.take(block), { floor: () => tally.floor });
          matched += tally.scored({ readMs: 0, transferMs: 0 }).matched;
        }
        return matched;
      },
    });
  }
  return {
    name: `pool, ${rows.toLocaleString("en")} patterns of 38 ids, cutoff ${CUTOFF}`,
    unit: "pair",
    threads: true,
    sides,
    gates: [
      {
        line: "4",
        what: "two threads beside one (two idle cores needed)",
        slow: "1 thread",
        fast: "2 threads",
        required: 1.85,
        ambitious: 1.95,
        needsIdle: true,
      },
      {
        line: "4",
        what: "dispatch: one thread beside the calling thread",
        slow: "1 thread",
        fast: "calling thread",
        required: 1.05,
        atMost: true,
      },
    ],
    close: async () => {
      await Promise.all(pools.map(([, pool]) => pool.close()));
    },
  };
}

export async function openBulkPool(mode: BenchMode): Promise<Contest> {
  const asked = frozenCorpus().queries.filter((_, q) => q % 2 === 0);
  const { range, matches } = dataOf(mode, asked);
  const pools = await openPools(mode);
  const sides = pools.map(([name, pool]): Side => {
    const pack = packQueries(asked.map((ids) => pool.prepare(querySpec(ids))));
    return {
      name,
      items: asked.length * range.rows,
      expected: matches,
      run: async () => {
        const found = await pool.scoreMany({ pack, table: null, symbolCount: VOCABULARY }, range);
        return found.reduce((sum, { hits }) => sum + hits.matched.reduce((part, matched) => part + matched, 0), 0);
      },
    };
  });
  return {
    name: `bulk, ${asked.length} states against ${range.rows.toLocaleString("en")} patterns of 38 ids just read, cutoff ${CUTOFF}`,
    unit: "pair",
    threads: true,
    sides,
    gates: [],
    close: async () => {
      await Promise.all(pools.map(([, pool]) => pool.close()));
    },
  };
}
