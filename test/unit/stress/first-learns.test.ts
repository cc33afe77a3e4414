import fc from "fast-check";
import { expect, it } from "vitest";
import { FirstLearns } from "../../../src/stress/first-learns.ts";

it("tells first learns from repeats, whatever names have in common, and numbers patterns as they come", () => {
  // Few patterns and fewer names, so that names of different patterns are equal all the time.
  const learns = fc.array(fc.record({ pattern: fc.nat({ max: 30 }), name: fc.nat({ max: 3 }) }), { maxLength: 200 });
  fc.assert(
    fc.property(learns, (drawn) => {
      // A pattern has one name.
      const nameOf = new Map<number, Buffer>();
      for (const { pattern, name } of drawn) if (!nameOf.has(pattern)) nameOf.set(pattern, Buffer.alloc(20, name));
      const first = new FirstLearns(drawn.length, (learn, other) => drawn[learn]!.pattern === drawn[other]!.pattern);
      const firstOf = new Map<number, number>();
      const idOf = new Map<number, number>();
      drawn.forEach(({ pattern }, learn) => {
        if (!firstOf.has(pattern)) {
          firstOf.set(pattern, learn);
          idOf.set(pattern, idOf.size);
        }
        expect(first.firstOf(learn, nameOf.get(pattern)!)).toBe(firstOf.get(pattern));
        expect(first.idOf(firstOf.get(pattern)!)).toBe(idOf.get(pattern));
      });
    }),
  );
});
