/**
 * Contract of the state store: the place where an observe and a learn are committed. Two back ends are equals (LMDB, Redis), and the
 * suite in `test/contract/state-store.ts` runs over both. No call reads between writes in a way that one Lua script could not do.
 *
 * Numbers are float64 and sums are added in sequence order, so both back ends (and a rebuild) give the same bits.
 * A kb is named by its `kb` string; a generation is a number that clear-all raises, and everything learned belongs to one generation.
 * Sequence numbers rise by one for each change of a kb, over generations: `epoch * 2^40 + n`.
 *
 * Errors: `ENGRAM_STORE_UNREACHABLE` when the store is away (within milliseconds, nothing half done), `ENGRAM_DISK_FULL`,
 * `ENGRAM_STORE_REPLY` when it answers nonsense, `ENGRAM_DATA_LOCKED`, `ENGRAM_DATA_FORMAT` at opening.
 */
import type { EmotiveRecord } from "../model/emotives.ts";
import type { LearnPattern } from "../model/pattern.ts";
import type { PendingVector, Session } from "../model/session.ts";

export type { LearnPattern } from "../model/pattern.ts";

/** Bits kept for the running number below the epoch. */
export const EPOCH_FACTOR = 2 ** 40;

/** Marks a symbol that the kb does not know, wherever symbol ids stand. */
export const UNKNOWN_SYMBOL = 0xffff_ffff;

/** The three counters of a kb, named as on the wire. Reference semantics §4.2. */
export interface KbTotals {
  readonly total_symbols_in_patterns_frequencies: number;
  readonly total_pattern_frequencies: number;
  readonly total_unique_patterns: number;
}

/** The head of a kb: what a predict must know before it reads anything else. A kb never written has generation 1 and zeros. */
export interface KbHead {
  readonly kb: string;
  readonly generation: number;
  /** Last sequence number given out; 0 when nothing was ever changed. */
  readonly seq: number;
  /** Next pattern id: ids are given out densely from 0 within a generation and never again, so this is how many ever were. */
  readonly patternCount: number;
  /** How many of those were deleted: the length of `listDeleted`. */
  readonly deletedCount: number;
  /** Next symbol id: dense from 0 within a generation, so this is how many symbols are known. */
  readonly symbolCount: number;
  /** Symbols that stand in no pattern any more, because all of theirs were deleted. They keep their ids. */
  readonly goneSymbols: number;
  readonly totals: KbTotals;
  /** Length of the first indexed vector of this generation; 0 when none is. */
  readonly vectorDimension: number;
  /** Patterns with an id below this were covered by the last finalize-training; 0 when there was none. */
  readonly finalizedBelow: number;
}

export interface LearnCommit {
  readonly kb: string;
  readonly pattern: LearnPattern;
  /** Emotive records handed to this learn, oldest first. */
  readonly emotives: readonly EmotiveRecord[];
  /** Metadata of this learn: per name the sorted set of values as text. */
  readonly metadata: readonly (readonly [name: string, values: readonly string[]])[];
  readonly vectors: readonly PendingVector[];
  /** How many emotive records the pattern keeps (newest). */
  readonly persistence: number;
  /** Unix milliseconds, for the event's record. */
  readonly atMs: number;
}

/** What those few learns of a batch bring that have more than symbols. */
export interface PackedExtras {
  readonly emotives: readonly EmotiveRecord[];
  /** Per emotive the mean over all records: what every distinct symbol's affinity is raised by. */
  readonly averages: EmotiveRecord;
  readonly metadata: LearnCommit["metadata"];
  readonly vectors: readonly PendingVector[];
}

/** Learns of one kb in columns (`packed-learns.ts`), so that they are cheap to hand from thread to thread. */
export interface PackedLearns {
  readonly count: number;
  /** Bare names as bytes, 20 each. */
  readonly names: Uint8Array;
  /** Bodies of their outbox entries one behind the other, and where each ends. */
  readonly bodies: Uint8Array;
  readonly bodyEnds: Uint32Array;
  /** Distinct symbols of all of them, in order of first appearance. */
  readonly symbols: readonly string[];
  /** Learn by learn its distinct symbols as places in `symbols`, and how often each stands in the pattern; where a learn's end. */
  readonly places: Uint32Array;
  readonly occurrences: Uint32Array;
  readonly placeEnds: Uint32Array;
  /** Symbols of the flattened sequence. */
  readonly lengths: Uint32Array;
  readonly persistences: Uint32Array;
  /** Unix milliseconds. */
  readonly times: Float64Array;
  /** By position. */
  readonly extras: ReadonlyMap<number, PackedExtras>;
}

