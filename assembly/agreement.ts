/**
 * Comparing two MinHash signatures: how many positions agree (the Jaccard estimate's numerator) and whether any band agrees.
 * Values are compared directly, so there is no hash of a band that could collide. Cost: O(values), SIMD, no memory; reading stored
 * signatures from main memory is what limits it. Reference: test/reference/minhash.ts.
 */

/** Number of equal values among `values` (u32) at `a` and `b`. */
export function agreement(a: usize, b: usize, values: u32): u32 {
  let equal = i32x4.splat(0);
  const vectorBytes = ((values as usize) >> 2) << 4;
  // A lane that is equal compares to -1.
  for (let at: usize = 0; at < vectorBytes; at += 16) equal = i32x4.sub(equal, i32x4.eq(v128.load(a + at), v128.load(b + at)));
  let count = i32x4.extract_lane(equal, 0) + i32x4.extract_lane(equal, 1) + i32x4.extract_lane(equal, 2) + i32x4.extract_lane(equal, 3);
  for (let at = vectorBytes; at < (values as usize) << 2; at += 4) count += (load<u32>(a + at) === load<u32>(b + at)) as i32;
  return count as u32;
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

/** `agreement` of one signature with each of `count` signatures that stand one after the other: u32 counts to `out`. */
export function agreementsInto(signature: usize, signatures: usize, count: u32, values: u32, out: usize): void {
  let other = signatures;
  for (let c: usize = 0; c < (count as usize); c++) {
    store<u32>(out + (c << 2), agreement(signature, other, values));
    other += (values as usize) << 2;
  }
}
