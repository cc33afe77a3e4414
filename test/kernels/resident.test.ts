/** Resident blocks: the batch's rows come back, sorted by length; they are scored as the batch is; what does not fit or lies is refused. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { BATCH_BYTES, BATCH_SYMBOLS, BATCH_VERSION } from "../../assembly/layout.ts";
import type { KeepKey, QuerySpec, StageSpec } from "../../src/wire/query-spec.ts";
import { residentBytesMax, viewCandidates, viewResidentBlock } from "../../src/wire/resident-block.ts";
import type { ScoreBlock } from "../../src/wire/score-block.ts";
import { columnsOf, Numbering, type TestPattern } from "../support/candidate-columns.ts";
import { ResidentPair } from "../support/resident-blocks.ts";
import { keptOf } from "../support/score-blocks.ts";

const seed = process.env.FC_SEED === undefined ? {} : { seed: Number(process.env.FC_SEED) };
const SYMBOL_CAPACITY = 1024;
const pair = new ResidentPair(SYMBOL_CAPACITY);

function patternsOf(sequences: readonly (readonly (readonly string[])[])[]): TestPattern[] {
  return sequences.map((events, i) => ({ patternId: 2 ** 40 + i, name: (i * 7919).toString(16).padStart(40, "f"), events }));
}

/** Rows at `place` as patterns, with ids for symbols. */
function rowsOf(place: number) {
  const view = viewCandidates(pair.bytes, place);
  return Array.from({ length: view.rows }, (_, row) => {
    const column = new Uint32Array(view.symbolCount(row));
    view.copySymbolIds(row, column, 0);
    const ids = [...column];
    const ends = new Uint16Array(view.eventCount(row));
    view.copyEventEnds(row, ends, 0);
    return {
      patternId: view.patternId(row),
      name: Buffer.from(view.names.subarray(row * 20, row * 20 + 20)).toString("hex"),
      ids,
      ends: [...ends],
    };
  });
}

const symbol = fc.constantFrom("a", "b", "c", "ab", "abc", "abd", "", "x y", "😀");
const event = fc.array(symbol, { minLength: 1, maxLength: 4 });
const kbs = fc.array(fc.array(event, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 40 });

test("a block holds the batch's rows, sorted by length, in the order they came in where lengths are equal", () => {
  fc.assert(
    fc.property(kbs, (sequences) => {
      const columns = columnsOf(patternsOf(sequences), new Numbering(), { symbolBase: 2 ** 33 + 1, eventBase: 7 });
      const bytes = pair.load(columns, 16);
      const rows = rowsOf(pair.batch);
      const order = rows.map((_, row) => row).sort((a, b) => rows[a]!.ids.length - rows[b]!.ids.length || a - b);
      expect(rowsOf(pair.block)).toEqual(order.map((row) => rows[row]));
      const block = viewResidentBlock(pair.bytes, pair.block);
      expect(order.map((_, row) => block.origin(row))).toEqual(order);
      expect(block.bytes).toBe(bytes);
      expect(block.symbols).toBe(rows.reduce((sum, { ids }) => sum + ids.length, 0));
      expect(block.events).toBe(rows.reduce((sum, { ends }) => sum + ends.length, 0));
    }),
    { numRuns: 200, ...seed },
  );
});

const stage: fc.Arbitrary<StageSpec> = fc.oneof(
  fc.record({ name: fc.constant("length" as const), minRatio: fc.constantFrom(0, 0.5, 1), maxRatio: fc.constantFrom(1, 2, 3) }),
  fc.record({ name: fc.constant("jaccard" as const), threshold: fc.constantFrom(0, 0.2, 1 / 3), minOverlap: fc.constantFrom(1, 2) }),
  fc.record({ name: fc.constant("minhash" as const), threshold: fc.constantFrom(0, 0.5) }),
  fc.constant({ name: "bloom" as const }),
  fc.constant({ name: "rapidfuzz" as const }),
);
const KEYS: readonly KeepKey[] = ["prePotential", "similarity", "evidence", "confidence", "snr", "fragmentation"];
const asked = (state: fc.Arbitrary<string[]>) =>
  fc.record({
    state,
    similarity: fc.constantFrom("token" as const, "token" as const, "character" as const),
    recallThreshold: fc.constantFrom(0, 0.1, 0.25, 0.5, 1),
    isFuzzy: fc.boolean(),
    stages: fc.oneof(fc.constant([]), fc.uniqueArray(stage, { maxLength: 3, selector: ({ name }) => name })),
    keepBy: fc.constantFrom(...KEYS),
    keep: fc.integer({ min: 1, max: 45 }),
    cut: fc.nat(),
    floor: fc.constantFrom(Number.NEGATIVE_INFINITY, 0.3, 1.2),
  });
