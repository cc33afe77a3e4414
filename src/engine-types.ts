/**
 * What the engine is asked and what it answers: values only. The HTTP face and the CLI speak these; the engine computes them.
 */
import type { LearnedPattern, NewPattern, PackedLines, PackedPatterns } from "./bulk-types.ts";
import type { ArchiveInfo, AskedMinhash, ImportProgress, ImportRequest, KbMinhash, KbReport, KbSize } from "./kb-life-types.ts";
import type { EmotiveRecord } from "./model/emotives.ts";
import type { Event } from "./model/event.ts";
import type { LearnPattern } from "./model/pattern.ts";
import type { Session } from "./model/session.ts";
import type { EffectiveConfig, SessionConfig } from "./model/session-config.ts";
import type { SessionEvent } from "./model/session-event.ts";
import type { SourceName } from "./model/source-name.ts";
import type { ArchivePart, ImportRecord } from "./store/archive-store.ts";
import type { KbHead, KbTotals, SymbolRow } from "./store/state-store.ts";

export type { ArchiveInfo, AskedMinhash, ImportProgress, ImportRequest, KbMinhash, KbReport, KbSize } from "./kb-life-types.ts";

/** One observation as it comes from outside, already checked for types. `metadata` is any JSON object. */
export interface Observation {
  readonly strings: readonly string[];
  readonly vectors: readonly (readonly number[])[];
  readonly emotives: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly uniqueId?: string;
}

export interface ObserveResult {
  readonly stmLength: number;
  readonly time: number;
  readonly uniqueId: string;
  /** `PTRN|<name>`, or null when nothing was stored. */
  readonly autoLearnedPattern: string | null;
}

export interface ObserveSequenceResult {
  readonly initialStmLength: number;
  readonly finalStmLength: number;
  readonly results: readonly ObserveResult[];
  readonly autoLearnedPatterns: readonly string[];
  readonly finalLearnedPattern: string | null;
}

export interface Anomaly {
  readonly observed: string;
  readonly expected: string;
  readonly similarity: number;
}

/** A general prediction (two symbols or more in the state). Field names are the wire's; semantics §7, §8. */
export interface Prediction {
  readonly type: "prototypical";
  readonly name: string;
  readonly frequency: number;
  readonly emotives: EmotiveRecord;
  readonly matches: readonly string[];
  readonly past: readonly Event[];
  readonly present: readonly Event[];
  readonly future: readonly Event[];
  readonly missing: readonly Event[];
  readonly extras: readonly Event[];
  readonly anomalies: readonly Anomaly[];
  readonly sequence: readonly Event[];
  readonly evidence: number;
  readonly confidence: number;
  readonly similarity: number;
  readonly fragmentation: number;
  readonly snr: number;
  readonly confluence: number;
  readonly potential: number;
  readonly predictive_information: number;
  readonly entropy: number;
  readonly normalized_entropy: number;
  readonly global_normalized_entropy: number;
  readonly itfdf_similarity: number;
  readonly tfidf_score: number;
  readonly pattern_probability: number;
  readonly weighted_strength: number;
  readonly bayesian_posterior: number;
  readonly bayesian_prior: number;
  readonly bayesian_likelihood: number;
  readonly weighted_similarity: number | null;
  readonly weighted_evidence: number | null;
  readonly weighted_confidence: number | null;
  readonly weighted_snr: number | null;
}

/** A prediction from a state of exactly one symbol: flat lists, no ensemble metrics. Semantics §10. */
export interface OneSymbolPrediction {
  readonly name: string;
  readonly frequency: number;
  readonly emotives: EmotiveRecord;
  readonly pattern_data: readonly Event[];
  readonly length: number;
  readonly matches: readonly string[];
  readonly past: readonly string[];
  readonly present: readonly string[];
  readonly future: readonly string[];
  readonly missing: readonly string[];
  readonly extras: readonly string[];
  readonly anomalies: readonly Anomaly[];
  readonly evidence: number;
  readonly confidence: number;
  readonly similarity: number;
  readonly fragmentation: number;
  readonly snr: number;
  readonly potential: number;
  readonly weighted_similarity: number | null;
  readonly weighted_evidence: number | null;
  readonly weighted_confidence: number | null;
  readonly weighted_snr: number | null;
}

export interface FuturePotential {
  readonly future: readonly Event[];
  readonly aggregate_potential: number;
  readonly supporting_patterns: number;
  readonly total_weighted_frequency: number;
}