/** What a pattern's new figures are; what is left out stays as it is. */
export interface PatternUpdate {
  readonly kind: "update";
  /** Whole and at least 1. */
  readonly frequency?: number;
  /** The new window, oldest first, cut to `persistence`. The mean of that window takes the place of all the pattern added to affinities so far. */
  readonly emotives?: readonly EmotiveRecord[];
  readonly metadata?: readonly (readonly [name: string, values: readonly string[]])[];
  readonly persistence: number;
}

/** A change of one pattern that is there. Its content is handed along: it never changes under an id, and the state store does not keep it. */
export interface PatternEdit {
  /** Bare name. */
  readonly name: string;
  readonly patternId: number;
  /** The flattened sequence as symbol ids. */
  readonly symbolIds: readonly number[];
  readonly eventEnds: readonly number[];
  readonly change: { readonly kind: "delete" } | PatternUpdate;
}

/** Sums of emotives, by symbol id. */
export type SymbolSums = readonly (readonly [symbolId: number, sums: EmotiveRecord])[];

/** "unknown": the generation holds no pattern of that name under that id (any more), and nothing was done about it. */
export type EditOutcome = "done" | "unknown";

export interface LearnResult {
  readonly seq: number;
  readonly generation: number;
  readonly patternId: number;
  readonly isNew: boolean;
  readonly frequency: number;
  /** For each of `pattern.distinct`, its symbol id. */
  readonly symbolIds: readonly number[];
}

/** One change of a kb, waiting to be written to the pattern store. Kept until the flush that wrote it has finished. */
export type OutboxEntry = {
  readonly kb: string;
  readonly generation: number;
  readonly seq: number;
  readonly atMs: number;
} & (
  | {
      readonly kind: "learn";
      readonly patternId: number;
      readonly isNew: boolean;
      /** Per distinct symbol, its id. */
      readonly symbolIds: readonly number[];
      /** Ids from here on were given out by this very commit. */
      readonly firstNewSymbol: number;
      readonly pattern: LearnPattern;
      readonly emotives: readonly EmotiveRecord[];
      readonly metadata: readonly (readonly [string, readonly string[]])[];
      /** Vectors indexed by this learn (new to the kb, of its dimension). */
      readonly vectors: readonly PendingVector[];
      readonly persistence: number;
    }
  /** `generation` is the new one; everything of older generations is void from here on. */
  | { readonly kind: "clear" }
  | { readonly kind: "finalize"; readonly below: number }
  | ({ readonly kind: "edit" } & PatternEdit)
  | { readonly kind: "affinity"; readonly sums: SymbolSums }
);

/** A batch to flush. A batch taken and not finished is given out again, whole and unchanged, to the next taker. */
export interface FlushBatch {
  /** Unique for ever in this state store: the stem of the deduplication tokens. */
  readonly token: string;
  /** Per kb in ascending seq, contiguous. */
  readonly entries: readonly OutboxEntry[];
  /** The same as the store keeps them (`outbox-entry.ts`), where it does: `entries` are decoded when they are first asked for then. */
  readonly encoded?: readonly EncodedEntries[];
}

export interface EncodedEntries {
  readonly kb: string;
  readonly entries: readonly Uint8Array[];
}

export interface PatternRecord {
  readonly patternId: number;
  readonly frequency: number;
  /** Newest last, at most `persistence` of the last learn. */
  readonly emotives: readonly EmotiveRecord[];
  readonly metadata: readonly (readonly [name: string, values: readonly string[]])[];
}

export interface SymbolCounters {
  readonly frequency: number;
  /** pmf: in how many distinct patterns the symbol stands. */
  readonly patternMemberFrequency: number;
}

/** Counters of a kb read at one moment. Lists are parallel to what was asked; `undefined` where the kb does not know it. */
export interface CounterSnapshot {
  readonly head: KbHead;
  readonly patterns: readonly (PatternRecord | undefined)[];
  readonly symbols: readonly (SymbolCounters | undefined)[];
  /** As `symbols`, at the moment of the last finalize-training, with its totals; absent when there was none. */
  readonly finalized:
    | { readonly totals: KbTotals; readonly symbolCount: number; readonly memberFrequencies: readonly number[] }
    | undefined;
}

/** A save that goes with a learn. */
export interface SessionsPage {
  readonly sessions: readonly Session[];
  /** Absent where there are no more. */
  readonly next?: string;
}

export interface SessionSave {
  readonly next: Session;
  readonly expectedVersion: number;
  /** Owner of the session's lock, where the caller has it. */
  readonly lock?: string;
}

