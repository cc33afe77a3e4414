/**
 * Comparing MinHash signatures: how many positions agree (the Jaccard estimate's numerator) and whether any band agrees. Values are
 * compared directly, so there is no hash of a band that could collide.
 *
 * u32 values decide. Their lowest bytes (`bytesOfSignatures`) are a quarter of the traffic and agree wherever the values do, and in one of 256
 * other places too: a prefilter, never an answer. Cost: reading the signatures once; beyond the caches nothing else counts
 * (`streamSum` measures what memory gives to a plain pass from front to back). Reference: test/reference/minhash.ts; tuned: bench/twins/minhash.ts.
 */

/** Number of equal values among `values` (u32) at `a` and `b`. */
export function agreement(a: usize, b: usize, values: u32): u32 {
  const vectorBytes = ((values as usize) >> 2) << 4;
  return sumOf(equalLanes(a, b, vectorBytes)) + equalBeyond(a, b, vectorBytes, values);
}

/** Equal values of two signatures, as four sums that are still to be added. */
function equalLanes(a: usize, b: usize, vectorBytes: usize): v128 {
  let even = i32x4.splat(0);
  let odd = i32x4.splat(0);
  const whole = vectorBytes & ~63;
  let at: usize = 0;
  // A lane that is equal compares to -1.
  for (; at < whole; at += 64) {
    even = i32x4.sub(even, i32x4.eq(v128.load(a + at), v128.load(b + at)));
    odd = i32x4.sub(odd, i32x4.eq(v128.load(a + at, 16), v128.load(b + at, 16)));
    even = i32x4.sub(even, i32x4.eq(v128.load(a + at, 32), v128.load(b + at, 32)));
    odd = i32x4.sub(odd, i32x4.eq(v128.load(a + at, 48), v128.load(b + at, 48)));
  }
  for (; at < vectorBytes; at += 16) even = i32x4.sub(even, i32x4.eq(v128.load(a + at), v128.load(b + at)));
  return i32x4.add(even, odd);
}

function sumOf(lanes: v128): u32 {
  const pairs = i64x2.add(i64x2.extend_low_i32x4_u(lanes), i64x2.extend_high_i32x4_u(lanes));
  return (i64x2.extract_lane(pairs, 0) + i64x2.extract_lane(pairs, 1)) as u32;
}

/** Equal values among those that do not fill a vector. */
function equalBeyond(a: usize, b: usize, vectorBytes: usize, values: u32): u32 {
  let count: u32 = 0;
  for (let at = vectorBytes; at < (values as usize) << 2; at += 4) count += (load<u32>(a + at) === load<u32>(b + at)) as u32;
  return count;
}

/** Four vectors of four sums each become one vector: the sum of each. */
function sumsOf(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 2, 4, 6), v128.shuffle<i32>(a, b, 1, 3, 5, 7));
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 2, 4, 6), v128.shuffle<i32>(c, d, 1, 3, 5, 7));
  return i32x4.add(v128.shuffle<i32>(ab, cd, 0, 2, 4, 6), v128.shuffle<i32>(ab, cd, 1, 3, 5, 7));
}

/** Whether all `rows` values of at least one of `bands` consecutive groups are equal in `a` and `b`. */
export function sharesBand(a: usize, b: usize, bands: u32, rows: u32): bool {
  const bandBytes = (rows as usize) << 2;
  for (let band: u32 = 0; band < bands; band++) {
    const from = (band as usize) * bandBytes;
    const to = from + bandBytes;
    let at = from;
    while (at < to && load<u32>(a + at) === load<u32>(b + at)) at += 4;
    if (at === to) return true;
  }
  return false;
}

/**
 * `agreement` of one signature with each of `count` signatures that stand one after the other: u32 counts to `out`. Memory is read from
 * front to back, as prefetchers want it; only the sums at the end are shared by four.
 */
export function agreementsInto(signature: usize, signatures: usize, count: u32, values: u32, out: usize): void {
  const bytes = (values as usize) << 2;
  const vectorBytes = ((values as usize) >> 2) << 4;
  const fours = (count & ~3) as usize;
  let other = signatures;
  let target = out;
  for (let done: usize = 0; done < fours; done += 4) {
    const b = other + bytes;
    const c = b + bytes;
    const d = c + bytes;
    const equal = equalLanes(signature, other, vectorBytes);
    const equalB = equalLanes(signature, b, vectorBytes);
    const equalC = equalLanes(signature, c, vectorBytes);
    v128.store(target, sumsOf(equal, equalB, equalC, equalLanes(signature, d, vectorBytes)));
    if (vectorBytes !== bytes) {
      store<u32>(target, load<u32>(target) + equalBeyond(signature, other, vectorBytes, values));
      store<u32>(target, load<u32>(target, 4) + equalBeyond(signature, b, vectorBytes, values), 4);
      store<u32>(target, load<u32>(target, 8) + equalBeyond(signature, c, vectorBytes, values), 8);
      store<u32>(target, load<u32>(target, 12) + equalBeyond(signature, d, vectorBytes, values), 12);
    }
    other = d + bytes;
    target += 16;
  }
  for (let done = fours; done < (count as usize); done++) {
    store<u32>(target, agreement(signature, other, values));
    other += bytes;
    target += 4;
  }
}

