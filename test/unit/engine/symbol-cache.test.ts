import fc from "fast-check";
import { expect, it } from "vitest";
import { SymbolCache } from "../../../src/engine/symbol-cache.ts";
import { symbolHash } from "../../../src/kernels/sign.ts";
import { type StateStore, UNKNOWN_SYMBOL } from "../../../src/store/state-store.ts";

/** A state store whose kb knows these symbols; counts what it is asked. */
function storeOf(symbols: string[]) {
  const asked = { ids: 0, names: 0, listed: 0 };
  const state = {
    symbolIds: async (_kb: string, _generation: number, wanted: readonly string[]) => {
      asked.ids += wanted.length;
      return Uint32Array.from(wanted, (symbol) => (symbols.includes(symbol) ? symbols.indexOf(symbol) : UNKNOWN_SYMBOL));
    },
    symbolNames: async (_kb: string, _generation: number, ids: readonly number[]) => {
      asked.names += ids.length;
      return ids.map((id) => symbols[id]!);
    },
    async *listSymbols(_kb: string, _generation: number, from: number, to: number) {
      for (let id = from; id < to; id += 7) {
        const rows = symbols
          .slice(id, Math.min(to, id + 7))
          .map((symbol, i) => ({ id: id + i, symbol, frequency: 1, patternMemberFrequency: 1 }));
        asked.listed += rows.length;
        yield rows;
      }
    },
  } as unknown as StateStore;
  return { state, asked };
}

it("asks for a symbol until it is known, and then never again", async () => {
  const symbols = ["a"];
  const { state, asked } = storeOf(symbols);
  const cache = new SymbolCache(state);
  expect([...(await cache.ids("kb", 1, ["a", "b", "a"]))]).toEqual([0, UNKNOWN_SYMBOL, 0]);
  symbols.push("b");
  expect([...(await cache.ids("kb", 1, ["b", "a"]))]).toEqual([1, 0]);
  expect(asked.ids).toBe(3);
  expect((await cache.names("kb", 1, [0, 1])).get(1)).toBe("b");
  expect(asked.names).toBe(0);
  // Another generation numbers anew.
  expect([...(await cache.ids("kb", 2, ["a"]))]).toEqual([0]);
  expect(asked.ids).toBe(4);
});

it("builds tables whose texts and hashes are the symbols', growing without disturbing what was handed out", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.string({ unit: "grapheme", maxLength: 40 }), { minLength: 1, maxLength: 60 }),
      fc.nat(),
      async (symbols, cut) => {
        const { state, asked } = storeOf(symbols);
        const cache = new SymbolCache(state);
        const first = 1 + (cut % symbols.length);
        const [early, same] = await Promise.all([cache.table("kb", 1, first), cache.table("kb", 1, first)]);
        const whole = await cache.table("kb", 1, symbols.length);
        expect(asked.listed).toBe(symbols.length);
        expect(same.key).toBe(early.key);
        for (const table of [early, whole]) {
          for (let id = 0; id < table.count; id++) {
            const points = table.codePoints.subarray(table.textOffsets[id], table.textOffsets[id + 1]);
            expect([...points].map((point) => String.fromCodePoint(point)).join("")).toBe(symbols[id]);
            expect(table.hashes[id]).toBe(symbolHash(symbols[id]!));
          }
        }
        expect([early.count, whole.count]).toEqual([first, symbols.length]);
      },
    ),
    { numRuns: 60 },
  );
});

it("loses no hash where its columns grow, one symbol after the other", async () => {
  const symbols = Array.from({ length: 9_000 }, (_, id) => `symbol ${id}`);
  const { state } = storeOf(symbols);
  const { hashes } = await new SymbolCache(state).table("kb", 1, symbols.length);
  expect([...hashes]).toEqual(symbols.map(symbolHash));
});
