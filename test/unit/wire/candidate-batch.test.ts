/** Columns in, batches out, the same rows back; foreign bytes and columns that lie are refused. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { BATCH_ROWS_MAX, BATCH_VERSION } from "../../../assembly/layout.ts";
import { batchBounds, copyRows, viewCandidateBatch, writeCandidateBatch } from "../../../src/wire/candidate-batch.ts";
import type { CandidateColumns } from "../../../src/wire/candidate-columns.ts";
import { columnsOf, Numbering, type TestPattern } from "../../support/candidate-columns.ts";

const patterns = fc
  .array(fc.array(fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 }), {
    minLength: 1,
    maxLength: 30,
  })
  .map((sequences): TestPattern[] =>
    sequences.map((events, i) => ({ patternId: 2 ** 40 + i, name: (i * 7919).toString(16).padStart(40, "f"), events })),
  );

/** Rows of a batch as patterns again, with ids for symbols. */
function rowsOf(memory: Uint8Array, place: number) {
  const batch = viewCandidateBatch(memory, place);
  return Array.from({ length: batch.rows }, (_, row) => {
    const column = new Uint32Array(batch.symbolCount(row));
    batch.copySymbolIds(row, column, 0);
    const ids = [...column];
    const ends = new Uint16Array(batch.eventCount(row));
    batch.copyEventEnds(row, ends, 0);
    let start = 0;
    return {
      patternId: batch.patternId(row),
      name: Buffer.from(batch.names.subarray(row * 20, row * 20 + 20)).toString("hex"),
      events: Array.from(ends, (end) => {
        const event = ids.slice(start, end);
        start = end;
        return event;
      }),
    };
  });
}

test("every row comes back, however small the batches and wherever the offsets start", () => {
  fc.assert(
    fc.property(patterns, fc.integer({ min: 400, max: 3000 }), fc.constantFrom(0, 17, 2 ** 32 + 9), (kb, capacity, base) => {
      const numbering = new Numbering();
      const columns = columnsOf(kb, numbering, { symbolBase: base, eventBase: base });
      const bounds = batchBounds(columns, capacity);
      const memory = new Uint8Array(capacity + 64);
      const found = bounds.slice(1).flatMap((to, i) => {
        memory.fill(0xee);
        writeCandidateBatch(memory, 8, columns, bounds[i]!, to);
        return rowsOf(memory, 8);
      });
      expect(found).toEqual(
        kb.map((pattern) => ({ ...pattern, events: pattern.events.map((event) => event.map((symbol) => numbering.idOf(symbol))) })),
      );
    }),
  );
});

test("a copy of the last rows is the last rows", () => {
  fc.assert(
    fc.property(patterns, fc.nat(), (kb, n) => {
      const columns = columnsOf(kb, new Numbering(), { symbolBase: 5, eventBase: 6 });
      const from = n % kb.length;
      const copy = copyRows(columns, from);
      const memory = new Uint8Array(65536);
      writeCandidateBatch(memory, 0, columns, from, kb.length);
      writeCandidateBatch(memory, 32768, copy, 0, copy.rows);
      expect(rowsOf(memory, 32768)).toEqual(rowsOf(memory, 0));
    }),
  );
});

const two = (): CandidateColumns =>
  columnsOf(
    [
      { patternId: 1, name: "00".repeat(20), events: [["a", "b"], ["c"]] },
      { patternId: 2, name: "01".repeat(20), events: [["a"], ["b"]] },
    ],
    new Numbering(),
  );

test("a batch has no more rows than the survivor list", () => {
  const rows = BATCH_ROWS_MAX + 1;
  const ends = new Uint8Array(BigUint64Array.from({ length: rows }, (_, i) => BigInt(i + 1)).buffer);
  const columns = { ...two(), rows, symbolEnds: ends, eventOffsets: ends };
  expect(batchBounds(columns, 2 ** 30)).toEqual([0, BATCH_ROWS_MAX, rows]);
});

test("a row that fits nowhere and a column that is too short are the store's fault", () => {
  expect(() => batchBounds(two(), 100)).toThrow(expect.objectContaining({ code: "ENGRAM_STORE_REPLY" }));
  const short = { ...two(), eventEnds: two().eventEnds.subarray(2) };
  expect(() => writeCandidateBatch(new Uint8Array(4096), 0, short, 0, 2)).toThrow(expect.objectContaining({ code: "ENGRAM_STORE_REPLY" }));
});

test("foreign bytes are refused", () => {
  const memory = new Uint8Array(4096);
  expect(() => viewCandidateBatch(memory, 0)).toThrow(expect.objectContaining({ code: "ENGRAM_LAYOUT_MISMATCH" }));
  writeCandidateBatch(memory, 0, two(), 0, 2);
  expect(viewCandidateBatch(memory, 0).rows).toBe(2);
  expect(() => viewCandidateBatch(memory.subarray(0, 160), 0)).toThrow(expect.objectContaining({ code: "ENGRAM_LAYOUT_MISMATCH" }));
  memory[BATCH_VERSION]! ^= 1;
  expect(() => viewCandidateBatch(memory, 0)).toThrow(expect.objectContaining({ code: "ENGRAM_LAYOUT_MISMATCH" }));
});
