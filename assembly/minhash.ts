/**
 * MinHash signing, bit for bit what datasketch computes (semantics §6.1):
 *   value[i] = min over h of (((a[i] * h + b[i]) mod 2^64) mod (2^61 - 1)) mod 2^32,   2^32 - 1 for no hash at all.
 *
 * SIMD, four permutations in the lanes, hashes in the inner loop: the 64-bit product of a 64-bit a and a 32-bit h is two widening
 * 32-bit products and one 32-bit product, where `i64x2.mul` would cost eight instructions. Cost: O(hashes * values).
 *
 * Why the cheap reduction is exact. Let x be the 64-bit sum, t = x >> 61, l = x mod 2^61, p = 2^61 - 1. Then x mod p is l + t, or l + t - p
 * if l + t >= p, which leaves v = 0..7. The low 32 bits of l + t are those of x + t. The loop adds b + 1 instead of b, so that it has y = x + 1,
 * and keeps the minimum of w = y + (y >> 61) mod 2^32. Three cases:
 *   l + t < p:            y >> 61 is t still, so w = v + 1 for the true value v, except that v = 2^32 - 1 gives 0;
 *   l + t >= p, l < p:    the same t, and w = l + t + 1 = p + v + 1 = 2^61 + v, so w = v, which is 0..7;
 *   l = p:                y is the next multiple of 2^61, its low half 0, so w = (t + 1) mod 8, which is 0..7.
 * Hence, if the least w is above 7, every element was of the first kind with v >= 7 and not 2^32 - 1: the least v is exactly the least
 * w - 1. If it is 7 or less (about 2e-9 per hash and value), that group of four is signed again by the definition. Nothing is left to chance.
 *
 * Permutation parameters are handed in (layout: PERMUTATION_GROUP_BYTES for four): nothing static lives in the module.
 * Reference: test/reference/minhash.ts.
 */
import { PERMUTATION_GROUP_BYTES } from "./layout";

/** 2^61 - 1. */
const MERSENNE_PRIME: u64 = ~(0 as u64) >> 3;
const EMPTY: u32 = 0xffffffff;
/** The least w that proves itself. */
const PROVEN: u32 = 8;

/**
 * Signs `count` hashes (u32) at `hashes`: writes `groups` times four u32 to `out`. `permutations`: `groups` blocks of parameters.
 * Repeated hashes change nothing. Alignment does not matter.
 */
export function signatureInto(hashes: usize, count: u32, permutations: usize, groups: u32, out: usize): void {
  const end = hashes + ((count as usize) << 2);
  let parameters = permutations;
  let target = out;
  if (count === 0) {
    for (let group: u32 = 0; group < groups; group++, target += 16) v128.store(target, i32x4.splat(-1));
    return;
  }
  let left = groups;
  for (; left >= 2; left -= 2) {
    signTwoGroups(hashes, end, parameters, target);
    parameters += 2 * PERMUTATION_GROUP_BYTES;
    target += 32;
  }
  if (left === 1) signGroup(hashes, end, parameters, target);
}

