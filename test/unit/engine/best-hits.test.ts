/** The best hits of a state: as sorting all of them would have it, however many there are and in whichever order they come. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { BestHits } from "../../../src/engine/best-hits.ts";

const seed = process.env.FC_SEED === undefined ? {} : { seed: Number(process.env.FC_SEED) };

test("keeps what sorting all of them keeps, ties to the smaller name", () => {
  // Few similarities, so that ties are many, and names that differ late or early.
  const hit = fc.record({ similarity: fc.constantFrom(0.5, 0.6, 0.75, 1), head: fc.nat(255), tail: fc.nat(0xffff) });
  fc.assert(
    fc.property(fc.array(hit, { maxLength: 200 }), fc.integer({ min: 1, max: 60 }), (hits, keep) => {
      const best = new BestHits(keep);
      const all = hits.map(({ similarity, head, tail }) => {
        const name = new Uint8Array(24);
        name[2] = head;
        new DataView(name.buffer).setUint16(20, tail);
        best.add(similarity, name, 2);
        return { name: `PTRN|${Buffer.from(name.subarray(2, 22)).toString("hex")}`, similarity };
      });
      const expected = all.sort((a, b) => b.similarity - a.similarity || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
      expect(best.sorted()).toEqual(expected.slice(0, keep));
    }),
    { numRuns: 300, ...seed },
  );
});
