/**
 * Length of the longest common subsequence, bit-parallel (Hyyrö 2004, "Bit-parallel LCS-length computation revisited"): a bit of S is 0
 * where a query position ends a longer subsequence; per candidate element u = S & mask, S = (S + u) | (S - u); the answer is the
 * number of zeros. Exact, for sequences of any length.
 *
 * Cost: O(candidate) for queries up to 64 elements, O(candidate * query / 252) beyond, plus one byte of `carries` per candidate
 * element when the query has more than four words. The query is prepared once (masks.ts); `lcsLengthPair` is for a single pair.
 * Candidate ids must be below the class table's count. Reference: test/reference/lcs.ts.
 */
import { QUERY_COUNT, QUERY_MASKS, QUERY_TABLE, QUERY_WORDS } from "./layout";
import { clearClasses } from "./masks";

/** 63 bits: see masks.ts. */
const WORD_MASK: u64 = ~(0 as u64) >> 1;
/** Elements of the shorter sequence that `lcsLengthPair` takes at a time: four words of 63 bits. */
const PAIR_SLICE: u32 = 252;
/** Masks of 253 classes, four words each. */
const PAIR_MASK_BYTES: usize = 8096;
/** ...and behind them the slice's distinct ids. */
const PAIR_HEAD_BYTES: usize = 9104;

/** LCS of the prepared query and `count` ids at `candidate`. `carries`: `count` bytes of scratch, used beyond 252 query elements. */
export function lcsLength(candidate: usize, count: u32, query: usize, carries: usize): u32 {
  return lcsLengthAtLeast(candidate, count, query, carries, 0);
}

/** As `lcsLength`, but 0 if the length is below `needed`, found out as early as cheaply possible. */
export function lcsLengthAtLeast(candidate: usize, count: u32, query: usize, carries: usize, needed: u32): u32 {
  const table = load<u32>(query, QUERY_TABLE) as usize;
  const masks = load<u32>(query, QUERY_MASKS) as usize;
  const words = load<u32>(query, QUERY_WORDS);
  const queryCount = load<u32>(query, QUERY_COUNT);
  if (min(count, queryCount) < needed) return 0;
  const end = candidate + ((count as usize) << 2);
  let length: u32;
  if (words === 1) {
    length = needed === 0 ? oneWord(candidate, end, table, masks) : oneWordAtLeast(candidate, end, table, masks, needed);
  } else {
    const rowBytes = (words as usize) << 3;
    if (words > 4) memory.fill(carries, 0, count as usize);
    length = 0;
    for (let word: u32 = 0; word < words; word += 4) {
      const left = words - word;
      const cells = masks + ((word as usize) << 3);
      if (left === 2) length += twoWords(candidate, end, table, cells, rowBytes, words > 4 ? carries : 0);
      else length += fourWords(candidate, end, table, cells, rowBytes, words > 4 ? carries : 0);
      // Query positions not yet looked at can add at most their number.
      const seen = (word + 4) * 63;
      if (seen < queryCount && length + (queryCount - seen) < needed) return 0;
    }
  }
  return length < needed ? 0 : length;
}

/** Scratch bytes of `lcsLengthPair` for a longer sequence of `count` ids. */
export function pairScratchBytes(count: u32): usize {
  return PAIR_HEAD_BYTES + (count as usize);
}

/**
 * LCS of two id sequences in bounded memory: the shorter one in slices of 252 elements, each with its own masks. `table`: u16 per
 * possible id, zero before and after. `scratch`: `pairScratchBytes(max(aCount, bCount))` bytes, 8-byte aligned.
 */
export function lcsLengthPair(a: usize, aCount: u32, b: usize, bCount: u32, table: usize, scratch: usize): u32 {
  if (aCount > bCount) return lcsLengthPair(b, bCount, a, aCount, table, scratch);
  const distinct = scratch + PAIR_MASK_BYTES;
  const carries = scratch + PAIR_HEAD_BYTES;
  const end = b + ((bCount as usize) << 2);
  const severalSlices = aCount > PAIR_SLICE;
  if (severalSlices) memory.fill(carries, 0, bCount as usize);
  let length: u32 = 0;
  for (let from: u32 = 0; from < aCount; from += PAIR_SLICE) {
    const sliceCount = min(aCount - from, PAIR_SLICE);
    const slice = a + ((from as usize) << 2);
    let classes: usize = 0;
    memory.fill(scratch, 0, ((sliceCount as usize) + 1) << 5);
    for (let p: u32 = 0; p < sliceCount; p++) {
      const id = load<u32>(slice + ((p as usize) << 2));
      const entry = table + ((id as usize) << 1);
      let symbolClass = load<u16>(entry) as usize;
      if (symbolClass === 0) {
        store<u32>(distinct + (classes << 2), id);
        symbolClass = ++classes;
        store<u16>(entry, symbolClass as u16);
      }
      const cell = scratch + (symbolClass << 5) + (((p / 63) as usize) << 3);
      store<u64>(cell, load<u64>(cell) | ((1 as u64) << ((p % 63) as u64)));
    }
    if (sliceCount <= 63) length += oneWordOfRow(b, end, table, scratch, severalSlices ? carries : 0);
    else if (sliceCount <= 126) length += twoWords(b, end, table, scratch, 32, severalSlices ? carries : 0);
    else length += fourWords(b, end, table, scratch, 32, severalSlices ? carries : 0);
    clearClasses(distinct, classes as u32, table);
  }
  return length;
}

