/**
 * MinHash signing, bit for bit what datasketch computes (semantics §6.1):
 *   value[i] = min over h of (((a[i] * h + b[i]) mod 2^64) mod (2^61 - 1)) mod 2^32,   2^32 - 1 for no hash at all.
 *
 * Let x be the 64-bit sum, t = x >> 61, l = x mod 2^61, p = 2^61 - 1. Then x mod p is l + t, or l + t - p if l + t >= p. The low half of l + t is that
 * of x, plus t, which is 0..7: so low halves alone, one 32-bit product each, nearly tell which hash has the least value. Let k = low + 8 mod 2^32:
 *   low >= 2^32 - 8: k is 0..7. Only here can l + t reach p, or low + t pass 2^32.
 *   else: the value is low + t exactly, which is k - 8 to k - 1.
 * The loop has four permutations in the lanes. Of each k it replaces the lowest bits, as many as numbers of hashes need, by the hash's number, and keeps
 * the two least of these keys; hashes come in pairs, which share a number. Where the keys are two steps of those bits and more apart, every other pair's
 * k is more than 8 above that of the first, which has the least value then: two hashes are computed in full. Where they are not (a hash that is repeated;
 * else about hashes^2 / 10^9 a value), all are. Where k may be below 8, the definition is applied. Nothing is left to chance.
 *
 * Cost: O(hashes * values), a nanosecond a hash and eight values, and two a value. Of sets that repeat half of their hashes three times that: better leave them out.
 *
 * Permutation parameters are handed in (layout: PERMUTATION_GROUP_BYTES for four): nothing static lives in the module.
 * Reference: test/reference/minhash.ts.
 */
import { PERMUTATION_GROUP_BYTES } from "./layout";

/** 2^61 - 1. */
const MERSENNE_PRIME: u64 = ~(0 as u64) >> 3;
const EMPTY: u32 = 0xffffffff;
/** What k is above the low half: one more than t can be. */
const ABOVE: u32 = 8;

/**
 * Signs `count` hashes (u32) at `hashes`: writes `groups` times four u32 to `out`. `permutations`: `groups` blocks of parameters.
 * Repeated hashes change nothing. Alignment does not matter. Four bytes behind the hashes may be read.
 */
export function signatureInto(hashes: usize, count: u32, permutations: usize, groups: u32, out: usize): void {
  const end = hashes + ((count as usize) << 2);
  let parameters = permutations;
  let target = out;
  let left = groups;
  if (count === 0) {
    for (; left > 0; left--, target += 16) v128.store(target, i32x4.splat(-1));
    return;
  }
  // All ones from the highest bit of a pair's number on, and the three that t can add to.
  const numbers = ~(0 as u32) >>> clz<u32>((count >> 1) | (ABOVE - 1));
  for (; left >= 2; left -= 2) {
    signTwoGroups(hashes, end, numbers, parameters, target);
    parameters += 2 * PERMUTATION_GROUP_BYTES;
    target += 32;
  }
  if (left === 1) signGroup(hashes, end, numbers, parameters, target);
}

/** Low halves of a group's offsets, made what k needs. */
function lowOffsets(parameters: usize): v128 {
  const low = v128.shuffle<i32>(v128.load(parameters, 32), v128.load(parameters, 48), 0, 2, 4, 6);
  return i32x4.add(low, i32x4.splat(ABOVE as i32));
}

/** Where whole pairs end. */
function pairsEnd(hashes: usize, end: usize): usize {
  return hashes + ((end - hashes) & ~7);
}

