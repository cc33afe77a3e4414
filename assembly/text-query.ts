/**
 * A prepared text: what masks.ts prepares for its code points, and behind it, for the comparison with many texts,
 *
 *  ┌───────────────────┬──────────┬──────────────────────────────┐
 *  │ prepared sequence │ bag 32 B │ rows u64[257][words]         │   rows: by Latin-1 character, the last one zero; only up to 504 characters
 *  └───────────────────┴──────────┴──────────────────────────────┘
 *
 * Cost: that of the sequence, and about 2 KB written a word. The class table of all code points (u16, zero) belongs to the caller.
 */

import {
  classes1,
  classes2,
  classes4,
  classes6,
  classes8,
  classesRun1,
  classesRun2,
  classesRun4,
  classesRun6,
  classesRun8,
  direct1,
  direct2,
  direct3,
  direct4,
  direct5,
  direct6,
  direct7,
  direct8,
  directRun1,
  directRun2,
  directRun3,
  directRun4,
  directRun5,
  directRun6,
  directRun7,
  directRun8,
  strip2u8,
  strip2u32,
  strip4u8,
  strip4u32,
} from "../build/generated/ratio-lanes";
import {
  BAG_BYTES,
  CODE_POINTS,
  GROUP_LCS,
  GROUP_LENGTHS,
  GROUP_NEEDED,
  QUERY_BAG,
  QUERY_BAG_BEYOND,
  QUERY_CLASSES,
  QUERY_COUNT,
  QUERY_MASKS,
  QUERY_ROW_WORDS,
  QUERY_ROWS,
  QUERY_TABLE,
  QUERY_WORDS,
  SHORT_TEXT_MAX,
} from "./layout";
import { prepareQuery, queryBytes, releaseQuery } from "./masks";
import { compareInBand } from "./text-band";

/** Rows of a prepared text: one a Latin-1 character, and one of zeros. */
const ROWS: usize = 257;

function rowWords(count: u32): u32 {
  return count <= 64 ? 1 : (count + 62) / 63;
}

function bagAt(count: u32, classes: u32): u64 {
  return (queryBytes(count, classes) + 15) & ~15;
}

/** Bytes that a text of `count` code points needs if `classes` of them are distinct. */
export function textQueryBytes(count: u32, classes: u32): u64 {
  const rows = count <= (SHORT_TEXT_MAX as u32) ? (ROWS as u64) * (rowWords(count) as u64) * 8 : 0;
  return bagAt(count, classes) + BAG_BYTES + rows;
}

/**
 * Prepares `count` code points at `points` in the `capacity` bytes at `query` (16-byte aligned). Returns the bytes used, or 0, with the
 * table as it was, if they do not suffice.
 */
export function prepareText(points: usize, count: u32, table: usize, query: usize, capacity: usize): usize {
  if (prepareQuery(points, count, table, CODE_POINTS, query, capacity) === 0) return 0;
  const classes = load<u32>(query, QUERY_CLASSES);
  const bytes = textQueryBytes(count, classes);
  if (bytes > (capacity as u64)) {
    releaseQuery(query);
    return 0;
  }
  const bag = query + (bagAt(count, classes) as usize);
  store<u32>(query, bag as u32, QUERY_BAG);
  store<u32>(query, fillBag(points, count, bag), QUERY_BAG_BEYOND);
  const words = rowWords(count);
  store<u32>(query, words, QUERY_ROW_WORDS);
  const rows = count <= (SHORT_TEXT_MAX as u32) ? bag + BAG_BYTES : 0;
  store<u32>(query, rows as u32, QUERY_ROWS);
  if (rows !== 0) fillRows(points, count, rows, words);
  return bytes as usize;
}

/** Counts code points by their lowest five bits; returns how many did not fit the bytes. */
function fillBag(points: usize, count: u32, bag: usize): u32 {
  memory.fill(bag, 0, BAG_BYTES);
  let beyond: u32 = 0;
  for (let p = points, end = points + ((count as usize) << 2); p < end; p += 4) {
    const bucket = bag + ((load<u32>(p) & (BAG_BYTES - 1)) as usize);
    const held = load<u8>(bucket);
    if (held === 255) beyond++;
    else store<u8>(bucket, held + 1);
  }
  return beyond;
}

function fillRows(points: usize, count: u32, rows: usize, words: u32): void {
  const rowBytes = (words as usize) << 3;
  memory.fill(rows, 0, ROWS * rowBytes);
  const bits: u32 = words === 1 ? 64 : 63;
  for (let p: u32 = 0; p < count; p++) {
    const point = load<u32>(points + ((p as usize) << 2));
    if (point > 255) continue;
    const cell = rows + (point as usize) * rowBytes + (((p / bits) as usize) << 3);
    store<u64>(cell, load<u64>(cell) | ((1 as u64) << ((p % bits) as u64)));
  }
}

/** How many candidates `compareGroup` takes at a time: 4 or 2. */
export function lanesOf(query: usize, isWide: bool): u32 {
  if (load<u32>(query, QUERY_ROWS) === 0) return 2;
  return (isWide ? load<u32>(query, QUERY_WORDS) : load<u32>(query, QUERY_ROW_WORDS)) <= 3 ? 4 : 2;
}

