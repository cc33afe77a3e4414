/**
 * Token LCS of the prepared query and candidates that lie eight side by side, sorted by length (a resident block's lanes, or a lane column:
 * src/kernels/lane-column.ts). The recurrence is that of lcs.ts, one SIMD lane a candidate: eight independent chains hide each other's
 * latency, and a group ends for all lanes at once, so nothing mispredicts. What is left to pay is two or three loads an id.
 *
 * Cost: O(candidate) up to 64 query elements, O(candidate * words) beyond, 63 bits a word, four candidates at a time. Not for one
 * candidate or a batch that is scored once (lcs.ts): the lanes must be laid out first. They hold lane ids: the id plus one, 0 for padding,
 * which is in no query and changes nothing. A class table of bytes instead of u16 was tried and gains nothing, up to a million ids; so
 * there is no limit of 255 distinct ids. A table of mask words by id does gain (`prepareLanes`). Reference: test/reference/lcs.ts.
 */
import { BAG_BYTES, BAG_QUERY_MAX, groupBagBounds, queryBagInto } from "./lane-bag";
import { severalWords } from "./lane-words";
import { QUERY_CLASSES, QUERY_COUNT, QUERY_IDS, QUERY_LANE_MASKS, QUERY_MASKS, QUERY_TABLE, QUERY_WORDS, RESIDENT_LANES } from "./layout";
import { neededLcs } from "./ratio";

const LANES: usize = RESIDENT_LANES;
const GROUP_BYTES: usize = RESIDENT_LANES << 2;
/** Positions between two looks at whether a group can still reach what is needed: a look costs about as much as one position. */
const RUN_BYTES: usize = GROUP_BYTES << 3;
/** Up to so many rows of a group are dearer side by side than one by one. */
const FEW_LANES: usize = 2;
/** What must be needed for such a look to be worth its time. */
const NEEDED_LOOK: u32 = 4;

/**
 * LCS lengths of groups `from` to `to` (exclusive), u32[RESIDENT_LANES] a group, to `out`. `starts`: u32, the position at which a group starts;
 * one more entry than groups. `carries`: 32 bytes a position of the longest group, used beyond 252 query elements, 16-byte aligned.
 */
export function laneLcsLengthsInto(lanes: usize, starts: usize, from: u32, to: u32, query: usize, carries: usize, out: usize): void {
  if (load<u32>(query, QUERY_WORDS) === 1) {
    plainGroups(lanes, starts, from, to, query, out);
    return;
  }
  let target = out;
  for (let group = from; group < to; group++) {
    groupLcs(lanes, starts, group, query, carries, 0, target);
    target += GROUP_BYTES;
  }
}

/**
 * As `laneLcsLengthsInto`, but lengths whose ratio does not reach `cutoff` come out as 0, found out as early as cheaply possible: groups that
 * their candidates' lengths rule out are passed over, then rows that their bags rule out. `lengths`: u16 a row, RESIDENT_LANES of them a
 * group. `bags`: of all groups, `laneBagsInto`; 0: none. `scratch`: 32 bytes a position of the longest group, 128 at least, 16-byte aligned.
 */
