/**
 * The signing schemes that kbs do not use by default, columns of signatures, and the token hash: every build against the twins; the estimates'
 * error against theory; the tuned twins of the benches against the same answers.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { agreementsTwin, ShortcutSigningTwin, SigningTwin } from "../../bench/twins/minhash.ts";
import { SIGNATURE_SCHEMES, type SignatureScheme } from "../../src/kernels/index.ts";
import { agreement, recordedPermutations, signatureOfHashes } from "../reference/minhash.ts";
import { multiplyAdd, onePermutation, parameterNumbers, tokenHash } from "../reference/minhash-fast.ts";
import { builds, columnOf, parameters, randomFrom, texts } from "./builds.ts";

const u32 = fc.nat(0xffffffff);
const sets = fc.array(fc.array(fc.oneof(u32, fc.constantFrom(0, 1, 0x7fffffff, 0xfffffffe, 0xffffffff)), { maxLength: 40 }), {
  maxLength: 5,
});

/** The recorded permutations and those that follow them, as documented. */
function permutations(count: number): { multipliers: bigint[]; offsets: bigint[] } {
  const prime = 2n ** 61n - 1n;
  const { multipliers, offsets } = recordedPermutations();
  const drawn = { multipliers: [...multipliers].slice(0, count), offsets: [...offsets].slice(0, count) };
  const numbers = parameterNumbers(10_000).map((number) => number & prime);
  const next = (least: bigint): bigint => {
    for (;;) {
      const number = numbers.shift()!;
      if (number >= least && number < prime) return number;
    }
  };
  while (drawn.multipliers.length < count) {
    drawn.multipliers.push(next(1n));
    drawn.offsets.push(next(0n));
  }
  return drawn;
}

function twinOf(scheme: SignatureScheme, values: number): (hashes: readonly number[]) => number[] {
  if (scheme === "multiply-add") return (hashes) => multiplyAdd(hashes, values);
  if (scheme === "one-permutation") return (hashes) => onePermutation(hashes, values);
  const { multipliers, offsets } = permutations(values);
  return (hashes) => signatureOfHashes(hashes, multipliers, offsets);
}

