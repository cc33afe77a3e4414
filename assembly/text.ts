/**
 * Character similarity of a candidate and the state: the ratio of their symbols joined by one space (semantics §7.1), over code points.
 * The candidate's text is put together in scratch from the kb's symbol table; a candidate that its length alone rules out is not.
 * Cost: O(text * state text / 63). Needs the symbol table and a query loaded in character mode.
 */
import {
  CONTEXT_TEXT_OFFSETS,
  CONTEXT_TEXT_POINTS,
  CONTEXT_TEXT_TOO_LONG,
  QUERY_COUNT,
  SCRATCH_CARRIES,
  SCRATCH_TEXT,
  SCRATCH_TEXT_QUERY,
  TEXT_POINTS_MAX,
} from "./layout";
import { indelRatio, neededLcs } from "./ratio";

const SPACE: u32 = 32;

/** Similarity of the `count` symbols at `ids`; -1 if the lengths alone show that it does not reach `cutoff`. */
export function textSimilarity(scratch: usize, ids: usize, count: u32, cutoff: f64): f64 {
  const offsets = load<u32>(scratch, CONTEXT_TEXT_OFFSETS) as usize;
  let length: u64 = (count as u64) - 1;
  for (let p = ids, end = ids + ((count as usize) << 2); p < end; p += 4) {
    const offset = offsets + ((load<u32>(p) as usize) << 2);
    length += (load<u32>(offset, 4) - load<u32>(offset)) as u64;
  }
  if (length > (TEXT_POINTS_MAX as u64)) {
    store<u32>(scratch, 1, CONTEXT_TEXT_TOO_LONG);
    return -1;
  }
  const query = scratch + SCRATCH_TEXT_QUERY;
  const queryLength = load<u32>(query, QUERY_COUNT);
  const total = (length as u32) + queryLength;
  const needed = neededLcs(total, cutoff);
  if (needed > min(length as u32, queryLength)) return -1;
  joinText(scratch, ids, count, offsets);
  return indelRatio(scratch + SCRATCH_TEXT, length as u32, query, scratch + SCRATCH_CARRIES);
}

function joinText(scratch: usize, ids: usize, count: u32, offsets: usize): void {
  const points = load<u32>(scratch, CONTEXT_TEXT_POINTS) as usize;
  let out = scratch + SCRATCH_TEXT;
  for (let n: u32 = 0; n < count; n++) {
    if (n > 0) {
      store<u32>(out, SPACE);
      out += 4;
    }
    const offset = offsets + ((load<u32>(ids + ((n as usize) << 2)) as usize) << 2);
    const from = load<u32>(offset);
    const bytes = ((load<u32>(offset, 4) - from) as usize) << 2;
    memory.copy(out, points + ((from as usize) << 2), bytes);
    out += bytes;
  }
}