export function laneLcsLengthsAtLeastInto(
  lanes: usize,
  starts: usize,
  lengths: usize,
  bags: usize,
  from: u32,
  to: u32,
  query: usize,
  scratch: usize,
  cutoff: f64,
  out: usize,
): void {
  const queryCount = load<u32>(query, QUERY_COUNT);
  const hasBags = bags !== 0 && queryCount <= BAG_QUERY_MAX;
  const queryBag = scratch;
  const bounds = scratch + BAG_BYTES;
  const isOneWord = load<u32>(query, QUERY_WORDS) === 1;
  if (hasBags) queryBagInto(query, queryBag);
  let target = out;
  let length = u32.MAX_VALUE;
  let needed: u32 = 0;
  for (let group = from; group < to; group++) {
    const groupLengths = lengths + ((group as usize) << 4);
    // Needed lengths grow with the candidate's: what the shortest needs, all need.
    const shortest = load<u16>(groupLengths) as u32;
    const longest = ((startOf(lanes, starts, group + 1) - startOf(lanes, starts, group)) / GROUP_BYTES) as u32;
    if (shortest !== length) {
      length = shortest;
      needed = neededLcs(length + queryCount, cutoff);
    }
    let left = LANES;
    if (min(longest, queryCount) < needed) left = 0;
    else if (hasBags) {
      groupBagBounds(bags + (group as usize) * LANES * BAG_BYTES, queryBag, bounds);
      left = 0;
      for (let lane: usize = 0; lane < LANES; lane++) left += (load<u32>(bounds + (lane << 2)) >= needed) as usize;
    }
    if (left === 0) memory.fill(target, 0, GROUP_BYTES);
    else if (left <= FEW_LANES && isOneWord) fewLanes(startOf(lanes, starts, group), groupLengths, bounds, needed, query, target);
    else groupLcs(lanes, starts, group, query, scratch, needed, target);
    if (left !== 0) {
      for (let lane: usize = 0; lane < LANES; lane++) {
        const own = load<u16>(groupLengths + (lane << 1)) as u32;
        if (own !== length) {
          length = own;
          needed = neededLcs(length + queryCount, cutoff);
        }
        if (load<u32>(target + (lane << 2)) < needed) store<u32>(target + (lane << 2), 0);
      }
    }
    target += GROUP_BYTES;
  }
}

/** One by one, down their lanes, the rows of a group whose bound reaches `needed`; 0 for the others. */
function fewLanes(start: usize, lengths: usize, bounds: usize, needed: u32, query: usize, out: usize): void {
  const table = laneTable(query);
  const masks = load<u32>(query, QUERY_MASKS) as usize;
  for (let lane: usize = 0; lane < LANES; lane++) {
    let found: u32 = 0;
    if (load<u32>(bounds + (lane << 2)) >= needed) {
      let s = ~(0 as u64);
      let p = start + (lane << 2);
      for (const end = p + (load<u16>(lengths + (lane << 1)) as usize) * GROUP_BYTES; p < end; p += GROUP_BYTES) {
        const u = s & load<u64>(wordOf<u16>(load<u32>(p), table, masks));
        s = (s + u) | (s - u);
      }
      found = popcnt<u64>(~s) as u32;
    }
    store<u32>(out + (lane << 2), found);
  }
}

/** Lane ids of 16 bits, half the memory to read: RESIDENT_LANES u16 a position, to `out`. All must be below 65,536. */
export function narrowLanesInto(lanes: usize, positions: u32, out: usize): void {
  let p = lanes;
  for (const end = lanes + (positions as usize) * GROUP_BYTES; p < end; p += GROUP_BYTES) {
    v128.store(out + ((p - lanes) >> 1), i16x8.narrow_i32x4_u(v128.load(p), v128.load(p, 16)));
  }
}

/**
 * As `laneLcsLengthsInto` for what `narrowLanesInto` wrote and a query of one mask word that has its table of words (`prepareLanes`): beyond the
 * inner caches it is the lane ids that take their time to come.
 */
export function narrowLcsLengthsInto(narrow: usize, starts: usize, from: u32, to: u32, query: usize, out: usize): void {
  const table = load<u32>(query, QUERY_LANE_MASKS) as usize;
  let target = out;
  let p = narrow + ((load<u32>(starts + ((from as usize) << 2)) as usize) << 4);
  for (let group = from; group < to; group++) {
    const end = narrow + ((load<u32>(starts + ((group as usize) << 2), 4) as usize) << 4);
    let s0 = i64x2.splat(-1);
    let s1 = i64x2.splat(-1);
    let s2 = i64x2.splat(-1);
    let s3 = i64x2.splat(-1);
    for (; p < end; p += 16) {
      s0 = step(s0, narrowWords(load<u32>(p), table));
      s1 = step(s1, narrowWords(load<u32>(p, 4), table));
      s2 = step(s2, narrowWords(load<u32>(p, 8), table));
      s3 = step(s3, narrowWords(load<u32>(p, 12), table));
    }
    storeZeros(target, s0, s1, s2, s3);
    target += GROUP_BYTES;
  }
}

function narrowWords(ids: u32, table: usize): v128 {
  return pairOf(table + (((ids & 0xffff) as usize) << 3), table + (((ids >>> 16) as usize) << 3));
}