const anySymbol = fc.oneof(symbol, fc.constantFrom("q", "walked"));

/** What a scan of both halves came to, without what depends on the order of rows. */
function outcome(blocks: readonly ScoreBlock[], keep: number, floor: number) {
  const sum = (pick: (block: ScoreBlock) => number): number => blocks.reduce((total, block) => total + pick(block), 0);
  return {
    stages: blocks[0]!.stages.map(({ name }, i) => [name, sum((b) => b.stages[i]!.candidatesIn), sum((b) => b.stages[i]!.candidatesOut)]),
    belowThreshold: sum((block) => block.belowThreshold),
    withoutBlocks: sum((block) => block.withoutBlocks),
    matched: sum((block) => block.matched),
    kept: keptOf(blocks)
      .slice(0, keep)
      .filter(({ key }) => key >= floor),
  };
}

test.each([
  ["short", fc.array(anySymbol, { minLength: 1, maxLength: 12 })],
  ["of 64 symbols and more", fc.array(anySymbol, { minLength: 62, maxLength: 140 })],
] as const)("a block is scored as its batch, state %s", (_name, states) => {
  let tables = 0;
  fc.assert(
    fc.property(kbs, asked(states), (sequences, { state, isFuzzy, cut, floor, ...rest }) => {
      const numbering = new Numbering();
      const columns = columnsOf(patternsOf(sequences), numbering);
      pair.load(columns, numbering.ids.size, undefined, cut % 2 === 0);
      const table = numbering.table(`resident ${tables++}`);
      const distinct = [...new Set(state)];
      const partners = pair.partners(distinct, table, 0.5).map((p) => ({ ...p, queryIndex: state.indexOf(distinct[p.queryIndex]!) }));
      const spec: QuerySpec = {
        ...rest,
        symbols: state,
        symbolIds: numbering.stateIds(state),
        partners: isFuzzy ? partners : null,
        table,
        symbolCount: numbering.ids.size,
      };
      const whole = pair.score(spec, pair.batch, 0, columns.rows, floor);
      // Any two ranges together are the block: a slice may start and end inside a group.
      const middle = cut % (columns.rows + 1);
      const parts = [pair.score(spec, pair.block, 0, middle, floor), pair.score(spec, pair.block, middle, columns.rows, floor)];
      expect(outcome(parts, rest.keep, floor)).toEqual(outcome([whole], rest.keep, floor));
    }),
    { numRuns: 250, ...seed },
  );
});

/** Symbols of which most rows hold few: rows are found by the index, and whole windows of sixteen hold nothing. */
const rare = fc.nat(99).map((n) => `s${Math.floor((n * n) / 100)}`);
const flat = fc.array(rare, { minLength: 1, maxLength: 9 }).map((symbols) => symbols.map((one) => [one]));
const grouped = fc.array(fc.uniqueArray(rare, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 });
const manyRows = fc.array(fc.oneof({ weight: 4, arbitrary: flat }, grouped), { minLength: 30, maxLength: 220 });

