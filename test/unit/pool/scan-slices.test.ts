import fc from "fast-check";
import { expect, test } from "vitest";
import { cutSlices } from "../../../src/pool/scan-slices.ts";
import { ScanBoard } from "../../../src/wire/scan-board.ts";

test("every row is in exactly one slice of its memory, in order, however blocks are cut, and a board gives the same pieces", () => {
  const block = fc.record({ memory: fc.integer({ min: 0, max: 2 }), rows: fc.integer({ min: 0, max: 30 }) });
  fc.assert(
    fc.property(fc.array(block, { maxLength: 12 }), fc.integer({ min: 1, max: 20 }), (shapes, sliceRows) => {
      const blocks = shapes.map((shape, at) => ({ ...shape, place: 1000 * (at + 1), bytes: 64 }));
      const { rows, slices, memories } = cutSlices(blocks, sliceRows);
      const rowsOf = (pieces: readonly (readonly [number, number, number])[]): number[][] =>
        pieces.flatMap(([place, from, to]) => Array.from({ length: to - from }, (_, row) => [place, from + row]));
      const expected = [0, 1, 2].map((memory) =>
        blocks.filter((own) => own.memory === memory).flatMap(({ place, rows }) => Array.from({ length: rows }, (_, row) => [place, row])),
      );
      expect(rows).toBe(expected.flat().length);
      const board = ScanBoard.make(slices, 0, 1);
      expect(board.slices).toBe(slices.length);
      const found: number[][][] = [[], [], []];
      for (const { memory, from, to } of memories) {
        found[memory]!.push(...slices.slice(from, to).flatMap(rowsOf));
        expect(rowsOf(board.pieces(from, to))).toEqual(expected[memory]);
      }
      expect(found).toEqual(expected);
      expect(memories.at(-1)?.to ?? 0).toBe(slices.length);
      for (const slice of slices) {
        const count = rowsOf(slice).length;
        expect(count).toBeGreaterThan(0);
        expect(count).toBeLessThanOrEqual(sliceRows);
      }
    }),
  );
});
