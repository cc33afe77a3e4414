/**
 * Contract of the pattern store: where patterns and every change of a kb are kept for good. One implementation
 * (clickhouse-patterns.ts) over either client; the suite in `test/contract/pattern-store.ts` runs over both.
 */

import type { CandidateColumns } from "../wire/candidate-columns.ts";
import type { ArchiveStore } from "./archive-store.ts";
import type { BucketIndex } from "./bucket-index.ts";
import type { FlushRows } from "./flush-rows.ts";
import type { KbSettings } from "./kb-settings.ts";
import type { PatternAudit } from "./pattern-audit.ts";
import type { PatternIndex } from "./pattern-index.ts";
import type { PatternListing } from "./pattern-listing.ts";
import type { FlushBatch, OutboxEntry } from "./state-store.ts";

export interface ScanOptions {
  /** Only patterns with an id from this on; 0 when left out. */
  readonly from?: number;
  /** Only patterns with an id below this. */
  readonly below: number;
  /** Only patterns whose first symbol this is. */
  readonly firstSymbol?: number;
  readonly signal?: AbortSignal;
}

/** Where a kb stands in the pattern store. */
export interface StoredKb {
  readonly kb: string;
  /** Greatest sequence number written. */
  readonly seq: number;
}

export interface StoredPattern {
  readonly patternId: number;
  readonly symbolIds: readonly number[];
  readonly eventEnds: readonly number[];
}

/** What the tables hold of a generation, for comparing with the state store. */
export interface StoredCounts {
  readonly patterns: number;
  readonly names: number;
  readonly symbols: number;
  readonly vectors: number;
  readonly learns: number;
}

export interface PatternStore {
  /**
   * Writes a batch: symbols, patterns, vectors, events, and last the names (the commit marker). Durable when it resolves. Writing a batch
   * of an equal token again changes nothing, whatever part of it was written before.
   * `rows`: those of the batch, where the caller has them (`flush-rows.ts`).
   */
  write(batch: FlushBatch, rows?: FlushRows): Promise<void>;
  /**
   * Patterns of a generation as columns, every pattern once, in id order; a deleted one until `purgeDeleted`. The views are the caller's
   * until it asks for the next.
   * Errors: ENGRAM_STORE_UNREACHABLE, ENGRAM_STORE_REPLY, ENGRAM_ABORTED.
   */
  scan(kb: string, generation: number, options: ScanOptions): AsyncIterable<CandidateColumns>;
  /** One pattern by its bare name; undefined when it is not there (it may still wait to be flushed). */
  patternByName(kb: string, generation: number, name: string): Promise<StoredPattern | undefined>;
  listKbs(): Promise<readonly StoredKb[]>;
  counts(kb: string, generation: number): Promise<StoredCounts>;
  /** All changes that still count (from the last clear on), ascending seq, in slices: what a rebuild replays. */
  events(kb: string): AsyncIterable<readonly OutboxEntry[]>;
  /** What finds patterns without reading them all. */
  readonly index: PatternIndex;
  /** What finds patterns that share a band of a signature, for kbs that ask for MinHash. */
  readonly buckets: BucketIndex;
  /** Patterns by what they are, for listings and edits. */
  readonly listing: PatternListing;
  /** Histories as archives, and the book of imports. */
  readonly archive: ArchiveStore;
  /** What is decided for kbs as wholes. */
  readonly settings: KbSettings;
  /** What is wrong in the tables of a kb. */
  readonly audit: PatternAudit;
  /** Removes what generations below `generation` left. May be repeated. */
  dropBefore(kb: string, generation: number): Promise<void>;
  /**
   * Removes the rows of patterns whose deletes were written. Until then `scan` still gives them: readers pass over deleted ids. May be
   * repeated; costs a query a kb with deletes where nothing is left to do.
   */
  purgeDeleted(): Promise<void>;
  ping(): Promise<boolean>;
  close(): Promise<void>;
}