/** Address of a group's first position. */
function startOf(lanes: usize, starts: usize, group: u32): usize {
  return lanes + (load<u32>(starts + ((group as usize) << 2)) as usize) * GROUP_BYTES;
}

/**
 * LCS lengths of a group to u32[RESIDENT_LANES] at `out`. Above 0, `needed` allows to stop when no lane can reach it: then the lengths are those
 * found until then, all below it.
 */
export function groupLcs(lanes: usize, starts: usize, group: u32, query: usize, carries: usize, needed: u32, out: usize): void {
  const words = load<u32>(query, QUERY_WORDS);
  if (words === 1 && needed < NEEDED_LOOK) {
    plainGroups(lanes, starts, group, group + 1, query, out);
    return;
  }
  const start = startOf(lanes, starts, group);
  const end = startOf(lanes, starts, group + 1);
  const table = laneTable(query);
  const masks = load<u32>(query, QUERY_MASKS) as usize;
  if (words === 1) {
    const laneMasks = load<u32>(query, QUERY_LANE_MASKS) as usize;
    if (laneMasks !== 0) oneWordAtLeast<u64>(start, end, laneMasks, 0, needed, out);
    else oneWordAtLeast<u16>(start, end, table, masks, needed, out);
    return;
  }
  const rowBytes = (words as usize) << 3;
  memory.fill(out, 0, GROUP_BYTES);
  for (let lane: usize = 0; lane < LANES; lane += 4) {
    const first = start + (lane << 2);
    const target = out + (lane << 2);
    if (words === 2) severalWords<i8>(first, end, table, masks, rowBytes, 0, target);
    else if (words === 4) severalWords<u8>(first, end, table, masks, rowBytes, 0, target);
    else {
      memory.fill(carries, 0, ((end - start) / GROUP_BYTES) << 5);
      for (let word: u32 = 0; word < words; word += 4) {
        const cells = masks + ((word as usize) << 3);
        if (words - word === 2) severalWords<i16>(first, end, table, cells, rowBytes, carries, target);
        else severalWords<u16>(first, end, table, cells, rowBytes, carries, target);
      }
    }
  }
}

/** Class table by lane id. What stands before the class table, the entry of padding, is zero: whoever owns the table sees to that. */
export function laneTable(query: usize): usize {
  return (load<u32>(query, QUERY_TABLE) as usize) - 2;
}

/**
 * Gives a query of one mask word a table of its words by lane id, for as long as it is prepared: one load less an id, a quarter of the time.
 * `laneMasks`: u64 a lane id of the kb, all zero, and zero again after `releaseLanes`. Longer queries go without.
 */
export function prepareLanes(query: usize, laneMasks: usize): void {
  if (load<u32>(query, QUERY_WORDS) !== 1) return;
  store<u32>(query, laneMasks as u32, QUERY_LANE_MASKS);
  const ids = load<u32>(query, QUERY_IDS) as usize;
  const masks = load<u32>(query, QUERY_MASKS) as usize;
  const classes = load<u32>(query, QUERY_CLASSES) as usize;
  for (let c: usize = 0; c < classes; c++) {
    store<u64>(laneMasks + ((load<u32>(ids + (c << 2)) as usize) << 3), load<u64>(masks + (c << 3), 8), 8);
  }
}

export function releaseLanes(query: usize): void {
  const laneMasks = load<u32>(query, QUERY_LANE_MASKS) as usize;
  if (laneMasks === 0) return;
  const ids = load<u32>(query, QUERY_IDS) as usize;
  const end = ids + ((load<u32>(query, QUERY_CLASSES) as usize) << 2);
  for (let p = ids; p < end; p += 4) store<u64>(laneMasks + ((load<u32>(p) as usize) << 3), 0, 8);
  store<u32>(query, 0, QUERY_LANE_MASKS);
}

/** Address of the mask word of a lane id: T u64: in a table of words by lane id; u16: by its class in a class table. */
export function wordOf<T>(id: u32, table: usize, masks: usize): usize {
  if (sizeof<T>() === 8) return table + ((id as usize) << 3);
  return masks + ((load<u16>(table + ((id as usize) << 1)) as usize) << 3);
}

