/**
 * The bag bound of token LCS: a candidate's ids counted in 64 buckets of a byte, by a hash; the sum of the smaller counts of candidate and query
 * is at least what they share, so no less than their LCS. Says of most unrelated candidates that they cannot reach a cutoff, for less than a
 * tenth of the LCS. Sound for queries of up to BAG_QUERY_MAX ids: then a count that stopped at 255 is still no smaller than the query's.
 *
 * Cost: 64 bytes a candidate and one pass over the ids, once; four loads and a dozen operations a candidate and query. Not worth it below
 * cutoffs of about a half or for candidates of few ids, whose LCS is as cheap. Reference: the LCS with the same cutoff must come out the same.
 */
import { QUERY_COUNT, QUERY_IDS, QUERY_POSITION_CLASSES, RESIDENT_LANES } from "./layout";

export const BAG_BYTES: usize = 64;
/** Query ids up to which the bound is used: sound and in bytes up to 255, and up to 252 the LCS needs no scratch, where the bag lies. */
export const BAG_QUERY_MAX: u32 = 252;

/** 1 in every byte: a product with it has the sum of all bytes on top. */
const BYTE_ONES: u64 = u64.MAX_VALUE / 255;
const LANES: usize = RESIDENT_LANES;
const GROUP_BYTES: usize = RESIDENT_LANES << 2;

/** Counts the ids of groups `from` to `to` (exclusive): 64 bytes a row, RESIDENT_LANES rows a group, to `bags`. `starts` as in `laneLcsLengthsInto`. */
export function laneBagsInto(lanes: usize, starts: usize, from: u32, to: u32, bags: usize): void {
  memory.fill(bags, 0, ((to - from) as usize) * LANES * BAG_BYTES);
  let bag = bags;
  for (let group = from; group < to; group++) {
    const cell = starts + ((group as usize) << 2);
    const end = lanes + (load<u32>(cell, 4) as usize) * GROUP_BYTES;
    for (let lane: usize = 0; lane < LANES; lane++) {
      for (let p = lanes + (load<u32>(cell) as usize) * GROUP_BYTES + (lane << 2); p < end; p += GROUP_BYTES) {
        const id = load<u32>(p);
        if (id === 0) break;
        count(bag, id);
      }
      bag += BAG_BYTES;
    }
  }
}

/** The query's own bag, 64 bytes. Ids that are in no class table count for nothing: no candidate has them. */
export function queryBagInto(query: usize, bag: usize): void {
  memory.fill(bag, 0, BAG_BYTES);
  const ids = load<u32>(query, QUERY_IDS) as usize;
  const classes = load<u32>(query, QUERY_POSITION_CLASSES) as usize;
  const length = load<u32>(query, QUERY_COUNT) as usize;
  for (let p: usize = 0; p < length; p++) {
    const symbolClass = load<u16>(classes + (p << 1)) as usize;
    if (symbolClass !== 0) count(bag, load<u32>(ids + ((symbolClass - 1) << 2)) + 1);
  }
}

/** Most ids that each of a group's eight rows can share with the query, u32[RESIDENT_LANES] to `out`. `bags`: the group's. */
export function groupBagBounds(bags: usize, queryBag: usize, out: usize): void {
  const q0 = v128.load(queryBag);
  const q1 = v128.load(queryBag, 16);
  const q2 = v128.load(queryBag, 32);
  const q3 = v128.load(queryBag, 48);
  let bag = bags;
  for (let lane: usize = 0; lane < LANES; lane++) {
    const low = i8x16.add(i8x16.min_u(q0, v128.load(bag)), i8x16.min_u(q1, v128.load(bag, 16)));
    const high = i8x16.add(i8x16.min_u(q2, v128.load(bag, 32)), i8x16.min_u(q3, v128.load(bag, 48)));
    const sums = i8x16.add(low, high);
    // All counts together are no more than the query's ids: neither a byte nor the product's top byte overflows.
    const bytes = (i64x2.extract_lane(sums, 0) as u64) + (i64x2.extract_lane(sums, 1) as u64);
    store<u32>(out + (lane << 2), ((bytes * BYTE_ONES) >> 56) as u32);
    bag += BAG_BYTES;
  }
}

/** Counts a lane id in its bucket, up to 255: the upper bits of a multiplication by 2^32 over the golden ratio. */
function count(bag: usize, laneId: u32): void {
  const cell = bag + ((laneId * 0x9e3779b1) >>> 26);
  const n = load<u8>(cell) as u32;
  store<u8>(cell, (n + ((n < 255) as u32)) as u8);
}
