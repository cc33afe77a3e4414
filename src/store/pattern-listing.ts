/**
 * Contract of reading patterns by what they are, for listings and edits: not for predictions, which want columns. What waits in the outbox is
 * not here.
 */
export interface PatternFilter {
  readonly lengthMin?: number;
  readonly lengthMax?: number;
  /** Id of a symbol that stands in the pattern. */
  readonly symbolId?: number;
  /** Learned, for the first time or again, at this time or later: Unix milliseconds. */
  readonly learnedSinceMs?: number;
  /** Not learned at this time or later: the last learn was before. */
  readonly learnedBeforeMs?: number;
}

export interface ListedPattern {
  readonly patternId: number;
  /** Bare name. */
  readonly name: string;
  readonly symbolIds: readonly number[];
  readonly eventEnds: readonly number[];
}

export interface PatternListing {
  /** At most `limit` patterns of a generation with ids from `from` on, in id order. A deleted one may still be among them. */
  list(kb: string, generation: number, filter: PatternFilter, from: number, limit: number): Promise<readonly ListedPattern[]>;
  /** Patterns of ids, by id; those that are not there are missing. */
  byId(kb: string, generation: number, ids: readonly number[]): Promise<ReadonlyMap<number, ListedPattern>>;
}
