/**
 * A session: one client's short-term state, attached to one knowledge base. Stored as one JSON text under its id and written with
 * its `version`, so that two writers cannot lose each other's update: a save names the version it read.
 */
import type { EmotiveRecord } from "./emotives.ts";
import type { Event } from "./event.ts";
import type { SessionConfig } from "./session-config.ts";

/** What the last observation was, as `percept-data` shows it. */
export interface Percept {
  readonly strings: readonly string[];
  readonly vectors: readonly (readonly number[])[];
  readonly emotives: EmotiveRecord;
  /** JSON text of the observation's metadata object. */
  readonly metadata: string;
}

/** A vector observed and not yet learned: it is indexed by the learn that follows. */
export interface PendingVector {
  readonly symbol: string;
  readonly values: readonly number[];
}

/** Result of a finished call, kept so that a retry with the same `Idempotency-Key` gets it instead of counting twice. */
export interface FinishedCall {
  readonly key: string;
  readonly result: unknown;
}

export interface Session {
  readonly id: string;
  readonly nodeId: string;
  readonly kb: string;
  readonly createdAtMs: number;
  readonly ttlSeconds: number;
  readonly expiresAtMs: number;
  /** JSON text of the client's own metadata object. */
  readonly metadata: string;
  readonly config: SessionConfig;
  readonly stm: readonly Event[];
  readonly emotives: readonly EmotiveRecord[];
  /** Per observation that had metadata: its JSON text. */
  readonly observedMetadata: readonly string[];
  readonly time: number;
  readonly percept: Percept | null;
  readonly pendingVectors: readonly PendingVector[];
  /** Newest last, at most FINISHED_CALLS_MAX. */
  readonly finished: readonly FinishedCall[];
  /** Raised by one with every save; 1 when created. */
  readonly version: number;
}

/** Entries of STM, emotive list and metadata list kept at a save: the newest. Reference semantics §2. */
export const SESSION_LIST_MAX = 1_000;
/** Idempotency keys remembered a session: a retry follows its first try closely; more would only grow every save. */
export const FINISHED_CALLS_MAX = 32;

export const encodeSession = (session: Session): string => JSON.stringify(session);
export const decodeSession = (text: string): Session => JSON.parse(text) as Session;
