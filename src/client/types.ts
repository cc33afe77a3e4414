/** What the client is given and gives, under the wire's names: the types of the very schemas that the server reads by and documents. */
import type { Static } from "typebox";
import type * as kbs from "../http/schema/kb-calls.ts";
import type * as requests from "../http/schema/requests.ts";
import type * as responses from "../http/schema/responses.ts";
import type { ConfigUpdate, SessionConfig } from "../model/session-config.ts";

/** Settings of a new session. */
export type Settings = SessionConfig;
/** Settings to change; null unsets one. */
export type SettingsUpdate = ConfigUpdate;

export type Observation = Static<ReturnType<typeof requests.observeBody>>;
export type SequenceRequest = Static<ReturnType<typeof requests.sequenceBody>>;
export type NewSession = Omit<Static<ReturnType<typeof requests.createBody>>, "config"> & { config?: Settings };
export type PatternLine = Static<ReturnType<typeof requests.patternLine>>;
export type ScoreRequest = Static<ReturnType<typeof requests.kbScoreBody>>;
/** Events: lists of symbols seen together. */
export type Events = string[][];

export type SessionInfo = Static<typeof responses.session>;
export type SessionExists = Static<typeof responses.sessionExists>;
export type EffectiveSettings = Static<typeof responses.sessionConfig>["config"];
export type Observed = Static<typeof responses.observed>;
export type SequenceObserved = Static<typeof responses.sequenceObserved>;
export type Learned = Static<typeof responses.learned>;
export type Finalized = Static<typeof responses.finalized>;
export type PerceptData = Static<typeof responses.perceptData>["percept_data"];
export type CognitionData = Static<typeof responses.cognitionData>["cognition_data"];
export type Predictions = Static<typeof responses.predictions>;
export type Prediction = Predictions["predictions"][number];
export type PatternAnswer = Static<typeof responses.pattern>["pattern"];
export type SymbolStats = Static<typeof responses.symbolStats>["symbols"];
export type Affinities = Static<typeof responses.affinities>["affinities"];
export type Affinity = Static<typeof responses.symbolAffinity>["affinity"];
export type NodePercept = Static<typeof responses.nodePercept>;
export type NodeCognition = Static<typeof responses.nodeCognition>;
export type ServerInfo = Static<typeof responses.root>;
export type Health = Static<typeof responses.health>;
export type ServerStatus = Static<typeof responses.status>;
export type Metrics = Static<typeof responses.metrics>;
export type Series = Static<typeof responses.series>;
export type Stats = Static<typeof responses.stats>;
export type Concurrency = Static<typeof responses.concurrency>;
export type CacheStats = Static<typeof responses.cacheStats>;
export type CacheInvalidated = Static<typeof responses.cacheInvalidated>;
export type DistributedStm = Static<typeof responses.distributedStm>;
export type ConnectionPools = Static<typeof responses.connectionPools>;
export type KbStats = Static<typeof responses.kbStats>;
export type KbSize = Static<typeof kbs.kbSize>;
export type KbCopied = Static<typeof kbs.copied>;
export type ArchiveInfo = Static<typeof kbs.archiveInfo>;
export type ArchiveLearned = Static<typeof kbs.archiveLearned>;
export type Verified = Static<typeof kbs.verified>;
export type ListedImport = Static<typeof kbs.listedImport>;
/** Which part of an archive: `generation` and `until` as it was begun with; `changes` at most. */
export interface ArchivePartRequest {
  readonly generation: number;
  readonly after: number;
  readonly until: number;
  readonly changes?: number;
}
/** A part of an archive, and the numbers of its changes. */
export interface ArchivePart {
  readonly bytes: Uint8Array;
  readonly changes: number;
  readonly first: number;
  readonly last: number;
}
/** Which part of which import: parts are numbered from 0, the last one ends it. */
export interface ImportPart {
  /** Chosen by the caller: letters, digits, dots, dashes and underscores, 64 at most. */
  readonly id: string;
  readonly part: number;
  readonly last: boolean;
  /** Into a kb that holds patterns. */
  readonly merge: boolean;
}

/** A pattern with counters from elsewhere. Emotives and metadata are pairs: any name is a name and keeps its place. */
export interface ImportedLine {
  readonly events: readonly (readonly string[])[];
  readonly frequency: number;
  readonly emotives?: readonly (readonly (readonly [emotive: string, value: number])[])[];
  readonly metadata?: readonly (readonly [name: string, values: readonly string[]])[];
}
export type KbLearned = Static<typeof responses.kbLearned>;
export type KbPredictions = Static<typeof responses.kbPredictions>;
export type KbScores = Static<typeof responses.kbScores>;
export type LearnedLine = Static<typeof responses.learnedLine>;
export type PatternFilter = NonNullable<Static<ReturnType<typeof requests.patternDelete>>["filter"]>;
export type PatternChange = Static<ReturnType<typeof requests.patternUpdate>>;
export type StoredPattern = Static<typeof responses.storedPattern>;
export type PatternPage = Static<typeof responses.patternPage>;
export type PatternsFound = Static<typeof responses.patternsFound>;
export type Minhash = Static<typeof responses.minhash>;
export type MinhashRequest = Static<ReturnType<typeof requests.minhashBody>>;
export type Retention = Static<typeof responses.retention>;
export type SessionSummary = Static<typeof responses.sessionSummary>;
export type SessionPage = Static<typeof responses.sessionPage>;
export type WholeSession = Static<typeof responses.wholeSession>;
export type SessionsDeleted = Static<typeof responses.sessionsDeleted>;
export type PatternsDeleted = Static<typeof responses.patternsDeleted>;