/** The lowest bytes of `count` signatures of `values` u32, each padded with zeros to `stride` bytes. */
export function bytesOfSignatures(signatures: usize, count: u32, values: u32, stride: u32, out: usize): void {
  let from = signatures;
  let target = out;
  for (let c: u32 = 0; c < count; c++) {
    for (let at: usize = 0; at < (values as usize); at++, from += 4) store<u8>(target + at, load<u8>(from));
    memory.fill(target + (values as usize), 0, (stride - values) as usize);
    target += stride as usize;
  }
}

/**
 * Equal bytes of one signature and each of `count`, all as `bytesOfSignatures` wrote them: u8 counts to `out`, without the padding, in sixteens: there
 * is room for fifteen more. `stride`: 112 or 128 bytes (7 or 8 vectors: all of the one signature stays in registers), of which `values` count.
 * `scratch`: 256 bytes. One signature a turn and no more: compilers put the loads of a turn first, and of four they would not fit the registers.
 */
export function byteAgreementsInto(
  signature: usize,
  signatures: usize,
  count: u32,
  values: u32,
  stride: u32,
  scratch: usize,
  out: usize,
): void {
  const padding = stride - values;
  if (stride === 112) sameBytes<i8>(signature, signatures, count, padding, scratch, out);
  else sameBytes<u8>(signature, signatures, count, padding, scratch, out);
}

/** Seven (T signed) or eight vectors a signature. */
function sameBytes<T>(signature: usize, signatures: usize, count: u32, padding: u32, scratch: usize, out: usize): void {
  const q0 = v128.load(signature);
  const q1 = v128.load(signature, 16);
  const q2 = v128.load(signature, 32);
  const q3 = v128.load(signature, 48);
  const q4 = v128.load(signature, 64);
  const q5 = v128.load(signature, 80);
  const q6 = v128.load(signature, 96);
  const q7 = isSigned<T>() ? q6 : v128.load(signature, 112);
  let p = signatures;
  let target = out;
  for (const end = out + (count as usize); target < end; target += 16) {
    const sixteen = scratch + (min(end - target, 16) << 4);
    for (let cell = scratch; cell < sixteen; cell += 16) {
      let equal = i8x16.add(i8x16.eq(q0, v128.load(p)), i8x16.eq(q1, v128.load(p, 16)));
      equal = i8x16.add(equal, i8x16.eq(q2, v128.load(p, 32)));
      equal = i8x16.add(equal, i8x16.eq(q3, v128.load(p, 48)));
      equal = i8x16.add(equal, i8x16.eq(q4, v128.load(p, 64)));
      equal = i8x16.add(equal, i8x16.eq(q5, v128.load(p, 80)));
      equal = i8x16.add(equal, i8x16.eq(q6, v128.load(p, 96)));
      if (!isSigned<T>()) equal = i8x16.add(equal, i8x16.eq(q7, v128.load(p, 112)));
      v128.store(cell, equal);
      p += isSigned<T>() ? 112 : 128;
    }
    storeSums(scratch, padding, target);
  }
}

/** Of sixteen vectors of bytes the sums, a byte each: halves are interleaved and added until one vector is left. An equal byte counted -1. */
function storeSums(vectors: usize, padding: u32, out: usize): void {
  const a = sumsOfFour(vectors);
  const b = sumsOfFour(vectors + 64);
  const ab = i8x16.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const c = sumsOfFour(vectors + 128);
  const d = sumsOfFour(vectors + 192);
  const cd = i8x16.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  const sums = i8x16.add(v128.shuffle<i64>(ab, cd, 0, 2), v128.shuffle<i64>(ab, cd, 1, 3));
  v128.store(out, i8x16.sub(i8x16.splat(-(padding as i32) as i8), sums));
}

function sumsOfFour(vectors: usize): v128 {
  const a = sumsOfTwo(vectors);
  const b = sumsOfTwo(vectors + 32);
  return i8x16.add(v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11), v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15));
}

function sumsOfTwo(vectors: usize): v128 {
  const a = v128.load(vectors);
  const b = v128.load(vectors, 16);
  return i8x16.add(
    v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
    v128.shuffle<i8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31),
  );
}

/** Sum of the u32 in `bytes` bytes (a multiple of 64): what a kernel that only reads could reach. The yardstick of the agreement benches. */
export function streamSum(address: usize, bytes: usize): u32 {
  let a = i32x4.splat(0);
  let b = i32x4.splat(0);
  let c = i32x4.splat(0);
  let d = i32x4.splat(0);
  for (let p = address, end = address + bytes; p < end; p += 64) {
    a = i32x4.add(a, v128.load(p));
    b = i32x4.add(b, v128.load(p, 16));
    c = i32x4.add(c, v128.load(p, 32));
    d = i32x4.add(d, v128.load(p, 48));
  }
  return sumOf(i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
}
