/**
 * Signing and comparing signatures: every build against the twin, the recorded signatures, and permutations built on purpose so that the
 * cheap reduction modulo 2^61 - 1 would be wrong (it is met by chance once in about a billion values).
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SIGNATURE_BANDS, SIGNATURE_ROWS } from "../../assembly/layout.ts";
import { OwnMemory } from "../../src/kernels/own-memory.ts";
import { packPermutations } from "../../src/kernels/permutations.ts";
import { symbolHash } from "../../src/kernels/sign.ts";
import { agreement, BANDS, equalBands, ROWS, signature, signatureOfHashes, tokenHash } from "../reference/minhash.ts";
import { builds, golden, parameters, randomFrom } from "./builds.ts";

const u32 = fc.nat(0xffffffff);

test("symbolHash equals the twin, and the layout has the recorded bands", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 30 }), (symbol) => {
      expect(symbolHash(symbol)).toBe(tokenHash(symbol));
    }),
    parameters(200),
  );
  expect([SIGNATURE_BANDS, SIGNATURE_ROWS]).toEqual([BANDS, ROWS]);
});

describe.each(builds)("$name", ({ kernels }) => {
  test("signatures equal the twin", () => {
    const hashes = fc.array(fc.oneof(u32, fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff)), { maxLength: 40 });
    fc.assert(
      fc.property(hashes, (set) => {
        expect([...kernels.signature(Uint32Array.from(set))]).toEqual(signatureOfHashes(set));
      }),
      parameters(100),
    );
  });

  test("sets of any size: pairs and the bits that their numbers take, distinct hashes and repeated ones", () => {
    const random = randomFrom(31);
    for (const size of [1, 2, 3, 13, 14, 15, 16, 17, 18, 31, 32, 33, 63, 64, 65, 255, 256, 257, 3_000]) {
      for (const distinct of [2 ** 32, size / 2, 3]) {
        const set = Array.from({ length: size }, () => Math.imul(Math.floor(random() * distinct), 0x9e3779b1) >>> 0);
        expect([...kernels.signature(Uint32Array.from(set))]).toEqual(signatureOfHashes(set));
      }
    }
  });

  test("many sets at once equal each by itself", () => {
    fc.assert(
      fc.property(fc.array(fc.array(u32, { maxLength: 12 }), { maxLength: 6 }), (sets) => {
        const offsets = Uint32Array.from([0, ...sets.map((_, i) => sets.slice(0, i + 1).flat().length)]);
        const signatures = kernels.signatures(Uint32Array.from(sets.flat()), offsets);
        expect([...signatures]).toEqual(sets.flatMap((set) => [...kernels.signature(Uint32Array.from(set))]));
      }),
      parameters(50),
    );
  });

  test("the recorded signatures and pairs", () => {
    const { cases, pairs } = golden<{
      cases: { tokens: string[]; hashvalues: number[] }[];
      pairs: { i: number; j: number; estimate: number; equal_bands: number[] }[];
    }>("minhash");
    expect(cases.length).toBe(50);
    expect(pairs.length).toBeGreaterThan(0);
    const signatures = cases.map(({ tokens }) => kernels.signature(Uint32Array.from(tokens, symbolHash)));
    cases.forEach(({ tokens, hashvalues }, i) => {
      expect([...signatures[i]!]).toEqual(hashvalues);
      expect(signature(tokens)).toEqual(hashvalues);
    });
    for (const { i, j, estimate, equal_bands } of pairs) {
      expect(kernels.agreement(signatures[i]!, signatures[j]!) / 100).toBeCloseTo(estimate, 12);
      expect(kernels.sharesBand(signatures[i]!, signatures[j]!)).toBe(equal_bands.length > 0);
    }
  });

  test("agreement and sharesBand equal the twin", () => {
    // Few distinct values, so that positions and whole bands agree often.
    const signatures = fc.array(fc.constantFrom<number>(1, 0xffffffff), { minLength: 100, maxLength: 100 });
    const near = fc.tuple(signatures, fc.array(fc.nat(99), { maxLength: 60 })).map(([values, flips]) => {
      const other = [...values];
      for (const at of flips) other[at] = 7;
      return [values, other] as const;
    });
    fc.assert(
      fc.property(near, signatures, ([a, b], c) => {
        const [ua, ub, uc] = [a, b, c].map((values) => Uint32Array.from(values)) as [Uint32Array, Uint32Array, Uint32Array];
        expect(kernels.agreement(ua, ub)).toBe(agreement(a, b));
        expect([...kernels.agreements(ua, Uint32Array.from([...b, ...c]))]).toEqual([agreement(a, b), agreement(a, c)]);
        for (const [x, y, ux, uy] of [[a, b, ua, ub] as const, [a, c, ua, uc] as const]) {
          expect(kernels.sharesBand(ux, uy)).toBe(equalBands(x, y).length > 0);
        }
      }),
      parameters(200),
    );
  });
});

describe.each(builds)("$name: hashes of ids", ({ name }) => {
  test("each at least once and most of them only once, whatever the table held before", () => {
    const own = new OwnMemory(new URL(`../../build/${name}.wasm`, import.meta.url).pathname);
    const floor = own.top;
    fc.assert(
      fc.property(
        fc.array(fc.nat(20), { maxLength: 80 }),
        fc.array(u32, { minLength: 21, maxLength: 21 }),
        u32,
        (ids, symbolHashes, before) => {
          own.release(floor);
          const [at, table] = [own.place(Uint32Array.from(ids)), own.place(Uint32Array.from(symbolHashes))];
          const seen = own.place(new Uint32Array(512).fill(before));
          const hashes = own.reserve(ids.length * 4);
          const count = own.exports.distinctHashesInto(at, ids.length, table, seen, hashes);
          const found = [...own.u32(hashes, count)];
          expect(new Set(found)).toEqual(new Set(ids.map((id) => symbolHashes[id]!)));
          // Twenty-one hashes share one of 1,024 cells now and then; then a pair of them may come again.
          const cells = new Set(symbolHashes.map((hash) => hash % 1024));
          if (cells.size === new Set(symbolHashes).size) expect(found.length).toBe(new Set(found).size);
          else expect(found.length).toBeLessThanOrEqual(ids.length);
        },
      ),
      parameters(200),
    );
  });
});

describe.each(builds)("$name: sums whose reduction wraps", ({ name }) => {
  const memory = openMemory(name);

  /** x with x >> 61 = t whose residue modulo 2^61 - 1 is v, 0 <= v <= t: the only sums that need the second subtraction. */
  const wrapping = (t: number, v: number): bigint => (BigInt(t) << 61n) + (2n ** 61n - 1n) - BigInt(t) + BigInt(v);

  test("every permutation of a group hits a wrapping sum, beside ordinary hashes", () => {
    const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const hits = fc.tuple(fc.nat(7), fc.nat(7), u64, u32).map(([t, v, a, at]) => ({ t, v: Math.min(v, t), a, at }));
    fc.assert(
      fc.property(
        fc.array(hits, { minLength: 4, maxLength: 4 }),
        fc.array(u32, { maxLength: 6 }),
        fc.boolean(),
        (group, others, ordinary) => {
          const multipliers = group.map(({ a }) => a);
          // b makes a * h + b, modulo 2^64, the wrapping sum for the hash h = at. In half of the runs only the first permutation wraps.
          const offsets = group.map(({ a, at, t, v }, i) => {
            const sum = ordinary && i > 0 ? a : wrapping(t, v);
            return BigInt.asUintN(64, sum - a * BigInt(at));
          });
          const hashes = [...others, ...group.map(({ at }) => at)];
          expect(memory.sign(hashes, multipliers, offsets)).toEqual(signatureOfHashes(hashes, multipliers, offsets));
        },
      ),
      parameters(400),
    );
  });

  test("two sums whose low halves lie beside each other, with any upper bits, in every lane of two groups and of one alone", () => {
    // Low halves at either end of their range, and anywhere.
    const low = fc.oneof(fc.nat(40), u32, fc.integer({ min: 0xffffffd0, max: 0xffffffff }));
    const upper = fc.tuple(fc.nat(7), fc.oneof(u32, fc.constantFrom(0, 0x1fffffff))).map(([t, rest]) => t * 2 ** 29 + (rest % 2 ** 29));
    const pairs = fc.tuple(low, fc.integer({ min: -20, max: 20 }), upper, upper);
    fc.assert(
      fc.property(
        fc.array(pairs, { minLength: 12, maxLength: 12 }),
        u32,
        u32,
        fc.array(u32, { maxLength: 40 }),
        fc.nat(40),
        (lanes, h, odd, others, place) => {
          const sum = (high: number, lowHalf: number): bigint => (BigInt(high) << 32n) | BigInt(lowHalf >>> 0);
          // a * h + b and a * other + b are any two sums: a difference that is odd has an inverse modulo 2^64.
          const other = (h ^ (odd | 1)) >>> 0;
          const inverse = inverseOf(BigInt.asUintN(64, BigInt(h) - BigInt(other)));
          const parameters = lanes.map(([value, distance, high, otherHigh]) => {
            const [x, y] = [sum(high, value), sum(otherHigh, value + distance)];
            const a = BigInt.asUintN(64, (x - y) * inverse);
            return { a, b: BigInt.asUintN(64, x - a * BigInt(h)) };
          });
          const hashes = [...others.slice(0, place), h, ...others.slice(place), other];
          const [multipliers, offsets] = [parameters.map(({ a }) => a), parameters.map(({ b }) => b)];
          expect(memory.sign(hashes, multipliers, offsets)).toEqual(signatureOfHashes(hashes, multipliers, offsets));
        },
      ),
      parameters(400),
    );
  });

  test("each wrapping residue alone, and values at the rim of 32 bits", () => {
    for (let t = 0; t <= 7; t++) {
      for (let v = 0; v <= t; v++) {
        const offsets = [wrapping(t, v), wrapping(t, v) - 1n, BigInt.asUintN(64, wrapping(t, v) + 1n), 0xffffffffn];
        const multipliers = [0n, 0n, 0n, 0n];
        expect(memory.sign([3], multipliers, offsets)).toEqual(signatureOfHashes([3], multipliers, offsets));
        expect(memory.sign([3], multipliers, offsets)[0]).toBe(v);
      }
    }
    for (const value of [0n, 1n, 5n, 6n, 7n, 8n, 0xfffffffen, 0xffffffffn]) {
      const offsets = [value, value, value, value];
      expect(memory.sign([1, 2], [0n, 0n, 0n, 0n], offsets)).toEqual(signatureOfHashes([1, 2], [0n, 0n, 0n, 0n], offsets));
    }
  });

  /** The inverse of an odd number modulo 2^64: Newton's step doubles the bits that are right, five at first. */
  function inverseOf(odd: bigint): bigint {
    let inverse = (3n * odd) ^ 2n;
    for (let bits = 5; bits < 64; bits *= 2) inverse = BigInt.asUintN(64, inverse * (2n - odd * inverse));
    return inverse;
  }

  function openMemory(build: string) {
    const own = new OwnMemory(new URL(`../../build/${build}.wasm`, import.meta.url).pathname);
    const floor = own.top;
    return {
      sign(hashes: readonly number[], multipliers: readonly bigint[], offsets: readonly bigint[]): number[] {
        own.release(floor);
        const permutations = own.place(packPermutations(multipliers, offsets));
        const address = own.place(Uint32Array.from(hashes));
        const out = own.reserve(multipliers.length * 4);
        own.exports.signatureInto(address, hashes.length, permutations, multipliers.length / 4, out);
        return [...own.u32(out, multipliers.length)];
      },
    };
  }
});