test("a block whose rows are found by its index is scored as its batch", () => {
  fc.assert(
    fc.property(
      manyRows,
      fc.array(fc.oneof({ weight: 5, arbitrary: rare }, fc.constant("unknown")), { minLength: 1, maxLength: 64 }),
      fc.constantFrom(0.05, 0.1, 0.3, 0.5, 0.9),
      fc.constantFrom(...KEYS),
      fc.constantFrom<StageSpec[]>(
        [],
        [{ name: "length", minRatio: 0.5, maxRatio: 2 }],
        [{ name: "jaccard", threshold: 0.1, minOverlap: 1 }],
      ),
      fc.record({
        keep: fc.integer({ min: 1, max: 60 }),
        isFuzzy: fc.boolean(),
        cut: fc.nat(),
        floor: fc.constantFrom(-Infinity, 0.3),
        // Rows that share most of the state, more than are brought together.
        alike: fc.array(fc.tuple(fc.nat(220), fc.nat(20), fc.boolean()), { maxLength: 12 }),
      }),
      (some, state, recallThreshold, keepBy, stages, { keep, isFuzzy, cut, floor, alike }) => {
        const numbering = new Numbering();
        const sequences = [...some];
        for (const [at, left, isApart] of alike) {
          const shared = state.filter((_, n) => n !== left);
          sequences.splice(at, 0, [["begin"], ...shared.flatMap((one) => (isApart ? [[one], ["between"]] : [[one]])), ["end"]]);
        }
        const columns = columnsOf(patternsOf(sequences), numbering);
        pair.load(columns, numbering.ids.size);
        const spec: QuerySpec = {
          symbols: state,
          symbolIds: numbering.stateIds(state),
          similarity: "token",
          recallThreshold,
          partners: isFuzzy ? [] : null,
          stages,
          keep,
          keepBy,
          table: null,
          symbolCount: numbering.ids.size,
        };
        const whole = pair.score(spec, pair.batch, 0, columns.rows, floor);
        const middle = cut % (columns.rows + 1);
        const parts = [pair.score(spec, pair.block, 0, middle, floor), pair.score(spec, pair.block, middle, columns.rows, floor)];
        expect(outcome(parts, keep, floor)).toEqual(outcome([whole], keep, floor));
      },
    ),
    { numRuns: 400, ...seed },
  );
});

test("the longest pattern, one symbol and a full group of equals", () => {
  const long = Array.from({ length: 4_096 }, (_, n) => [`s${n % 700}`]);
  const sequences = [long, [["s1"]], ...Array.from({ length: 9 }, () => long.slice(5, 12))];
  const numbering = new Numbering();
  const columns = columnsOf(patternsOf(sequences), numbering);
  const bytes = pair.load(columns, numbering.ids.size);
  const header = new DataView(pair.bytes.buffer, pair.batch);
  expect(bytes).toBeLessThanOrEqual(residentBytesMax(header.getUint32(BATCH_BYTES, true), header.getUint32(BATCH_SYMBOLS, true)));
  expect(rowsOf(pair.block).map(({ ids }) => ids.length)).toEqual([1, ...Array.from({ length: 9 }, () => 7), 4_096]);
  expect(rowsOf(pair.block).at(-1)).toEqual(rowsOf(pair.batch)[0]);
});

test("too little room, ids beyond the kb and foreign bytes are refused", () => {
  const numbering = new Numbering();
  const columns = columnsOf(patternsOf([[["a"], ["b", "c"]]]), numbering);
  expect(() => pair.load(columns, 3, 100)).toThrow("ENGRAM_LIMIT_EXCEEDED");
  expect(() => pair.load(columns, 2)).toThrow("ENGRAM_STORE_REPLY");
  pair.load(columns, 3);
  // A query that knows fewer symbols than the block holds has tables that may not reach them.
  const spec: QuerySpec = {
    symbols: ["a"],
    symbolIds: Uint32Array.of(0),
    similarity: "token",
    recallThreshold: 0,
    partners: null,
    stages: [],
    keep: 1,
    keepBy: "similarity",
    table: null,
    symbolCount: 2,
  };
  expect(() => pair.score(spec, pair.block, 0, 1)).toThrow("ENGRAM_STORE_REPLY");
  expect(pair.score({ ...spec, symbolCount: 3 }, pair.block, 0, 1).matched).toBe(1);
  pair.bytes[pair.block + BATCH_VERSION]! ^= 1;
  expect(() => viewResidentBlock(pair.bytes, pair.block)).toThrow(expect.objectContaining({ code: "ENGRAM_LAYOUT_MISMATCH" }));
  expect(() => pair.score({ ...spec, symbolCount: 3 }, pair.block, 0, 1)).toThrow("ENGRAM_LAYOUT_MISMATCH");
});
