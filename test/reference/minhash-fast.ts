/** Reference twins of the fast MinHash schemes and of the token hash, in BigInt where 32 bits do not suffice. */

const MASK = 2n ** 64n - 1n;

/** SplitMix64 from the seed "Engram" in ASCII. */
export function parameterNumbers(count: number): bigint[] {
  let state = BigInt(`0x${Buffer.from("Engram", "ascii").toString("hex")}`);
  return Array.from({ length: count }, () => {
    state = (state + 0x9e3779b97f4a7c15n) & MASK;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
    return z ^ (z >> 31n);
  });
}

/** value[i] = min over the hashes of (a[i] * h + b[i]) mod 2^32: a the lower half of the i-th number, made odd, b its upper half. */
export function multiplyAdd(hashes: readonly number[], values: number): number[] {
  return parameterNumbers(values).map((number) => {
    const a = (number & 0xffffffffn) | 1n;
    const b = number >> 32n;
    return hashes.reduce((least, hash) => Math.min(least, Number((a * BigInt(hash) + b) & 0xffffffffn)), 0xffffffff);
  });
}

/** The least hash in each of `values` parts of the range; an empty part asks others until one is filled. */
export function onePermutation(hashes: readonly number[], values: number): number[] {
  const parts: (number | undefined)[] = new Array(values).fill(undefined);
  for (const given of hashes) {
    const hash = Math.min(given, 0xfffffffe);
    const part = Math.floor((hash * values) / 2 ** 32);
    parts[part] = Math.min(parts[part] ?? hash, hash);
  }
  if (hashes.length === 0) return new Array(values).fill(0xffffffff);
  return parts.map((own, part) => {
    for (let attempt = 0; ; attempt++) {
      const value = attempt === 0 ? own : parts[donorOf(part, attempt, values)];
      if (value !== undefined) return value;
    }
  });
}

function donorOf(part: number, attempt: number, values: number): number {
  let x = (Math.imul(part, 0x9e3779b1) + Math.imul(attempt, 0x85ebca77)) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
  x = (x ^ (x >>> 16)) >>> 0;
  return Math.floor((x * values) / 2 ** 32);
}

/** The 32-bit hash of a text's UTF-8 bytes. */
export function tokenHash(text: string): number {
  const bytes = [...new TextEncoder().encode(text)];
  const word = (from: number, count: number): bigint =>
    bytes.slice(from, from + count).reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const multiplied = (x: bigint, by: bigint): bigint => (x * by) & MASK;
  const [mix1, mix2, mix3] = [0x9e3779b97f4a7c15n, 0xc2b2ae3d27d4eb4fn, 0xd6e8feb86659fd93n];
  let head: bigint;
  let tail = 0n;
  if (bytes.length <= 8) {
    head = (word(0, 8) << BigInt(8 * (8 - bytes.length))) & MASK;
  } else {
    head = word(0, 8);
    for (let at = 8; at < bytes.length - 8; at += 8) {
      head = multiplied(head ^ word(at, 8), mix3);
      head ^= head >> 32n;
    }
    tail = word(bytes.length - 8, 8);
  }
  let x = multiplied(head ^ mix1, mix2);
  x ^= x >> 32n;
  x = multiplied(x ^ tail ^ ((BigInt(bytes.length) << 56n) & MASK), mix3);
  x ^= x >> 29n;
  return Number(multiplied(x, mix1) >> 32n);
}
