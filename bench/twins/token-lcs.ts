/**
 * The tuned twin of the token LCS kernels: what careful TypeScript can do. Same algorithm (bit-parallel, a byte table by id, mask rows,
 * candidates sorted by length), typed arrays, 32-bit words, no allocation in a scan: the yardstick for the wasm, so written to win. Up to 32
 * query ids take one word, up to 64 two in locals, longer ones as many as they need in an array. Interleaving two or four
 * candidates was tried and is slower here: the engine runs out of registers before it runs out of latency to hide.
 */

const WORD_BITS = 32;

export class TokenLcsTwin {
  readonly #table: Uint8Array;
  readonly #wide: Uint16Array;
  #query: Uint32Array = new Uint32Array(0);
  #words = 0;
  #masks = new Uint32Array(0);
  #open = new Int32Array(0);
  #isWide = false;

  /** Ids are below `idLimit`. */
  constructor(idLimit: number) {
    this.#table = new Uint8Array(idLimit);
    this.#wide = new Uint16Array(idLimit);
  }

  /** Makes a query current; the one before is forgotten. */
  prepare(query: Uint32Array): void {
    for (const id of this.#query) {
      this.#table[id] = 0;
      this.#wide[id] = 0;
    }
    const classes = new Set(query).size;
    this.#query = query;
    this.#words = Math.max(1, Math.ceil(query.length / WORD_BITS));
    this.#masks = new Uint32Array((classes + 1) * this.#words);
    this.#open = new Int32Array(this.#words);
    this.#isWide = classes > 255;
    let last = 0;
    query.forEach((id, position) => {
      if (this.#wide[id] === 0) this.#wide[id] = ++last;
      if (!this.#isWide) this.#table[id] = this.#wide[id]!;
      this.#masks[this.#wide[id]! * this.#words + (position >>> 5)]! |= 1 << (position & 31);
    });
  }

  /** LCS lengths of candidates `flat[offsets[c] .. offsets[c + 1])`, best sorted by length, to `out`. */
  lengthsInto(flat: Uint32Array, offsets: Uint32Array, out: Uint32Array): void {
    if (this.#isWide) manyWords(flat, offsets, this.#wide, this.#masks, this.#words, this.#open, out);
    else if (this.#words === 1) oneWord(flat, offsets, this.#table, this.#masks, out);
    else if (this.#words === 2) twoWords(flat, offsets, this.#table, this.#masks, out);
    else manyWords(flat, offsets, this.#table, this.#masks, this.#words, this.#open, out);
  }
}

function bitCount(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function oneWord(flat: Uint32Array, offsets: Uint32Array, table: Uint8Array, masks: Uint32Array, out: Uint32Array): void {
  const count = offsets.length - 1;
  for (let c = 0; c < count; c++) {
    const end = offsets[c + 1]!;
    let open = -1;
    for (let p = offsets[c]!; p < end; p++) {
      const mask = masks[table[flat[p]!]!]! | 0;
      open = (open + (open & mask)) | 0 | (open & ~mask);
    }
    out[c] = bitCount(~open);
  }
}

function twoWords(flat: Uint32Array, offsets: Uint32Array, table: Uint8Array, masks: Uint32Array, out: Uint32Array): void {
  const count = offsets.length - 1;
  for (let c = 0; c < count; c++) {
    const end = offsets[c + 1]!;
    let low = -1;
    let high = -1;
    for (let p = offsets[c]!; p < end; p++) {
      const row = table[flat[p]!]! << 1;
      const lowMask = masks[row]! | 0;
      const highMask = masks[row + 1]! | 0;
      const u = low & lowMask;
      const sum = (low + u) | 0;
      // u is part of low: the addition carries out exactly where low's top bit is set and the sum's is not, or both addends' are.
      const carry = (u | (low & ~sum)) >>> 31;
      low = sum | (low & ~lowMask);
      high = (high + (high & highMask) + carry) | 0 | (high & ~highMask);
    }
    out[c] = bitCount(~low) + bitCount(~high);
  }
}

function manyWords(
  flat: Uint32Array,
  offsets: Uint32Array,
  table: Uint8Array | Uint16Array,
  masks: Uint32Array,
  words: number,
  open: Int32Array,
  out: Uint32Array,
): void {
  const count = offsets.length - 1;
  for (let c = 0; c < count; c++) {
    const end = offsets[c + 1]!;
    open.fill(-1);
    for (let p = offsets[c]!; p < end; p++) {
      const symbolClass = table[flat[p]!]!;
      if (symbolClass === 0) continue;
      let carry = 0;
      for (let w = 0, row = symbolClass * words; w < words; w++, row++) {
        const s = open[w]!;
        const mask = masks[row]! | 0;
        const u = s & mask;
        const sum = (s + u + carry) | 0;
        carry = (u | (s & ~sum)) >>> 31;
        open[w] = sum | (s & ~mask);
      }
    }
    let length = 0;
    for (let w = 0; w < words; w++) length += bitCount(~open[w]!);
    out[c] = length;
  }
}
