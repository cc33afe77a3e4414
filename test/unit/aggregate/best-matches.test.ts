import fc from "fast-check";
import { expect, test } from "vitest";
import { BestMatches } from "../../../src/aggregate/best-matches.ts";
import type { ScoreBlock } from "../../../src/wire/score-block.ts";
import { runs } from "../../reference/golden.ts";

interface Entry {
  readonly key: number;
  readonly name: string;
  readonly id: number;
}

const best = (a: Entry, b: Entry): number => b.key - a.key || (a.name < b.name ? -1 : 1);

/** A block of entries, best first as the contract says; entry `id` has id + 1 symbols, one event and `id % 3` matching blocks. */
function blockOf(unsorted: readonly Entry[]): ScoreBlock {
  const entries = [...unsorted].sort(best);
  const starts = (lengths: number[]): number[] => [0, ...lengths.map((_, i) => lengths.slice(0, i + 1).reduce((sum, n) => sum + n, 0))];
  const symbolCounts = entries.map(({ id }) => id + 1);
  const blockCounts = entries.map(({ id }) => id % 3);
  // Names stand somewhere inside a larger buffer, as they do in a real block.
  const names = Buffer.alloc(7 + 20 * entries.length);
  for (const [i, { name }] of entries.entries()) names.write(name, 7 + 20 * i, "hex");
  return {
    candidates: entries.length,
    stages: [],
    belowThreshold: 0,
    withoutBlocks: 0,
    matched: entries.length,
    pruned: 0,
    kept: entries.length,
    keys: Float64Array.from(entries, ({ key }) => key),
    similarities: Float64Array.from(entries, ({ id }) => id / 1_000),
    patternIds: Float64Array.from(entries, ({ id }) => id),
    names: names.subarray(7),
    symbolStarts: Uint32Array.from(starts(symbolCounts)),
    symbolIds: Uint32Array.from(entries.flatMap(({ id }) => new Array(id + 1).fill(id))),
    eventStarts: Uint32Array.from(starts(entries.map(() => 1))),
    eventEnds: Uint16Array.from(symbolCounts),
    blockStarts: Uint32Array.from(starts(blockCounts)),
    blocks: Uint32Array.from(entries.flatMap(({ id }) => new Array(3 * (id % 3)).fill(id))),
  };
}

const entries = fc
  .array(fc.tuple(fc.constantFrom(-1, 0, 0.5, 2), fc.constantFrom("00", "7f", "80", "ff")), { maxLength: 40 })
  .map((list) => list.map(([key, digits], id): Entry => ({ key, id, name: digits.repeat(18) + id.toString(16).padStart(4, "0") })));

test("the best of all blocks, however they are cut and ordered", () => {
  fc.assert(
    fc.property(
      entries,
      fc.integer({ min: 0, max: 12 }),
      fc.array(fc.nat({ max: 4 }), { minLength: 40, maxLength: 40 }),
      (all, keep, cuts) => {
        const merged = new BestMatches(keep);
        for (let part = 0; part <= 4; part++) merged.add(blockOf(all.filter((_, i) => cuts[i] === part)));
        const want = [...all].sort(best).slice(0, keep);
        expect(merged.kept).toBe(want.length);
        expect(merged.sorted()).toEqual(
          want.map(({ key, name, id }) => ({
            key,
            name,
            patternId: id,
            similarity: id / 1_000,
            symbolIds: new Uint32Array(id + 1).fill(id),
            eventEnds: Uint16Array.of(id + 1),
            blocks: new Uint32Array(3 * (id % 3)).fill(id),
          })),
        );
      },
    ),
    runs(400),
  );
});

test("what is kept does not hold on to the block", () => {
  const block = blockOf([{ key: 1, id: 2, name: "ab".repeat(20) }]);
  const merged = new BestMatches(Number.POSITIVE_INFINITY);
  merged.add(block);
  const [match] = merged.sorted();
  block.symbolIds.fill(99);
  block.blocks.fill(99);
  expect([...match!.symbolIds]).toEqual([2, 2, 2]);
  expect(match!.symbolIds.buffer).not.toBe(block.symbolIds.buffer);
  expect([...match!.blocks]).toEqual([2, 2, 2, 2, 2, 2]);
});
