/**
 * Contract suite of the kernel pool, called for every back end: same answers however a scan is cut, bounded queue, deadline, abort, faults, close.
 */
import workerThreads, { type Worker } from "node:worker_threads";
import { afterEach, describe, expect, test } from "vitest";
import { EngineError } from "../../src/errors.ts";
import type { KernelPool, Partner, QuerySpec, ScoreOptions } from "../../src/pool/kernel-pool.ts";
import type { CandidateColumns } from "../../src/wire/candidate-columns.ts";
import type { Fault } from "../../src/wire/task.ts";
import { indelRatio } from "../reference/ratio.ts";
import { type ReferenceQuery, scoreReference } from "../reference/score.ts";
import { columnsOf, Numbering, type TestPattern } from "../support/candidate-columns.ts";
import { type KeptMatch, keptOf } from "../support/score-blocks.ts";

export interface TestPoolOptions {
  readonly queueMax?: number;
  readonly slots?: number;
  readonly symbolCapacity?: number;
  readonly sliceRows?: number;
  readonly residentBytes?: number;
  readonly arenaBytesMax?: number;
  readonly faultOf?: () => Fault | undefined;
}

export type OpenPool = (options: TestPoolOptions) => Promise<KernelPool>;

const VOCABULARY = Array.from({ length: 40 }, (_, i) => `symbol-${i}`);

/** Numbers from a seed: the same kb in every run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function patternsOf(count: number, seed: number): TestPattern[] {
  const random = randomOf(seed);
  const pick = (): string => VOCABULARY[Math.floor(random() * VOCABULARY.length)]!;
  return Array.from({ length: count }, (_, patternId) => ({
    patternId,
    name: Array.from({ length: 20 }, () =>
      Math.floor(random() * 256)
        .toString(16)
        .padStart(2, "0"),
    ).join(""),
    events: Array.from({ length: 1 + Math.floor(random() * 4) }, () => Array.from({ length: 1 + Math.floor(random() * 3) }, pick)),
  }));
}

export const STATE = ["symbol-3", "symbol-1", "symbol-4", "symbol-1", "unheard", "symbol-5", "symbol-9"];

export const asked = (recallThreshold: number): ReferenceQuery => ({
  state: STATE,
  similarity: "token",
  recallThreshold,
  fuzzyThreshold: 0,
  stages: [{ name: "length", minRatio: 0.3, maxRatio: 2 }, { name: "bloom" }],
  keepBy: "prePotential",
});

export interface Kb {
  readonly patterns: readonly TestPattern[];
  readonly numbering: Numbering;
  readonly columns: CandidateColumns;
}

/** All pairs that reach the threshold, by the twin. */
function partnersOf(symbols: readonly string[], known: readonly string[], threshold: number): Partner[] {
  return known.flatMap((symbol, symbolId) =>
    symbols.flatMap((text, queryIndex) => {
      const ratio = indelRatio(text, symbol);
      return ratio >= threshold - 1e-9 ? [{ queryIndex, symbolId, ratio }] : [];
    }),
  );
}

export function kbOf(count: number, seed = 1): Kb {
  const patterns = patternsOf(count, seed);
  const numbering = new Numbering();
  for (const symbol of VOCABULARY) numbering.idOf(symbol);
  return { patterns, numbering, columns: columnsOf(patterns, numbering) };
}

export function specOf({ numbering }: Kb, reference: ReferenceQuery, keep: number, changes: Partial<QuerySpec> = {}): QuerySpec {
  return {
    symbols: reference.state,
    symbolIds: numbering.stateIds(reference.state),
    similarity: reference.similarity,
    recallThreshold: reference.recallThreshold,
    partners: null,
    stages: reference.stages,
    keep,
    keepBy: reference.keepBy,
    table: null,
    symbolCount: numbering.ids.size,
    ...changes,
  };
}

async function best(pool: KernelPool, kb: Kb, reference: ReferenceQuery, keep: number, options?: ScoreOptions): Promise<KeptMatch[]> {
  return keptOf(await pool.score(pool.prepare(specOf(kb, reference, keep)), kb.columns, options)).slice(0, keep);
}

