/** What of a query block TypeScript reads back, and what is refused; the kernels' reading is tested by test/kernels/score.test.ts. */
import { expect, test } from "vitest";
import { ASK_VERSION } from "../../../assembly/layout.ts";
import { codePoints, sealQueryBlock, viewQueryBlock } from "../../../src/wire/query-block.ts";
import type { Partner, QuerySpec } from "../../../src/wire/query-spec.ts";

const spec = (changes: Partial<QuerySpec> = {}): QuerySpec => ({
  symbols: ["a", "b", "a", "c", "q"],
  symbolIds: Uint32Array.of(0, 1, 0, 2, 0xffffffff),
  similarity: "token",
  recallThreshold: 0.1,
  partners: null,
  stages: [],
  keep: 10,
  keepBy: "prePotential",
  table: null,
  symbolCount: 3,
  ...changes,
});
const noHash = (): number => {
  throw new Error("no stage asks for a hash");
};

test("stages come back in order, with bounds computed from the state's length", () => {
  const block = sealQueryBlock(
    spec({
      stages: [
        { name: "bloom" },
        { name: "length", minRatio: 0.5, maxRatio: 1.5 },
        { name: "jaccard", threshold: 0.25, minOverlap: 2 },
        { name: "rapidfuzz" },
        { name: "length", minRatio: 0, maxRatio: 1e12 },
      ],
      similarity: "character",
    }),
    noHash,
  );
  const view = viewQueryBlock(block);
  expect(view.isCharacter).toBe(true);
  expect(view.symbolCount).toBe(3);
  expect(view.stages).toEqual([
    { name: "bloom", low: 0, high: 0, threshold: 0 },
    { name: "length", low: 2, high: 7, threshold: 0 },
    { name: "jaccard", low: 2, high: 0, threshold: 0.25 },
    { name: "rapidfuzz", low: 0, high: 0, threshold: 0 },
    { name: "length", low: 1, high: 0xffffffff, threshold: 0 },
  ]);
});

test("each block has an id of its own, and hashes are asked once for each distinct symbol", () => {
  const asked: string[] = [];
  const hash = (symbol: string): number => asked.push(symbol);
  const withMinhash = spec({ stages: [{ name: "minhash", threshold: 0.5 }] });
  expect(viewQueryBlock(sealQueryBlock(withMinhash, hash)).id).not.toBe(viewQueryBlock(sealQueryBlock(withMinhash, hash)).id);
  expect(asked).toEqual(["a", "b", "c", "q", "a", "b", "c", "q"]);
});

test("code points, not UTF-16 units", () => {
  expect([...codePoints("a😀")]).toEqual([97, 0x1f600]);
});

test("more groups of resembling symbols than classes are refused", () => {
  // 17 query symbols make 131,071 different groups: one kb symbol each.
  const symbols = Array.from({ length: 17 }, (_, i) => `s${i}`);
  const partners: Partner[] = Array.from({ length: 65536 }, (_, id) => id + 1).flatMap((bits, symbolId) =>
    symbols.flatMap((_, queryIndex) => ((bits >> queryIndex) & 1 ? [{ queryIndex, symbolId, ratio: 0.5 }] : [])),
  );
  const fuzzy = { symbols, symbolIds: new Uint32Array(17).fill(0xffffffff), partners, symbolCount: 65536 };
  expect(() => sealQueryBlock(spec(fuzzy), noHash)).toThrow(expect.objectContaining({ code: "ENGRAM_LIMIT_EXCEEDED" }));
  const fewer = partners.filter(({ symbolId }) => symbolId < 65535);
  expect(viewQueryBlock(sealQueryBlock(spec({ ...fuzzy, partners: fewer }), noHash)).symbolCount).toBe(65536);
});

test("partners learned after the query's view of the kb are left out", () => {
  const partners = [{ queryIndex: 0, symbolId: 3, ratio: 1 }];
  expect(sealQueryBlock(spec({ partners }), noHash).length).toBe(sealQueryBlock(spec({ partners: [] }), noHash).length);
});

test("foreign bytes are refused", () => {
  const refused = expect.objectContaining({ code: "ENGRAM_LAYOUT_MISMATCH" });
  const block = sealQueryBlock(spec(), noHash);
  expect(() => viewQueryBlock(block.subarray(0, 8))).toThrow(refused);
  expect(() => viewQueryBlock(block.subarray(0, block.length - 8))).toThrow(refused);
  block[ASK_VERSION]! ^= 1;
  expect(() => viewQueryBlock(block)).toThrow(refused);
});