/** What a source said to a question: microseconds it expected to need, or why it cannot serve. */
export type PlanEntry = { readonly source: SourceName } & ({ readonly microseconds: number } | { readonly refused: string });

/** How an answer came about: every candidate is accounted for. candidates = sum of `dropped` + predictions returned. */
export interface PredictionTrace {
  readonly source: SourceName | "none";
  /** What each source said that was asked, the one that answered first. */
  readonly plan: readonly PlanEntry[];
  /** True: no pattern of the kb was left out unseen. */
  readonly exact: boolean;
  /** True: names and order are those of a scan over every pattern, whether or not every pattern was read. */
  readonly certified: boolean;
  /** Patterns whose symbols were read, from memory or a store. */
  readonly rowsRead: number;
  readonly candidates: number;
  readonly stages: readonly {
    readonly name: string;
    readonly candidatesIn: number;
    readonly candidatesOut: number;
    readonly microseconds: number;
    /** Stage minhash: the share of patterns just at its threshold that have a band in common with the state, so that it lets them through. */
    readonly expectedRecall?: number;
  }[];
  /** The pattern that was asked about. */
  readonly pattern?: PatternFate;
  readonly dropped: {
    /** Removed by a stage of the filter pipeline. */
    readonly filtered: number;
    readonly belowThreshold: number;
    readonly withoutBlocks: number;
    /** Matches outside the ensemble (3 x max_predictions). */
    readonly pruned: number;
    /** In the ensemble, beyond max_predictions. */
    readonly cut: number;
  };
  /** Where the time went, in microseconds of wall time; `kernel` is summed over threads. */
  readonly microseconds: {
    readonly total: number;
    readonly state: number;
    readonly read: number;
    readonly transfer: number;
    readonly kernel: number;
    readonly aggregate: number;
  };
}

/** What became of one pattern in a prediction. */
export interface PatternFate {
  /** Bare name. */
  readonly name: string;
  readonly outcome: "predicted" | "cut" | "pruned" | "filtered" | "belowThreshold" | "withoutBlocks" | "unknown";
  /** A sentence. */
  readonly reason: string;
  /** The stage that removed it. */
  readonly stage?: string;
  readonly similarity?: number;
  /** What decides whether it is in the ensemble. */
  readonly key?: number;
  /** In the ensemble, from 1. */
  readonly rank?: number;
}

export interface PredictResult {
  readonly predictions: readonly Prediction[] | readonly OneSymbolPrediction[];
  readonly futurePotentials: readonly FuturePotential[];
  readonly trace: PredictionTrace;
}

export interface PatternView {
  /** With `PTRN|`. */
  readonly name: string;
  readonly patternData: readonly Event[];
  readonly length: number;
  readonly frequency: number;
  readonly emotives: readonly EmotiveRecord[];
  readonly metadata: readonly (readonly [string, readonly string[]])[];
}

/** What a listed or deleted pattern must fulfil: all of what is named. */
export interface PatternQuery {
  readonly lengthMin?: number;
  readonly lengthMax?: number;
  readonly frequencyMin?: number;
  readonly frequencyMax?: number;
  /** A symbol that stands in the pattern. */
  readonly contains?: string;
  /** Learned, for the first time or again, at this time or later: Unix milliseconds. */
  readonly learnedSinceMs?: number;
  /** Not learned since: the last learn was before this time. */
  readonly learnedBeforeMs?: number;
}

export interface PatternsPage {
  readonly patterns: readonly PatternView[];
  /** Where to go on; absent at the end. */
  readonly cursor?: string;
}

/** What of a pattern is to be changed; at least one. Emotive records are oldest first, metadata values are text. */
export interface PatternReplacement {
  readonly frequency?: number;
  readonly emotives?: readonly EmotiveRecord[];
  readonly metadata?: readonly (readonly [string, readonly string[]])[];
  /** Makes it another pattern: the old one is deleted, the new one takes over its figures (added to those it has). */
  readonly events?: readonly Event[];
}

/** What a delete did, or would do. */
export interface EditReport {
  readonly matched: number;
  readonly deleted: number;
  /** The first hundred of them, with `PTRN|`. */
  readonly names: readonly string[];
  readonly unknown: readonly string[];
}