describe.each(builds)("$name", ({ kernels }) => {
  const signaturesOf = (scheme: SignatureScheme, values: number, given: readonly (readonly number[])[]): Uint32Array => {
    kernels.clear();
    const { flat, offsets } = columnOf(given.map((set) => Uint32Array.from(set)));
    const out = new Uint32Array(given.length * values);
    kernels.signer(scheme, values).signaturesInto(kernels.hashes(flat, offsets), out);
    return out;
  };

  test.each(SIGNATURE_SCHEMES.flatMap((scheme) => [16, 112, 128].map((values) => [scheme, values] as const)))(
    "%s, %i values",
    (scheme, values) => {
      const twin = twinOf(scheme, values);
      fc.assert(
        fc.property(sets, (given) => {
          expect([...signaturesOf(scheme, values, given)]).toEqual(given.flatMap(twin));
        }),
        parameters(30),
      );
    },
  );

  test("datasketch's scheme at 100 values is what kbs use", () => {
    const set = [1, 77, 0xffffffff];
    expect([...signaturesOf("datasketch", 100, [set])]).toEqual([...kernels.signature(Uint32Array.from(set))]);
  });

  test("numbers of values that no kernel has are refused", () => {
    for (const [scheme, values] of [
      ["datasketch", 101],
      ["multiply-add", 100],
      ["one-permutation", 0],
      ["multiply-add", 8_192],
    ] as const) {
      expect(() => kernels.signer(scheme, values)).toThrow(RangeError);
    }
  });

  // 1,500 pairs: the sample's own error is under 2 % of the RMSE. Bounds are a tenth above the theory of k even draws, sqrt(J (1 - J) / k).
  test.each([
    ["datasketch", 32, 1.1],
    ["multiply-add", 32, 1.1],
    ["multiply-add", 300, 1.1],
    ["one-permutation", 300, 1.1],
    // A quarter of 128 parts is filled: fewer draws than values.
    ["one-permutation", 32, 1.35],
  ] as const)("%s estimates sets of %i hashes within %f times the theory's error", (scheme, size, times) => {
    const random = randomFrom(29);
    const draw = (): number => Math.floor(random() * 2 ** 32);
    const values = 128;
    const pairs = 1_500;
    // Two thirds of each set are shared: J = 1/2.
    const shared = Math.round((size * 2) / 3);
    const given = Array.from({ length: pairs }, () => {
      const common = Array.from({ length: shared }, draw);
      return [common, common].map((part) => [...part, ...Array.from({ length: size - shared }, draw)]);
    }).flat();
    const signatures = signaturesOf(scheme, values, given);
    const truth = shared / (2 * size - shared);
    let squares = 0;
    let errors = 0;
    for (let pair = 0; pair < pairs; pair++) {
      const at = pair * 2 * values;
      const equal = agreement([...signatures.subarray(at, at + values)], [...signatures.subarray(at + values, at + 2 * values)]);
      const error = equal / values - truth;
      squares += error * error;
      errors += error;
    }
    const theory = Math.sqrt((truth * (1 - truth)) / values);
    expect(Math.sqrt(squares / pairs)).toBeLessThan(theory * times);
    // No bias: the mean error lies within four of its standard deviations.
    expect(Math.abs(errors / pairs)).toBeLessThan((4 * theory * times) / Math.sqrt(pairs));
  });

  test.each([1, 5, 16, 100, 112, 113, 128])("columns of %i values: exact and byte agreements", (values) => {
    // Values that differ in the lowest byte, above it, or not at all.
    const signature = fc.array(fc.constantFrom<number>(1, 257, 2, 0xffffffff), { minLength: values, maxLength: values });
    fc.assert(
      fc.property(signature, fc.array(signature, { maxLength: 40 }), (one, others) => {
        kernels.clear();
        const many = [one, ...others];
        const column = kernels.signatureColumn(Uint32Array.from(many.flat()), values);
        const exact = new Uint32Array(many.length);
        const bytes = new Uint8Array(many.length);
        column.agreementsInto(Uint32Array.from(one), exact);
        column.byteAgreementsInto(Uint32Array.from(one), bytes);
        const expected = many.map((other) => agreement(one, other));
        expect([...exact]).toEqual(expected);
        const low = (list: readonly number[]): number[] => list.map((value) => value & 255);
        expect([...bytes]).toEqual(many.map((other) => agreement(low(one), low(other))));
        agreementsTwin(Uint32Array.from(one), Uint32Array.from(many.flat()), many.length, values, exact);
        expect([...exact]).toEqual(expected);
      }),
      parameters(50),
    );
  });

  test("a stream's sum counts every byte of the column", () => {
    kernels.clear();
    const column = kernels.signatureColumn(new Uint32Array(64 * 128).fill(0x01010103), 128);
    expect(column.streamSum()).toEqual({ bytes: 64 * 128, sum: (0x03030303 * ((64 * 128) / 4)) % 2 ** 32 });
  });

  test("token hashes equal the twin, and words do not collide", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(texts, fc.string({ maxLength: 26 })), { maxLength: 8 }), (words) => {
        expect([...kernels.tokenHashes(words)]).toEqual(words.map(tokenHash));
      }),
      parameters(200),
    );
    const words = Array.from({ length: 20_000 }, (_, i) => `word${i}`);
    // 20,000 even draws of 2^32 collide 0.05 times.
    expect(new Set(kernels.tokenHashes(words)).size).toBeGreaterThanOrEqual(words.length - 1);
  });
});

test.each([SigningTwin, ShortcutSigningTwin])("the benches' %o signs as the reference does", (Twin) => {
  const { multipliers, offsets } = recordedPermutations();
  const twin = new Twin(multipliers, offsets);
  fc.assert(
    fc.property(fc.array(u32, { maxLength: 20 }), (set) => {
      const out = new Uint32Array(multipliers.length + 1);
      twin.signInto(Uint32Array.from(set), 0, set.length, out, 1);
      expect([...out.subarray(1)]).toEqual(signatureOfHashes(set));
    }),
    parameters(100),
  );
});
