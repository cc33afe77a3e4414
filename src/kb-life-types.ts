/** What the engine is asked and answers about kbs as wholes: sizes, archives, imports, reports. Values only. */
import type { MinhashSetting } from "./model/minhash.ts";
import type { Finding } from "./store/pattern-audit.ts";
import type { KbTotals } from "./store/state-store.ts";

/** What looking over a kb found. */
export interface KbReport {
  readonly kb: string;
  readonly patterns: number;
  readonly changes: number;
  /** Equal for kbs of the same patterns, whatever their order. */
  readonly checksum: string;
  /** False: the history has holes, so counters could not be compared with it. */
  readonly countersCompared: boolean;
  readonly findings: readonly Finding[];
}

export interface KbSize {
  readonly kb: string;
  readonly patterns: number;
  readonly symbols: number;
  readonly totals: KbTotals;
  /** Changes ever made to it. */
  readonly changes: number;
  readonly deleted: number;
  /** What it asks for; undefined: nothing. */
  readonly minhash: MinhashSetting | undefined;
}

/** A kb's MinHash setting and how far its patterns are indexed by it. */
export interface KbMinhash {
  readonly setting: MinhashSetting;
  /** Patterns with smaller ids are in the buckets; those above are scanned. */
  readonly indexedBelow: number;
}

/** What of a setting is asked for; what is left out is the default's. */
export interface AskedMinhash {
  readonly bands?: number;
  readonly rows?: number;
  readonly permutations?: number;
  readonly scheme?: string;
}

/** Where an export of a kb begins and ends. */
export interface ArchiveInfo {
  readonly kb: string;
  readonly generation: number;
  /** The last change that belongs to it. */
  readonly untilSeq: number;
  readonly patterns: number;
  readonly symbols: number;
  readonly totals: KbTotals;
}

export interface ImportRequest {
  /** Chosen by the caller, and the same for all parts. */
  readonly id: string;
  /** Counted from 0. */
  readonly part: number;
  readonly last: boolean;
  /** Into a kb that holds patterns. */
  readonly merge: boolean;
  /** Sent while the part before it is still learned: it waits for it. */
  readonly ahead?: boolean;
}

export interface ImportProgress {
  readonly id: string;
  /** Of this part. */
  readonly changes: number;
  /** In the kb now. */
  readonly patterns: number;
  readonly done: boolean;
}
