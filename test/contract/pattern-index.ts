/** The suite every pattern index passes: candidates are never fewer than brute force finds, and bounds are bounds. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { planPostings, weightsOf } from "../../src/engine/postings-plan.ts";
import type { PatternStore } from "../../src/store/pattern-store.ts";
import type { OutboxEntry } from "../../src/store/state-store.ts";
import { lcsLength } from "../reference/lcs.ts";
import { learnEntry, rowsOf } from "./pattern-store.ts";

const symbolsOf = (seed: number, length: number): number[] =>
  Array.from({ length }, (_, i) => ((seed * 31 + i * i * 7 + ((seed * i) % 11)) % 97) + 60);

/** Names in another order than the ids. */
const nameOf = (id: number): string => ((id * 7_919) % 65_537).toString(16).padStart(4, "0") + "0".repeat(36);

export function patternIndexSuite(name: string, open: () => Promise<PatternStore>): void {
  describe(`pattern index: ${name}`, () => {
    let store: PatternStore;
    const kb = "indexed 'kb";
    const patterns = Array.from({ length: 3_000 }, (_, i) => symbolsOf(i, 1 + (i % 23)));
    // Repeats, and a length beyond what one symbol a row could tell.
    patterns.push(
      [7, 7, 7, 8, 8],
      [7, 8, 7, 8, 7],
      [64, 0, 128],
      [63, 127, 191],
      Array.from({ length: 900 }, (_, i) => i % 130),
    );

    beforeAll(async () => {
      store = await open();
      const entries: OutboxEntry[] = patterns.map((symbols, i) =>
        learnEntry(kb, 1, i + 1, i, symbols, { firstNewSymbol: 1_000, name: nameOf(i) }),
      );
      await store.write({ token: "index-suite", entries });
      await store.index.addPostings(kb, 1, 0, 2_000);
      await store.index.addPostings(kb, 1, 2_000, patterns.length);
    });
    afterAll(() => store.close());

    const ask = async (state: readonly number[], similarity: number, limit = 100_000, whole = false, idsBelow = patterns.length) => {
      const ids = Uint32Array.from(state);
      const known = [...weightsOf(ids)].map(([id, weight]) => ({
        id,
        weight,
        patterns: patterns.filter((pattern) => pattern.includes(id)).length,
      }));
      const plan = planPostings(
        known.sort((a, b) => a.patterns - b.patterns),
        state.length,
        similarity,
        { whole },
      );
      if (plan === undefined) return { patternIds: [], bounds: [], nameBytes: [] };
      const found = await store.index.candidates(kb, 1, {
        stateLength: state.length,
        similarity,
        limit,
        idsBelow,
        ...plan,
      });
      return { patternIds: [...found.patternIds], bounds: [...found.bounds], nameBytes: [...found.nameBytes] };
    };
    const similarityTo = (state: readonly number[], pattern: readonly number[]): number =>
      (2 * lcsLength(pattern, state)) / (pattern.length + state.length);

    it("keeps marks a generation, and says 0 where there is none", async () => {
      expect(await store.index.mark(kb, 1, "postings")).toBe(patterns.length);
      expect(await store.index.mark(kb, 1, "another")).toBe(0);
      expect(await store.index.mark(kb, 2, "postings")).toBe(0);
      expect(await store.index.mark("elsewhere", 1, "postings")).toBe(0);
    });

    it("names every pattern that reaches the similarity, once, with a bound that holds, greatest first", async () => {
      const state = fc
        .tuple(
          fc.oneof({ weight: 9, arbitrary: fc.nat(patterns.length - 1) }, fc.constant(patterns.length - 1)),
          fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 4 }),
          fc.nat(8),
        )
        // The longest one in a piece whose reads go beyond the lengths for which each has a mask.
        .map(([from, extra, drop]) => [...patterns[from]!.slice(drop, drop + (patterns[from]!.length > 100 ? 90 : 24)), ...extra])
        .filter((symbols) => symbols.length > 1);
      await fc.assert(
        fc.asyncProperty(state, fc.constantFrom(0.1, 0.3, 1 / 3, 0.5, 0.7, 1), fc.boolean(), async (symbols, similarity, whole) => {
          const { patternIds, bounds } = await ask(symbols, similarity, 100_000, whole);
          // All rows of a symbol read: no more than what is shared, as often as the state has it and the pattern has room for repeats.
          if (whole) {
            patternIds.forEach((id, i) => {
              const pattern = patterns[id]!;
              const shared = symbols.filter((symbol) => pattern.includes(symbol));
              const once = new Set(shared).size;
              const room = pattern.length - new Set(pattern.map((symbol) => symbol % 64)).size;
              const most = once + Math.min(shared.length - once, room);
              expect(bounds[i]).toBeLessThanOrEqual((2 * most) / (pattern.length + symbols.length) + 1e-12);
            });
          }
          const bound = new Map(patternIds.map((id, i) => [id, bounds[i]!]));
          expect(bound.size).toBe(patternIds.length);
          expect(bounds).toEqual([...bounds].sort((a, b) => b - a));
          patterns.forEach((pattern, id) => {
            const similar = similarityTo(symbols, pattern);
            if (similar >= similarity - 1e-9 && similar > 0) expect(bound.get(id) ?? -1).toBeGreaterThanOrEqual(similar - 1e-12);
          });
        }),
        { numRuns: 60 },
      );
    });

    it("counts patterns by length, of the first ids", async () => {
      for (const below of [0, 500, 10_000]) {
        const lengths = patterns.slice(0, below).map(({ length }) => length);
        const counts = Array.from({ length: Math.max(-1, ...lengths) + 1 }, (_, n) => lengths.filter((length) => length === n).length);
        expect(await store.index.lengths(kb, 1, below)).toEqual(counts);
      }
      expect(await store.index.lengths(kb, 2, 500)).toEqual([]);
    });

    it("puts equal bounds in the order of the first bytes of their names", async () => {
      const { patternIds, bounds, nameBytes } = await ask(patterns[40]!, 0.1);
      expect(nameBytes).toEqual(patternIds.map((id) => Number.parseInt(nameOf(id).slice(0, 2), 16)));
      const places = bounds.map((bound, i) => ({ bound, nameByte: nameBytes[i]! }));
      expect(places).toEqual([...places].sort((a, b) => b.bound - a.bound || a.nameByte - b.nameByte));
      expect(new Set(bounds).size).toBeLessThan(bounds.length / 2);
    });

    it("cuts the list at the limit and leaves the best bounds", async () => {
      const all = await ask(patterns[40]!, 0.1);
      const few = await ask(patterns[40]!, 0.1, 10);
      expect(few.patternIds).toEqual(all.patternIds.slice(0, 10));
      expect(all.patternIds.length).toBeGreaterThan(10);
      expect(few.patternIds).toContain(40);
    });

    it("answers the same when a range was written twice", async () => {
      const before = await ask(patterns[2_500]!, 0.3);
      await store.index.addPostings(kb, 1, 2_400, 2_600);
      const after = await ask(patterns[2_500]!, 0.3);
      expect(new Set(after.patternIds)).toEqual(new Set([...before.patternIds, ...after.patternIds]));
      for (const id of before.patternIds) expect(after.patternIds).toContain(id);
    });

    it("names what begins with a symbol, shortest first, equally long ones by name, within the ids and the number asked for", async () => {
      await store.index.addFirstSymbols(kb, 1, 0, 1_500);
      await store.index.addFirstSymbols(kb, 1, 1_500, patterns.length);
      expect(await store.index.mark(kb, 1, "first symbols")).toBe(patterns.length);
      const expected = (symbol: number, below: number): number[] =>
        patterns
          .map((pattern, id) => ({ id, first: pattern[0], length: pattern.length }))
          .filter(({ id, first }) => first === symbol && id < below)
          .sort((a, b) => a.length - b.length || (nameOf(a.id) < nameOf(b.id) ? -1 : 1))
          .map(({ id }) => id);
      let named = 0;
      for (let symbol = 0; symbol < 200; symbol += 3) {
        for (const [below, limit] of [
          [patterns.length, 10_000],
          [1_234, 10_000],
          [patterns.length, 5],
        ] as const) {
          const ids = await store.index.beginningWith(kb, 1, symbol, { below, limit });
          expect(ids).toEqual(expected(symbol, below).slice(0, limit));
          named += ids.length;
        }
      }
      expect(named).toBeGreaterThan(300);
      expect(await store.index.beginningWith(kb, 2, 63, { below: 10_000, limit: 10 })).toEqual([]);
    });

    it("fetches patterns by their ids, and leaves out what is not there", async () => {
      const rows = [];
      for await (const columns of store.index.fetch(kb, 1, [3_004, 5, 9_999, 17])) rows.push(...rowsOf(columns));
      expect(rows.map(({ id, symbols }) => ({ id, symbols })).sort((a, b) => a.id - b.id)).toEqual(
        [5, 17, 3_004].map((id) => ({ id, symbols: patterns[id] })),
      );
    });

    it("drops what older generations left", async () => {
      await store.write({ token: "index-suite-2", entries: [learnEntry(kb, 2, 10_000, 0, [1, 2, 3], { firstNewSymbol: 1_000 })] });
      await store.index.addPostings(kb, 2, 0, 1);
      await store.index.addFirstSymbols(kb, 2, 0, 1);
      await store.dropBefore(kb, 2);
      expect(await ask(patterns[40]!, 0.5)).toEqual({ patternIds: [], bounds: [], nameBytes: [] });
      expect(await store.index.beginningWith(kb, 1, patterns[40]![0]!, { below: 10_000, limit: 10 })).toEqual([]);
      expect(await store.index.beginningWith(kb, 2, 1, { below: 10_000, limit: 10 })).toEqual([0]);
      expect(await store.index.mark(kb, 1, "postings")).toBe(0);
      expect(await store.index.mark(kb, 2, "postings")).toBe(1);
    });
  });
}