/**
 * LCS lengths of the prepared text and the texts of a group, all Latin-1 bytes or all u32 code points. With `isBounded`, lengths may come
 * out as 0 when none of the group reaches what it needs. `carries`: two bytes a character of the longest candidate, used beyond 504
 * characters of the prepared text. Every lane must have a text: repeat one where there are fewer.
 */
export function compareGroup(group: usize, query: usize, isWide: bool, isBounded: bool, carries: usize): void {
  if (load<u32>(query, QUERY_ROWS) === 0) compareInStrips(group, query, isWide, carries);
  else if (isWide) compareWide(group, query, isBounded);
  else if (isBounded && load<u32>(query, QUERY_ROW_WORDS) > 3) compareInBand(group, query);
  else compareLatin1(group, query, isBounded);
}

function compareLatin1(group: usize, query: usize, isBounded: bool): void {
  const rows = load<u32>(query, QUERY_ROWS) as usize;
  const words = load<u32>(query, QUERY_ROW_WORDS);
  if (words === 1) direct1(group, rows, isBounded);
  else if (words === 2) direct2(group, rows, isBounded);
  else if (words === 3) direct3(group, rows, isBounded);
  else if (words === 4) direct4(group, rows, isBounded);
  else if (words === 5) direct5(group, rows, isBounded);
  else if (words === 6) direct6(group, rows, isBounded);
  else if (words === 7) direct7(group, rows, isBounded);
  else direct8(group, rows, isBounded);
}

function compareWide(group: usize, query: usize, isBounded: bool): void {
  const masks = load<u32>(query, QUERY_MASKS) as usize;
  const table = load<u32>(query, QUERY_TABLE) as usize;
  const words = load<u32>(query, QUERY_WORDS);
  if (words === 1) classes1(group, masks, table, isBounded);
  else if (words === 2) classes2(group, masks, table, isBounded);
  else if (words === 4) classes4(group, masks, table, isBounded);
  else if (words === 6) classes6(group, masks, table, isBounded);
  else classes8(group, masks, table, isBounded);
}

/**
 * LCS lengths (u32 to `out`, with room for three more) of the prepared text, of 504 characters at most, and `count` texts of `length`
 * characters that stand one after the other at `first`.
 */
export function compareRun(first: usize, length: u32, count: u32, query: usize, isWide: bool, out: usize): void {
  if (isWide) compareWideRun(first, length as usize, count, query, out);
  else compareLatin1Run(first, length as usize, count, query, out);
}

function compareLatin1Run(first: usize, length: usize, count: u32, query: usize, out: usize): void {
  const rows = load<u32>(query, QUERY_ROWS) as usize;
  const words = load<u32>(query, QUERY_ROW_WORDS);
  if (words === 1) directRun1(first, length, count, rows, out);
  else if (words === 2) directRun2(first, length, count, rows, out);
  else if (words === 3) directRun3(first, length, count, rows, out);
  else if (words === 4) directRun4(first, length, count, rows, out);
  else if (words === 5) directRun5(first, length, count, rows, out);
  else if (words === 6) directRun6(first, length, count, rows, out);
  else if (words === 7) directRun7(first, length, count, rows, out);
  else directRun8(first, length, count, rows, out);
}

function compareWideRun(first: usize, length: usize, count: u32, query: usize, out: usize): void {
  const masks = load<u32>(query, QUERY_MASKS) as usize;
  const table = load<u32>(query, QUERY_TABLE) as usize;
  const words = load<u32>(query, QUERY_WORDS);
  if (words === 1) classesRun1(first, length, count, masks, table, out);
  else if (words === 2) classesRun2(first, length, count, masks, table, out);
  else if (words === 4) classesRun4(first, length, count, masks, table, out);
  else if (words === 6) classesRun6(first, length, count, masks, table, out);
  else classesRun8(first, length, count, masks, table, out);
}

/** Any length: strips of four words (the last may have two), one after the other over the whole candidates. */
function compareInStrips(group: usize, query: usize, isWide: bool, carries: usize): void {
  const masks = load<u32>(query, QUERY_MASKS) as usize;
  const table = load<u32>(query, QUERY_TABLE) as usize;
  const words = load<u32>(query, QUERY_WORDS);
  const count = load<u32>(query, QUERY_COUNT);
  const rowBytes = (words as usize) << 3;
  const most = max(load<u32>(group, GROUP_LENGTHS), load<u32>(group, GROUP_LENGTHS + 4));
  memory.fill(carries, 0, (most as usize) << 1);
  store<u64>(group, 0, GROUP_LCS);
  for (let word: u32 = 0; word < words; word += 4) {
    const cells = masks + ((word as usize) << 3);
    if (words - word === 2) {
      if (isWide) strip2u32(group, cells, table, rowBytes, carries);
      else strip2u8(group, cells, table, rowBytes, carries);
    } else if (isWide) strip4u32(group, cells, table, rowBytes, carries);
    else strip4u8(group, cells, table, rowBytes, carries);
    // Positions of the text not yet looked at can add at most their number.
    const seen = min((word + 4) * 63, count);
    if (
      load<u32>(group, GROUP_LCS) + (count - seen) < load<u32>(group, GROUP_NEEDED) &&
      load<u32>(group, GROUP_LCS + 4) + (count - seen) < load<u32>(group, GROUP_NEEDED + 4)
    ) {
      store<u64>(group, 0, GROUP_LCS);
      return;
    }
  }
}
