/**
 * Contract of the pattern index: the tables that find patterns without reading them all. They lag behind the patterns on purpose: an index
 * covers the ids below its mark, and whoever asks it scans the rest. Rows are made from `patterns` in the store itself, a range of ids at
 * a time. Writing a range twice changes no answer. The suite in `test/contract/pattern-index.ts` runs over every back end.
 */
import type { CandidateColumns } from "../wire/candidate-columns.ts";

/** One symbol of a state, and the lengths of patterns for which its posting rows are read. */
export interface PostingRead {
  readonly symbol: number;
  /** How often the state has it: no pattern can gain more from it. */
  readonly weight: number;
  /** Rows of patterns up to this length are read; below `lengthFrom` of the question: none. */
  readonly lengthTo: number;
}

/** What similarity a pattern must reach, and which rows decide whether it could. */
export interface PostingQuestion {
  /** Symbols of the state, repeats and unknown ones included. */
  readonly stateLength: number;
  /** Lowest similarity, 2 L / (N + Q), inclusive with an epsilon of 1e-9. */
  readonly similarity: number;
  /** No shorter pattern can reach it. */
  readonly lengthFrom: number;
  /** Every distinct known symbol of the state; at least one is read. */
  readonly reads: readonly PostingRead[];
  /** Rows that this may come to, as far as anybody knows: long lists are read by two threads. */
  readonly rows: number;
  /** Only patterns with ids below this are candidates. */
  readonly idsBelow: number;
  /** Most candidates answered; the best bounds come first. */
  readonly limit: number;
}

/** Candidates with an upper bound of their similarity, greatest bound first, equal ones by `nameBytes`. Parallel. */
export interface PostingCandidates {
  readonly patternIds: Float64Array;
  readonly bounds: Float64Array;
  /** The first byte of each name: of equally similar patterns the one with the smaller name is better. */
  readonly nameBytes: Uint8Array;
}

/** Names of the marks of postings and of first symbols. */
export const POSTINGS_MARK = "postings";
export const FIRST_SYMBOLS_MARK = "first symbols";

export interface PatternIndex {
  /** Ids below this are in the index of that name; 0 where there is none. */
  mark(kb: string, generation: number, name: string): Promise<number>;
  /** Raises a mark, once the rows it speaks for are durable. To 0 before the first rows: a clear looks for marks to know whether there are rows. */
  raise(kb: string, generation: number, name: string, below: number): Promise<void>;
  /** Makes the posting rows of the patterns with ids in [from, to), and moves the mark to `to`. All of them must be in `patterns`. */
  addPostings(kb: string, generation: number, from: number, to: number): Promise<void>;
  /** As `addPostings`, for the index of first symbols. */
  addFirstSymbols(kb: string, generation: number, from: number, to: number): Promise<void>;
  /**
   * Ids below `below` of indexed patterns that begin with the symbol: the shortest, equally long ones by name. A pattern stands there twice when its range
   * was written twice. One query; 3-8 ms over a million patterns.
   */
  beginningWith(
    kb: string,
    generation: number,
    symbol: number,
    options: { readonly below: number; readonly limit: number; readonly signal?: AbortSignal },
  ): Promise<readonly number[]>;
  /**
   * Every indexed pattern whose bound reaches the asked similarity, the best `limit` of them. The bound is never below the similarity in
   * token mode. One query; 5-20 ms over 10 million patterns at 0.5. Errors: those of `PatternStore.scan`.
   */
  candidates(kb: string, generation: number, question: PostingQuestion, signal?: AbortSignal): Promise<PostingCandidates>;
  /** How many of the patterns with ids below `below` have each length, from 0 on. One query; some 10 ms for 250,000. */
  lengths(kb: string, generation: number, below: number): Promise<readonly number[]>;
  /** Patterns by their ids, in no order; what is not there is left out. 100 cost 10-20 ms, 1,000 cost 80-100 ms. */
  fetch(kb: string, generation: number, patternIds: readonly number[], signal?: AbortSignal): AsyncIterable<CandidateColumns>;
  /** Removes what generations below `generation` left. May be repeated. */
  dropBefore(kb: string, generation: number): Promise<void>;
}
