/**
 * Exact set intersection of the prepared query and all sets of a column, from the column's postings: for each id the sets that have it. Only what
 * is shared is touched, an increment each; a lane kernel reads every id of every set (lane-jaccard.ts), and most of them are in no query.
 *
 * Cost: clearing the counts, and a nanosecond or less an id that a set shares with the query. Not for one candidate (jaccard.ts), nor for sets that
 * meet one query only: the postings must be made first, and are as large as the sets. Reference: test/reference/jaccard.ts.
 */
import { QUERY_CLASSES, QUERY_IDS } from "./layout";

/**
 * How many distinct ids each of `count` sets shares with the query: u32[count] to `out`. The sets that have an id are
 * `places[starts[id] .. starts[id + 1])`, u32, none twice. `idLimit`: ids of the query from there on are in no set.
 */
export function sharedCountsInto(starts: usize, places: usize, idLimit: u32, count: u32, query: usize, out: usize): void {
  memory.fill(out, 0, (count as usize) << 2);
  const ids = load<u32>(query, QUERY_IDS) as usize;
  const idsEnd = ids + ((load<u32>(query, QUERY_CLASSES) as usize) << 2);
  for (let at = ids; at < idsEnd; at += 4) {
    const id = load<u32>(at);
    if (id >= idLimit) continue;
    const cell = starts + ((id as usize) << 2);
    let p = places + ((load<u32>(cell) as usize) << 2);
    const end = places + ((load<u32>(cell, 4) as usize) << 2);
    // Two places a load. They differ, so no increment waits for the one before.
    for (; p + 16 <= end; p += 16) {
      const low = load<u64>(p);
      const high = load<u64>(p, 8);
      increment(out, low as u32);
      increment(out, (low >> 32) as u32);
      increment(out, high as u32);
      increment(out, (high >> 32) as u32);
    }
    for (; p < end; p += 4) increment(out, load<u32>(p));
  }
}

function increment(counts: usize, place: u32): void {
  const cell = counts + ((place as usize) << 2);
  store<u32>(cell, load<u32>(cell) + 1);
}
