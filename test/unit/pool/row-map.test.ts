import fc from "fast-check";
import { expect, test } from "vitest";
import { RowMap } from "../../../src/pool/row-map.ts";

test("every row is in exactly one piece, in order, however rows are cut", () => {
  const block = fc.record({ memory: fc.integer({ min: 0, max: 2 }), rows: fc.integer({ min: 0, max: 9 }) });
  fc.assert(
    fc.property(fc.array(block, { maxLength: 12 }), fc.integer({ min: 1, max: 20 }), (shapes, step) => {
      const blocks = shapes.map((shape, at) => ({ ...shape, place: 1000 * (at + 1), bytes: 64 }));
      const map = new RowMap(blocks);
      const expected = blocks.flatMap(({ memory, place, rows }) => Array.from({ length: rows }, (_, row) => [memory, place, row]));
      expect(map.rows).toBe(expected.length);
      const found: number[][] = [];
      for (let from = 0; from < map.rows; from += step) {
        for (const { memory, pieces, rows } of map.pieces(from, Math.min(map.rows, from + step))) {
          let counted = 0;
          for (let at = 0; at < pieces.length; at += 3) {
            for (let row = pieces[at + 1]!; row < pieces[at + 2]!; row++, counted++) found.push([memory, pieces[at]!, row]);
          }
          expect(counted).toBe(rows);
        }
      }
      expect(found).toEqual(expected);
    }),
  );
});