export type SaveOutcome = "saved" | "conflict";
export type LearnOutcome =
  | { readonly outcome: "committed"; readonly result: LearnResult }
  | { readonly outcome: "conflict" | "outboxFull" };

/** A row of `listSymbols`. */
export interface SymbolRow extends SymbolCounters {
  readonly id: number;
  readonly symbol: string;
}

export interface StateStore {
  readonly backEnd: "lmdb" | "redis";

  // ── sessions ──
  /** Writes a new session (its `version` is 1). */
  createSession(session: Session): Promise<void>;
  /**
   * The session and the head of its kb in one round trip; `undefined` when unknown or expired at `nowMs`. With `slide`, its expiry moves
   * to `nowMs + ttl`, never back; a store may leave a move of less than a second unwritten.
   */
  readSession(id: string, nowMs: number, slide: boolean): Promise<{ session: Session; head: KbHead } | undefined>;
  /** Durable when it resolves. `session.version` must be `expectedVersion + 1`; "conflict" when another save came first or the session is gone. */
  saveSession(session: Session, expectedVersion: number, lock?: string): Promise<SaveOutcome>;
  /**
   * Takes or renews the lock of a session over processes; false while another owner has it. A holder is alone in saving (others' saves are
   * conflicts) until it unlocks or the lease runs out; after that its own save still meets the version it read, which is its fencing number.
   * Where one process has the store alone, always true.
   */
  lockSession(id: string, owner: string, leaseMs: number): Promise<boolean>;
  unlockSession(id: string, owner: string): Promise<void>;
  deleteSession(id: string): Promise<boolean>;
  /** Sessions alive at `nowMs`. */
  countSessions(nowMs: number): Promise<number>;
  /**
   * Sessions alive at `nowMs`, at most `limit`, soonest expiry first (in a cluster: within each of its groups). `after`: `next` of the page before;
   * ENGRAM_BAD_REQUEST for anything else. One that is used between two pages moves behind and may come again; none is left out.
   */
  listSessions(nowMs: number, limit: number, after?: string): Promise<SessionsPage>;
  /** Removes at most `limit` expired sessions; answers how many. */
  sweepSessions(nowMs: number, limit: number): Promise<number>;

  // ── changes of a kb: each one atomic, durable when it resolves, with its outbox entry ──
  /**
   * A learn together with the save of its session (`null`: without one, as bulk loading does). Frequency by set-if-absent, symbol
   * counters and ids, totals, emotive window, metadata union, affinity, vectors, the next sequence number, the outbox entry.
   * "conflict": the session's version was not `expectedVersion`, nothing was done. "outboxFull": more than the limit waits, nothing was done.
   */
  commitLearn(learn: LearnCommit, session: SessionSave | null): Promise<LearnOutcome>;
  /**
   * Many learns without sessions in one commit, in order: all or none. Answers their results, or "outboxFull". With a `requestId`, a call
   * repeated with it (its answer was lost) learns nothing and gets the first answer; the newest 256 ids are remembered.
   */
  commitLearns(learns: readonly LearnCommit[], requestId?: string): Promise<readonly LearnResult[] | "outboxFull">;
  /** As `commitLearns`, of one kb and packed. */
  commitPacked(kb: string, packed: PackedLearns, requestId?: string): Promise<readonly LearnResult[] | "outboxFull">;
  /**
   * Learns in order what an import brings; what became of each learn is neither told nor remembered. In one commit or several, as suits the store:
   * after "outboxFull" some may be in, and a repeat with the same id goes on behind them and counts nothing twice.
   */
  importPacked(kb: string, packed: PackedLearns, requestId: string): Promise<"done" | "outboxFull">;
  /**
   * Updates and deletes patterns of a generation in one commit, in order: counters, totals, affinity and outbox entry of each together. Answers
   * an outcome for each, or "outboxFull" (nothing was done). A `requestId` makes a repeat harmless, as in `commitLearns`.
   *
   * A delete takes from each symbol what the pattern gave: occurrences times frequency, its membership, and its part of the affinity (a
   * difference of float64 sums; a name that comes to exactly 0 goes, and all of it when the symbol is in no pattern any more).
   */
  editPatterns(
    kb: string,
    generation: number,
    edits: readonly PatternEdit[],
    atMs: number,
    requestId?: string,
  ): Promise<readonly EditOutcome[] | "outboxFull">;
  /**
   * Sets the affinity of symbols of a generation, whatever it was (an empty record: none), in one commit. A repeat changes no figure.
   * "over": the generation is not the kb's any more, and nothing was done. Errors: ENGRAM_STORE_REPLY for an id that was never given out.
   */
  setAffinities(kb: string, generation: number, sums: SymbolSums, atMs: number): Promise<"done" | "over" | "outboxFull">;
  /** Gives the kb its next generation: everything learned is gone at once. Old records are removed later by `sweepGenerations`. Answers the new head. */
  clearKb(kb: string, atMs: number): Promise<KbHead>;
  /** Keeps totals and member frequencies as they are now for the patterns known now. Answers the head after it. */
  finalizeKb(kb: string, atMs: number): Promise<KbHead>;
  /** Removes at most `limit` records of generations that are over; answers how many (0: nothing is left). */
  sweepGenerations(limit: number): Promise<number>;

