/**
 * Tuned twins of MinHash signing (datasketch's values) and of agreement: TypeScript with typed arrays and 32-bit words, nothing allocated after
 * construction. JavaScript has no 64-bit product, so a * h is put together from 16-bit limbs: eight products, exact in doubles.
 */

/** 2^32 and its inverse: a double holds a 53-bit sum exactly, so the carry above 32 bits is a multiplication and a truncation. */
const WORD = 2 ** 32;
const PER_WORD = 2 ** -32;

export class SigningTwin {
  /** Halves of multipliers and offsets. */
  readonly #aLow: Uint32Array;
  readonly #aHigh: Uint32Array;
  readonly #bLow: Uint32Array;
  readonly #bHigh: Uint32Array;

  constructor(multipliers: readonly bigint[], offsets: readonly bigint[]) {
    this.#aLow = Uint32Array.from(multipliers, (a) => Number(a & 0xffffffffn));
    this.#aHigh = Uint32Array.from(multipliers, (a) => Number(a >> 32n));
    this.#bLow = Uint32Array.from(offsets, (b) => Number(b & 0xffffffffn));
    this.#bHigh = Uint32Array.from(offsets, (b) => Number(b >> 32n));
  }

  /** Signs the set `hashes[from .. to)`: a value a multiplier, to `out` from `at` on. */
  signInto(hashes: Uint32Array, from: number, to: number, out: Uint32Array, at: number): void {
    for (let value = 0; value < this.#aLow.length; value++) this.valueInto(value, hashes, from, to, out, at);
  }

  /** One value of the set, to `out[at + value]`. */
  valueInto(value: number, hashes: Uint32Array, from: number, to: number, out: Uint32Array, at: number): void {
    const aLow = this.#aLow[value]!;
    const a0 = aLow & 0xffff;
    const a1 = aLow >>> 16;
    const aHigh = this.#aHigh[value]!;
    const bLow = this.#bLow[value]!;
    const bHigh = this.#bHigh[value]!;
    let least = 0xffffffff;
    for (let h = from; h < to; h++) {
      const hash = hashes[h]!;
      // aLow * hash + bLow, at most 2^64: in two parts of at most 2^49 each, of which the upper one counts 2^16.
      const lower = a0 * hash + bLow;
      const upper = a1 * hash + Math.floor(lower / 65536);
      const low = ((upper & 0xffff) << 16) | (lower & 0xffff);
      const carry = Math.floor(upper / 65536);
      const high = (carry + Math.imul(aHigh, hash) + bHigh) >>> 0;
      const residue = residueOf(low >>> 0, high);
      if (residue < least) least = residue;
    }
    out[at + value] = least;
  }
}

/**
 * The kernel's own shortcut (assembly/minhash.ts), a hash at a time: the two least low halves and where the first is, one 32-bit product each; then the
 * value of that hash, or, where the second is too near or the first too small, of all.
 */
export class ShortcutSigningTwin {
  readonly #aLow: Uint32Array;
  readonly #bLow: Uint32Array;
  readonly #plain: SigningTwin;

  constructor(multipliers: readonly bigint[], offsets: readonly bigint[]) {
    this.#aLow = Uint32Array.from(multipliers, (a) => Number(a & 0xffffffffn));
    // Keys are low halves and 8.
    this.#bLow = Uint32Array.from(offsets, (b) => Number((b + 8n) & 0xffffffffn));
    this.#plain = new SigningTwin(multipliers, offsets);
  }

  /** As `SigningTwin.signInto`. */
  signInto(hashes: Uint32Array, from: number, to: number, out: Uint32Array, at: number): void {
    const values = this.#aLow.length;
    for (let value = 0; value < values; value++) {
      const a = this.#aLow[value]!;
      const b = this.#bLow[value]!;
      let least = 0xffffffff;
      let second = 0xffffffff;
      let place = from;
      for (let h = from; h < to; h++) {
        const key = (Math.imul(a, hashes[h]!) + b) >>> 0;
        if (key < second) {
          if (key < least) {
            second = least;
            least = key;
            place = h;
          } else second = key;
        }
      }
      const isProven = least >= 8 && second - least >= 8 && to > from;
      this.#plain.valueInto(value, hashes, isProven ? place : from, isProven ? place + 1 : to, out, at);
    }
  }
}

/** Lowest 32 bits of (high * 2^32 + low) mod (2^61 - 1). */
function residueOf(low: number, high: number): number {
  const top = high >>> 29;
  const sum = low + top;
  const lowSum = sum >>> 0;
  const highSum = (high & 0x1fffffff) + Math.floor(sum * PER_WORD);
  // l + t is at most 2^61 + 6; at or above p = 2^61 - 1, subtract p: add 1 modulo 2^61.
  if (highSum >= 0x20000000 || (highSum === 0x1fffffff && lowSum === WORD - 1)) return (lowSum + 1) >>> 0;
  return lowSum;
}

/** How many of `values` values of one signature agree with each of `count` that stand one after the other. No branch: `((x | -x) >>> 31)` is 0 for 0. */
export function agreementsTwin(one: Uint32Array, many: Uint32Array, count: number, values: number, out: Uint32Array): void {
  let at = 0;
  for (let c = 0; c < count; c++) {
    let unequal = 0;
    for (let value = 0; value < values; value++) {
      const difference = one[value]! ^ many[at++]!;
      unequal += (difference | -difference) >>> 31;
    }
    out[c] = values - unequal;
  }
}