/** A pattern taken over from another memory, with the counters it had there. */
export interface ImportedPattern {
  readonly pattern: LearnPattern;
  /** Times learned: whole, at least 1. */
  readonly frequency: number;
  /** Oldest first. */
  readonly emotives: readonly EmotiveRecord[];
  /** Values as text. */
  readonly metadata: readonly (readonly [name: string, values: readonly string[]])[];
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Counts the call once however often it is sent (observe, learn, observe-sequence). */
  readonly idempotencyKey?: string;
}

export interface PredictOptions extends CallOptions {
  /** Asks this source and no other: for tests and comparisons. ENGRAM_BAD_REQUEST when it cannot serve. */
  readonly source?: SourceName;
  /** Bare name of a pattern whose fate the trace tells. */
  readonly fateOf?: string;
}

/** Calls of one part since start. */
export interface CallFigures {
  readonly operations: number;
  readonly errors: number;
  /** Summed over the calls, from asking to the answer. */
  readonly seconds: number;
  readonly lastError: { readonly code: string; readonly atMs: number } | null;
}

/** Look-ups in memory since start, and what is kept now. */
export interface CacheFigures {
  readonly hits: number;
  readonly misses: number;
  readonly kept: number;
}

/** What the engine did since start: counters, read without asking a store. */
export interface EngineFigures {
  readonly stateStore: CallFigures & { readonly backEnd: "lmdb" | "redis" };
  readonly patternStore: CallFigures & { readonly backEnd: "embedded" | "server" };
  /** Searches for the nearest vectors. */
  readonly vectorIndex: CallFigures;
  /** Patterns in resident memory; a look-up is a prediction. */
  readonly patterns: CacheFigures & { readonly bytes: number; readonly bytesMax: number };
  readonly symbols: CacheFigures;
  readonly sessionsCreated: number;
  readonly sessionsDeleted: number;
}

export interface ScoreAllRequest {
  readonly kb: string;
  /** States, each a sequence of events as they are (nothing is sorted). Pulled a group ahead. */
  readonly queries: Iterable<readonly Event[]> | AsyncIterable<readonly Event[]>;
  /** Lowest similarity of a match, inclusive. Default 0.5. */
  readonly cutoff?: number;
  /** Matches given for a state at most, the best. Default 1,000, at most 65,536. */
  readonly keep?: number;
  /** What is compared: symbols, or the characters of the texts that they make. Default "token". */
  readonly similarity?: "token" | "character";
  readonly signal?: AbortSignal;
}

/** A pattern that resembles a state. `name` with `PTRN|`. */
export interface ScoredPattern {
  readonly name: string;
  readonly similarity: number;
}

/** A state's answer in bulk scoring. */
export interface ScoredState {
  /** Its place among the queries, from 0 on. */
  readonly index: number;
  /** Patterns it was compared with. */
  readonly patterns: number;
  /** How many of them reach the cutoff. */
  readonly matched: number;
  /** The best of those, greatest similarity first, ties to the smaller name. */
  readonly matches: readonly ScoredPattern[];
}

export interface NewSession {
  readonly nodeId: string;
  readonly config?: SessionConfig;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly ttlSeconds?: number;
}

export interface SessionListing {
  readonly sessions: readonly Session[];
  /** Where the next page begins; absent where there is none. */
  readonly cursor?: string;
}

/** Sessions by their ids, or all of a node. */
export type SessionChoice = { readonly ids: readonly string[] } | { readonly nodeId: string };

export interface SessionsDeleted {
  readonly matched: number;
  readonly deleted: number;
  /** The first hundred that matched. */
  readonly sessions: readonly string[];
  readonly unknown: readonly string[];
}

/** The engine: the story of the product. Every call throws EngineError and nothing else. A session call on an unknown or expired id throws ENGRAM_SESSION_UNKNOWN. */
export interface Engine {
  createSession(request: NewSession): Promise<Session>;
  /** A new session that stands where the other does; the other one is only read. */
  cloneSession(id: string, change?: Partial<Pick<NewSession, "nodeId" | "ttlSeconds">>): Promise<Session>;
  /**
   * Living sessions, soonest expiry first; of one node where one is named: then a page may have fewer than `limit` and yet a cursor. One that is used
   * meanwhile may come again. Errors: ENGRAM_BAD_REQUEST for a cursor that is none.
   */
  listSessions(limit: number, options?: { readonly nodeId?: string; readonly cursor?: string }): Promise<SessionListing>;
  /** Ends sessions, one after the other; what they learned stays. */
  deleteSessions(which: SessionChoice, options?: { readonly dryRun?: boolean }): Promise<SessionsDeleted>;
  /** Reads a session; with `slide` (default true) its expiry moves. */
  session(id: string, options?: { slide?: boolean }): Promise<Session>;
  /** undefined instead of an error; never slides. */
  peekSession(id: string): Promise<Session | undefined>;
  deleteSession(id: string): Promise<boolean>;
  countSessions(): Promise<number>;
  extendSession(id: string, ttlSeconds: number): Promise<Session>;
  /** Merges validated settings over the session's own; a key with value null is unset. */
  configure(id: string, update: { readonly [K in keyof SessionConfig]?: SessionConfig[K] | null }): Promise<Session>;
  effectiveConfig(session: Session): EffectiveConfig;

