/** Contract suite of the pool's bulk scoring, called for every back end: the twin's answers however it is cut, one slot or many, faults, abort. */
import { afterEach, describe, expect, test } from "vitest";
import type { KernelPool, PackedQueries } from "../../src/pool/kernel-pool.ts";
import type { CandidateColumns } from "../../src/wire/candidate-columns.ts";
import { packQueries } from "../../src/wire/query-pack.ts";
import type { Fault } from "../../src/wire/task.ts";
import { type ReferenceQuery, scoreReference } from "../reference/score.ts";
import { asked, changed, codeOf, type Kb, kbOf, type OpenPool, repeated, STATE, specOf, type TestPoolOptions } from "./kernel-pool.ts";

/** States of all kinds: the usual one, its parts, one that nothing resembles, and one beyond 64 symbols. */
const STATES: readonly (readonly string[])[] = [
  STATE,
  [...STATE].reverse(),
  STATE.slice(1, 3),
  ["unheard", "of"],
  ["symbol-7"],
  Array.from({ length: 70 }, (_, i) => `symbol-${(i * 7) % 40}`),
];

const question = (state: readonly string[], cutoff: number, similarity: "token" | "character" = "token"): ReferenceQuery => ({
  ...asked(cutoff),
  state,
  stages: [],
  keepBy: "similarity",
  similarity,
});

function packOf(pool: KernelPool, kb: Kb, questions: readonly ReferenceQuery[], keep: number): PackedQueries {
  const table = questions.some(({ similarity }) => similarity === "character") ? kb.numbering.table("bulk") : null;
  const prepared = questions.map((reference) => pool.prepare(specOf(kb, reference, keep, { table })));
  return { pack: packQueries(prepared), table, symbolCount: kb.numbering.ids.size };
}

/** Per query: matches in all, and the best `keep` as name and similarity. */
async function answers(pool: KernelPool, queries: PackedQueries, columns: CandidateColumns, keep: number) {
  const all = Array.from({ length: queries.pack.count }, () => ({ matched: 0, best: [] as (readonly [string, number])[] }));
  for (const { first, hits } of await pool.scoreMany(queries, columns)) {
    let at = 0;
    for (let q = 0; q < hits.queries; q++) {
      const own = all[first + q]!;
      own.matched += hits.matched[q]!;
      for (const end = at + hits.kept[q]!; at < end; at++) {
        own.best.push([Buffer.from(hits.names.subarray(at * 20, at * 20 + 20)).toString("hex"), hits.similarities[at]!]);
      }
    }
  }
  for (const own of all) own.best = own.best.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, keep);
  return all;
}

function expected(kb: Kb, questions: readonly ReferenceQuery[], keep: number) {
  return questions.map((reference) => {
    const { matches } = scoreReference(reference, kb.patterns);
    return { matched: matches.length, best: matches.slice(0, keep).map(({ pattern, similarity }) => [pattern.name, similarity]) };
  });
}

