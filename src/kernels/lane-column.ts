/**
 * Candidates laid out for the lane kernels: sorted by length, in groups of eight, the ids of a group's candidates side by side (picture:
 * src/wire/resident-block.ts). Cost: a few nanoseconds an id, once; it pays from the second query on. The engine's resident blocks have
 * the same layout and are made inside the wasm (assembly/resident.ts).
 */
import { RESIDENT_LANES } from "../../assembly/layout.ts";

/** Longest candidate of a lane column: lengths are u16. */
const LENGTH_MAX = 65_535;

export interface LaneLayout {
  readonly count: number;
  /** Ids in the longest candidate. */
  readonly longest: number;
  readonly groups: number;
  /** Position p of lane l is `lanes[p * RESIDENT_LANES + l]`: the id plus one, 0 where the candidate is shorter than its group. */
  readonly lanes: Uint32Array;
  /** Group g has the positions `starts[g]` to `starts[g + 1]`. */
  readonly starts: Uint32Array;
  /** A candidate's number of ids; 0 for the lanes of the last group that have none. */
  readonly lengths: Uint16Array;
  /** A candidate's number of distinct ids; 0 likewise. */
  readonly distinct: Uint16Array;
  /** Which candidate stands at place n: places ascend by length, then by number. */
  readonly order: Uint32Array;
}

/** Candidate c is `flat[offsets[c] .. offsets[c + 1])`; ids are
 * below `idLimit`. RangeError beyond 65,535 ids. */
export function layLanes(flat: Uint32Array, offsets: Uint32Array, idLimit: number): LaneLayout {
  const count = offsets.length - 1;
  const groups = Math.ceil(count / RESIDENT_LANES);
  const lengthOf = (candidate: number): number => offsets[candidate + 1]! - offsets[candidate]!;
  let longest = 0;
  for (let c = 0; c < count; c++) longest = Math.max(longest, lengthOf(c));
  if (longest > LENGTH_MAX) throw new RangeError(`a candidate of a lane column has at most ${LENGTH_MAX} ids: got ${longest}`);

  const places = new Uint32Array(longest + 2);
  for (let c = 0; c < count; c++) places[lengthOf(c) + 1]! += 1;
  for (let length = 1; length < places.length; length++) places[length]! += places[length - 1]!;
  const order = new Uint32Array(count);
  const lengths = new Uint16Array(groups * RESIDENT_LANES);
  for (let c = 0; c < count; c++) {
    const place = places[lengthOf(c)]!++;
    order[place] = c;
    lengths[place] = lengthOf(c);
  }

  const starts = new Uint32Array(groups + 1);
  for (let group = 0; group < groups; group++) {
    starts[group + 1] = starts[group]! + lengths[Math.min((group + 1) * RESIDENT_LANES, count) - 1]!;
  }
  const lanes = new Uint32Array(starts[groups]! * RESIDENT_LANES);
  const distinct = new Uint16Array(groups * RESIDENT_LANES);
  // One more than the place at which an id was last met.
  const metAt = new Uint32Array(idLimit);
  for (let place = 0; place < count; place++) {
    let to = starts[Math.floor(place / RESIDENT_LANES)]! * RESIDENT_LANES + (place % RESIDENT_LANES);
    const end = offsets[order[place]! + 1]!;
    for (let from = offsets[order[place]!]!; from < end; from++, to += RESIDENT_LANES) {
      const id = flat[from]!;
      lanes[to] = id + 1;
      if (metAt[id] === place + 1) continue;
      metAt[id] = place + 1;
      distinct[place]! += 1;
    }
  }
  return { count, longest, groups, lanes, starts, lengths, distinct, order };
}
