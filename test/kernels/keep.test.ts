/** The heap of kept matches: the key of a rank is that of the sorted keys, and looking for it leaves the heap as it was. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { CONTEXT_KEPT, HEAP_ENTRY_BYTES, SCRATCH_HEAP } from "../../assembly/layout.ts";
import { instantiatePool } from "../../src/kernels/instance.ts";
import { createPoolMemories, leaseScratch, planPoolMemory } from "../../src/kernels/pool-memory.ts";
import { loadPoolModule } from "../../src/pool/inline-pool.ts";

const layout = planPoolMemory(1, () => 2, 1_024, 0);
const [memory] = createPoolMemories(layout);
const instance = instantiatePool(loadPoolModule(), memory!, layout, leaseScratch(memory!, layout, 1));

test("the key of each rank is that of the sorted keys, many of them equal", () => {
  const key = fc.oneof(
    fc.integer({ min: -3, max: 3 }).map((n) => n / 3),
    fc.double({ noNaN: true }),
    fc.constantFrom(Number.NEGATIVE_INFINITY, 0, -0),
  );
  fc.assert(
    fc.property(fc.array(key, { minLength: 1, maxLength: 300 }), fc.nat(), (keys, drawn) => {
      const { kernels, scratch, words, doubles } = instance;
      const placeOf = (n: number): number => (scratch + SCRATCH_HEAP + n * HEAP_ENTRY_BYTES) / 8;
      words[(scratch + CONTEXT_KEPT) / 4] = keys.length;
      keys.forEach((value, n) => {
        doubles[placeOf(n)] = value;
      });
      const sorted = [...keys].sort((a, b) => b - a);
      for (const rank of [1, keys.length, 1 + (drawn % keys.length)]) {
        expect(kernels.keyOfRank(scratch, rank) + 0).toBe(sorted[rank - 1]! + 0);
      }
      expect(keys.map((_, n) => doubles[placeOf(n)])).toEqual(keys);
    }),
  );
});
