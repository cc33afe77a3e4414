import { expect, it } from "vitest";
import { newPatterns, tailColumns } from "../../../src/store/tail-columns.ts";
import { learnEntry, rowsOf } from "../../contract/pattern-store.ts";

it("gives the new patterns of a tail as columns, in id order, and leaves out what is no new pattern", () => {
  const again = { ...learnEntry("kb", 1, 3, 0, [1, 2]), isNew: false } as ReturnType<typeof learnEntry>;
  const tail = [
    learnEntry("kb", 1, 2, 9, [5, 6, 5, 7]),
    learnEntry("kb", 1, 1, 8, [1, 2]),
    again,
    { kb: "kb", generation: 1, seq: 4, atMs: 0, kind: "finalize" as const, below: 2 },
  ];
  const patterns = newPatterns(tail);
  expect(rowsOf(tailColumns(patterns))).toEqual([
    { id: 8, name: "8".padStart(40, "0"), distinct: 2, symbols: [1, 2], ends: [2] },
    { id: 9, name: "9".padStart(40, "0"), distinct: 3, symbols: [5, 6, 5, 7], ends: [2, 4] },
  ]);
  expect(tailColumns([]).rows).toBe(0);
});
