/**
 * The match stage: for every surviving row similarity, recall threshold, matching blocks, key, and the best `keep` (semantics §7, architecture
 * §4). Similarity is that of tokens or of characters; structure always comes from the tokens' matching blocks.
 *
 * Token mode, states up to 64 symbols, is one pass over a pattern's symbols: it runs the LCS recurrence, the greedy match, and watches
 * for a pair of neighbours that both sequences share. Where there is none, every run has length 1 and the greedy match *is* the
 * Ratcliff/Obershelp alignment: nothing more is to be computed. Only the other rows need the blocks kernel. Symbols that are not in
 * the state, most of them in a large vocabulary, cost two loads. Reference: test/reference/score.ts.
 */

import { matchingBlocks } from "./blocks";
import { floorOf, keyBound } from "./bound";
import { offerBlocks, offerMatch } from "./details";
import { matchLanes } from "./lane-match";
import {
  ASK_CHARACTER,
  ASK_FLAGS,
  ASK_RECALL_THRESHOLD,
  ASK_SYMBOLS,
  CONTEXT_BELOW_THRESHOLD,
  CONTEXT_MATCHED,
  CONTEXT_SIMILARITIES_KNOWN,
  CONTEXT_WITHOUT_BLOCKS,
  QUERY_MASKS,
  QUERY_TABLE,
  SCRATCH_BLOCKS,
  SCRATCH_BLOCKS_WORK,
  SCRATCH_CARRIES,
  SCRATCH_SIMILARITIES,
  SCRATCH_SURVIVORS,
  SCRATCH_TOKEN_QUERY,
  SHORT_QUERY_MAX,
} from "./layout";
import { askOf, isResident, rowIds, rowLength } from "./memory";
import { indelRatio, ratioOf, reaches } from "./ratio";
import { textSimilarities } from "./text";

/** Matches the first `count` survivors; counts and the heap are left in the scratch. */
export function matchRows(scratch: usize, batch: usize, count: u32): void {
  const ask = askOf(scratch);
  const isCharacter = (load<u32>(ask, ASK_FLAGS) & ASK_CHARACTER) !== 0;
  if (!isCharacter && isResident(batch)) matchLanes(scratch, batch, count);
  else if (isCharacter || load<u32>(ask, ASK_SYMBOLS) > (SHORT_QUERY_MAX as u32)) matchRowsInSteps(scratch, batch, count);
  else matchRowsInOnePass(scratch, batch, count);
}

/** Writes a row's matching blocks to SCRATCH_BLOCKS and returns their number. */
export function blocksOfRow(scratch: usize, batch: usize, row: u32): u32 {
  return blocksOf(scratch, rowIds(scratch, batch, row), rowLength(batch, row));
}

/** Similarity of a row's tokens and the state's. */
export function tokenSimilarity(scratch: usize, ids: usize, count: u32): f64 {
  return indelRatio(ids, count, scratch + SCRATCH_TOKEN_QUERY, scratch + SCRATCH_CARRIES);
}

/** Writes the matching blocks of `count` ids to SCRATCH_BLOCKS and returns their number. */
export function blocksOf(scratch: usize, ids: usize, count: u32): u32 {
  return matchingBlocks(ids, count, scratch + SCRATCH_TOKEN_QUERY, scratch + SCRATCH_BLOCKS_WORK, scratch + SCRATCH_BLOCKS);
}

function matchRowsInSteps(scratch: usize, batch: usize, count: u32): void {
  const ask = askOf(scratch);
  const cutoff = load<f64>(ask, ASK_RECALL_THRESHOLD);
  const isCharacter = (load<u32>(ask, ASK_FLAGS) & ASK_CHARACTER) !== 0;
  if (isCharacter && load<u32>(scratch, CONTEXT_SIMILARITIES_KNOWN) === 0) textSimilarities(scratch, batch, count, cutoff);
  const similarities = scratch + SCRATCH_SIMILARITIES;
  const survivors = scratch + SCRATCH_SURVIVORS;
  let below: u32 = 0;
  let withoutBlocks: u32 = 0;
  for (let n: usize = 0; n < (count as usize); n++) {
    const row = load<u32>(survivors + (n << 2));
    const length = rowLength(batch, row);
    const ids = rowIds(scratch, batch, row);
    const similarity = isCharacter ? load<f64>(similarities + ((row as usize) << 3)) : tokenSimilarity(scratch, ids, length);
    if (!reaches(similarity, cutoff)) {
      below++;
      continue;
    }
    const blocks = blocksOf(scratch, ids, length);
    if (blocks === 0 && cutoff > 0) withoutBlocks++;
    else offerBlocks(scratch, batch, row, ids, length, similarity, blocks);
  }
  store<u32>(scratch, below, CONTEXT_BELOW_THRESHOLD);
  store<u32>(scratch, withoutBlocks, CONTEXT_WITHOUT_BLOCKS);
}