export function expectedBest(kb: Kb, reference: ReferenceQuery, keep: number) {
  return scoreReference(reference, kb.patterns)
    .matches.slice(0, keep)
    .map(({ pattern, key, similarity, blocks }) => ({
      key,
      similarity,
      patternId: pattern.patternId,
      name: pattern.name,
      events: pattern.events.map((event) => event.map((symbol) => kb.numbering.idOf(symbol))),
      blocks,
    }));
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof EngineError ? error.code : String(error);
  }
  return "resolved";
}

/** `canLose`: a thread of this back end can end without an answer. */
export function kernelPoolContract(name: string, openPool: OpenPool, { canLose }: { canLose: boolean }): void {
  describe(name, () => {
    const open: KernelPool[] = [];
    const opened = async (options: TestPoolOptions = {}): Promise<KernelPool> => {
      const pool = await openPool(options);
      open.push(pool);
      return pool;
    };
    afterEach(async () => {
      await Promise.all(open.splice(0).map((pool) => pool.close()));
    });

    test.each([1, 7, 1_000_000])("slices of %i rows give the twin's answer, in row order", async (sliceRows) => {
      const pool = await opened({ sliceRows });
      const kb = kbOf(60);
      for (const threshold of [0, 0.1, 0.4]) {
        expect(await best(pool, kb, asked(threshold), 9)).toEqual(expectedBest(kb, asked(threshold), 9));
      }
      const blocks = await pool.score(pool.prepare(specOf(kb, asked(0), 60)), kb.columns);
      expect(blocks.length).toBe(Math.ceil(60 / sliceRows));
      expect(blocks.map(({ candidates }) => candidates).reduce((sum, candidates) => sum + candidates)).toBe(60);
    });

    test("columns of several slots are scanned whole, and belong to the caller again at the first await", async () => {
      const pool = await opened();
      const kb = kbOf(300);
      const copies = 220;
      const columns = repeated(kb.columns, copies);
      const query = pool.prepare(specOf(kb, asked(0.1), 7));
      const scoring = pool.score(query, columns);
      for (const column of [columns.symbolIds, columns.symbolEnds, columns.names, columns.eventEnds]) column.fill(0xff);
      const blocks = await scoring;
      const expected = scoreReference(asked(0.1), kb.patterns);
      const sum = (pick: (block: (typeof blocks)[number]) => number): number => blocks.reduce((total, block) => total + pick(block), 0);
      expect(sum(({ candidates }) => candidates)).toBe(300 * copies);
      expect(sum(({ matched }) => matched)).toBe(expected.matches.length * copies);
      expect(keptOf(blocks)[0]!.key).toBe(expected.matches[0]!.key);
    });

    test("a floor leaves out what is below it, keeps ties, and counts all the same", async () => {
      const pool = await opened({ sliceRows: 9 });
      const kb = kbOf(60);
      const query = pool.prepare(specOf(kb, asked(0), 60));
      const whole = await pool.score(query, kb.columns);
      const keys = whole.flatMap((block) => [...block.keys]).sort((a, b) => a - b);
      const floor = keys[Math.floor(keys.length / 2)]!;
      const some = await pool.score(query, kb.columns, { floor: () => floor });
      expect(some.flatMap((block) => [...block.keys]).sort((a, b) => a - b)).toEqual(keys.filter((key) => key >= floor));
      some.forEach((block, at) => {
        const { candidates, matched, belowThreshold, withoutBlocks } = whole[at]!;
        expect(block).toMatchObject({ candidates, matched, belowThreshold, withoutBlocks, pruned: matched - block.kept });
      });
    });

    test("queries side by side do not disturb each other", async () => {
      const pool = await opened({ sliceRows: 5 });
      const kb = kbOf(80);
      const other: ReferenceQuery = { ...asked(0.1), state: [...STATE].reverse(), stages: [] };
      const calls = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? asked(0.1) : other));
      const answers = await Promise.all(calls.map((reference) => best(pool, kb, reference, 6)));
      answers.forEach((answer, i) => {
        expect(answer).toEqual(expectedBest(kb, calls[i]!, 6));
      });
    });

    test("no rows give no blocks", async () => {
      const pool = await opened();
      const kb = kbOf(3);
      expect(await pool.score(pool.prepare(specOf(kb, asked(0), 5)), columnsOf([], kb.numbering))).toEqual([]);
    });

    test("a symbol table that grows finds what a new one finds", async () => {
      const pool = await opened({ sliceRows: 300 });
      const numbering = new Numbering();
      const letters = ["a", "b", "c", "d", "é", "中"];
      const word = (n: number): string =>
        Array.from({ length: 2 + (n % 5) }, (_, i) => letters[Math.floor(n / (i + 1) + i * n) % 6]!).join("") + n;
      const asked = [word(5), word(900), "abcd"];
      for (const count of [900, 1_100, 1_140, 1_160, 1_290, 1_300, 1_500]) {
        while (numbering.ids.size < count) numbering.idOf(word(numbering.ids.size));
        const grown = await pool.partners(asked, numbering.table(`grown ${count}`, "grows"), 0.5);
        expect(grown.length).toBeGreaterThan(3);
        expect(grown).toEqual(await pool.partners(asked, numbering.table(`new ${count}`), 0.5));
        expect(grown).toEqual(partnersOf(asked, [...numbering.ids.keys()], 0.5));
      }
    });

    test.each([3, 1_000_000])("partners are all pairs that reach the threshold (slices of %i)", async (sliceRows) => {
      const pool = await opened({ sliceRows });
      const numbering = new Numbering();
      const known = ["walk", "walks", "talk", "", "wall", "😀", "😀😀", "ab", "ba"];
      for (const symbol of known) numbering.idOf(symbol);
      const symbols = ["walk", "😀a", "", "x".repeat(300)];
      for (const threshold of [0.5, 0.8, 1]) {
        expect(await pool.partners(symbols, numbering.table("partners"), threshold)).toEqual(partnersOf(symbols, known, threshold));
      }
      expect(await pool.partners([], numbering.table("partners"), 0.5)).toEqual([]);
    });

    test("the queue is bounded: the call that finds it full is refused, the others are served", async () => {
      const pool = await opened({ slots: 1, queueMax: 2, sliceRows: 3 });
      const kb = kbOf(40);
      const calls = Array.from({ length: 5 }, () => best(pool, kb, asked(0.1), 4));
      const outcomes = await Promise.allSettled(calls);
      expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled", "rejected", "rejected"]);
      expect(await codeOf(calls[4]!)).toBe("ENGRAM_POOL_FULL");
      for (const outcome of outcomes) if (outcome.status === "fulfilled") expect(outcome.value).toEqual(expectedBest(kb, asked(0.1), 4));
      expect(await best(pool, kb, asked(0.1), 4)).toEqual(expectedBest(kb, asked(0.1), 4));
    });

    test("a deadline ends a scan between slices, and a wait in the queue", async () => {
      const pool = await opened({ slots: 1, queueMax: 4, sliceRows: 1 });
      const kb = kbOf(300);
      const large = { ...kb, columns: repeated(kb.columns, 40) };
      expect(await codeOf(best(pool, large, asked(0.1), 4, { deadlineAt: performance.now() - 1 }))).toBe("ENGRAM_DEADLINE");
      const scanning = codeOf(best(pool, large, asked(0.1), 4, { deadlineAt: performance.now() + 60 }));
      const waiting = codeOf(best(pool, large, asked(0.1), 4, { deadlineAt: performance.now() + 20 }));
      expect(await waiting).toBe("ENGRAM_DEADLINE");
      expect(await scanning).toBe("ENGRAM_DEADLINE");
      expect(await best(pool, kb, asked(0.1), 4)).toEqual(expectedBest(kb, asked(0.1), 4));
    });

    test("an abort ends a scan between slices, and a wait in the queue", async () => {
      const pool = await opened({ slots: 1, queueMax: 4, sliceRows: 1 });
      const kb = kbOf(300);
      const large = { ...kb, columns: repeated(kb.columns, 40) };
      const controllers = [new AbortController(), new AbortController()] as const;
      const scanning = codeOf(best(pool, large, asked(0.1), 4, { signal: controllers[0].signal }));
      const waiting = codeOf(best(pool, large, asked(0.1), 4, { signal: controllers[1].signal }));
      controllers[1].abort();
      expect(await waiting).toBe("ENGRAM_ABORTED");
      setTimeout(() => controllers[0].abort(), 10);
      expect(await scanning).toBe("ENGRAM_ABORTED");
      expect(await codeOf(best(pool, kb, asked(0.1), 4, { signal: AbortSignal.abort() }))).toBe("ENGRAM_ABORTED");
      expect(await best(pool, kb, asked(0.1), 4)).toEqual(expectedBest(kb, asked(0.1), 4));
    });

    test("a trap fails its request alone, and leaves no trace of its query", async () => {
      const faults: (Fault | undefined)[] = [];
      const pool = await opened({ faultOf: () => faults.shift(), symbolCapacity: 1024 });
      const kb = kbOf(50);
      const other: ReferenceQuery = { ...asked(0), state: ["symbol-20", "symbol-21", "symbol-3"], stages: [] };
      expect(await best(pool, kb, other, 5)).toEqual(expectedBest(kb, other, 5));
      faults.push("trap");
      expect(await codeOf(best(pool, kb, asked(0.1), 5))).toBe("ENGRAM_KERNEL_TRAP");
      for (const reference of [asked(0.1), other, asked(0)]) {
        expect(await best(pool, kb, reference, 5)).toEqual(expectedBest(kb, reference, 5));
      }
    });

    test("rows that are no patterns are refused", async () => {
      const pool = await opened();
      const kb = kbOf(20);
      const query = pool.prepare(specOf(kb, asked(0), 5));
      const broken: [string, Partial<CandidateColumns>][] = [
        ["an id past the kb", { symbolIds: changed(kb.columns.symbolIds, 9, 0xff) }],
        ["ends that fall", { symbolEnds: changed(kb.columns.symbolEnds, 8 * 5, 0) }],
        ["events that end elsewhere", { eventEnds: changed(kb.columns.eventEnds, kb.columns.eventEnds.length - 2, 200) }],
        ["a column cut short", { symbolIds: kb.columns.symbolIds.subarray(4) }],
        ["a row of a gigabyte", { symbolEnds: changed(kb.columns.symbolEnds, 8 * 20 - 5, 0x40) }],
      ];
      for (const [what, change] of broken) {
        expect([what, await codeOf(pool.score(query, { ...kb.columns, ...change }))]).toEqual([what, "ENGRAM_STORE_REPLY"]);
      }
      expect(await best(pool, kb, asked(0.1), 5)).toEqual(expectedBest(kb, asked(0.1), 5));
    });

    test("limits are refused by name, and reached", async () => {
      const pool = await opened({ symbolCapacity: 1000 });
      const kb = kbOf(4);
      const state = Array.from({ length: 16384 }, (_, i) => `symbol-${i}`);
      const long: ReferenceQuery = { ...asked(0), state, stages: [] };
      expect(await best(pool, kb, long, 4)).toEqual(expectedBest(kb, long, 4));
      const tooLong: ReferenceQuery = { ...long, state: [...state, "symbol-0"] };
      expect(await codeOf(best(pool, kb, tooLong, 4))).toBe("ENGRAM_LIMIT_EXCEEDED");
      expect(await codeOf((async () => pool.prepare(specOf(kb, asked(0), 4, { symbolCount: 1001 })))())).toBe("ENGRAM_LIMIT_EXCEEDED");
    });

    test("texts and tables beyond what a thread holds are refused by name", async () => {
      const pool = await opened({ symbolCapacity: 1000 });
      const numbering = new Numbering();
      const long = "x".repeat(600_000);
      const name = "00".repeat(20);
      const columns = columnsOf([{ patternId: 0, name, events: [[long], ["a"], [long]] }], numbering);
      const kb: Kb = { patterns: [], numbering, columns };
      const asCharacters: ReferenceQuery = { ...asked(0), similarity: "character", stages: [] };
      const query = pool.prepare(specOf(kb, asCharacters, 1, { table: numbering.table("long texts") }));
      expect(await codeOf(pool.score(query, columns))).toBe("ENGRAM_LIMIT_EXCEEDED");

      const count = 40_000_000;
      const untouched = (length: number) => new Uint32Array(new SharedArrayBuffer(length * 4));
      const huge = {
        key: "huge",
        origin: "huge",
        count,
        textOffsets: untouched(count + 1),
        codePoints: untouched(0),
        hashes: untouched(count),
      };
      expect(await codeOf(pool.partners(["a"], huge, 0.5))).toBe("ENGRAM_LIMIT_EXCEEDED");
      const small = kbOf(30);
      expect(await best(pool, small, asked(0.1), 4)).toEqual(expectedBest(small, asked(0.1), 4));
    });

    test("close waits for what runs, refuses what comes, leaves no thread", async () => {
      const started: Worker[] = [];
      const original = workerThreads.Worker;
      workerThreads.Worker = class extends original {
        constructor(...args: ConstructorParameters<typeof Worker>) {
          super(...args);
          started.push(this);
        }
      };
      const pool = await openPool({ sliceRows: 2 }).finally(() => {
        workerThreads.Worker = original;
      });
      const kb = kbOf(60);
      const running = best(pool, kb, asked(0.1), 4);
      const closing = pool.close();
      expect(await codeOf(best(pool, kb, asked(0.1), 4))).toBe("ENGRAM_CLOSED");
      expect(await codeOf(pool.partners(["a"], kb.numbering.table("closed"), 0.5))).toBe("ENGRAM_CLOSED");
      expect(await running).toEqual(expectedBest(kb, asked(0.1), 4));
      await closing;
      await pool.close();
      expect(started.length).toBe(canLose ? pool.threads : 0);
      // A thread that has ended has no id any more.
      expect(started.map(({ threadId }) => threadId)).toEqual(started.map(() => -1));
    });

    if (!canLose) return;
    test("a lost worker is replaced and its slice run once more; lost twice, the request fails alone", async () => {
      const faults: (Fault | undefined)[] = [];
      const pool = await opened({ faultOf: () => faults.shift(), symbolCapacity: 1024 });
      const kb = kbOf(50);
      const expected = expectedBest(kb, asked(0.1), 5);
      for (let round = 0; round < 3; round++) {
        faults.push("exit");
        expect(await best(pool, kb, asked(0.1), 5)).toEqual(expected);
      }
      faults.push("exit", "exit");
      expect(await codeOf(best(pool, kb, asked(0.1), 5))).toBe("ENGRAM_WORKER_LOST");
      expect(await Promise.all([1, 2, 3, 4].map(() => best(pool, kb, asked(0.1), 5)))).toEqual([expected, expected, expected, expected]);
    });
  });
}

/** The same rows several times over. */
export function repeated(columns: CandidateColumns, times: number): CandidateColumns {
  const repeat = (bytes: Uint8Array): Uint8Array => Buffer.concat(Array.from({ length: times }, () => bytes));
  const ends = (bytes: Uint8Array): Uint8Array => {
    const first = new BigUint64Array(bytes.slice().buffer);
    const size = first.at(-1)!;
    return new Uint8Array(
      BigUint64Array.from(
        { length: first.length * times },
        (_, i) => first[i % first.length]! + size * BigInt(Math.floor(i / first.length)),
      ).buffer,
    );
  };
  return {
    rows: columns.rows * times,
    patternIds: repeat(columns.patternIds),
    names: repeat(columns.names),
    distinctCounts: repeat(columns.distinctCounts),
    symbolEnds: ends(columns.symbolEnds),
    symbolBase: 0,
    symbolIds: repeat(columns.symbolIds),
    eventOffsets: ends(columns.eventOffsets),
    eventBase: 0,
    eventEnds: repeat(columns.eventEnds),
  };
}

export function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}
