/** Contract of signing in the pool: keys equal the twin's, however rows are cut and whatever else runs, and those of a state signed by itself. */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { StateBands } from "../../src/kernels/band-keys.ts";
import { symbolHash } from "../../src/kernels/sign.ts";
import type { KernelPool } from "../../src/pool/kernel-pool.ts";
import type { BandSpec } from "../../src/wire/band-spec.ts";
import { golden } from "../kernels/builds.ts";
import { bandKeys } from "../reference/bands.ts";
import { signature, tokenHash } from "../reference/minhash.ts";
import { multiplyAdd, onePermutation } from "../reference/minhash-fast.ts";
import { columnsOf, Numbering, type TestPattern } from "../support/candidate-columns.ts";
import { asked, codeOf, kbOf, type OpenPool, specOf } from "./kernel-pool.ts";

const STANDARD: BandSpec = { scheme: "datasketch", values: 100, bands: 20, rows: 5, seed: 0x12345678 };
const FAST: readonly BandSpec[] = [
  { scheme: "multiply-add", values: 128, bands: 32, rows: 4, seed: 1 },
  { scheme: "one-permutation", values: 128, bands: 32, rows: 4, seed: 0xffffffff },
];

/** Signature of a set of symbols by the twins. */
function twinOf({ scheme, values }: BandSpec, symbols: readonly string[]): number[] {
  const hashes = symbols.map(tokenHash);
  if (scheme === "datasketch") return signature(symbols);
  return scheme === "multiply-add" ? multiplyAdd(hashes, values) : onePermutation(hashes, values);
}

const keysOf = (spec: BandSpec, symbols: readonly string[]): number[] => bandKeys(twinOf(spec, symbols), spec.bands, spec.rows, spec.seed);

export function bandKeysContract(name: string, openPool: OpenPool, { canLose }: { canLose: boolean }): void {
  describe(`${name}: bands`, () => {
    const open: KernelPool[] = [];
    const opened: OpenPool = async (options) => {
      const pool = await openPool(options);
      open.push(pool);
      return pool;
    };
    afterEach(async () => {
      await Promise.all(open.splice(0).map((pool) => pool.close()));
    });

    test("keys equal the twin's in every scheme, and a state signed by itself has the same", async () => {
      const pool = await opened({});
      const states = new StateBands();
      const symbol = fc.string({ unit: "binary", maxLength: 6 });
      const patterns = fc.array(fc.array(fc.array(symbol, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 9 }), {
        maxLength: 8,
      });
      let tables = 0;
      await fc.assert(
        fc.asyncProperty(patterns, fc.constantFrom(STANDARD, ...FAST), async (events, spec) => {
          const numbering = new Numbering();
          const rows = events.map((one, patternId): TestPattern => ({ patternId, name: "0".repeat(40), events: one }));
          const columns = columnsOf(rows, numbering);
          const keys = await pool.bandKeys(columns, spec, numbering.table(`kb ${tables++}`));
          expect([...keys]).toEqual(events.flatMap((one) => keysOf(spec, one.flat())));
          for (const one of events) {
            expect([...states.keysOf(Uint32Array.from(one.flat(), symbolHash), spec)]).toEqual(keysOf(spec, one.flat()));
          }
        }),
        { numRuns: 40 },
      );
    });

    test("sets of the record share a key where their bands are equal, and nowhere else", async () => {
      const { cases, pairs } = golden<{ cases: { tokens: string[] }[]; pairs: { i: number; j: number; equal_bands: number[] }[] }>(
        "minhash",
      );
      const states = new StateBands();
      const keys = cases.map(({ tokens }) => states.keysOf(Uint32Array.from(tokens, symbolHash), STANDARD));
      expect(pairs.some(({ equal_bands }) => equal_bands.length > 0)).toBe(true);
      for (const { i, j, equal_bands } of pairs) {
        expect([...keys[i]!.keys()].filter((band) => keys[i]![band] === keys[j]![band])).toEqual(equal_bands);
      }
      // The same in a thread, where a set is a pattern. An empty one is none.
      const numbering = new Numbering();
      const sets = cases.map(({ tokens }) => tokens).filter((tokens) => tokens.length > 0);
      const columns = columnsOf(
        sets.map((tokens, patternId) => ({ patternId, name: "0".repeat(40), events: [tokens] })),
        numbering,
      );
      const pool = await opened({});
      expect([...(await pool.bandKeys(columns, STANDARD, numbering.table("golden")))]).toEqual(
        sets.flatMap((set) => keysOf(STANDARD, set)),
      );
    });

    test("what no twin signs here comes out alike for a pattern and for a state", async () => {
      const pool = await opened({});
      const wide: BandSpec = { scheme: "datasketch", values: 128, bands: 32, rows: 4, seed: 5 };
      const kb = kbOf(50);
      const states = new StateBands();
      const keys = await pool.bandKeys(kb.columns, wide, kb.numbering.table("wide"));
      const alone = kb.patterns.flatMap(({ events }) => [...states.keysOf(Uint32Array.from(events.flat(), symbolHash), wide)]);
      expect([...keys]).toEqual(alone);
      expect(new Set(keys).size).toBeGreaterThan(1_000);
    });

    test("cut in slices and beside scans of the same threads, every row has its keys", async () => {
      const pool = await opened({ sliceRows: 7 });
      const kb = kbOf(300);
      const table = kb.numbering.table("many");
      const query = pool.prepare(specOf(kb, asked(0.2), 50));
      const [keys, ...scans] = await Promise.all([
        pool.bandKeys(kb.columns, STANDARD, table),
        ...[1, 2, 3].map(() => pool.score(query, kb.columns)),
      ]);
      expect([...keys]).toEqual(kb.patterns.flatMap(({ events }) => keysOf(STANDARD, events.flat())));
      const after = await pool.score(query, kb.columns);
      const matched = after.reduce((sum, block) => sum + block.matched, 0);
      for (const blocks of scans) expect(blocks.reduce((sum, block) => sum + block.matched, 0)).toBe(matched);
      expect(matched).toBeGreaterThan(0);
    });

    test("rows that are no patterns of the table are refused, and a lost thread's slice is signed again", async () => {
      let faults = 0;
      const pool = await opened({ faultOf: () => (canLose && faults++ === 0 ? "exit" : undefined) });
      const kb = kbOf(20);
      const whole = kb.numbering.table("whole");
      expect((await pool.bandKeys(kb.columns, STANDARD, whole)).length).toBe(20 * 20);
      expect(await codeOf(pool.bandKeys(kb.columns, STANDARD, { ...whole, key: "short", count: 3 }))).toBe("ENGRAM_STORE_REPLY");
      expect((await pool.bandKeys({ ...kb.columns, rows: 0 }, STANDARD, whole)).length).toBe(0);
      expect(await codeOf(pool.bandKeys(kb.columns, { ...STANDARD, bands: 21 }, whole))).toBe("ENGRAM_KERNEL_TRAP");
    });
  });
}
