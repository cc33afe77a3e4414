/**
 * A query block made ready in a thread's scratch, and undone: classes and masks of the state's symbols (and of its text in character
 * mode), classes of the symbols that resemble one (fuzzy tokens), the state's signature. Cost: what the query's own symbols cost; only
 * their table entries are touched, so a change of query is cheap however large the kb. One query at a time is loaded in a scratch.
 */

import { prepareLanes, releaseLanes } from "./lane-lcs";
import {
  ASK_CHARACTER,
  ASK_FLAGS,
  ASK_HASHES,
  ASK_HASHES_AT,
  ASK_IDS_AT,
  ASK_PARTNER_IDS,
  ASK_PARTNER_IDS_AT,
  ASK_SYMBOL_COUNT,
  ASK_SYMBOLS,
  ASK_TEXT_AT,
  ASK_TEXT_POINTS,
  CONTEXT_CLASS_TABLE,
  CONTEXT_PARTNER_TABLE,
  CONTEXT_PERMUTATIONS,
  LANE_MASKS,
  QUERY_CLASSES,
  QUERY_COUNT,
  SCRATCH_LANE_MASKS,
  SCRATCH_POINT_CLASSES,
  SCRATCH_QUERY_SIGNATURE,
  SCRATCH_TEXT_QUERY,
  SCRATCH_TEXT_QUERY_BYTES,
  SCRATCH_TOKEN_QUERY,
  SCRATCH_TOKEN_QUERY_BYTES,
  SIGNATURE_VALUES,
} from "./layout";
import { prepareQuery, queryBytes, releaseQuery } from "./masks";
import { askOf, askSection } from "./memory";
import { signatureInto } from "./minhash";
import { prepareText } from "./text-query";

/** Loads the block that was copied to the scratch. False, with every table as it was, if the state's text passes what scratch holds. */
export function loadQuery(scratch: usize): bool {
  const ask = askOf(scratch);
  const table = load<u32>(scratch, CONTEXT_CLASS_TABLE) as usize;
  const tokens = scratch + SCRATCH_TOKEN_QUERY;
  const count = load<u32>(ask, ASK_SYMBOLS);
  const symbolCount = load<u32>(ask, ASK_SYMBOL_COUNT);
  if (prepareQuery(askSection(ask, ASK_IDS_AT), count, table, symbolCount, tokens, SCRATCH_TOKEN_QUERY_BYTES) === 0) return false;
  if (
    (load<u32>(ask, ASK_FLAGS) & ASK_CHARACTER) !== 0 &&
    !loadText(scratch, askSection(ask, ASK_TEXT_AT), load<u32>(ask, ASK_TEXT_POINTS))
  ) {
    releaseTokens(scratch);
    return false;
  }
  if (symbolCount < (LANE_MASKS as u32)) prepareLanes(tokens, scratch + SCRATCH_LANE_MASKS);
  const partners = load<u32>(scratch, CONTEXT_PARTNER_TABLE) as usize;
  const pairs = askSection(ask, ASK_PARTNER_IDS_AT);
  const pairsEnd = pairs + ((load<u32>(ask, ASK_PARTNER_IDS) as usize) << 3);
  for (let pair = pairs; pair < pairsEnd; pair += 8) store<u16>(partners + ((load<u32>(pair) as usize) << 1), load<u32>(pair, 4) as u16);

  const hashes = load<u32>(ask, ASK_HASHES);
  if (hashes !== 0) {
    const permutations = load<u32>(scratch, CONTEXT_PERMUTATIONS) as usize;
    signatureInto(askSection(ask, ASK_HASHES_AT), hashes, permutations, SIGNATURE_VALUES / 4, scratch + SCRATCH_QUERY_SIGNATURE);
  }
  return true;
}

/** Takes the loaded query's marks out of the tables. The block must still be in place. */
export function unloadQuery(scratch: usize): void {
  const ask = askOf(scratch);
  releaseTokens(scratch);
  if ((load<u32>(ask, ASK_FLAGS) & ASK_CHARACTER) !== 0) unloadText(scratch);
  const partners = load<u32>(scratch, CONTEXT_PARTNER_TABLE) as usize;
  const pairs = askSection(ask, ASK_PARTNER_IDS_AT);
  const pairsEnd = pairs + ((load<u32>(ask, ASK_PARTNER_IDS) as usize) << 3);
  for (let pair = pairs; pair < pairsEnd; pair += 8) store<u16>(partners + ((load<u32>(pair) as usize) << 1), 0);
}

/** Unmarks the state's symbols; a long state's masks are cleared where short ones have their lane masks, which start as zeros. */
function releaseTokens(scratch: usize): void {
  const tokens = scratch + SCRATCH_TOKEN_QUERY;
  releaseLanes(tokens);
  releaseQuery(tokens);
  const bytes = queryBytes(load<u32>(tokens, QUERY_COUNT), load<u32>(tokens, QUERY_CLASSES)) as usize;
  const end = min(tokens + bytes, scratch + SCRATCH_LANE_MASKS + ((LANE_MASKS as usize) << 3));
  const start = scratch + SCRATCH_LANE_MASKS;
  if (end > start) memory.fill(start, 0, end - start);
}

/** Prepares `count` code points as the text that candidates are compared with: the state's, or one symbol's in the search for partners. */
export function loadText(scratch: usize, points: usize, count: u32): bool {
  return prepareText(points, count, scratch + SCRATCH_POINT_CLASSES, scratch + SCRATCH_TEXT_QUERY, SCRATCH_TEXT_QUERY_BYTES) !== 0;
}

export function unloadText(scratch: usize): void {
  releaseQuery(scratch + SCRATCH_TEXT_QUERY);
}