function matchRowsInOnePass(scratch: usize, batch: usize, count: u32): void {
  const ask = askOf(scratch);
  const cutoff = load<f64>(ask, ASK_RECALL_THRESHOLD);
  const stateLength = load<u32>(ask, ASK_SYMBOLS);
  const query = scratch + SCRATCH_TOKEN_QUERY;
  const table = load<u32>(query, QUERY_TABLE) as usize;
  const masks = load<u32>(query, QUERY_MASKS) as usize;
  const survivors = scratch + SCRATCH_SURVIVORS;
  let hopeless: u32 = 0;
  const isZeroEnough = reaches(0, cutoff);
  let below: u32 = 0;
  let withoutBlocks: u32 = 0;
  for (let n: usize = 0; n < (count as usize); n++) {
    const row = load<u32>(survivors + (n << 2));
    const length = rowLength(batch, row);
    const ids = rowIds(scratch, batch, row);
    const end = ids + ((length as usize) << 2);

    /** LCS recurrence: a bit is 0 where a state position ends a longer subsequence. */
    let open = ~(0 as u64);
    /** State positions behind the greedy match so far. */
    let free = ~(0 as u64);
    /** Positions of the symbol before, 0 if it is not in the state. */
    let before: u64 = 0;
    let sharedPairs: u64 = 0;
    let greedy: u32 = 0;
    let first: usize = 0;
    let last: usize = 0;
    for (let p = ids; p < end; p += 4) {
      const symbolClass = load<u16>(table + ((load<u32>(p) as usize) << 1)) as usize;
      if (symbolClass === 0) {
        before = 0;
        continue;
      }
      const positions = load<u64>(masks + (symbolClass << 3));
      const u = open & positions;
      open = (open + u) | (open - u);
      sharedPairs |= (before << 1) & positions;
      before = positions;
      const taken = positions & free;
      if (taken !== 0) {
        // Everything above the lowest bit of `taken`.
        free = ~(taken ^ (taken - 1));
        if (greedy === 0) first = p;
        last = p;
        greedy++;
      }
    }
    if (greedy === 0) {
      // Nothing shared: similarity 0 and no blocks.
      if (!isZeroEnough) below++;
      else if (cutoff > 0) withoutBlocks++;
      else offerMatch(scratch, batch, row, ids, length, 0, 0, 0, 0, 0);
      continue;
    }
    const lcs = popcnt<u64>(~open) as u32;
    const similarity = ratioOf(lcs, length + stateLength);
    if (!reaches(similarity, cutoff)) below++;
    else if (keyBound(scratch, length, sharedPairs !== 0 ? lcs : greedy, sharedPairs === 0) < floorOf(scratch)) hopeless++;
    else if (sharedPairs !== 0) offerBlocks(scratch, batch, row, ids, length, similarity, blocksOf(scratch, ids, length));
    else {
      const from = ((first - ids) >> 2) as u32;
      const to = ((last - ids) >> 2) as u32;
      offerMatch(scratch, batch, row, ids, length, similarity, greedy, greedy, from, to + 1);
    }
  }
  store<u32>(scratch, below, CONTEXT_BELOW_THRESHOLD);
  store<u32>(scratch, withoutBlocks, CONTEXT_WITHOUT_BLOCKS);
  store<u32>(scratch, load<u32>(scratch, CONTEXT_MATCHED) + hopeless, CONTEXT_MATCHED);
}
