/**
 * The builds of the kernels that the property tests compare with the reference twins, and what the tests share: golden files, the seed
 * (FC_SEED=123 repeats a run), sequence lengths at word boundaries. The pool's build has the same code with an imported memory; its
 * tests are those of the pool.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { Kernels } from "../../src/kernels/kernels.ts";

export interface Build {
  readonly name: string;
  readonly kernels: Kernels;
}

/** Optimised and not. */
export const builds: readonly Build[] = ["kernels", "kernels.debug"].map((name) => {
  const wasmPath = fileURLToPath(new URL(`../../build/${name}.wasm`, import.meta.url));
  if (!existsSync(wasmPath)) throw new Error(`${wasmPath} is missing: run "npm run build:wasm" first`);
  return { name, kernels: new Kernels({ wasmPath }) };
});

export function golden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../data/golden/${name}.json`, import.meta.url), "utf8")) as T;
}

export function parameters(numRuns: number): fc.Parameters<unknown> {
  return process.env.FC_SEED === undefined ? { numRuns } : { numRuns, seed: Number(process.env.FC_SEED) };
}

/** Around one word of 32, 63 and 64, two, four and eight words of 63 and 64, and a few beyond. */
const BOUNDARIES = [0, 1, 2, 31, 32, 33, 62, 63, 64, 65, 66, 126, 127, 128, 129, 189, 190, 251, 252, 253, 254, 256, 378, 500, 504, 505];

/** Sequences over an alphabet of 1 to 40 ids (1: all equal), of boundary lengths or short; ids spread so that tables are sparse. */
export const sequences: fc.Arbitrary<{ readonly a: Uint32Array; readonly b: Uint32Array }> = fc
  .record({
    alphabet: fc.constantFrom(1, 2, 3, 5, 40),
    spread: fc.constantFrom(1, 977),
    lengthA: fc.oneof(fc.nat(20), fc.constantFrom(...BOUNDARIES)),
    lengthB: fc.oneof(fc.nat(20), fc.constantFrom(...BOUNDARIES)),
    related: fc.boolean(),
    seed: fc.nat(),
  })
  .map(({ alphabet, spread, lengthA, lengthB, related, seed }) => {
    const random = randomFrom(seed);
    const a = Uint32Array.from({ length: lengthA }, () => Math.floor(random() * alphabet) * spread);
    // Half of the second sequences are a copy of the first with one element in eight changed: long runs and near misses.
    const b = Uint32Array.from({ length: lengthB }, (_, i) =>
      related && i < lengthA && random() > 0.125 ? a[i]! : Math.floor(random() * alphabet) * spread,
    );
    return { a, b };
  });

/** mulberry32: a small seeded generator of numbers in 0..1. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Texts of all kinds: ASCII, Latin, CJK, astral, lone surrogates, few letters repeated. */
export const texts: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 70 }),
  fc.string({ unit: fc.constantFrom("a", "b", "é", "中", "\u{1F600}", "\u{10FFFF}", "\uD83D"), maxLength: 140 }),
  fc.tuple(fc.constantFrom("a", "\u{1F600}"), fc.constantFrom(...BOUNDARIES)).map(([unit, length]) => unit.repeat(length)),
);

export function columnOf(sequences: readonly Uint32Array[]): { flat: Uint32Array; offsets: Uint32Array } {
  const offsets = new Uint32Array(sequences.length + 1);
  sequences.forEach((sequence, i) => {
    offsets[i + 1] = offsets[i]! + sequence.length;
  });
  const flat = new Uint32Array(offsets.at(-1)!);
  sequences.forEach((sequence, i) => {
    flat.set(sequence, offsets[i]!);
  });
  return { flat, offsets };
}

/** Numbers the symbols of both sides, as a kb would. */
export function idsOf(a: readonly string[], b: readonly string[]): { a: Uint32Array; b: Uint32Array } {
  const ids = new Map<string, number>();
  const numbered = (symbols: readonly string[]): Uint32Array =>
    Uint32Array.from(symbols, (symbol) => {
      const id = ids.get(symbol) ?? ids.size;
      ids.set(symbol, id);
      return id;
    });
  return { a: numbered(a), b: numbered(b) };
}