/** The words of two candidates, one a lane. */
export function pairOf(low: usize, high: usize): v128 {
  return v128.load64_lane(high, v128.load_zero<u64>(low), 1);
}

/** The words of two neighbours, whose lane ids come by one load. */
function wordsOf<T>(ids: u64, table: usize, masks: usize): v128 {
  return pairOf(wordOf<T>(ids as u32, table, masks), wordOf<T>((ids >> 32) as u32, table, masks));
}

/** One step of the recurrence: (S + (S & M)) | (S & ~M). */
export function step(s: v128, mask: v128): v128 {
  return v128.or(i64x2.add(s, v128.and(s, mask)), v128.andnot(s, mask));
}

/** Queries of one word, without looking whether to stop. */
function plainGroups(lanes: usize, starts: usize, from: u32, to: u32, query: usize, out: usize): void {
  const laneMasks = load<u32>(query, QUERY_LANE_MASKS) as usize;
  if (laneMasks !== 0) oneWord<u64>(lanes, starts, from, to, laneMasks, 0, out);
  else oneWord<u16>(lanes, starts, from, to, laneTable(query), load<u32>(query, QUERY_MASKS) as usize, out);
}

function oneWord<T>(lanes: usize, starts: usize, from: u32, to: u32, table: usize, masks: usize, out: usize): void {
  let target = out;
  let p = startOf(lanes, starts, from);
  for (let group = from; group < to; group++) {
    const end = startOf(lanes, starts, group + 1);
    let s0 = i64x2.splat(-1);
    let s1 = i64x2.splat(-1);
    let s2 = i64x2.splat(-1);
    let s3 = i64x2.splat(-1);
    for (; p < end; p += GROUP_BYTES) {
      s0 = step(s0, wordsOf<T>(load<u64>(p), table, masks));
      s1 = step(s1, wordsOf<T>(load<u64>(p, 8), table, masks));
      s2 = step(s2, wordsOf<T>(load<u64>(p, 16), table, masks));
      s3 = step(s3, wordsOf<T>(load<u64>(p, 24), table, masks));
    }
    storeZeros(target, s0, s1, s2, s3);
    target += GROUP_BYTES;
  }
}

function oneWordAtLeast<T>(start: usize, end: usize, table: usize, masks: usize, needed: u32, out: usize): void {
  let s0 = i64x2.splat(-1);
  let s1 = i64x2.splat(-1);
  let s2 = i64x2.splat(-1);
  let s3 = i64x2.splat(-1);
  let p = start;
  while (p < end) {
    for (const stop = min(p + RUN_BYTES, end); p < stop; p += GROUP_BYTES) {
      s0 = step(s0, wordsOf<T>(load<u64>(p), table, masks));
      s1 = step(s1, wordsOf<T>(load<u64>(p, 8), table, masks));
      s2 = step(s2, wordsOf<T>(load<u64>(p, 16), table, masks));
      s3 = step(s3, wordsOf<T>(load<u64>(p, 24), table, masks));
    }
    const left = ((end - p) / GROUP_BYTES) as u32;
    if (max(max(mostZeros(s0), mostZeros(s1)), max(mostZeros(s2), mostZeros(s3))) + left < needed) break;
  }
  storeZeros(out, s0, s1, s2, s3);
}

/** Zeros of one of two words: the length that the recurrence has found. */
export function zeros(s: v128, isHigh: bool): u32 {
  return popcnt<u64>(~(isHigh ? i64x2.extract_lane(s, 1) : i64x2.extract_lane(s, 0))) as u32;
}

function mostZeros(s: v128): u32 {
  return max(zeros(s, false), zeros(s, true));
}

function storeZeros(out: usize, s0: v128, s1: v128, s2: v128, s3: v128): void {
  store<u32>(out, zeros(s0, false));
  store<u32>(out, zeros(s0, true), 4);
  store<u32>(out, zeros(s1, false), 8);
  store<u32>(out, zeros(s1, true), 12);
  store<u32>(out, zeros(s2, false), 16);
  store<u32>(out, zeros(s2, true), 20);
  store<u32>(out, zeros(s3, false), 24);
  store<u32>(out, zeros(s3, true), 28);
}
