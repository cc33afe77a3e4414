/**
 * LCS of a prepared text of 4 to 8 words and two Latin-1 candidates that both need some length, near the diagonal only. Two characters at i in the
 * candidate (n characters) and j in the text (m) can be a pair of a common subsequence of L only if i - j <= n - L and j - i <= m - L: what
 * lies further off cannot be part of an answer, so words of the row that hold no such j are left out. At a cutoff of 0.8 that is about half
 * of them, and fewer chances to match by accident let the running bound end most comparisons early.
 *
 * Leaving words out is the same as finding no equal characters there. Above the window, nothing is found yet (words are kept as N, the complement of
 * the recurrence's S, and have no bit): a carry would run through them and change nothing, so it may be dropped. Below it, without equal characters
 * and without a carry from further below, a row changes nothing and carries nothing. What comes out is the LCS without the pairs left out: exact
 * where it reaches `needed`, and below `needed` where the LCS is.
 */
import { band1, band2, band3, band4, band5, band6, band7, band8 } from "../build/generated/ratio-lanes";
import { GROUP_LCS, GROUP_LENGTHS, GROUP_NEEDED, GROUP_STATE, QUERY_COUNT, QUERY_ROW_WORDS, QUERY_ROWS } from "./layout";

const WORD_BITS: u32 = 63;
/** Rows between two looks at the bound; the window is as much wider. */
const ROWS_A_STEP: u32 = 32;
/** In rows[257], the row of zeros. */
const NO_CHARACTER: usize = 256;

/** Writes the two LCS lengths to the group; 0 for both as soon as neither can reach what it needs. */
export function compareInBand(group: usize, query: usize): void {
  const queryCount = load<u32>(query, QUERY_COUNT);
  const words = load<u32>(query, QUERY_ROW_WORDS);
  const rows = load<u32>(query, QUERY_ROWS) as usize;
  const rowBytes = (words as usize) << 3;
  const state = group + GROUP_STATE;
  const length0 = load<u32>(group, GROUP_LENGTHS);
  const length1 = load<u32>(group, GROUP_LENGTHS + 4);
  const needed0 = load<u32>(group, GROUP_NEEDED);
  const needed1 = load<u32>(group, GROUP_NEEDED + 4);
  // Callers ask only for what the lengths allow: needed <= both lengths.
  const behind = max(length0 - needed0, length1 - needed1);
  const ahead = queryCount - min(needed0, needed1);
  const most = max(length0, length1);
  memory.fill(state, 0, (words as usize) << 4);
  for (let from: u32 = 0; from < most; from += ROWS_A_STEP) {
    const to = min(from + ROWS_A_STEP, most);
    const low = from > behind ? min((from - behind) / WORD_BITS, words - 1) : 0;
    const high = min((to - 1 + ahead) / WORD_BITS, words - 1);
    step(group, from as usize, to as usize, rows, low, high - low + 1, rowBytes, state);
    const found0 = foundIn(state, words);
    const found1 = foundIn(state + 8, words);
    if (found0 + length0 - min(to, length0) < needed0 && found1 + length1 - min(to, length1) < needed1) {
      store<u64>(group, 0, GROUP_LCS);
      return;
    }
  }
  store<u32>(group, foundIn(state, words), GROUP_LCS);
  store<u32>(group, foundIn(state + 8, words), GROUP_LCS + 4);
}

function foundIn(state: usize, words: u32): u32 {
  let found: u32 = 0;
  for (let cell = state, end = state + ((words as usize) << 4); cell < end; cell += 16) found += popcnt<u64>(load<u64>(cell)) as u32;
  return found;
}

function step(group: usize, from: usize, to: usize, rows: usize, low: u32, words: u32, rowBytes: usize, state: usize): void {
  const cells = rows + ((low as usize) << 3);
  const none = cells + NO_CHARACTER * rowBytes;
  const window = state + ((low as usize) << 4);
  if (words === 1) band1(group, from, to, cells, none, rowBytes, window);
  else if (words === 2) band2(group, from, to, cells, none, rowBytes, window);
  else if (words === 3) band3(group, from, to, cells, none, rowBytes, window);
  else if (words === 4) band4(group, from, to, cells, none, rowBytes, window);
  else if (words === 5) band5(group, from, to, cells, none, rowBytes, window);
  else if (words === 6) band6(group, from, to, cells, none, rowBytes, window);
  else if (words === 7) band7(group, from, to, cells, none, rowBytes, window);
  else band8(group, from, to, cells, none, rowBytes, window);
}