/** Two groups share the load of a hash; a third does not fit the registers. */
function signTwoGroups(hashes: usize, end: usize, parameters: usize, target: usize): void {
  const aLow = v128.load(parameters);
  const aHigh = v128.load(parameters, 16);
  const b01 = i64x2.add(v128.load(parameters, 32), i64x2.splat(1));
  const b23 = i64x2.add(v128.load(parameters, 48), i64x2.splat(1));
  const aLowNext = v128.load(parameters, PERMUTATION_GROUP_BYTES);
  const aHighNext = v128.load(parameters, PERMUTATION_GROUP_BYTES + 16);
  const b45 = i64x2.add(v128.load(parameters, PERMUTATION_GROUP_BYTES + 32), i64x2.splat(1));
  const b67 = i64x2.add(v128.load(parameters, PERMUTATION_GROUP_BYTES + 48), i64x2.splat(1));
  let least = i32x4.splat(-1);
  let leastNext = i32x4.splat(-1);
  for (let p = hashes; p < end; p += 4) {
    const h = v128.load32_splat(p);
    const sum01 = i64x2.add(i64x2.extmul_low_i32x4_u(aLow, h), b01);
    const sum23 = i64x2.add(i64x2.extmul_high_i32x4_u(aLow, h), b23);
    const low = v128.shuffle<i32>(sum01, sum23, 0, 2, 4, 6);
    const high = i32x4.add(v128.shuffle<i32>(sum01, sum23, 1, 3, 5, 7), i32x4.mul(aHigh, h));
    least = i32x4.min_u(least, i32x4.add(low, i32x4.shr_u(high, 29)));
    const sum45 = i64x2.add(i64x2.extmul_low_i32x4_u(aLowNext, h), b45);
    const sum67 = i64x2.add(i64x2.extmul_high_i32x4_u(aLowNext, h), b67);
    const lowNext = v128.shuffle<i32>(sum45, sum67, 0, 2, 4, 6);
    const highNext = i32x4.add(v128.shuffle<i32>(sum45, sum67, 1, 3, 5, 7), i32x4.mul(aHighNext, h));
    leastNext = i32x4.min_u(leastNext, i32x4.add(lowNext, i32x4.shr_u(highNext, 29)));
  }
  storeProven(least, hashes, end, parameters, target);
  storeProven(leastNext, hashes, end, parameters + PERMUTATION_GROUP_BYTES, target + 16);
}

/** Stores four values, signed again by the definition if the cheap reduction does not prove itself. */
function storeProven(least: v128, hashes: usize, end: usize, parameters: usize, target: usize): void {
  if (v128.any_true(i32x4.lt_u(least, i32x4.splat(PROVEN as i32)))) signGroupByDefinition(hashes, end, parameters, target);
  else v128.store(target, i32x4.sub(least, i32x4.splat(1)));
}

function signGroup(hashes: usize, end: usize, parameters: usize, target: usize): void {
  const aLow = v128.load(parameters);
  const aHigh = v128.load(parameters, 16);
  const b01 = i64x2.add(v128.load(parameters, 32), i64x2.splat(1));
  const b23 = i64x2.add(v128.load(parameters, 48), i64x2.splat(1));
  let least = i32x4.splat(-1);
  for (let p = hashes; p < end; p += 4) {
    const h = v128.load32_splat(p);
    const sum01 = i64x2.add(i64x2.extmul_low_i32x4_u(aLow, h), b01);
    const sum23 = i64x2.add(i64x2.extmul_high_i32x4_u(aLow, h), b23);
    const low = v128.shuffle<i32>(sum01, sum23, 0, 2, 4, 6);
    const high = i32x4.add(v128.shuffle<i32>(sum01, sum23, 1, 3, 5, 7), i32x4.mul(aHigh, h));
    least = i32x4.min_u(least, i32x4.add(low, i32x4.shr_u(high, 29)));
  }
  storeProven(least, hashes, end, parameters, target);
}

/** One value after the other in 64-bit arithmetic, which wraps as the definition asks. */
function signGroupByDefinition(hashes: usize, end: usize, parameters: usize, target: usize): void {
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

/** As `signatureInto` for a pattern: hash of id i is `symbolHashes[ids[i]]`. `hashes`: u32[count] of scratch. */
export function signatureOfIdsInto(
  ids: usize,
  count: u32,
  symbolHashes: usize,
  hashes: usize,
  permutations: usize,
  groups: u32,
  out: usize,
): void {
  for (let i: usize = 0; i < (count as usize); i++) {
    store<u32>(hashes + (i << 2), load<u32>(symbolHashes + ((load<u32>(ids + (i << 2)) as usize) << 2)));
  }
  signatureInto(hashes, count, permutations, groups, out);
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