/** Two groups share the loads of a pair and its number; a third does not fit the registers. */
function signTwoGroups(hashes: usize, end: usize, numbers: u32, parameters: usize, target: usize): void {
  const keep = i32x4.splat(~numbers as i32);
  const one = i32x4.splat(1);
  const a0 = v128.load(parameters);
  const a1 = v128.load(parameters, PERMUTATION_GROUP_BYTES);
  const b0 = lowOffsets(parameters);
  const b1 = lowOffsets(parameters + PERMUTATION_GROUP_BYTES);
  let number = i32x4.splat(0);
  let least0 = i32x4.splat(-1);
  let least1 = i32x4.splat(-1);
  let second0 = i32x4.splat(-1);
  let second1 = i32x4.splat(-1);
  let p = hashes;
  for (const stop = pairsEnd(hashes, end); p < stop; p += 8) {
    const h = v128.load32_splat(p);
    const other = v128.load32_splat(p, 4);
    const k0 = i32x4.min_u(i32x4.add(i32x4.mul(a0, h), b0), i32x4.add(i32x4.mul(a0, other), b0));
    const key0 = v128.or(v128.and(k0, keep), number);
    second0 = i32x4.min_u(second0, i32x4.max_u(least0, key0));
    least0 = i32x4.min_u(least0, key0);
    const k1 = i32x4.min_u(i32x4.add(i32x4.mul(a1, h), b1), i32x4.add(i32x4.mul(a1, other), b1));
    const key1 = v128.or(v128.and(k1, keep), number);
    second1 = i32x4.min_u(second1, i32x4.max_u(least1, key1));
    least1 = i32x4.min_u(least1, key1);
    number = i32x4.add(number, one);
  }
  if (p < end) {
    const h = v128.load32_splat(p);
    const key0 = v128.or(v128.and(i32x4.add(i32x4.mul(a0, h), b0), keep), number);
    second0 = i32x4.min_u(second0, i32x4.max_u(least0, key0));
    least0 = i32x4.min_u(least0, key0);
    const key1 = v128.or(v128.and(i32x4.add(i32x4.mul(a1, h), b1), keep), number);
    second1 = i32x4.min_u(second1, i32x4.max_u(least1, key1));
    least1 = i32x4.min_u(least1, key1);
  }
  storeValues(least0, second0, numbers, hashes, end, parameters, target);
  storeValues(least1, second1, numbers, hashes, end, parameters + PERMUTATION_GROUP_BYTES, target + 16);
}

function signGroup(hashes: usize, end: usize, numbers: u32, parameters: usize, target: usize): void {
  const keep = i32x4.splat(~numbers as i32);
  const a = v128.load(parameters);
  const b = lowOffsets(parameters);
  let number: u32 = 0;
  let least = i32x4.splat(-1);
  let second = i32x4.splat(-1);
  for (let p = hashes; p < end; p += 8, number++) {
    let k = i32x4.add(i32x4.mul(a, v128.load32_splat(p)), b);
    if (p + 4 < end) k = i32x4.min_u(k, i32x4.add(i32x4.mul(a, v128.load32_splat(p, 4)), b));
    const key = v128.or(v128.and(k, keep), i32x4.splat(number as i32));
    second = i32x4.min_u(second, i32x4.max_u(least, key));
    least = i32x4.min_u(least, key);
  }
  storeValues(least, second, numbers, hashes, end, parameters, target);
}

/** Four values out of their two least keys: those of the pairs that the keys name, if that proves them; else of all hashes. */
function storeValues(least: v128, second: v128, numbers: u32, hashes: usize, end: usize, parameters: usize, target: usize): void {
  if (v128.any_true(i32x4.le_u(least, i32x4.splat(numbers as i32)))) {
    storeByDefinition(hashes, end, parameters, target);
    return;
  }
  // Two steps and, since the keys' own numbers count in their distance, a third.
  if (v128.any_true(i32x4.lt_u(i32x4.sub(second, least), i32x4.splat((3 * (numbers + 1)) as i32)))) {
    let values = i32x4.splat(-1);
    for (let p = hashes; p < end; p += 4) values = i32x4.min_u(values, valuesOf(v128.load32_splat(p), parameters));
    v128.store(target, values);
    return;
  }
  const places = i32x4.shl(v128.and(least, i32x4.splat(numbers as i32)), 3);
  let low = v128.load64_zero(hashes + (i32x4.extract_lane(places, 0) as usize));
  let high = v128.load64_zero(hashes + (i32x4.extract_lane(places, 2) as usize));
  low = v128.load64_lane(hashes + (i32x4.extract_lane(places, 1) as usize), low, 1);
  high = v128.load64_lane(hashes + (i32x4.extract_lane(places, 3) as usize), high, 1);
  const values = valuesOf(v128.shuffle<i32>(low, high, 0, 2, 4, 6), parameters);
  // Behind the last of an odd number stands no hash.
  const missing = i32x4.eq(places, i32x4.splat((end - hashes - 4) as i32));
  const others = v128.or(valuesOf(v128.shuffle<i32>(low, high, 1, 3, 5, 7), parameters), missing);
  v128.store(target, i32x4.min_u(values, others));
}