function oneWord(candidate: usize, end: usize, table: usize, masks: usize): u32 {
  let s: u64 = ~(0 as u64);
  for (let p = candidate; p < end; p += 4) {
    const mask = load<u64>(masks + ((load<u16>(table + ((load<u32>(p) as usize) << 1)) as usize) << 3));
    const u = s & mask;
    s = (s + u) | (s - u);
  }
  return popcnt<u64>(~s) as u32;
}

/** In runs of 32 elements; after each, what is found plus what is left must still reach `needed`. */
function oneWordAtLeast(candidate: usize, end: usize, table: usize, masks: usize, needed: u32): u32 {
  let s: u64 = ~(0 as u64);
  let p = candidate;
  while (p < end) {
    const stop = min(p + 128, end);
    for (; p < stop; p += 4) {
      const mask = load<u64>(masks + ((load<u16>(table + ((load<u32>(p) as usize) << 1)) as usize) << 3));
      const u = s & mask;
      s = (s + u) | (s - u);
    }
    if ((popcnt<u64>(~s) as u32) + (((end - p) >> 2) as u32) < needed) return 0;
  }
  return popcnt<u64>(~s) as u32;
}

/** One word of 63 bits in rows of four words, carry in and out by `carries` (0: none). */
function oneWordOfRow(candidate: usize, end: usize, table: usize, masks: usize, carries: usize): u32 {
  let s = WORD_MASK;
  let carryAt = carries;
  for (let p = candidate; p < end; p += 4) {
    const mask = load<u64>(masks + ((load<u16>(table + ((load<u32>(p) as usize) << 1)) as usize) << 5));
    const u = s & mask;
    let sum = s + u;
    if (carries !== 0) {
      sum += load<u8>(carryAt) as u64;
      store<u8>(carryAt, (sum >> 63) as u8);
      carryAt++;
    }
    s = (sum | (s - u)) & WORD_MASK;
  }
  return popcnt<u64>(s ^ WORD_MASK) as u32;
}

/** Two words side by side in locals; the carry into the first word comes from `carries`, the second's goes there (0: neither). */
function twoWords(candidate: usize, end: usize, table: usize, masks: usize, rowBytes: usize, carries: usize): u32 {
  let s0 = WORD_MASK;
  let s1 = WORD_MASK;
  let carryAt = carries;
  for (let p = candidate; p < end; p += 4) {
    const row = masks + (load<u16>(table + ((load<u32>(p) as usize) << 1)) as usize) * rowBytes;
    const u0 = s0 & load<u64>(row);
    const u1 = s1 & load<u64>(row, 8);
    let sum0 = s0 + u0;
    if (carries !== 0) sum0 += load<u8>(carryAt) as u64;
    const sum1 = s1 + u1 + (sum0 >> 63);
    s0 = (sum0 | (s0 - u0)) & WORD_MASK;
    s1 = (sum1 | (s1 - u1)) & WORD_MASK;
    if (carries !== 0) {
      store<u8>(carryAt, (sum1 >> 63) as u8);
      carryAt++;
    }
  }
  return (popcnt<u64>(s0 ^ WORD_MASK) + popcnt<u64>(s1 ^ WORD_MASK)) as u32;
}

/** Four words side by side: as `twoWords`. */
function fourWords(candidate: usize, end: usize, table: usize, masks: usize, rowBytes: usize, carries: usize): u32 {
  let s0 = WORD_MASK;
  let s1 = WORD_MASK;
  let s2 = WORD_MASK;
  let s3 = WORD_MASK;
  let carryAt = carries;
  for (let p = candidate; p < end; p += 4) {
    const row = masks + (load<u16>(table + ((load<u32>(p) as usize) << 1)) as usize) * rowBytes;
    const u0 = s0 & load<u64>(row);
    const u1 = s1 & load<u64>(row, 8);
    const u2 = s2 & load<u64>(row, 16);
    const u3 = s3 & load<u64>(row, 24);
    let sum0 = s0 + u0;
    if (carries !== 0) sum0 += load<u8>(carryAt) as u64;
    const sum1 = s1 + u1 + (sum0 >> 63);
    const sum2 = s2 + u2 + (sum1 >> 63);
    const sum3 = s3 + u3 + (sum2 >> 63);
    s0 = (sum0 | (s0 - u0)) & WORD_MASK;
    s1 = (sum1 | (s1 - u1)) & WORD_MASK;
    s2 = (sum2 | (s2 - u2)) & WORD_MASK;
    s3 = (sum3 | (s3 - u3)) & WORD_MASK;
    if (carries !== 0) {
      store<u8>(carryAt, (sum3 >> 63) as u8);
      carryAt++;
    }
  }
  return (popcnt<u64>(s0 ^ WORD_MASK) + popcnt<u64>(s1 ^ WORD_MASK) + popcnt<u64>(s2 ^ WORD_MASK) + popcnt<u64>(s3 ^ WORD_MASK)) as u32;
}

/**
 * `lcsLengthAtLeast` for candidates `from` to `to` (exclusive) of a column: candidate c is the ids at `flat[offsets[c] .. offsets[c + 1])`.
 * Writes u32 lengths to `out`. `carries`: a byte for each id of the longest candidate.
 */
export function lcsLengthsInto(
  flat: usize,
  offsets: usize,
  from: u32,
  to: u32,
  query: usize,
  carries: usize,
  needed: u32,
  out: usize,
): void {
  let target = out;
  for (let c = from; c < to; c++) {
    const start = load<u32>(offsets + ((c as usize) << 2));
    const count = load<u32>(offsets + ((c as usize) << 2), 4) - start;
    store<u32>(target, lcsLengthAtLeast(flat + ((start as usize) << 2), count, query, carries, needed));
    target += 4;
  }
}
