import fc from "fast-check";
import { expect, it } from "vitest";
import { entriesOfRow, RunBuilder, runsOf } from "../../../src/store/lmdb-runs.ts";

/** An entry's first byte is its kind, 1 to 5. */
const entry = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.oneof(fc.nat(200), fc.integer({ min: 30_000, max: 100_000 })))
  .map(([kind, length]) => Buffer.alloc(1 + length, kind));

it("keeps entries, in their order, in rows of bounded size", () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 60 }), (entries) => {
      const rows = [...runsOf(entries)];
      // Compared as bytes: a matcher looks at each of a million of them.
      const found = rows.flatMap(({ row }) => entriesOfRow(row));
      expect(found.length).toBe(entries.length);
      expect(found.every((bytes, at) => bytes.equals(entries[at] as Buffer))).toBe(true);
      for (const { count, row } of rows) {
        expect(count).toBe(entriesOfRow(row).length);
        if (count > 1) expect(row.length).toBeLessThanOrEqual(5 + 64 * 1_024 + 4 * count);
      }
      // Small ones share rows: never more rows than twice what their bytes ask for.
      const bytes = entries.reduce((sum, { length }) => sum + length, 0);
      expect(rows.length).toBeLessThanOrEqual(1 + (2 * bytes) / (64 * 1_024));
    }),
  );
});

it("refuses a row that is cut short, or longer than it says", () => {
  const [{ row } = { row: Buffer.alloc(0) }] = runsOf([Buffer.alloc(9, 1), Buffer.alloc(9, 1)]);
  expect(() => entriesOfRow(row.subarray(0, -1))).toThrow(expect.objectContaining({ code: "ENGRAM_STORE_REPLY" }));
  expect(() => entriesOfRow(Buffer.concat([row, Buffer.alloc(1)]))).toThrow(expect.objectContaining({ code: "ENGRAM_STORE_REPLY" }));
});

it("builds rows of what is written, and nothing of a build that failed", () => {
  const failed = new RunBuilder();
  failed.add((entry) => void entry.u8(1).u32(7));
  expect(() =>
    failed.add((entry) => {
      entry.u8(1);
      throw new Error("halfway");
    }),
  ).toThrow("halfway");
  const builder = new RunBuilder();
  for (let i = 0; i < 20_000; i++) builder.add((entry) => void entry.u8(1).u32(i));
  const rows = builder.take();
  expect(rows.length).toBeGreaterThan(1);
  expect(rows.flatMap(({ row }) => entriesOfRow(row)).map((entry) => entry.readUInt32LE(1))).toEqual([...Array(20_000).keys()]);
  expect(rows.map(({ row }) => entriesOfRow(row).length)).toEqual(rows.map(({ count }) => count));
  expect(builder.take()).toEqual([]);
});
