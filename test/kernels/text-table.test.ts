/** Text tables that grow: the same positions as one written at once, and the same answers; room is kept or the caller is told. */
import { describe, expect, test } from "vitest";
import { TEXTS_IDS_AT, TEXTS_RANKS_AT, TEXTS_RUNS, TEXTS_RUNS_AT } from "../../assembly/layout.ts";
import { extendTextTable, planTextTable, type Texts, type TextTable, writeTextTable } from "../../src/kernels/text-table.ts";
import { randomFrom } from "./builds.ts";

const random = randomFrom(17);
const all = Array.from({ length: 1_700 }, () => {
  const letters = random() < 0.1 ? "ab中\u{1F600}" : "abcdefgh";
  return Array.from({ length: Math.floor(random() * 9) }, () => [...letters][Math.floor(random() * [...letters].length)]!);
});

function textsOf(count: number): Texts {
  const points = all.slice(0, count).map((text) => text.map((character) => character.codePointAt(0)!));
  const textOffsets = new Uint32Array(count + 1);
  points.forEach((text, id) => {
    textOffsets[id + 1] = textOffsets[id]! + text.length;
  });
  return { count, textOffsets, codePoints: Uint32Array.from(points.flat()) };
}

const memory = () => {
  const buffer = new ArrayBuffer(1 << 20);
  return { bytes: new Uint8Array(buffer), words: new Uint32Array(buffer) };
};

/** Runs, and ids and ranks by position. */
function structureOf(table: TextTable, words: Uint32Array): unknown {
  const field = (at: number): number => words[(table.place + at) / 4]!;
  const list = (at: number, count: number): number[] => [...words.subarray(field(at) / 4, field(at) / 4 + count)];
  return {
    runs: list(TEXTS_RUNS_AT, field(TEXTS_RUNS) * 3),
    ids: list(TEXTS_IDS_AT, table.count),
    ranks: list(TEXTS_RANKS_AT, table.count),
  };
}

describe("a text table that grows", () => {
  test("has the positions of one written at once, or asks to be written anew", () => {
    const grown = memory();
    let table: TextTable | undefined;
    let extended = 0;
    for (let count = 1; count <= all.length; count += count < 900 ? 100 : 7) {
      const texts = textsOf(count);
      if (table !== undefined && extendTextTable(table, texts, grown.bytes, grown.words)) extended++;
      else table = writeTextTable(planTextTable(texts, true), 64, grown.bytes, grown.words);
      const fresh = memory();
      const at = writeTextTable(planTextTable(texts, true), 128, fresh.bytes, fresh.words);
      expect(structureOf(table, grown.words)).toEqual(structureOf(at, fresh.words));
    }
    // 1,024 to 1,700 in sevens: all but the five where the sorted part grows by an eighth.
    expect(extended).toBeGreaterThan(85);
  });

  test("without room for more keeps the same positions, and refuses to grow", () => {
    const texts = textsOf(1_200);
    const spare = planTextTable(texts, true);
    const tight = planTextTable(texts, true, spare.bytes - 1);
    expect([tight.capacity, tight.sorted]).toEqual([1_200, spare.sorted]);
    const { bytes, words } = memory();
    const table = writeTextTable(tight, 64, bytes, words);
    const roomy = memory();
    expect(structureOf(table, words)).toEqual(structureOf(writeTextTable(spare, 64, roomy.bytes, roomy.words), roomy.words));
    expect(extendTextTable(table, textsOf(1_201), bytes, words)).toBe(false);
    expect(extendTextTable(table, textsOf(1_199), bytes, words)).toBe(false);
  });

  test("is told when texts are longer than there is room for", () => {
    const { bytes, words } = memory();
    const table = writeTextTable(planTextTable(textsOf(1_100), true), 64, bytes, words);
    const texts = textsOf(1_101);
    const long = new Uint32Array(60_000).fill(97);
    const codePoints = Uint32Array.from([...texts.codePoints.subarray(0, texts.textOffsets[1_100]), ...long]);
    const textOffsets = texts.textOffsets.slice();
    textOffsets[1_101] = codePoints.length;
    expect(extendTextTable(table, { count: 1_101, textOffsets, codePoints }, bytes, words)).toBe(false);
  });
});
