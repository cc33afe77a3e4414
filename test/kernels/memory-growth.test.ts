/** Ten million pairs and nothing more in memory than before: neither in the kernels' own memory nor in the pool's, nor around them. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { flatten, frozenCorpus, VOCABULARY } from "../../bench/corpus.ts";
import { columnsOfIds } from "../../bench/gates/native-block.ts";
import { Kernels } from "../../src/kernels/index.ts";
import { openInlinePool } from "../../src/pool/inline-pool.ts";

const PAIRS = 10_000_000;
/** Room for what the runtime itself keeps: compiled code, feedback, a timer. A byte a pair would be ten times as much. */
const SLACK_BYTES = 1_000_000;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function inUse(): number {
  collect();
  collect();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

async function growth(pairsPerRun: number, run: (turn: number) => void | Promise<void>): Promise<number> {
  const runs = Math.ceil(PAIRS / pairsPerRun);
  // Code is compiled and tables are touched in the first tenth.
  for (let turn = 0; turn < Math.ceil(runs / 10); turn++) await run(turn);
  const before = inUse();
  for (let turn = 0; turn < runs; turn++) await run(turn);
  return inUse() - before;
}

test("the kernels by themselves", async () => {
  const { queries, sequences } = frozenCorpus();
  const kernels = new Kernels({ idLimit: 1 << 16 });
  const { flat, offsets } = flatten(sequences);
  const column = kernels.laneColumn(flat, offsets);
  const sets = kernels.setColumn(flat, offsets);
  const out = new Uint32Array(sequences.length);
  const grown = await growth(sequences.length * 2, (turn) => {
    const query = kernels.query(queries[turn % queries.length]!);
    query.laneLcsLengths(column, 0.5, out);
    query.laneIntersectionCounts(column, out);
    query.sharedCounts(sets, out);
    query.release();
  });
  expect(grown).toBeLessThan(SLACK_BYTES);
});

test("the pool", async () => {
  const { queries, sequences } = frozenCorpus();
  const pool = await openInlinePool({ symbolCapacity: 1 << 16, residentBytes: 32 * 2 ** 20 });
  try {
    const blocks = (await pool.resident.seal(columnsOfIds(sequences), VOCABULARY))!;
    let matched = 0;
    const grown = await growth(sequences.length, async (turn) => {
      const ids = queries[turn % queries.length]!;
      const query = pool.prepare({
        symbols: Array.from(ids, String),
        symbolIds: ids,
        similarity: "token",
        recallThreshold: 0.5,
        partners: null,
        stages: [],
        keep: 100,
        keepBy: "similarity",
        table: null,
        symbolCount: VOCABULARY,
      });
      await pool.scan(query, blocks, (block) => {
        matched += block.matched;
      });
    });
    expect(matched).toBeGreaterThan(0);
    expect(grown).toBeLessThan(SLACK_BYTES);
  } finally {
    await pool.close();
  }
});
