import { expect, it } from "vitest";
import { DeletedPatterns } from "../../../src/engine/deleted-patterns.ts";
import { KbChanged } from "../../../src/engine/plan.ts";
import { openStream } from "../../../src/engine/stream-source.ts";
import type { PatternStore } from "../../../src/store/pattern-store.ts";
import type { KbHead, OutboxEntry, StateStore } from "../../../src/store/state-store.ts";
import { newPatterns, tailColumns } from "../../../src/store/tail-columns.ts";
import { learnEntry, rowsOf } from "../../contract/pattern-store.ts";

const head = (over: Partial<KbHead> = {}): KbHead => ({
  kb: "kb",
  generation: 1,
  seq: 3,
  patternCount: 3,
  deletedCount: 0,
  goneSymbols: 0,
  symbolCount: 10,
  totals: { total_symbols_in_patterns_frequencies: 0, total_pattern_frequencies: 0, total_unique_patterns: 0 },
  vectorDimension: 0,
  finalizedBelow: 0,
  ...over,
});
const all = [learnEntry("kb", 1, 1, 0, [1, 2]), learnEntry("kb", 1, 2, 1, [3, 4]), learnEntry("kb", 1, 3, 2, [1, 9])];

/** A pattern store that holds `stored`, and a state store whose outbox holds `tail` and whose kb stands at `now`. */
function stores(
  stored: readonly OutboxEntry[],
  tail: readonly OutboxEntry[],
  now: KbHead,
  gone: readonly number[] = [],
): { state: StateStore; patterns: PatternStore } {
  return {
    state: {
      tail: async () => tail,
      head: async () => now,
      listDeleted: async (_kb: string, _generation: number, from: number) => gone.slice(from),
    } as unknown as StateStore,
    patterns: {
      async *scan(_kb: string, _generation: number, options: { below: number; firstSymbol?: number }) {
        const rows = newPatterns(stored).filter(
          (entry) => entry.patternId < options.below && (options.firstSymbol ?? entry.symbolIds[0]) === entry.symbolIds[0],
        );
        if (rows.length > 0) yield tailColumns(rows);
      },
    } as unknown as PatternStore,
  };
}

async function ids(
  stored: readonly OutboxEntry[],
  tail: readonly OutboxEntry[],
  options: { firstSymbol?: number } = {},
  now = head(),
  gone: readonly number[] = [],
): Promise<number[]> {
  const { state, patterns } = stores(stored, tail, now, gone);
  const sources = { patterns, deleted: new DeletedPatterns(state) };
  const stream = await openStream(state, sources, head({ deletedCount: gone.length }), options);
  const found: number[] = [];
  for await (const columns of stream.columns()) found.push(...rowsOf(columns).map((row) => row.id));
  return found;
}

it("gives every pattern once: stored, waiting, and those that are both for a moment", async () => {
  expect(await ids(all, [])).toEqual([0, 1, 2]);
  expect(await ids([], all)).toEqual([0, 1, 2]);
  expect(await ids(all.slice(0, 2), all.slice(2))).toEqual([0, 1, 2]);
  expect(await ids(all, all.slice(1))).toEqual([0, 1, 2]);
});

it("leaves out what was learned and flushed after the head was read", async () => {
  expect(await ids([...all, learnEntry("kb", 1, 4, 3, [5, 6])], [])).toEqual([0, 1, 2]);
});

it("gives only the patterns that begin with a symbol when asked for it", async () => {
  expect(await ids(all.slice(0, 2), all.slice(2), { firstSymbol: 1 })).toEqual([0, 2]);
});

it("starts over when the kb was cleared meanwhile, and says so when patterns are missing otherwise", async () => {
  await expect(ids(all.slice(0, 2), [], {}, head({ generation: 2 }))).rejects.toBeInstanceOf(KbChanged);
  await expect(ids(all.slice(0, 2), [])).rejects.toMatchObject({ code: "ENGRAM_STORE_REPLY" });
});

it("leaves deleted patterns out, wherever they still are, and knows how many are to be there", async () => {
  expect(await ids(all, [], {}, head(), [1])).toEqual([0, 2]);
  expect(await ids([all[0]!, all[2]!], [], {}, head(), [1])).toEqual([0, 2]);
  expect(await ids(all.slice(0, 1), all.slice(1), {}, head(), [2, 0])).toEqual([1]);
  expect(await ids(all, [], { firstSymbol: 1 }, head(), [0])).toEqual([2]);
  // One more was deleted and removed while this reader was under way.
  const now = head({ deletedCount: 2 });
  await expect(ids(all.slice(0, 1), [], {}, now, [1])).rejects.toBeInstanceOf(KbChanged);
  await expect(ids(all.slice(0, 1), [], {}, head({ deletedCount: 1 }), [1])).rejects.toMatchObject({ code: "ENGRAM_STORE_REPLY" });
});

it("counts symbols that only the tail knows", async () => {
  const { state, patterns } = stores(all, [learnEntry("kb", 1, 4, 3, [5, 40])], head());
  const sources = { patterns, deleted: new DeletedPatterns(state) };
  expect((await openStream(state, sources, head(), {})).symbolCount).toBe(41);
});