export function bulkScanContract(name: string, openPool: OpenPool, { canLose }: { canLose: boolean }): void {
  describe(`bulk, ${name}`, () => {
    const open: KernelPool[] = [];
    const opened = async (options: TestPoolOptions = {}): Promise<KernelPool> => {
      const pool = await openPool(options);
      open.push(pool);
      return pool;
    };
    afterEach(async () => {
      await Promise.all(open.splice(0).map((pool) => pool.close()));
    });

    test.each([
      [1, 4],
      [2, 1],
      [100, 2],
    ])("%i queries a task and %i slots give the twin's answers", async (sliceRows, slots) => {
      const pool = await opened({ sliceRows, slots });
      const kb = kbOf(60);
      for (const similarity of ["token", "character"] as const) {
        for (const cutoff of [0, 0.3, 0.5]) {
          const questions = STATES.map((state) => question(state, cutoff, similarity));
          expect(await answers(pool, packOf(pool, kb, questions, 9), kb.columns, 9)).toEqual(expected(kb, questions, 9));
        }
      }
    });

    test("ranges side by side, larger than a slot, do not disturb each other or a prediction", async () => {
      const pool = await opened();
      const kb = kbOf(300);
      const columns = repeated(kb.columns, 220);
      const questions = STATES.map((state) => question(state, 0.5));
      const queries = packOf(pool, kb, questions, 5);
      const calls = [columns, kb.columns, kb.columns, columns].map((own) => answers(pool, queries, own, 5));
      const beside = pool.score(pool.prepare(specOf(kb, asked(0.1), 7)), kb.columns);
      const [large, small, again] = await Promise.all(calls);
      expect(small).toEqual(expected(kb, questions, 5));
      expect(again).toEqual(small);
      expect(large!.map(({ matched }) => matched)).toEqual(small!.map(({ matched }) => matched * 220));
      expect((await beside).reduce((sum, { matched }) => sum + matched, 0)).toBe(scoreReference(asked(0.1), kb.patterns).matches.length);
    });

    test("the columns belong to the caller again at the first await", async () => {
      const pool = await opened();
      const kb = kbOf(40);
      const questions = [question(STATE, 0.3)];
      const columns = repeated(kb.columns, 1);
      const scoring = answers(pool, packOf(pool, kb, questions, 5), columns, 5);
      columns.symbolIds.fill(0xff);
      columns.names.fill(0xff);
      expect(await scoring).toEqual(expected(kb, questions, 5));
    });

    test("no rows and no queries give nothing", async () => {
      const pool = await opened();
      const kb = kbOf(5);
      expect(await pool.scoreMany(packOf(pool, kb, [], 5), kb.columns)).toEqual([]);
      expect(await pool.scoreMany(packOf(pool, kb, [question(STATE, 0)], 5), { ...kb.columns, rows: 0 })).toEqual([]);
    });

    test("rows that are no patterns are refused, an abort ends the call, and the slots come back", async () => {
      const pool = await opened({ slots: 2, sliceRows: 1 });
      const kb = kbOf(30);
      const questions = STATES.map((state) => question(state, 0.3));
      const queries = packOf(pool, kb, questions, 5);
      const broken = { ...kb.columns, symbolIds: changed(kb.columns.symbolIds, 9, 0xff) };
      expect(await codeOf(pool.scoreMany(queries, broken))).toBe("ENGRAM_STORE_REPLY");
      expect(await codeOf(pool.scoreMany(queries, kb.columns, { signal: AbortSignal.abort() }))).toBe("ENGRAM_ABORTED");
      const controller = new AbortController();
      const calls = [1, 2, 3].map(() => codeOf(pool.scoreMany(queries, repeated(kb.columns, 500), { signal: controller.signal })));
      controller.abort();
      expect(await Promise.all(calls)).toEqual(["ENGRAM_ABORTED", "ENGRAM_ABORTED", "ENGRAM_ABORTED"]);
      expect(await answers(pool, queries, kb.columns, 5)).toEqual(expected(kb, questions, 5));
    });

    test("a trap fails its call alone", async () => {
      const faults: (Fault | undefined)[] = [undefined, "trap"];
      const pool = await opened({ faultOf: () => faults.shift(), symbolCapacity: 1024 });
      const kb = kbOf(50);
      const questions = STATES.map((state) => question(state, 0.3));
      const queries = packOf(pool, kb, questions, 5);
      expect(await codeOf(pool.scoreMany(queries, kb.columns))).toBe("ENGRAM_KERNEL_TRAP");
      expect(await answers(pool, queries, kb.columns, 5)).toEqual(expected(kb, questions, 5));
    });

    if (!canLose) return;
    test("a worker that is lost in the middle costs one retry and no answer", async () => {
      // The making of the block, then one task a query: every one of them is lost once.
      for (const at of [0, 1, 3, 6]) {
        let task = 0;
        const pool = await opened({ sliceRows: 1, symbolCapacity: 1024, faultOf: () => (task++ === at ? "exit" : undefined) });
        const kb = kbOf(50);
        const questions = STATES.map((state) => question(state, 0.3));
        expect(await answers(pool, packOf(pool, kb, questions, 5), kb.columns, 5)).toEqual(expected(kb, questions, 5));
        expect(task).toBeGreaterThan(at);
      }
    });
  });
}