/**
 * low + t for a hash a lane. The product of a 64-bit a and a 32-bit h is two widening products and one of 32 bits; `i64x2.mul` would cost eight
 * instructions.
 */
function valuesOf(h: v128, parameters: usize): v128 {
  const aLow = v128.load(parameters);
  const sum01 = i64x2.add(i64x2.extmul_low_i32x4_u(aLow, h), v128.load(parameters, 32));
  const sum23 = i64x2.add(i64x2.extmul_high_i32x4_u(aLow, h), v128.load(parameters, 48));
  const low = v128.shuffle<i32>(sum01, sum23, 0, 2, 4, 6);
  const high = i32x4.add(v128.shuffle<i32>(sum01, sum23, 1, 3, 5, 7), i32x4.mul(v128.load(parameters, 16), h));
  return i32x4.add(low, i32x4.shr_u(high, 29));
}

/** One value after the other in 64-bit arithmetic, which wraps as the definition asks. */
function storeByDefinition(hashes: usize, end: usize, parameters: usize, target: usize): void {
  for (let lane: usize = 0; lane < 4; lane++) {
    const a = (load<u32>(parameters + (lane << 2)) as u64) | ((load<u32>(parameters + (lane << 2), 16) as u64) << 32);
    const b = load<u64>(parameters + (lane << 3), 32);
    let least = EMPTY;
    for (let p = hashes; p < end; p += 4) {
      least = min(least, ((a * (load<u32>(p) as u64) + b) % MERSENNE_PRIME) as u32);
    }
    store<u32>(target + (lane << 2), least);
  }
}

/** Bytes of the table in which `distinctHashesInto` remembers: u16 by a hash's lowest bits. */
const SEEN_BYTES: usize = 2048;

/**
 * Hashes of a pattern's symbols (`symbolHashes[id]`) to `hashes`, without most of the repeated ones, which sign nothing and cost time; returns their
 * number. `count`: at most 65,536 ids. `seen`: SEEN_BYTES of scratch, whatever is in them: what it says is looked at again. Cost: 2 ns a symbol.
 */
export function distinctHashesInto(ids: usize, count: u32, symbolHashes: usize, seen: usize, hashes: usize): u32 {
  let known: u32 = 0;
  for (let p = ids, end = ids + ((count as usize) << 2); p < end; p += 4) {
    const hash = load<u32>(symbolHashes + ((load<u32>(p) as usize) << 2));
    const cell = seen + (((hash as usize) << 1) & (SEEN_BYTES - 2));
    const place = load<u16>(cell) as u32;
    if (place < known && load<u32>(hashes + ((place as usize) << 2)) === hash) continue;
    store<u32>(hashes + ((known as usize) << 2), hash);
    store<u16>(cell, known as u16);
    known++;
  }
  return known;
}

/** `signatureInto` for sets `from` to `to` (exclusive) of a column of hashes (see `lcsLengthsInto`), signatures one after the other. */
export function signaturesInto(hashes: usize, offsets: usize, from: u32, to: u32, permutations: usize, groups: u32, out: usize): void {
  let target = out;
  for (let c = from; c < to; c++) {
    const start = load<u32>(offsets + ((c as usize) << 2));
    const count = load<u32>(offsets + ((c as usize) << 2), 4) - start;
    signatureInto(hashes + ((start as usize) << 2), count, permutations, groups, target);
    target += (groups as usize) << 4;
  }
}
