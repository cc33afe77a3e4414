/**
 * Reference twin of the MinHash kernel (semantics §6.1), in BigInt: signature[i] = min over the tokens of
 * (((a_i * h + b_i) mod 2^64) mod (2^61 - 1)) mod 2^32, starting from 2^32 - 1; h = first four bytes of SHA-1(utf8), little endian.
 * The multipliers come from the golden file, not from the engine's table, so that a wrong digit there cannot hide.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";

interface Permutations {
  readonly multipliers: readonly bigint[];
  readonly offsets: readonly bigint[];
}

let recorded: Permutations | null = null;

/** Read at first use, from the package's root, so that compiled benches find it too. */
export function recordedPermutations(): Permutations {
  if (recorded === null) {
    let folder = new URL(".", import.meta.url);
    while (!existsSync(new URL("package.json", folder))) folder = new URL("..", folder);
    const golden = JSON.parse(readFileSync(new URL("test/data/golden/minhash.json", folder), "utf8")) as {
      permutation_a: string[];
      permutation_b: string[];
    };
    recorded = { multipliers: golden.permutation_a.map(BigInt), offsets: golden.permutation_b.map(BigInt) };
  }
  return recorded;
}

const PRIME = 2n ** 61n - 1n;

export const BANDS = 20;
export const ROWS = 5;

/** First four bytes, little endian, of the SHA-1 of the symbol's UTF-8 bytes. */
export function tokenHash(token: string): number {
  return createHash("sha1").update(token, "utf8").digest().readUInt32LE(0);
}

/** Signature of a set of 32-bit hashes; all 2^32 - 1 for the empty set. */
export function signatureOfHashes(
  hashes: readonly number[],
  multipliers = recordedPermutations().multipliers,
  offsets = recordedPermutations().offsets,
): number[] {
  return multipliers.map((a, i) => {
    let least = 2n ** 32n - 1n;
    for (const hash of hashes) {
      const value = (((a * BigInt(hash) + offsets[i]!) % 2n ** 64n) % PRIME) % 2n ** 32n;
      if (value < least) least = value;
    }
    return Number(least);
  });
}

export function signature(tokens: readonly string[]): number[] {
  return signatureOfHashes(tokens.map(tokenHash));
}

/** Number of positions with equal values. */
export function agreement(a: readonly number[], b: readonly number[]): number {
  return a.filter((value, i) => value === b[i]).length;
}

/** Indices of the bands (five consecutive values) that are equal in both. */
export function equalBands(a: readonly number[], b: readonly number[]): number[] {
  const equal: number[] = [];
  for (let band = 0; band < BANDS; band++) {
    if (a.slice(band * ROWS, (band + 1) * ROWS).every((value, i) => value === b[band * ROWS + i])) equal.push(band);
  }
  return equal;
}
