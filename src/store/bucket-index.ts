/**
 * Contract of the table of buckets: which patterns share a band of a MinHash signature with a state. Rows are made by who signs (the kernel pool), a
 * range of ids at a time, behind the flush; the mark that says how far they go is `PatternIndex.raise`'s, under the name of the setting. A range
 * that was written twice changes no answer. The suite in `test/contract/bucket-index.ts` runs over every back end.
 */

/** Keys of consecutive patterns. */
export interface BucketRows {
  readonly patternIds: BigUint64Array;
  readonly bands: number;
  /** `bands` keys a pattern, in order of the ids. */
  readonly keys: Uint32Array;
}

/** Patterns that share a band, with how many: most first, then the smaller id. */
export interface BucketCandidates {
  readonly patternIds: readonly number[];
  /** More patterns share one than were listed. */
  readonly isCut: boolean;
}

export interface BucketIndex {
  /** Durable when it resolves. About 6 µs a pattern of 20 bands. */
  add(kb: string, generation: number, rows: BucketRows): Promise<void>;
  /** Patterns below id `below` that have the key of at least one band; `keys[band]` is the state's. One query; 10 ms over a million patterns. */
  candidates(
    kb: string,
    generation: number,
    keys: Uint32Array,
    options: { readonly below: number; readonly limit: number; readonly signal?: AbortSignal },
  ): Promise<BucketCandidates>;
  /** All (band, key) of patterns with ids in [from, to), each once, as `band * 2^32 + key`. Reads the kb's whole table: for looking it over. */
  stored(kb: string, generation: number, from: number, to: number): Promise<Map<number, readonly bigint[]>>;
  /** Removes the kb's rows, and the marks whose names begin with `markPrefix`, first. May be repeated. */
  drop(kb: string, generation: number, markPrefix: string): Promise<void>;
}
