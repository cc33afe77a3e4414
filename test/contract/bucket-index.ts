/** The suite every table of buckets passes: candidates are the patterns that share a band with the state, as a plain comparison of values finds them. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PatternStore } from "../../src/store/pattern-store.ts";
import { bandKeys } from "../reference/bands.ts";
import { BANDS, equalBands, ROWS, signature } from "../reference/minhash.ts";

const SEED = 77;
/** Sets with many near copies, so that some share all bands, some a few and most none. */
const symbolsOf = (n: number): string[] => {
  const family = n % 40;
  return Array.from({ length: 12 }, (_, i) => (i < (n * 7) % 5 ? `own-${n}-${i}` : `family-${family}-${i}`));
};

export function bucketIndexSuite(name: string, open: () => Promise<PatternStore>): void {
  describe(`buckets: ${name}`, () => {
    let store: PatternStore;
    const kb = "bucket 'kb ✓";
    const COUNT = 700;
    const signatures = Array.from({ length: COUNT }, (_, n) => signature(symbolsOf(n)));
    const keysOf = (values: readonly number[]): number[] => bandKeys(values, BANDS, ROWS, SEED);
    const rows = (from: number, to: number) => ({
      patternIds: BigUint64Array.from({ length: to - from }, (_, i) => BigInt(from + i)),
      bands: BANDS,
      keys: Uint32Array.from(signatures.slice(from, to).flatMap(keysOf)),
    });
    /** Ids with the number of bands they share, as the values say, in the order that is promised. */
    const expected = (state: readonly number[], below = COUNT): number[] =>
      signatures
        .slice(0, below)
        .map((values, id) => ({ id, shared: equalBands(values, state).length }))
        .filter(({ shared }) => shared > 0)
        .sort((a, b) => b.shared - a.shared || a.id - b.id)
        .map(({ id }) => id);

    beforeAll(async () => {
      store = await open();
      await store.buckets.add(kb, 1, rows(0, 300));
      await store.buckets.add(kb, 1, rows(300, COUNT));
      // Another kb and generation with the same keys must not be seen.
      await store.buckets.add("other", 1, rows(0, 50));
      await store.buckets.add(kb, 2, rows(0, 10));
    });
    afterAll(() => store.close());

    const ask = (state: readonly string[], limit = 10_000, below = COUNT) =>
      store.buckets.candidates(kb, 1, Uint32Array.from(keysOf(signature(state))), { below, limit });

    it("names the patterns that share a band, once, most bands first", async () => {
      const state = fc.tuple(fc.nat(COUNT - 1), fc.nat(6), fc.array(fc.constantFrom("x", "y", "z"), { maxLength: 3 }));
      let found = 0;
      await fc.assert(
        fc.asyncProperty(state, fc.constantFrom(COUNT, 123), async ([n, drop, extra], below) => {
          const symbols = [...symbolsOf(n).slice(drop), ...extra];
          const { patternIds, isCut } = await ask(symbols, 10_000, below);
          expect(patternIds).toEqual(expected(signature(symbols), below));
          expect(isCut).toBe(false);
          found += patternIds.length;
        }),
        { numRuns: 40 },
      );
      expect(found).toBeGreaterThan(40);
      expect(await ask(["never", "seen"])).toEqual({ patternIds: [], isCut: false });
    });

    it("says when there are more than were listed, and lists the best", async () => {
      const all = (await ask(symbolsOf(0))).patternIds;
      expect(all.length).toBeGreaterThan(4);
      expect(await ask(symbolsOf(0), 3)).toEqual({ patternIds: all.slice(0, 3), isCut: true });
      expect(await ask(symbolsOf(0), all.length)).toEqual({ patternIds: all, isCut: false });
    });

    it("answers the same when a range was written twice, and gives each entry back once", async () => {
      const before = await ask(symbolsOf(20));
      await store.buckets.add(kb, 1, rows(0, 200));
      expect(await ask(symbolsOf(20))).toEqual(before);
      const stored = await store.buckets.stored(kb, 1, 150, 310);
      expect([...stored.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: 160 }, (_, i) => 150 + i));
      for (const [id, entries] of stored) {
        expect(entries).toEqual(keysOf(signatures[id]!).map((key, band) => (BigInt(band) << 32n) | BigInt(key)));
      }
    });

    it("drops what older generations left, and a whole kb with its marks", async () => {
      const keys = Uint32Array.from(keysOf(signatures[0]!));
      const count = async (of: string, generation: number): Promise<number> =>
        (await store.buckets.candidates(of, generation, keys, { below: COUNT, limit: 10_000 })).patternIds.length;
      await store.index.raise("other", 1, "minhash one", 50);
      await store.index.raise("other", 1, "postings", 50);
      expect(await count("other", 1)).toBeGreaterThan(0);
      for (let again = 0; again < 2; again++) {
        await store.buckets.drop("other", 1, "minhash");
        expect(await count("other", 1)).toBe(0);
        expect(await store.index.mark("other", 1, "minhash one")).toBe(0);
        expect(await store.index.mark("other", 1, "postings")).toBe(50);
      }
      await store.index.raise(kb, 1, "minhash one", 0);
      expect(await count(kb, 2)).toBeGreaterThan(0);
      await store.index.dropBefore(kb, 2);
      expect(await count(kb, 1)).toBe(0);
      expect(await count(kb, 2)).toBeGreaterThan(0);
    });
  });
}
