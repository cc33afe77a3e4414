/** The allocator of resident memory against a plain account of which bytes are taken. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Arena, type Extent } from "../../../src/pool/arena.ts";

const RANGES: readonly Extent[] = [
  { memory: 0, place: 640, bytes: 64 * 40 },
  { memory: 1, place: 0, bytes: 64 * 30 + 17 },
];

test("never gives a byte twice, keeps its account, and is whole again when everything is back", () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("take" as const), bytes: fc.integer({ min: 1, max: 64 * 12 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("give" as const), at: fc.nat() }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("shrink" as const), at: fc.nat(), bytes: fc.integer({ min: 1, max: 64 * 12 }) }),
    },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const arena = new Arena(RANGES);
      const out: Extent[] = [];
      for (const move of steps) {
        if (move.kind === "take") {
          const extent = arena.take(move.bytes);
          if (extent === undefined) continue;
          expect(extent.bytes).toBeGreaterThanOrEqual(move.bytes);
          expect(extent.place % 64).toBe(0);
          const range = RANGES[extent.memory]!;
          expect(extent.place).toBeGreaterThanOrEqual(range.place);
          expect(extent.place + extent.bytes).toBeLessThanOrEqual(range.place + range.bytes);
          for (const other of out) {
            const apart =
              other.memory !== extent.memory || other.place + other.bytes <= extent.place || extent.place + extent.bytes <= other.place;
            expect(apart).toBe(true);
          }
          out.push(extent);
        } else if (out.length > 0) {
          const at = move.at % out.length;
          if (move.kind === "give") arena.give(out.splice(at, 1)[0]!);
          else out[at] = arena.shrink(out[at]!, move.bytes);
        }
        expect(arena.used).toBe(out.reduce((sum, { bytes }) => sum + bytes, 0));
      }
      for (const extent of out) arena.give(extent);
      expect(arena.used).toBe(0);
      expect(arena.take(64 * 40)).toMatchObject({ memory: 0, place: 640 });
      expect(arena.take(64 * 30)).toMatchObject({ memory: 1, place: 0 });
      expect(arena.take(1)).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

test("refuses to take a range back twice", () => {
  const arena = new Arena(RANGES);
  const extent = arena.take(100)!;
  arena.give(extent);
  expect(() => arena.give(extent)).toThrow(RangeError);
});
