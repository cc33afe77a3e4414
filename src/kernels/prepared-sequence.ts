/**
 * One query, prepared once, against many candidates: what `Kernels.query` opens. Answers are copies. Use after `release` throws.
 */
import { RESIDENT_LANES } from "../../assembly/layout.ts";
import type { OwnMemory } from "./own-memory.ts";

/** Candidates one after the other in the kernels' memory, until `clear`. */
export interface Column {
  readonly count: number;
  /** Ids in all candidates together. */
  readonly total: number;
  /** Ids in the longest candidate. */
  readonly longest: number;
  readonly flat: number;
  readonly offsets: number;
}

/** As `Column`, laid out for the lane kernels (lane-column.ts). Answers stand in the order of places, by length: place n is candidate `order[n]`. */
export interface LaneColumn {
  readonly count: number;
  readonly longest: number;
  readonly groups: number;
  readonly order: Uint32Array;
  readonly lanes: number;
  /** The same in u16, which is less to read; 0 where an id is too great for it. */
  readonly narrow: number;
  readonly starts: number;
  readonly lengths: number;
  readonly distinct: number;
  readonly bags: number;
}

/** Sets as postings in the kernels' memory (set-column.ts), until `clear`. */
export interface SetColumn {
  readonly count: number;
  readonly idLimit: number;
  readonly starts: number;
  readonly places: number;
}

/** A matching block: start in the pattern, start in the state, size. */
export type Block = readonly [patternStart: number, stateStart: number, size: number];

/** Elements of a query whose masks have one word. */
const ONE_WORD_MAX = 64;
/** Two SIMD vectors of carries a position. */
const LANE_CARRY_BYTES = 32;
/** A query's bag and a group's bounds. */
const LANE_SCRATCH_BYTES_MIN = 128;
/** Cutoffs from which bags rule out enough to be worth looking at. */
const BAG_CUTOFF_MIN = 0.4;

/** A block's values, each a u32. */
const BLOCK_VALUES = 3;

export interface RatioMatches {
  /** Candidates that reach the cutoff, ascending. */
  readonly indices: Uint32Array;
  /** Parallel to `indices`. */
  readonly ratios: Float64Array;
}

export interface BlockColumn {
  /** Candidate c's blocks: triples `starts[c]` to `starts[c + 1]` (exclusive) of `blocks`. */
  readonly starts: Uint32Array;
  /** (start in candidate, start in query, size) one after the other. */
  readonly blocks: Uint32Array;
}

interface Opened {
  readonly query: number;
  readonly count: number;
  readonly classes: number;
  /** u8 and u64 a lane id, all 0. */
  readonly hits: number;
  readonly laneMasks: number;
  assertIds(candidate: Uint32Array): void;
  closed(): void;
}

export class PreparedSequence {
  readonly #memory: OwnMemory;
  readonly #opened: Opened;
  #released = false;

  constructor(memory: OwnMemory, opened: Opened) {
    this.#memory = memory;
    this.#opened = opened;
  }

  /** Elements of the query. */
  get length(): number {
    return this.#opened.count;
  }

