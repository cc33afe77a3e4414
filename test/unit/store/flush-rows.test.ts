import fc from "fast-check";
import { expect, it } from "vitest";
import { COLUMNS, flushRows, type Table, WRITE_ORDER } from "../../../src/store/flush-rows.ts";
import { RowText } from "../../../src/store/row-text.ts";
import type { OutboxEntry } from "../../../src/store/state-store.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
const linesOf = (bytes: Uint8Array): unknown[] =>
  text(bytes)
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));

const count = fc.oneof(fc.nat(300), fc.constantFrom(0, 9, 10, 99, 100, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1));
const symbol = fc.oneof(fc.string({ unit: "binary", maxLength: 12 }), fc.constantFrom('"', "\\", "\n", "é", "💡", "\ud800", "\u2028"));
const base = { kb: symbol, generation: count, seq: count, atMs: count };
const emotives = fc.array(fc.array(fc.tuple(symbol, fc.double({ noNaN: true, noDefaultInfinity: true })), { maxLength: 2 }), {
  maxLength: 2,
});
const metadata = fc.array(fc.tuple(symbol, fc.array(symbol, { maxLength: 2 })), { maxLength: 2 });
const name = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 40, maxLength: 40 });
const learn = fc
  .record({
    ...base,
    patternId: count,
    isNew: fc.boolean(),
    persistence: fc.integer({ min: 1, max: 9 }),
    firstNewSymbol: fc.nat(6),
    name,
    distinct: fc.uniqueArray(symbol, { minLength: 1, maxLength: 5 }),
    emotives,
    metadata,
    vectors: fc.array(fc.record({ symbol, values: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true })) }), { maxLength: 2 }),
  })
  .map(
    ({ name, distinct, ...rest }): OutboxEntry => ({
      ...rest,
      kind: "learn",
      symbolIds: distinct.map((_, i) => i * 3),
      pattern: { name, distinct, flat: [...distinct.keys(), 0], eventEnds: [1, distinct.length + 1] },
    }),
  );
const edit = fc.oneof(
  fc.constant({ kind: "delete" } as const),
  fc.record(
    { kind: fc.constant("update" as const), persistence: fc.integer({ min: 1, max: 9 }), frequency: count, emotives, metadata },
    { requiredKeys: ["kind", "persistence"] },
  ),
);
const entry: fc.Arbitrary<OutboxEntry> = fc.oneof(
  learn,
  fc
    .record({ ...base, name, patternId: count, symbolIds: fc.array(count), eventEnds: fc.array(count), change: edit })
    .map((rest): OutboxEntry => ({ kind: "edit", ...rest })),
  fc.record({ ...base }).map((rest): OutboxEntry => ({ kind: "clear", ...rest })),
  fc.record({ ...base, below: count }).map((rest): OutboxEntry => ({ kind: "finalize", ...rest })),
  fc
    .record({ ...base, sums: fc.array(fc.tuple(count, fc.array(fc.tuple(symbol, fc.double({ noNaN: true, noDefaultInfinity: true }))))) })
    .map((rest): OutboxEntry => ({ kind: "affinity", ...rest })),
);

/** What a row holds, plainly. */
function rowsOf(entry: OutboxEntry): [Table, unknown[]][] {
  const start = [entry.kb, entry.generation];
  const event = (kind: string, ...rest: unknown[]): [Table, unknown[]] => [
    "learn_events",
    [...start, entry.seq, kind, entry.atMs, ...rest],
  ];
  const nested = (value: unknown): string => JSON.stringify(value);
  if (entry.kind === "clear") return [event("clear", 0, false, 0, 0, 0, "[]", "[]", 0)];
  if (entry.kind === "finalize") return [event("finalize", 0, false, 0, 0, entry.below, "[]", "[]", 0)];
  if (entry.kind === "affinity") return [event("affinity", 0, false, 0, 0, 0, nested(entry.sums), "[]", 0)];
  if (entry.kind === "edit") {
    const { patternId, name, symbolIds, eventEnds, change } = entry;
    if (change.kind === "delete") {
      return [
        ["deleted_patterns", [...start, patternId, name, symbolIds, eventEnds]],
        event("delete", patternId, false, 0, 0, 0, "null", "null", 0),
      ];
    }
    const { persistence, emotives = null, metadata = null, frequency = 0 } = change;
    return [event("update", patternId, false, persistence, 0, 0, nested(emotives), nested(metadata), frequency)];
  }
  const { pattern, symbolIds, patternId, isNew, persistence, firstNewSymbol } = entry;
  const rows: [Table, unknown[]][] = symbolIds.flatMap((id, i): [Table, unknown[]][] =>
    id < firstNewSymbol ? [] : [["symbols", [...start, id, pattern.distinct[i]]]],
  );
  if (isNew) {
    const ids = pattern.flat.map((at) => symbolIds[at]);
    rows.push(["patterns", [...start, patternId, pattern.name, ids, pattern.eventEnds]]);
    rows.push(["pattern_names", [...start, pattern.name, patternId]]);
  }
  for (const [at, { symbol, values }] of entry.vectors.entries()) rows.push(["vectors", [...start, entry.seq, at, symbol, values]]);
  rows.push(event("learn", patternId, isNew, persistence, firstNewSymbol, 0, nested(entry.emotives), nested(entry.metadata), 0));
  return rows;
}

it("writes the rows that a plain twin writes, as JSON does", () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 8 }), (entries) => {
      const { tables, learned, cleared, hasDeletes } = flushRows(entries);
      const expected = entries.flatMap(rowsOf);
      for (const table of WRITE_ORDER) {
        const rows = expected.flatMap(([of, row]) => (of === table ? [row] : []));
        // Text by text, so that a sign of zero and the last digit are looked at too.
        expect(text(tables[table])).toBe(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
        for (const row of linesOf(tables[table]) as unknown[][]) expect(row.length).toBe(COLUMNS[table].length);
      }
      expect(learned).toEqual([...new Set(entries.flatMap((e) => (e.kind === "learn" && e.isNew ? [e.kb] : [])))]);
      expect(cleared).toEqual(entries.flatMap((e) => (e.kind === "clear" ? [[e.kb, e.generation]] : [])));
      expect(hasDeletes).toBe(entries.some((e) => e.kind === "edit" && e.change.kind === "delete"));
    }),
  );
});

it("writes every number as JSON does, and keeps what was written when it needs more room", () => {
  const numbers = [0, 1, 9, 10, 11, 99, 100, 101, 12_345, 999_999_999, 1e9, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1, -1, 0.5, 1e21, 1e-7];
  const row = new RowText();
  for (let i = 0; i < 1_000; i++) for (const value of numbers) row.number(value).comma();
  expect(text(row.take())).toBe(`${numbers.join(",")},`.repeat(1_000));
});