  observe(id: string, observation: Observation, options?: CallOptions): Promise<ObserveResult>;
  observeSequence(
    id: string,
    observations: readonly Observation[],
    flags: { learnAfterEach: boolean; learnAtEnd: boolean; clearStmBetween: boolean },
    options?: CallOptions,
  ): Promise<ObserveSequenceResult>;
  /** `PTRN|<name>`, or "" when the STM held one symbol. Throws ENGRAM_STM_EMPTY. */
  learn(id: string, options?: CallOptions): Promise<{ patternName: string }>;
  predict(id: string, options?: PredictOptions): Promise<PredictResult & { readonly session: Session }>;
  clearStm(id: string): Promise<void>;
  /** Everything the session's kb has learned, and the session's STM. */
  clearAll(id: string): Promise<void>;
  finalizeTraining(id: string): Promise<{ patternsProcessed: number; timeMs: number }>;

  /** kb of a node id (semantics §12). */
  kbOf(nodeId: string): string;
  /** By name with or without `PTRN|`; undefined when the kb does not know it. */
  pattern(kb: string, name: string): Promise<PatternView | undefined>;
  /** Patterns in the order of first learning, a page at a time; what is learned during the listing may be left out. */
  listPatterns(kb: string, query: PatternQuery, limit: number, cursor?: string): Promise<PatternsPage>;
  /** By name, in their order; undefined where the kb does not know one. */
  patterns(kb: string, names: readonly string[]): Promise<readonly (PatternView | undefined)[]>;
  /** The pattern after the change; undefined when the kb does not know it. */
  updatePattern(kb: string, name: string, change: PatternReplacement, options?: CallOptions): Promise<PatternView | undefined>;
  deletePatterns(
    kb: string,
    which: { readonly names: readonly string[] } | { readonly query: PatternQuery },
    options?: CallOptions & { readonly dryRun?: boolean },
  ): Promise<EditReport>;
  kbHead(kb: string): Promise<KbHead>;
  kbTotals(kb: string): Promise<KbTotals>;
  symbolRows(kb: string): AsyncIterable<readonly SymbolRow[]>;
  /** Symbols that have an affinity, with it. */
  affinities(kb: string): AsyncIterable<readonly (readonly [symbol: string, affinity: EmotiveRecord])[]>;
  symbolAffinity(kb: string, symbol: string): Promise<EmotiveRecord>;

  /**
   * Bulk load, without sessions: each sequence is learned once. Resolves with how many were stored when all are durable. With an
   * idempotency key, a repeat that follows soon (the last few dozen commits are remembered) counts nothing twice.
   */
  learnSequences(
    kb: string,
    sequences: readonly (readonly Event[])[],
    options?: CallOptions,
  ): Promise<{ stored: number; tooShort: number }>;
  /**
   * At most 1,000 patterns in one commit. Answers for each what became of it ("tooShort": fewer than two symbols). Durable when it resolves.
   */
  learnPatterns(kb: string, patterns: readonly NewPattern[], options?: CallOptions): Promise<readonly (LearnedPattern | "tooShort")[]>;
  /**
   * JSON lines read and packed by a thread beside this one; `limits` are the HTTP face's own. Errors: ENGRAM_OVERLOADED,
   * ENGRAM_WORKER_LOST.
   */
  packLines(bytes: Buffer, firstLine: number, limits: Readonly<Record<string, number>>): Promise<PackedLines>;
  /** As `learnPatterns`, of patterns that are packed. */
  learnPacked(kb: string, patterns: PackedPatterns, options?: CallOptions): Promise<readonly (LearnedPattern | "tooShort")[]>;
  /**
   * Distinct patterns of another memory with their counters, added to what the kb holds: frequencies add up, windows append, metadata unite.
   * Parts of an import come in order; one that is sent again counts once. Durable when it resolves. Errors: ENGRAM_KB_NOT_EMPTY, ENGRAM_BAD_REQUEST.
   */
  importPatterns(kb: string, request: ImportRequest, patterns: readonly ImportedPattern[]): Promise<void>;
  /** Sets the affinity of symbols to these sums, perhaps as a part of an import; symbols the kb does not know are passed over. Answers how many it knows. */
  setAffinities(
    kb: string,
    affinities: readonly (readonly [symbol: string, sums: EmotiveRecord])[],
    request?: ImportRequest,
  ): Promise<number>;
  /** Predictions for a state that is no session's. */
  predictState(kb: string, state: readonly Event[], config?: SessionConfig, options?: PredictOptions): Promise<PredictResult>;

