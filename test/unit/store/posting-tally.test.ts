/** Counting posting rows by pattern, beside a plain twin: a map of patterns, sorted as the contract says. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NativeBlock } from "../../../src/store/native-blocks.ts";
import type { PostingCandidates, PostingQuestion } from "../../../src/store/pattern-index.ts";
import { isTallied, PostingTallies } from "../../../src/store/posting-tally.ts";

interface Row {
  readonly id: number;
  readonly len: number;
  readonly n: number;
  readonly unread: number;
  readonly more: number;
  readonly unread_more: number;
  readonly room: number;
}
const WIDTHS = { id: 4, len: 2, n: 1, unread: 1, more: 1, unread_more: 1, room: 2 } as const;
type Column = keyof typeof WIDTHS;
const ONCE: readonly Column[] = ["id", "len", "n", "unread"];
const REPEATS: readonly Column[] = [...ONCE, "more", "unread_more", "room"];

/** A block as it lies in an answer: columns begin anywhere. */
function blockOf(rows: readonly Row[], columns: readonly Column[]): NativeBlock {
  return {
    rows: rows.length,
    columns: columns.map((name) => {
      const width = WIDTHS[name];
      const bytes = new Uint8Array(1 + rows.length * width);
      const view = new DataView(bytes.buffer);
      rows.forEach((row, i) => {
        if (width === 4) view.setUint32(1 + i * 4, row[name], true);
        else if (width === 2) view.setUint16(1 + i * 2, row[name], true);
        else view.setUint8(1 + i, row[name]);
      });
      return { name, type: `UInt${8 * width}`, items: bytes.subarray(1), ends: null };
    }),
  };
}

async function* blocksOf(rows: readonly Row[], columns: readonly Column[], size: number): AsyncIterable<NativeBlock> {
  for (let from = 0; from < rows.length; from += size) yield blockOf(rows.slice(from, from + size), columns);
}

const question = (asked: Partial<PostingQuestion>): PostingQuestion => ({
  stateLength: 8,
  similarity: 0.3,
  lengthFrom: 1,
  reads: [{ symbol: 1, weight: 1, lengthTo: 60 }],
  rows: 100,
  idsBelow: 300_000,
  limit: 1_000,
  ...asked,
});

function twin(rows: readonly Row[], hasRepeats: boolean, { stateLength, similarity, idsBelow, limit }: PostingQuestion) {
  const found = new Map<number, { first: Row; rows: number; more: number }>();
  for (const row of rows) {
    if (row.id >= idsBelow) continue;
    const known = found.get(row.id) ?? { first: row, rows: 0, more: 0 };
    found.set(row.id, { ...known, rows: known.rows + 1, more: known.more + row.more });
  }
  return [...found]
    .map(([id, { first, rows: count, more }]) => {
      const repeats = hasRepeats ? Math.min(more + first.unread_more, first.room) : 0;
      const overlap = Math.min(255, first.len, count + first.unread + repeats);
      return { id, nameByte: first.n, bound: (2 * overlap) / (first.len + stateLength) };
    })
    .filter(({ bound }) => bound >= similarity - 1e-9)
    .sort((a, b) => b.bound - a.bound || a.nameByte - b.nameByte || a.id - b.id)
    .slice(0, limit);
}

const listed = ({ patternIds, bounds, nameBytes }: PostingCandidates) =>
  [...patternIds].map((id, i) => ({ id, nameByte: nameBytes[i]!, bound: bounds[i]! }));

/** All a row says of its pattern follows from its id, as in the store; few lengths and names, so that many are equal. */
const patternOf = (id: number): Omit<Row, "more"> => {
  const len = 1 + ((id * 7) % 19);
  return { id, len, n: (id * 13) % 5, unread: id % 3, unread_more: id % 2, room: (id * 5) % Math.min(len, 4) };
};

describe("posting tallies", () => {
  const tallies = new PostingTallies();

  it("lists what a map of patterns lists, whatever the blocks, and after other questions", async () => {
    const ids = fc.oneof(fc.nat(40), fc.integer({ min: 65_530, max: 65_545 }), fc.integer({ min: 299_980, max: 300_020 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(ids, fc.nat(3)), { maxLength: 400 }),
        fc.boolean(),
        fc.constantFrom(0.1, 0.3, 1 / 3, 0.5, 0.9),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 500 }),
        async (drawn, hasRepeats, similarity, limit, size) => {
          const rows = drawn.map(([id, more]) => ({ ...patternOf(id), more }));
          const asked = question({ similarity, limit });
          const found = await tallies.count(asked, blocksOf(rows, hasRepeats ? REPEATS : ONCE, size));
          expect(listed(found)).toEqual(twin(rows, hasRepeats, asked));
        },
      ),
      { numRuns: 200 },
    );
  });

  it("counts hundreds of thousands of rows over many parts, while others have their turns", async () => {
    const rows = Array.from({ length: 700_000 }, (_, i) => ({ ...patternOf((i * 7_919) % 290_000), more: 0 }));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const asked = question({ limit: 5_000, similarity: 0.1 });
    const blocks = [blockOf(rows.slice(0, 400_000), ONCE), blockOf(rows.slice(400_000), ONCE)];
    const found = await tallies.count(
      asked,
      (async function* () {
        yield* blocks;
      })(),
    );
    clearInterval(timer);
    expect(listed(found)).toEqual(twin(rows, false, asked));
    expect(turns).toBeGreaterThan(0);
  });

  it("keeps a bound where rows stand twice, and more often than a byte counts", async () => {
    const rows = Array.from({ length: 600 }, () => ({ ...patternOf(18), len: 400, more: 1, room: 300 }));
    const asked = question({ similarity: 0.1 });
    expect(listed(await tallies.count(asked, blocksOf(rows, REPEATS, 100)))).toEqual([{ id: 18, nameByte: 4, bound: 510 / 408 }]);
  });

  it("has nothing where no row is, and fails as its blocks do, leaving the next question alone", async () => {
    const asked = question({});
    expect(listed(await tallies.count(asked, blocksOf([], ONCE, 1)))).toEqual([]);
    const rows = Array.from({ length: 50 }, (_, id) => ({ ...patternOf(id), more: 0 }));
    const broken = async function* (): AsyncIterable<NativeBlock> {
      yield blockOf(rows, ONCE);
      throw new Error("the store went away");
    };
    await expect(tallies.count(asked, broken())).rejects.toThrow("the store went away");
    expect(listed(await tallies.count(asked, blocksOf(rows, ONCE, 50)))).toEqual(twin(rows, false, asked));
  });

  it("leaves overlaps beyond a byte to the store", () => {
    const read = (weight: number) => ({ symbol: 1, weight, lengthTo: 9 });
    expect(isTallied(question({ reads: [read(200), read(55)] }))).toBe(true);
    expect(isTallied(question({ reads: [read(200), read(56)] }))).toBe(false);
    expect(isTallied(question({ idsBelow: 2 ** 33 }))).toBe(false);
  });
});
