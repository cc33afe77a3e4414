/**
 * Contract suite of the pool's resident memory, called for every back end: blocks, sealed or placed, give what their columns give, however a
 * scan is cut and over however many memories; room is kept; what a lost worker or a trap does to a scan.
 */
import { afterEach, describe, expect, test } from "vitest";
import type { KernelPool, PlacedBlock, ScoreOptions } from "../../src/pool/kernel-pool.ts";
import type { ScoreBlock } from "../../src/wire/score-block.ts";
import type { Fault } from "../../src/wire/task.ts";
import { type ReferenceQuery, scoreReference } from "../reference/score.ts";
import { keptOf } from "../support/score-blocks.ts";
import { asked, codeOf, expectedBest, type Kb, kbOf, type OpenPool, repeated, specOf, type TestPoolOptions } from "./kernel-pool.ts";

const MIB = 1024 * 1024;

export function residentMemoryContract(name: string, openPool: OpenPool, { canLose }: { canLose: boolean }): void {
  describe(name, () => {
    const open: KernelPool[] = [];
    const opened = async (options: TestPoolOptions = {}): Promise<KernelPool> => {
      const pool = await openPool({ residentBytes: 8 * MIB, ...options });
      open.push(pool);
      return pool;
    };
    afterEach(async () => {
      await Promise.all(open.splice(0).map((pool) => pool.close()));
    });
    const scanned = async (
      pool: KernelPool,
      kb: Kb,
      blocks: readonly PlacedBlock[],
      reference: ReferenceQuery,
      keep: number,
      options?: ScoreOptions,
    ) => {
      const found: ScoreBlock[] = [];
      await pool.scan(pool.prepare(specOf(kb, reference, keep)), blocks, (block) => found.push(block), options);
      return { kept: keptOf(found).slice(0, keep), candidates: found.reduce((sum, block) => sum + block.candidates, 0) };
    };

    test.each([1, 7, 1_000_000])("sealed and placed blocks give the twin's answer, in slices of %i rows", async (sliceRows) => {
      const pool = await opened({ sliceRows });
      const kb = kbOf(60);
      const symbolCount = kb.numbering.ids.size;
      const sealed = (await pool.resident.seal(kb.columns, symbolCount))!;
      const placed = pool.resident.place(kb.columns)!;
      expect([...sealed, ...placed].map(({ rows }) => rows)).toEqual([60, 60]);
      for (const threshold of [0, 0.1, 0.4]) {
        const expected = expectedBest(kb, asked(threshold), 9);
        expect(await scanned(pool, kb, sealed, asked(threshold), 9)).toEqual({ kept: expected, candidates: 60 });
        expect(await scanned(pool, kb, placed, asked(threshold), 9)).toEqual({ kept: expected, candidates: 60 });
      }
      expect(await scanned(pool, kb, [], asked(0), 9)).toEqual({ kept: [], candidates: 0 });
    });

    test("blocks over several memories are one set of candidates, and ties between them go by name", async () => {
      const pool = await opened({ residentBytes: MIB, arenaBytesMax: 256 * 1024, sliceRows: 50, symbolCapacity: 1024 });
      const halves = [kbOf(70, 1), kbOf(90, 2), kbOf(40, 3)];
      const kb: Kb = { ...halves[0]!, patterns: halves.flatMap(({ patterns }) => patterns) };
      const blocks: PlacedBlock[] = [];
      for (const { columns } of halves.slice(0, 2)) blocks.push(...(await pool.resident.seal(columns, kb.numbering.ids.size))!);
      expect(pool.resident.capacity).toBe(MIB);
      // The first memory is filled, until the next block has to go to another one.
      let elsewhere = pool.resident.place(halves[2]!.columns)!;
      while (elsewhere[0]!.memory === 0) elsewhere = pool.resident.place(halves[2]!.columns)!;
      const mixed = [...blocks, ...elsewhere];
      for (const threshold of [0, 0.3]) {
        expect((await scanned(pool, kb, mixed, asked(threshold), 30)).kept).toEqual(expectedBest(kb, asked(threshold), 30));
      }
    });

    test("there is as much room as was asked for, and all of it again when blocks are freed", async () => {
      const pool = await opened({ residentBytes: MIB });
      const kb = kbOf(50);
      const columns = repeated(kb.columns, 20);
      const taken: PlacedBlock[][] = [];
      for (;;) {
        const blocks = taken.length % 2 === 0 ? await pool.resident.seal(columns, kb.numbering.ids.size) : pool.resident.place(columns);
        if (blocks === undefined) break;
        taken.push([...blocks]);
        expect(pool.resident.used).toBeLessThanOrEqual(MIB);
        expect(taken.length).toBeLessThan(1_000);
      }
      expect(taken.length).toBeGreaterThan(3);
      const used = pool.resident.used;
      const last = taken.pop()!;
      for (const block of last) pool.resident.free(block);
      expect(pool.resident.used).toBeLessThan(used);
      for (const block of taken.flat()) pool.resident.free(block);
      expect(pool.resident.used).toBe(0);
      expect(await pool.resident.seal(columns, kb.numbering.ids.size)).toBeDefined();
    });

    test("more matches kept than one task may hold come from several, none lost", async () => {
      const pool = await opened({ residentBytes: 32 * MIB });
      const kb = kbOf(100);
      const copies = 700;
      const blocks = (await pool.resident.seal(repeated(kb.columns, copies), kb.numbering.ids.size))!;
      const found: ScoreBlock[] = [];
      await pool.scan(pool.prepare(specOf(kb, asked(0), 200_000)), blocks, (block) => found.push(block));
      const expected = scoreReference(asked(0), kb.patterns).matches.length * copies;
      expect(found.reduce((sum, block) => sum + block.kept, 0)).toBe(expected);
    });

    test("a floor leaves out what is below it, and a deadline or an abort ends a scan between slices", async () => {
      const pool = await opened({ sliceRows: 9 });
      const kb = kbOf(60);
      const blocks = (await pool.resident.seal(kb.columns, kb.numbering.ids.size))!;
      const all = (await scanned(pool, kb, blocks, asked(0), 60)).kept;
      const floor = all[10]!.key;
      const some = await scanned(pool, kb, blocks, asked(0), 60, { floor: () => floor });
      expect(some).toEqual({ kept: all.filter(({ key }) => key >= floor), candidates: 60 });
      expect(await codeOf(scanned(pool, kb, blocks, asked(0), 9, { deadlineAt: performance.now() - 1 }))).toBe("ENGRAM_DEADLINE");
      const controller = new AbortController();
      const running = scanned(pool, kb, blocks, asked(0), 9, { signal: controller.signal });
      controller.abort();
      expect(await codeOf(running)).toBe("ENGRAM_ABORTED");
    });

    test("scans side by side give way to each other, and each has all its rows and the twin's answer", async () => {
      const pool = await opened({ residentBytes: 64 * MIB });
      const kb = kbOf(200);
      const copies = 300;
      const blocks = (await pool.resident.seal(repeated(kb.columns, copies), kb.numbering.ids.size))!;
      const thresholds = [0, 0.1, 0.2, 0.3, 0.4, 0.1, 0, 0.3];
      const answers = await Promise.all(thresholds.map((threshold) => scanned(pool, kb, blocks, asked(threshold), 40)));
      answers.forEach(({ kept, candidates }, at) => {
        expect(candidates).toBe(200 * copies);
        // Copies of the best pattern, all of one name.
        expect(kept.map(({ key, name }) => [key, name])).toEqual(
          Array.from({ length: 40 }, () => expectedBest(kb, asked(thresholds[at]!), 1)[0]!).map(({ key, name }) => [key, name]),
        );
      });
    });

    test("rows that are no patterns are not sealed, and take no room", async () => {
      const pool = await opened();
      const kb = kbOf(20);
      expect(await codeOf(pool.resident.seal(kb.columns, 3))).toBe("ENGRAM_STORE_REPLY");
      expect(pool.resident.used).toBe(0);
    });

    test("without resident memory there is no room at all", async () => {
      const pool = await opened({ residentBytes: 0 });
      const kb = kbOf(20);
      expect(await pool.resident.seal(kb.columns, kb.numbering.ids.size)).toBeUndefined();
      expect(pool.resident.place(kb.columns)).toBeUndefined();
    });

    test("a trap fails its scan alone", async () => {
      const faults: (Fault | undefined)[] = [];
      const pool = await opened({ faultOf: () => faults.shift() });
      const kb = kbOf(50);
      const blocks = (await pool.resident.seal(kb.columns, kb.numbering.ids.size))!;
      faults.push("trap");
      expect(await codeOf(scanned(pool, kb, blocks, asked(0.1), 5))).toBe("ENGRAM_KERNEL_TRAP");
      expect((await scanned(pool, kb, blocks, asked(0.1), 5)).kept).toEqual(expectedBest(kb, asked(0.1), 5));
    });

    test("a trap in one part of a shared scan ends the others, and the pool goes on", async () => {
      const faults: (Fault | undefined)[] = [];
      const pool = await opened({ residentBytes: 256 * MIB, symbolCapacity: 1024, faultOf: () => faults.shift() });
      const kb = kbOf(200);
      const blocks = (await pool.resident.seal(repeated(kb.columns, 3_000), kb.numbering.ids.size))!;
      let tasks = 0;
      const options: ScoreOptions = {
        floor: () => {
          tasks++;
          return Number.NEGATIVE_INFINITY;
        },
      };
      faults.push("trap");
      expect(await codeOf(scanned(pool, kb, blocks, asked(0), 5, options))).toBe("ENGRAM_KERNEL_TRAP");
      // A part that is told to stop is not asked again for what is left.
      expect(tasks).toBeLessThan(10);
      expect((await scanned(pool, kb, blocks, asked(0), 5)).candidates).toBe(200 * 3_000);
    }, 20_000);

    if (!canLose) return;
    test("a worker lost in a scan costs one retry and no wrong answer; the blocks stay", async () => {
      const faults: (Fault | undefined)[] = [];
      const pool = await opened({ faultOf: () => faults.shift(), symbolCapacity: 1024, sliceRows: 16, arenaBytesMax: 4 * MIB });
      const kb = kbOf(120);
      const blocks = (await pool.resident.seal(kb.columns, kb.numbering.ids.size))!;
      const expected = expectedBest(kb, asked(0.1), 5);
      for (let round = 0; round < 3; round++) {
        faults.push(undefined, "exit");
        expect(await scanned(pool, kb, blocks, asked(0.1), 5)).toEqual({ kept: expected, candidates: 120 });
      }
      faults.push("exit", "exit", "exit", "exit");
      expect(await codeOf(scanned(pool, kb, blocks, asked(0.1), 5))).toBe("ENGRAM_WORKER_LOST");
      faults.length = 0;
      expect((await scanned(pool, kb, blocks, asked(0.1), 5)).kept).toEqual(expected);
    });
  });
}