  /** Gives the memory back. A second call does nothing. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#memory.exports.releaseQuery(this.#opened.query);
    this.#opened.closed();
  }

  lcsLength(candidate: Uint32Array): number {
    return this.#single(candidate, (address) => {
      const carries = this.#memory.reserve(candidate.length);
      return this.#memory.exports.lcsLength(address, candidate.length, this.#opened.query, carries);
    });
  }

  /** LCS lengths of a column; lengths below `needed` come out as 0. */
  lcsLengths(column: Column, needed = 0): Uint32Array {
    return this.#temporary((memory) => {
      const carries = memory.reserve(column.longest);
      const out = memory.reserve(column.count * 4);
      memory.exports.lcsLengthsInto(column.flat, column.offsets, 0, column.count, this.#opened.query, carries, needed, out);
      return memory.u32(out, column.count).slice();
    });
  }

  /**
   * LCS lengths of a lane column, by place, to `out`; those whose ratio (2 * LCS / both lengths) is below `cutoff` (forgiving 1e-9) come out
   * as 0.
   */
  laneLcsLengths(column: LaneColumn, cutoff = 0, out = new Uint32Array(column.count)): Uint32Array {
    return this.withLaneLcsLengths(column, cutoff, (lengths) => {
      out.set(lengths);
      return out;
    });
  }

  /** As `laneLcsLengths`, without a copy: what `use` is given is a view of the kernels' memory, valid until it returns. */
  withLaneLcsLengths<T>(column: LaneColumn, cutoff: number, use: (lengths: Uint32Array) => T): T {
    return this.#temporary((memory) => {
      const { lanes, starts, lengths, bags, groups } = column;
      const scratch = memory.reserve(Math.max(LANE_SCRATCH_BYTES_MIN, column.longest * LANE_CARRY_BYTES));
      const found = memory.reserve(groups * RESIDENT_LANES * 4);
      const { query, laneMasks } = this.#opened;
      memory.exports.prepareLanes(query, laneMasks);
      if (cutoff <= 0 && column.narrow !== 0 && this.#opened.count <= ONE_WORD_MAX)
        memory.exports.narrowLcsLengthsInto(column.narrow, starts, 0, groups, query, found);
      else if (cutoff <= 0) memory.exports.laneLcsLengthsInto(lanes, starts, 0, groups, query, scratch, found);
      else
        memory.exports.laneLcsLengthsAtLeastInto(
          lanes,
          starts,
          lengths,
          cutoff < BAG_CUTOFF_MIN ? 0 : bags,
          0,
          groups,
          query,
          scratch,
          cutoff,
          found,
        );
      memory.exports.releaseLanes(query);
      return use(memory.u32(found, column.count));
    });
  }

  /** How many distinct ids each candidate of a lane column shares with the query, by place, to `out`. */
  laneIntersectionCounts(column: LaneColumn, out = new Uint32Array(column.count)): Uint32Array {
    return this.#temporary((memory) => {
      const found = memory.reserve(column.groups * RESIDENT_LANES * 4);
      const { lanes, starts, lengths, distinct, groups } = column;
      const { query, hits } = this.#opened;
      memory.exports.markHits(query, hits, 1);
      memory.exports.laneIntersectionCountsInto(lanes, starts, lengths, distinct, 0, groups, query, hits, found);
      memory.exports.markHits(query, hits, 0);
      out.set(memory.u32(found, column.count));
      return out;
    });
  }

  /** How many distinct ids each set of a column shares with the query, to `out`: the fastest way to many Jaccard indices. */
  sharedCounts(column: SetColumn, out = new Uint32Array(column.count)): Uint32Array {
    return this.withSharedCounts(column, (counts) => {
      out.set(counts);
      return out;
    });
  }

  /** As `sharedCounts`, without a copy: what `use` is given is a view of the kernels' memory, valid until it returns. */
  withSharedCounts<T>(column: SetColumn, use: (counts: Uint32Array) => T): T {
    return this.#temporary((memory) => {
      const { starts, places, idLimit, count } = column;
      const counts = memory.reserve(count * 4);
      memory.exports.sharedCountsInto(starts, places, idLimit, count, this.#opened.query, counts);
      return use(memory.u32(counts, count));
    });
  }

  indelRatio(candidate: Uint32Array): number {
    return this.#single(candidate, (address) => {
      const carries = this.#memory.reserve(candidate.length);
      return this.#memory.exports.indelRatio(address, candidate.length, this.#opened.query, carries);
    });
  }

  /** The candidates of a column whose ratio is at least `cutoff` (forgiving 1e-9), and their exact ratios. */
  indelRatios(column: Column, cutoff: number): RatioMatches {
    return this.#temporary((memory) => {
      const carries = memory.reserve(column.longest);
      const indices = memory.reserve(column.count * 4);
      const ratios = memory.reserve(column.count * 8);
      const { query } = this.#opened;
      const found = memory.exports.indelRatiosInto(column.flat, column.offsets, 0, column.count, query, carries, cutoff, indices, ratios);
      return { indices: memory.u32(indices, found).slice(), ratios: memory.f64(ratios, found).slice() };
    });
  }

  intersectionCount(candidate: Uint32Array): number {
    return this.#single(candidate, (address) => {
      const scratch = this.#memory.reserve(this.#memory.exports.intersectionScratchBytes(this.#opened.classes));
      return this.#memory.exports.intersectionCount(address, candidate.length, this.#opened.query, scratch);
    });
  }

  intersectionCounts(column: Column): Uint32Array {
    return this.#temporary((memory) => {
      const scratch = memory.reserve(memory.exports.intersectionScratchBytes(this.#opened.classes));
      const out = memory.reserve(column.count * 4);
      memory.exports.intersectionCountsInto(column.flat, column.offsets, 0, column.count, this.#opened.query, scratch, out);
      return memory.u32(out, column.count).slice();
    });
  }

  /** Matching blocks; the candidate is the pattern, the query the state. */
  matchingBlocks(candidate: Uint32Array): Block[] {
    return this.#single(candidate, (address) => {
      const { query, count } = this.#opened;
      const memory = this.#memory;
      const scratch = memory.reserve(memory.exports.blocksScratchBytes(candidate.length, count) >>> 0);
      const out = memory.reserve(Math.min(candidate.length, count) * BLOCK_VALUES * 4);
      const found = memory.exports.matchingBlocks(address, candidate.length, query, scratch, out);
      const values = memory.u32(out, found * BLOCK_VALUES);
      return Array.from({ length: found }, (_, b): Block => {
        const at = b * BLOCK_VALUES;
        return [values[at]!, values[at + 1]!, values[at + 2]!];
      });
    });
  }

  matchingBlocksOf(column: Column): BlockColumn {
    return this.#temporary((memory) => {
      const { query, count } = this.#opened;
      const scratch = memory.reserve(memory.exports.blocksScratchBytes(column.longest, count) >>> 0);
      const starts = memory.reserve((column.count + 1) * 4);
      // A candidate has no more blocks than ids, nor than the query has.
      const blocks = memory.reserve(Math.min(column.total, column.count * count) * BLOCK_VALUES * 4);
      memory.exports.matchingBlocksInto(column.flat, column.offsets, 0, column.count, query, scratch, starts, blocks);
      const ends = memory.u32(starts, column.count + 1).slice();
      return { starts: ends, blocks: memory.u32(blocks, ends.at(-1)! * BLOCK_VALUES).slice() };
    });
  }

  #single<T>(candidate: Uint32Array, use: (address: number) => T): T {
    this.#opened.assertIds(candidate);
    return this.#temporary((memory) => use(memory.place(candidate)));
  }

  #temporary<T>(use: (memory: OwnMemory) => T): T {
    if (this.#released) throw new Error("this query was released");
    const before = this.#memory.top;
    try {
      return use(this.#memory);
    } finally {
      this.#memory.release(before);
    }
  }
}
