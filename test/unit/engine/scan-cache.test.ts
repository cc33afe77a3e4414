import fc from "fast-check";
import { expect, it } from "vitest";
import { DeletedPatterns, NONE_DELETED, withoutDeleted } from "../../../src/engine/deleted-patterns.ts";
import { ScanCache } from "../../../src/engine/scan-cache.ts";
import { tailColumns } from "../../../src/engine/tail-columns.ts";
import type { PatternStore, ScanOptions } from "../../../src/store/pattern-store.ts";
import type { KbHead } from "../../../src/store/state-store.ts";
import { learnEntry, rowsOf } from "../../contract/pattern-store.ts";

/** A pattern store of `held.count` patterns, in blocks of `block` rows; notes the ranges it was asked for. */
function storeOf(held: { count: number }, block: number) {
  const asked: [number, number][] = [];
  const scan = async function* (kb: string, generation: number, { from = 0, below }: ScanOptions) {
    asked.push([from, below]);
    const to = Math.min(below, held.count);
    for (let first = from; first < to; first += block) {
      const ids = Array.from({ length: Math.min(block, to - first) }, (_, i) => first + i);
      yield tailColumns(
        ids.map((id) => learnEntry(kb, generation, id + 1, id, [generation, id % 5, id % 7]) as Parameters<typeof tailColumns>[0][number]),
      );
    }
  };
  return { patterns: { scan } as Pick<PatternStore, "scan">, asked };
}

async function ids(cache: ScanCache, generation: number, below: number, kb = "kb"): Promise<number[]> {
  const found: number[] = [];
  for await (const columns of cache.scan(kb, generation, below, undefined)) {
    for (const row of rowsOf(columns)) {
      expect(row.symbols).toEqual([generation, row.id % 5, row.id % 7]);
      found.push(row.id);
    }
  }
  return found;
}

const headOf = (deletedCount: number) => ({ kb: "kb", generation: 1, deletedCount }) as KbHead;
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

it("gives every pattern once, in order, whatever was asked before and however the store grows", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(60), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 20 }),
      fc.nat(4_000),
      async (steps, block, bytesMax) => {
        const held = { count: 0 };
        const { patterns } = storeOf(held, block);
        const cache = new ScanCache(patterns, bytesMax);
        for (const step of steps) {
          held.count += step % 13;
          const below = Math.min(held.count, step);
          const [a, b] = await Promise.all([ids(cache, 1, below), ids(cache, 1, held.count)]);
          expect(a).toEqual(upTo(below));
          expect(b).toEqual(upTo(held.count));
        }
      },
    ),
    { numRuns: 150 },
  );
});

it("gives no deleted pattern, whether its row is still in the store or not", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(60), fc.array(fc.nat(60), { maxLength: 8 })), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 20 }),
      fc.boolean(),
      async (steps, block, removed) => {
        const held = { count: 0 };
        const { patterns } = storeOf(held, block);
        const list: number[] = [];
        const deletes = new DeletedPatterns({ listDeleted: async (_kb, _generation, from) => list.slice(from) });
        const store: Pick<PatternStore, "scan"> = {
          async *scan(kb, generation, options) {
            const gone = removed ? await deletes.at(headOf(list.length)) : NONE_DELETED;
            for await (const columns of patterns.scan(kb, generation, options)) yield withoutDeleted(columns, gone);
          },
        };
        const cache = new ScanCache(store, 100_000);
        for (const [more, ids] of steps) {
          held.count += more % 13;
          for (const id of ids) if (id < held.count && !list.includes(id)) list.push(id);
          const deleted = await deletes.at(headOf(list.length));
          const found: number[] = [];
          for await (const columns of cache.scan("kb", 1, held.count, undefined, deleted))
            found.push(...rowsOf(columns).map(({ id }) => id));
          expect(found).toEqual(upTo(held.count).filter((id) => !list.includes(id)));
          expect(deleted.countIn(0, held.count)).toBe(list.length);
        }
      },
    ),
    { numRuns: 150 },
  );
});

it("reads nothing again but a last part that is not full", async () => {
  const held = { count: 20_000 };
  const { patterns, asked } = storeOf(held, 8_192);
  const cache = new ScanCache(patterns, 10_000_000);
  await ids(cache, 1, 20_000);
  await ids(cache, 1, 20_000);
  held.count = 20_010;
  await ids(cache, 1, 20_010);
  await ids(cache, 1, 20_010);
  expect(asked).toEqual([
    [0, 20_000],
    [16_384, 20_010],
  ]);
});

it("keeps one generation of a kb, the newest, and nothing of a kb beyond the bound", async () => {
  const held = { count: 100 };
  const { patterns, asked } = storeOf(held, 50);
  const cache = new ScanCache(patterns, 7_000);
  await ids(cache, 1, 100);
  await ids(cache, 2, 100);
  await ids(cache, 1, 100);
  await ids(cache, 2, 100);
  expect(asked).toHaveLength(3);
  // A hundred rows take 6,200 bytes. Another kb of this size pushes the first out, and back.
  await ids(cache, 1, 100, "other");
  await ids(cache, 2, 100);
  expect(asked).toHaveLength(5);
  held.count = 10_000;
  await ids(cache, 1, 10_000, "large");
  await ids(cache, 1, 10_000, "large");
  expect(asked).toHaveLength(7);
});

it("keeps nothing of a scan that was given up or came out short", async () => {
  const held = { count: 100 };
  const { patterns, asked } = storeOf(held, 10);
  const cache = new ScanCache(patterns, 1_000_000);
  for await (const columns of cache.scan("kb", 1, 100, undefined)) {
    expect(columns.rows).toBe(10);
    break;
  }
  expect(await ids(cache, 1, 200)).toHaveLength(100);
  expect(await ids(cache, 1, 100)).toEqual(upTo(100));
  expect(asked).toEqual([
    [0, 100],
    [0, 200],
    [0, 100],
  ]);
});
