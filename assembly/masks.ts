/**
 * A prepared sequence: the query's ids (symbol ids or code points) turned into classes and bit masks, once for all its candidates.
 *
 *  ┌──────────────┬─────────┬────────────┬────────────┬───────────────┬──────────────────────────┐
 *  │ header, 64 B │ ids u32 │ starts u32 │ positions  │ classes u16   │ masks u64[classes+1][words]│   8-byte aligned
 *  └──────────────┴─────────┴────────────┴────────────┴───────────────┴──────────────────────────┘
 *
 * The class table (u16 per possible id, all zero before) belongs to the caller; `prepareQuery` marks the query's ids in it and
 * `releaseQuery` unmarks them, both touching only those entries. Cost: O(count + classes * words). Not for one pair of sequences
 * (`lcsLengthPair` needs far less memory).
 *
 * Up to 64 elements make one word a row. Longer ones use 63 bits a word: wasm has no add-with-carry, and with the top bit free the
 * carry is simply the sum's sign bit. The number of words is then even, because the LCS kernel takes two or four at a time.
 */
import {
  QUERY_CLASSES,
  QUERY_COUNT,
  QUERY_HEADER_BYTES,
  QUERY_IDS,
  QUERY_LANE_MASKS,
  QUERY_MASKS,
  QUERY_POSITION_CLASSES,
  QUERY_POSITIONS,
  QUERY_STARTS,
  QUERY_TABLE,
  QUERY_WORDS,
} from "./layout";

/** Mask words of a row for a query of `count` elements. */
export function maskWords(count: u32): u32 {
  if (count <= 64) return 1;
  return ((count + 62) / 63 + 1) & ~1;
}

/** Bytes of everything before the masks. */
function bytesBeforeMasks(count: u32): u64 {
  return ((QUERY_HEADER_BYTES as u64) + (count as u64) * 14 + 8 + 7) & ~7;
}

/** Bytes that a query of `count` elements needs if `classes` of them are distinct. As u64: it passes 4 GiB for absurd counts. */
export function queryBytes(count: u32, classes: u32): u64 {
  return bytesBeforeMasks(count) + ((classes as u64) + 1) * (maskWords(count) as u64) * 8;
}

/**
 * Prepares `count` ids at `ids` in the `capacity` bytes at `query` (8-byte aligned). `table` has `tableCount` zero entries; ids from
 * `tableCount` on match nothing. Returns the bytes used, or 0, with the table as it was, if `capacity` is too small or more than
 * 65,535 ids are distinct.
 */
export function prepareQuery(ids: usize, count: u32, table: usize, tableCount: u32, query: usize, capacity: usize): usize {
  const before = bytesBeforeMasks(count);
  if (before > (capacity as u64)) return 0;
  const distinct = query + QUERY_HEADER_BYTES;
  const starts = distinct + ((count as usize) << 2);
  const positions = starts + (((count as usize) + 2) << 2);
  const positionClasses = positions + ((count as usize) << 2);
  const masks = query + (before as usize);
  const words = maskWords(count);

  let classes: u32 = 0;
  let fits = true;
  for (let p: usize = 0; p < (count as usize); p++) {
    const id = load<u32>(ids + (p << 2));
    let symbolClass: u32 = 0;
    if (id < tableCount) {
      const entry = table + ((id as usize) << 1);
      symbolClass = load<u16>(entry);
      if (symbolClass === 0) {
        if (classes === 65535) {
          fits = false;
          break;
        }
        store<u32>(distinct + ((classes as usize) << 2), id);
        symbolClass = ++classes;
        store<u16>(entry, symbolClass as u16);
      }
    }
    store<u16>(positionClasses + (p << 1), symbolClass as u16);
  }

  store<u32>(query, count, QUERY_COUNT);
  store<u32>(query, words, QUERY_WORDS);
  store<u32>(query, classes, QUERY_CLASSES);
  store<u32>(query, table as u32, QUERY_TABLE);
  store<u32>(query, masks as u32, QUERY_MASKS);
  store<u32>(query, positionClasses as u32, QUERY_POSITION_CLASSES);
  store<u32>(query, starts as u32, QUERY_STARTS);
  store<u32>(query, positions as u32, QUERY_POSITIONS);
  store<u32>(query, distinct as u32, QUERY_IDS);
  store<u32>(query, 0, QUERY_LANE_MASKS);
  const bytes = queryBytes(count, classes);
  if (!fits || bytes > (capacity as u64)) {
    releaseQuery(query);
    return 0;
  }
  fillPositions(positionClasses, count, starts, positions, classes);
  fillMasks(positionClasses, count, masks, words, classes);
  return bytes as usize;
}

/** Unmarks the query's ids in its class table; the query must not be used afterwards. */
export function releaseQuery(query: usize): void {
  clearClasses(load<u32>(query, QUERY_IDS) as usize, load<u32>(query, QUERY_CLASSES), load<u32>(query, QUERY_TABLE) as usize);
}

/** Unmarks `classes` ids at `distinct` in a class table. */
export function clearClasses(distinct: usize, classes: u32, table: usize): void {
  for (let p = distinct, end = distinct + ((classes as usize) << 2); p < end; p += 4) {
    store<u16>(table + ((load<u32>(p) as usize) << 1), 0);
  }
}

/** Counting sort of the positions by class; `starts[c + 1]` first serves as the cursor of class c and ends as its end. */
function fillPositions(positionClasses: usize, count: u32, starts: usize, positions: usize, classes: u32): void {
  memory.fill(starts, 0, ((classes as usize) + 2) << 2);
  for (let p: usize = 0; p < (count as usize); p++) {
    const symbolClass = load<u16>(positionClasses + (p << 1)) as usize;
    if (symbolClass === 0) continue;
    const cell = starts + (symbolClass << 2);
    store<u32>(cell, load<u32>(cell) + 1);
  }
  // starts[c] becomes the first index of class c: exclusive prefix sums, with class 0 holding none.
  let sum: u32 = 0;
  for (let c: usize = 0; c <= (classes as usize) + 1; c++) {
    const cell = starts + (c << 2);
    const size = load<u32>(cell);
    store<u32>(cell, sum);
    sum += size;
  }
  // Filling moves starts[c] to the end of class c, which is the start of class c + 1: shift back by one afterwards.
  for (let p: usize = 0; p < (count as usize); p++) {
    const symbolClass = load<u16>(positionClasses + (p << 1)) as usize;
    if (symbolClass === 0) continue;
    const cell = starts + (symbolClass << 2);
    const at = load<u32>(cell);
    store<u32>(positions + ((at as usize) << 2), p as u32);
    store<u32>(cell, at + 1);
  }
  for (let c = (classes as usize) + 1; c > 0; c--) store<u32>(starts + (c << 2), load<u32>(starts + ((c - 1) << 2)));
  store<u32>(starts, 0);
}

function fillMasks(positionClasses: usize, count: u32, masks: usize, words: u32, classes: u32): void {
  const rowBytes = (words as usize) << 3;
  memory.fill(masks, 0, ((classes as usize) + 1) * rowBytes);
  const bits: u32 = words === 1 ? 64 : 63;
  for (let p: u32 = 0; p < count; p++) {
    const symbolClass = load<u16>(positionClasses + ((p as usize) << 1)) as usize;
    if (symbolClass === 0) continue;
    const cell = masks + symbolClass * rowBytes + (((p / bits) as usize) << 3);
    store<u64>(cell, load<u64>(cell) | ((1 as u64) << ((p % bits) as u64)));
  }
}
