/** Columns joined are the rows of all parts, whatever their offsets were counted from. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { joinColumns } from "../../../src/wire/join-columns.ts";
import { rowsOf } from "../../contract/pattern-store.ts";
import { columnsOf, Numbering } from "../../support/candidate-columns.ts";

const events = fc.array(fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 });
const part = fc.record({ sequences: fc.array(events, { maxLength: 6 }), symbolBase: fc.nat(2 ** 20), eventBase: fc.nat(99) });

test("joined columns hold the rows of their parts, in order", () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
      let id = 0;
      const columns = parts.map(({ sequences, symbolBase, eventBase }) => {
        const patterns = sequences.map((sequence) => ({ patternId: id++, name: id.toString(16).padStart(40, "0"), events: sequence }));
        return columnsOf(patterns, new Numbering(), { symbolBase, eventBase });
      });
      const joined = joinColumns(columns);
      expect(rowsOf(joined)).toEqual(columns.flatMap((each) => rowsOf(each)));
    }),
  );
});
