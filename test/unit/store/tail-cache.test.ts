import fc from "fast-check";
import { expect, it } from "vitest";
import { encodeClearEntry } from "../../../src/store/outbox-entry.ts";
import { ofGeneration, TailCache } from "../../../src/store/tail-cache.ts";

/** Entries at positions [from, to): a clear whose number is its position. */
const entries = (from: number, to: number): Buffer[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => encodeClearEntry(1, from + i, 0));
const positions = (tail: readonly { seq: number }[] | undefined): number[] | undefined => tail?.map(({ seq }) => seq);

it("asks for everything again when what lies between was lost", () => {
  const cache = new TailCache(100);
  expect(positions(cache.extend("kb", 0, 0, entries(0, 3)))).toEqual([0, 1, 2]);
  expect(cache.end("kb")).toBe(3);
  expect(cache.extend("kb", 0, 5, entries(5, 6))).toBeUndefined();
  expect(cache.end("kb")).toBe(0);
  expect(cache.extend("kb", 4, 5, entries(5, 6))).toBeUndefined();
  expect(positions(cache.extend("kb", 4, 4, entries(4, 6)))).toEqual([4, 5]);
  // Everything cached was flushed meanwhile: nothing is missing.
  expect(positions(cache.extend("kb", 9, 9, entries(9, 11)))).toEqual([9, 10]);
});

it("gives the tail of the newest answer however answers overtake each other", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 4 }), fc.nat({ max: 2 }))), (steps) => {
      const cache = new TailCache(1_000);
      let trimmed = 0;
      let pushed = 0;
      const late: [trimmed: number, from: number, pushed: number][] = [];
      for (const [flushes, learns, delay] of steps) {
        pushed += learns;
        trimmed = Math.min(pushed, trimmed + flushes);
        const from = Math.max(trimmed, cache.end("kb"));
        if (delay > 0) {
          late.push([trimmed, from, pushed]);
          continue;
        }
        const tail =
          cache.extend("kb", trimmed, from, entries(from, pushed)) ?? cache.extend("kb", trimmed, trimmed, entries(trimmed, pushed));
        expect(positions(tail)).toEqual(Array.from({ length: pushed - trimmed }, (_, i) => trimmed + i));
        const old = late.shift();
        if (old === undefined) continue;
        const overtaken = positions(cache.extend("kb", old[0], old[1], entries(old[1], old[2])));
        // Whole from its first to its last; what it lacks at the front was flushed, at the end it reaches at least as far as it was told.
        if (overtaken === undefined) continue;
        overtaken.forEach((position, i) => {
          expect(position).toBe((overtaken[0] as number) + i);
        });
        for (let position = trimmed; position < old[2]; position++) expect(overtaken).toContain(position);
      }
    }),
  );
});

it("never changes an array it gave out, and forgets kbs used longest ago", () => {
  const cache = new TailCache(4);
  const first = cache.extend("a", 0, 0, entries(0, 3));
  cache.extend("a", 2, 3, entries(3, 5));
  expect(positions(first)).toEqual([0, 1, 2]);
  cache.extend("b", 0, 0, entries(0, 3));
  expect(cache.end("a")).toBe(0);
  expect(cache.end("b")).toBe(3);
  cache.extend("b", 0, 3, entries(3, 9));
  expect(cache.end("b")).toBe(9);
  cache.clear();
  expect(cache.end("b")).toBe(0);
});

it("tells generations apart", () => {
  const all = [1, 1, 2].map((generation, seq) => ({ kb: "kb", generation, seq, atMs: 0, kind: "clear" as const }));
  expect(ofGeneration(all, 1)).toEqual(all.slice(0, 2));
  expect(ofGeneration(all, 2)).toEqual(all.slice(2));
  const same = all.slice(0, 2);
  expect(ofGeneration(same, 1)).toBe(same);
  expect(ofGeneration([], 1)).toEqual([]);
});
