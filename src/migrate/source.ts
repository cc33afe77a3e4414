/**
 * Contract of a migration's source: another program's memory, read only, as batches of whole patterns with their counters. A source never
 * guesses: what is missing or contradicts itself is a problem with a code, and the pattern it concerns is handed on only where it is whole.
 *
 * A batch names the place after it (`resume`). The batch that follows a place is always the same as long as the source is not written to:
 * a run that was killed repeats at most one batch, under the same key.
 */
import type { ImportedPattern } from "../engine-types.ts";
import type { EmotiveRecord } from "../model/emotives.ts";

export interface SourceKb {
  /** What the source calls it: a database, a kb id, a file. */
  readonly name: string;
  /** Node id whose knowledge base receives it. */
  readonly node: string;
  /** Patterns it says it has; undefined where only reading tells. */
  readonly patterns: number | undefined;
}

/** What a source knows of a symbol beyond its patterns. */
export interface SourceSymbol {
  readonly symbol: string;
  /** Undefined where the source does not say. */
  readonly frequency: number | undefined;
  readonly patternMemberFrequency: number | undefined;
  /** Sum per emotive. */
  readonly affinity: EmotiveRecord;
}

/** Every way in which a source may be less than whole. */
export const PROBLEM_KINDS = {
  unreadable: "the entry is no pattern of the expected form",
  name_mismatch: "the stored name is not the hash of the events",
  too_short: "fewer than two symbols: no pattern",
  too_long: "more symbols than a pattern may hold",
  no_frequency: "the counter of how often it was learned is missing",
  bad_emotives: "its emotives are no records of numbers",
  bad_metadata: "its metadata is no object of lists",
  duplicate: "the same pattern stands there more than once",
} as const;

export type ProblemKind = keyof typeof PROBLEM_KINDS;

export interface Problem {
  readonly kind: ProblemKind;
  /** Which entry: a name, an id, a byte place. */
  readonly entry: string;
  /** Whether the pattern was left out because of it. */
  readonly leftOut: boolean;
  readonly detail: string;
}

export interface SourceBatch {
  readonly patterns: readonly ImportedPattern[];
  readonly problems: readonly Problem[];
  /** Entries of the source this batch stands for: patterns and those left out. */
  readonly entries: number;
  /** Where the next batch begins. */
  readonly resume: string;
}

export interface MigrationSource {
  /** For people and reports: which program, where. Never a password. */
  readonly description: string;
  listKbs(): Promise<readonly SourceKb[]>;
  /** Batches from the beginning, or from a place that an earlier batch named. */
  batches(kb: SourceKb, resume: string | undefined): AsyncIterable<SourceBatch>;
  /** Symbols with what is known of them, in slices; nothing where the source keeps none. */
  symbols(kb: SourceKb): AsyncIterable<readonly SourceSymbol[]>;
  close(): Promise<void>;
}

/** Patterns a batch at most: a few milliseconds to name and sign, one commit to learn. */
export const BATCH_PATTERNS = 2_000;