  // ── reads ──
  head(kb: string): Promise<KbHead>;
  /** Kbs that were ever written, in ascending order. */
  listKbs(): Promise<readonly string[]>;
  /** Ids of symbols, UNKNOWN_SYMBOL where unknown. Ids never change within a generation, so a caller may keep them. */
  symbolIds(kb: string, generation: number, symbols: readonly string[]): Promise<Uint32Array>;
  /** Symbols of ids. Throws ENGRAM_STORE_REPLY for an id that was never given out. */
  symbolNames(kb: string, generation: number, ids: readonly number[]): Promise<readonly string[]>;
  /** All symbols with ids in [from, to), in id order, in slices. */
  listSymbols(kb: string, generation: number, from: number, to: number): AsyncIterable<readonly SymbolRow[]>;
  /** Counters of patterns (by bare name) and symbols (by id), read at one moment. */
  counters(kb: string, generation: number, names: readonly string[], symbolIds: readonly number[]): Promise<CounterSnapshot>;
  /** Affinity of symbols by id: per emotive the sum. Empty where there is none. */
  affinities(kb: string, generation: number, symbolIds: readonly number[]): Promise<readonly EmotiveRecord[]>;
  /** Vectors indexed so far, in order of their indexing, from position `from` on. */
  listVectors(kb: string, generation: number, from: number): Promise<readonly PendingVector[]>;

  /** Ids of patterns deleted in the generation, in order of deletion, from position `from` on. The list only grows. */
  listDeleted(kb: string, generation: number, from: number): Promise<readonly number[]>;

  // ── outbox ──
  /** Entries of one kb's generation not yet flushed, ascending seq. Together with what was flushed before the call they are complete. */
  tail(kb: string, generation: number): Promise<readonly OutboxEntry[]>;
  /** Id of the first pattern that the tail brings; undefined when it brings none. */
  firstUnflushed(kb: string, generation: number): Promise<number | undefined>;
  /** How many entries wait, over all kbs. */
  outboxSize(): Promise<number>;
  /**
   * The batch to flush now: the unfinished one of before, else a new one of at most `limit` entries whose composition is made durable
   * before it is given out. `undefined` when nothing waits or another `owner` holds the lease (`leaseMs`).
   */
  takeFlush(owner: string, limit: number, leaseMs: number): Promise<FlushBatch | undefined>;
  /** After everything of the batch is in the pattern store: trims its entries. False when the lease was lost to another owner meanwhile. */
  finishFlush(owner: string, token: string): Promise<boolean>;

  // ── rebuild ──
  /**
   * Applies changes read back from the pattern store to an empty kb half, in ascending seq per kb, without outbox entries. The ids and
   * numbers that come out must equal those recorded, else ENGRAM_STORE_REPLY. One commit a call.
   */
  replay(entries: readonly OutboxEntry[]): Promise<void>;
  /**
   * Forgets the kb half as if it had never been written, so that it can be replayed; `sweepGenerations` must have removed everything before that.
   * False, and nothing is done, while entries wait to be flushed. Not while anybody uses the kb.
   */
  forgetKb(kb: string): Promise<boolean>;
  /** Starts a new epoch for a kb, so that numbers given out but never flushed by a lost store are not used again. */
  raiseEpoch(kb: string): Promise<void>;

  /**
   * Set by the engine; called when the server behind the store is another process than before, with the kbs that are known to have lost
   * changes. Answers those whose numbers go on in a new epoch; changes are refused until it resolves, and it is called again when it rejects.
   */
  onReplaced?: ((lost: readonly string[]) => Promise<readonly string[]>) | undefined;
  /** True when the store answers. */
  ping(): Promise<boolean>;
  close(): Promise<void>;
}

/** Limits both back ends keep. */
export interface StateStoreLimits {
  /** Outbox entries waiting, over all kbs; a learn beyond is refused. */
  readonly outboxMax: number;
}
