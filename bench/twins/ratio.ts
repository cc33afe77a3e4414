/**
 * Tuned twin of the character ratio: the same bit-parallel recurrence in TypeScript, with typed arrays, 32-bit words (the widest that
 * JavaScript computes with), rows by Latin-1 character and no allocation after construction. What a careful engineer would ship without
 * wasm; the kernel's speed is measured against it. One and two words keep their state in locals; more walk over an array of words.
 *
 * Texts are bytes (Latin-1). Not for other alphabets.
 */

/** Bits of a word that hold positions. 32, because `>>> 0` and a comparison give the carry of an unsigned sum. */
const BITS = 32;

export class RatioTwin {
  readonly #rows: Int32Array;
  readonly #state: Int32Array;
  #text: Uint8Array = new Uint8Array(0);
  #words = 0;

  /** Texts to prepare have at most `charactersMax` characters. */
  constructor(charactersMax: number) {
    const words = Math.ceil(charactersMax / BITS);
    this.#rows = new Int32Array(256 * words);
    this.#state = new Int32Array(words);
  }

  /** Makes `text` the one that candidates are compared with; only the rows of the text before are cleared. */
  prepare(text: Uint8Array): void {
    const rows = this.#rows;
    for (let at = 0; at < this.#text.length; at++) {
      const from = this.#text[at]! * this.#words;
      for (let word = 0; word < this.#words; word++) rows[from + word] = 0;
    }
    const words = Math.max(1, Math.ceil(text.length / BITS));
    for (let at = 0; at < text.length; at++) rows[text[at]! * words + (at >>> 5)]! |= 1 << (at & 31);
    this.#text = text;
    this.#words = words;
  }

  /** Ratios of the prepared text and candidates `from` to `to` of a column: candidate c is `flat[offsets[c] .. offsets[c + 1])`. */
  ratiosInto(flat: Uint8Array, offsets: Uint32Array, from: number, to: number, out: Float64Array): void {
    const length = this.#text.length;
    for (let c = from; c < to; c++) {
      const start = offsets[c]!;
      const end = offsets[c + 1]!;
      const total = length + end - start;
      out[c - from] = total === 0 ? 1 : (2 * this.#lcs(flat, start, end)) / total;
    }
  }

  #lcs(flat: Uint8Array, start: number, end: number): number {
    if (this.#words === 1) return oneWord(flat, start, end, this.#rows);
    if (this.#words === 2) return twoWords(flat, start, end, this.#rows);
    return manyWords(flat, start, end, this.#rows, this.#state, this.#words);
  }
}

function oneWord(flat: Uint8Array, start: number, end: number, rows: Int32Array): number {
  let s = -1;
  for (let at = start; at < end; at++) {
    const mask = rows[flat[at]!]!;
    s = (s + (s & mask)) | (s & ~mask);
  }
  return 32 - bitsOf(s);
}

function twoWords(flat: Uint8Array, start: number, end: number, rows: Int32Array): number {
  let low = -1;
  let high = -1;
  for (let at = start; at < end; at++) {
    const row = flat[at]! << 1;
    const maskLow = rows[row]!;
    const maskHigh = rows[row + 1]!;
    const sum = (low + (low & maskLow)) | 0;
    // The sum wrapped if it is smaller, unsigned, than what was added to.
    const carry = sum >>> 0 < low >>> 0 ? 1 : 0;
    low = sum | (low & ~maskLow);
    high = (high + (high & maskHigh) + carry) | (high & ~maskHigh);
  }
  return 64 - bitsOf(low) - bitsOf(high);
}

function manyWords(flat: Uint8Array, start: number, end: number, rows: Int32Array, state: Int32Array, words: number): number {
  for (let word = 0; word < words; word++) state[word] = -1;
  for (let at = start; at < end; at++) {
    const row = flat[at]! * words;
    let carry = 0;
    for (let word = 0; word < words; word++) {
      const s = state[word]!;
      const mask = rows[row + word]!;
      // Both terms are below 2^32, so their sum is exact in a double.
      const sum = (s >>> 0) + ((s & mask) >>> 0) + carry;
      carry = sum > 0xffffffff ? 1 : 0;
      state[word] = sum | (s & ~mask);
    }
  }
  let found = words * BITS;
  for (let word = 0; word < words; word++) found -= bitsOf(state[word]!);
  return found;
}

/** Number of ones in 32 bits. */
function bitsOf(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  v = (v + (v >>> 4)) & 0x0f0f0f0f;
  return Math.imul(v, 0x01010101) >>> 24;
}
