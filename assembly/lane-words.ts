/**
 * Token LCS of candidates side by side for queries of several mask words: the inner loops of lane-lcs.ts, which has the contract. Cost: about twelve
 * instructions a candidate, position and word.
 */
import { pairOf } from "./lane-lcs";
import { RESIDENT_LANES } from "./layout";

const GROUP_BYTES: usize = RESIDENT_LANES << 2;

/* The second, third and fourth words of two candidates' rows, as `pairOf`: the distance is part of the load, and a sum before it would be an instruction. */

function secondOf(low: usize, high: usize): v128 {
  return v128.load64_lane(high, v128.load_zero<u64>(low, 8), 1, 8);
}

function thirdOf(low: usize, high: usize): v128 {
  return v128.load64_lane(high, v128.load_zero<u64>(low, 16), 1, 16);
}

function fourthOf(low: usize, high: usize): v128 {
  return v128.load64_lane(high, v128.load_zero<u64>(low, 24), 1, 24);
}

/** Row of the mask words of a lane id. T as of `severalWords`: a row of its words alone, or of as many as `rowBytes` says. */
function rowOf<T>(id: u32, table: usize, masks: usize, rowBytes: usize): usize {
  const at = load<u16>(table + ((id as usize) << 1)) as usize;
  if (sizeof<T>() === 2) return masks + at * rowBytes;
  return masks + (isSigned<T>() ? at << 4 : at << 5);
}

/**
 * Words of 63 bits whose top bit never changes, so that nothing has to be masked. The first keeps S, with a top bit of 1: a sum lacks it where
 * it carries. The others keep N, the complement, with a top bit of 0, and need of the sum before only that top bit, the borrow. With O = N | M:
 *   S + (S & M) + carry = O - 2N - borrow, for -N = S + 1, S & M = O - N and carry = 1 - borrow;
 *   the new N = ~(sum | (S & ~M)) = O & ~sum.
 * It is instructions that a core runs out of here, not their latency: so four candidates share a position's fixed cost.
 */
function sumOf(n: v128, open: v128, sumBefore: v128): v128 {
  return i64x2.sub(i64x2.sub(open, i64x2.add(n, n)), i64x2.shr_u(sumBefore, 63));
}

/** Adds the ones of the words of two candidates to the two lengths at `out`. */
function addOnes(out: usize, n: v128): void {
  store<u32>(out, load<u32>(out) + (popcnt<u64>(i64x2.extract_lane(n, 0)) as u32));
  store<u32>(out, load<u32>(out, 4) + (popcnt<u64>(i64x2.extract_lane(n, 1)) as u32), 4);
}

/**
 * Two (T signed) or four words of four candidates. T of one byte: rows have no more words than these; of two: the carries into the first word come from
 * `carries`, 32 bytes a position, and those of the last go there.
 */
export function severalWords<T>(start: usize, end: usize, table: usize, masks: usize, rowBytes: usize, carries: usize, out: usize): void {
  let a0 = i64x2.splat(-1);
  let a1 = i64x2.splat(0);
  let a2 = i64x2.splat(0);
  let a3 = i64x2.splat(0);
  let b0 = i64x2.splat(-1);
  let b1 = i64x2.splat(0);
  let b2 = i64x2.splat(0);
  let b3 = i64x2.splat(0);
  let carryAt = carries;
  for (let p = start; p < end; p += GROUP_BYTES) {
    const ids01 = load<u64>(p);
    const ids23 = load<u64>(p, 8);
    const r0 = rowOf<T>(ids01 as u32, table, masks, rowBytes);
    const r1 = rowOf<T>((ids01 >> 32) as u32, table, masks, rowBytes);
    const r2 = rowOf<T>(ids23 as u32, table, masks, rowBytes);
    const r3 = rowOf<T>((ids23 >> 32) as u32, table, masks, rowBytes);
    let held = v128.and(a0, pairOf(r0, r1));
    let sum = i64x2.add(a0, held);
    if (sizeof<T>() === 2) sum = i64x2.add(sum, v128.load(carryAt));
    a0 = v128.or(sum, i64x2.sub(a0, held));
    let open = v128.or(a1, secondOf(r0, r1));
    sum = sumOf(a1, open, sum);
    a1 = v128.andnot(open, sum);
    if (!isSigned<T>()) {
      open = v128.or(a2, thirdOf(r0, r1));
      sum = sumOf(a2, open, sum);
      a2 = v128.andnot(open, sum);
      open = v128.or(a3, fourthOf(r0, r1));
      sum = sumOf(a3, open, sum);
      a3 = v128.andnot(open, sum);
    }
    if (sizeof<T>() === 2) v128.store(carryAt, i64x2.shr_u(v128.not(sum), 63));
    held = v128.and(b0, pairOf(r2, r3));
    sum = i64x2.add(b0, held);
    if (sizeof<T>() === 2) sum = i64x2.add(sum, v128.load(carryAt, 16));
    b0 = v128.or(sum, i64x2.sub(b0, held));
    open = v128.or(b1, secondOf(r2, r3));
    sum = sumOf(b1, open, sum);
    b1 = v128.andnot(open, sum);
    if (!isSigned<T>()) {
      open = v128.or(b2, thirdOf(r2, r3));
      sum = sumOf(b2, open, sum);
      b2 = v128.andnot(open, sum);
      open = v128.or(b3, fourthOf(r2, r3));
      sum = sumOf(b3, open, sum);
      b3 = v128.andnot(open, sum);
    }
    if (sizeof<T>() === 2) v128.store(carryAt, i64x2.shr_u(v128.not(sum), 63), 16);
    if (sizeof<T>() === 2) carryAt += 32;
  }
  addOnes(out, v128.not(a0));
  addOnes(out, a1);
  if (!isSigned<T>()) {
    addOnes(out, a2);
    addOnes(out, a3);
  }
  addOnes(out + 8, v128.not(b0));
  addOnes(out + 8, b1);
  if (!isSigned<T>()) {
    addOnes(out + 8, b2);
    addOnes(out + 8, b3);
  }
}
