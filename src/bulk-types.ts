/** What bulk learning hands from thread to thread: patterns that were read, named and packed. */
import type { ErrorCode } from "./errors.ts";
import type { EmotiveRecord } from "./model/emotives.ts";
import type { Event } from "./model/event.ts";
import type { PackedLearns } from "./store/state-store.ts";

/** A pattern to be learned without a session. Emotive records are oldest first; metadata values are text, as a learn keeps them. */
export interface NewPattern {
  readonly events: readonly Event[];
  readonly emotives?: readonly EmotiveRecord[];
  readonly metadata?: readonly (readonly [string, readonly string[]])[];
}

export interface LearnedPattern {
  /** With `PTRN|`. */
  readonly name: string;
  readonly isNew: boolean;
  /** After this learn. */
  readonly frequency: number;
}

/** What a pattern is packed by. */
export interface PackingRules {
  readonly symbolsPerPatternMax: number;
  /** How many emotive records a pattern keeps. */
  readonly persistence: number;
}

/** Patterns ready to be learned in one commit. */
export interface PackedPatterns {
  /** Per pattern its place in `packed`; -1: it has fewer than two symbols. */
  readonly places: Int32Array;
  readonly packed: PackedLearns;
}

/** Lines that were read and packed. */
export interface PackedLines {
  /** Number of each line that holds anything. */
  readonly lines: Uint32Array;
  /** Those that are wrong, by their place in `lines`, and why; the others are in `patterns`, in their order. */
  readonly errors: ReadonlyMap<number, { readonly code: ErrorCode; readonly message: string }>;
  readonly patterns: PackedPatterns;
}