  /** Calls `listener` with sessions made and deleted, by this process or another one on the same stores, until the returned function is called. */
  subscribe(listener: (event: SessionEvent) => void): () => void;

  /**
   * Scores many states against a kb, one answer a state, in order. Nothing is scored before it is pulled, and one group of states ahead at
   * most. Errors come where the group fails: ENGRAM_BAD_REQUEST, ENGRAM_ABORTED, those of the stores and of the pool.
   */
  scoreAll(request: ScoreAllRequest): AsyncIterable<ScoredState>;

  /** Waits until everything acknowledged is in the pattern store, and what is enough for it in the index. */
  flush(): Promise<void>;

  /** Looks a kb over; with `repair` makes anew, first, what is made from patterns. Throws ENGRAM_CONFLICT while it keeps changing. */
  verifyKb(kb: string, repair: boolean): Promise<KbReport>;
  /** Kbs that hold anything. */
  listKbs(): Promise<readonly KbSize[]>;
  /** What the kb asks for, and how far it is indexed by it; undefined: it does not ask for MinHash. */
  minhash(kb: string): Promise<KbMinhash | undefined>;
  /**
   * Asks for MinHash; patterns that are there are indexed in the background. What is left out is 20 bands of 5 rows with 100 permutations, datasketch's.
   * Errors: ENGRAM_BAD_REQUEST for what is not offered, ENGRAM_MINHASH_FIXED for another setting than the kb has.
   */
  setMinhash(kb: string, asked: AskedMinhash): Promise<void>;
  /** Seconds that patterns of the kb stay which are not learned again; undefined: for good. */
  retention(kb: string): Promise<number | undefined>;
  /** Sets or unsets it; what is beyond it goes in the background. Errors: ENGRAM_BAD_REQUEST. */
  setRetention(kb: string, seconds: number | undefined): Promise<void>;
  /** Deletes what is beyond it at once, as of `nowMs`; answers how many patterns that were. */
  applyRetention(kb: string, nowMs?: number): Promise<number>;
  /** Forgets everything; answers how many patterns that were. */
  deleteKb(kb: string): Promise<number>;
  /** Learns one kb's history into another one without patterns. Throws ENGRAM_KB_NOT_EMPTY. */
  copyKb(from: string, to: string): Promise<ImportProgress>;
  beginArchive(kb: string): Promise<ArchiveInfo>;
  /** The part behind change `after`, of at most `eventsMax` changes (as many as are good for a part); undefined at the end. */
  archivePart(kb: string, generation: number, after: number, untilSeq: number, eventsMax?: number): Promise<ArchivePart | undefined>;
  /** Learns a part. Parts come in order; one that is sent again counts once. */
  importPart(kb: string, request: ImportRequest, bytes: Buffer): Promise<ImportProgress>;
  imports(): Promise<readonly ImportRecord[]>;
  rollbackImport(id: string, discardNewer: boolean): Promise<ImportRecord>;

  /** Asks both stores. `…Ms` is how long each took to answer. */
  health(): Promise<{
    stateStore: boolean;
    patternStore: boolean;
    outbox: number;
    threads: number;
    stateStoreMs: number;
    patternStoreMs: number;
  }>;
  figures(): EngineFigures;
  /** Forgets what memory holds of a kb, or of all: it is read anew when it is needed. Answers how many were forgotten. */
  dropCaches(kb?: string): { readonly patterns: number; readonly symbols: number };
  /** Finishes what runs, flushes, closes stores and threads. */
  close(): Promise<void>;
}
