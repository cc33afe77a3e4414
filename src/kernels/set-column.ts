/**
 * Sets laid out by what is in them: for each id the sets that have it (postings), so that a query touches only what is shared. Cost: some
 * nanoseconds an id, once, and 4 bytes for each id of the sets and each id up to the greatest; it pays from the second query on.
 */

export interface Postings {
  /** Sets that have id i: `places[starts[i]]` to `places[starts[i + 1]]` (exclusive), ascending, none twice. */
  readonly starts: Uint32Array;
  readonly places: Uint32Array;
}

/** Set s is `flat[offsets[s] .. offsets[s + 1])`, in any order; repeated ids count once. Ids are below `idLimit`. */
export function postingsOf(flat: Uint32Array, offsets: Uint32Array, idLimit: number): Postings {
  const count = offsets.length - 1;
  const starts = new Uint32Array(idLimit + 1);
  // One more than the set in which an id was last met.
  const metIn = new Uint32Array(idLimit);
  const eachId = (use: (id: number, set: number) => void): void => {
    metIn.fill(0);
    for (let set = 0; set < count; set++) {
      const end = offsets[set + 1]!;
      for (let at = offsets[set]!; at < end; at++) {
        const id = flat[at]!;
        if (metIn[id] === set + 1) continue;
        metIn[id] = set + 1;
        use(id, set);
      }
    }
  };
  eachId((id) => {
    starts[id + 1]! += 1;
  });
  for (let id = 0; id < idLimit; id++) starts[id + 1]! += starts[id]!;
  const places = new Uint32Array(starts[idLimit]!);
  const next = starts.slice();
  eachId((id, set) => {
    places[next[id]!++] = set;
  });
  return { starts, places };
}
