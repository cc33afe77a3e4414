/**
 * The state store on LMDB: one process or several on one machine (not on a network file system; for several machines use Redis). Reads are memory reads of 1 to 3 µs;
 * a change costs a share of one flush to disk (`lmdb-commit.ts`). Layouts: `lmdb-keys.ts`, `state-records.ts`, `outbox-entry.ts`.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { EngineError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { EmotiveRecord } from "../model/emotives.ts";
import type { PendingVector, Session } from "../model/session.ts";
import { decodeEditOutcomes, encodeEditOutcomes, prepareEdit } from "./edit-entry.ts";
import { applyAffinities } from "./lmdb-affinity.ts";
import { type Db, type Draft, type GroupCommit, storeError } from "./lmdb-commit.ts";
import { applyEdit } from "./lmdb-edit.ts";
import { LmdbKbs } from "./lmdb-kbs.ts";
import { FORMAT_KEY, tagEnd, tagStart } from "./lmdb-keys.ts";
import { LmdbLearner } from "./lmdb-learner.ts";
import { appendEntries, numberOf, WAITING_KEY } from "./lmdb-outbox.ts";
import { LmdbQueue } from "./lmdb-queue.ts";
import { LmdbReads } from "./lmdb-reads.ts";
import { prepareReplay, replayEntries } from "./lmdb-replay.ts";
import { type AnswerForm, once } from "./lmdb-requests.ts";
import { LmdbSessions, saveInDraft } from "./lmdb-sessions.ts";
import { markOver, sweepOver } from "./lmdb-sweep.ts";
import { SymbolKeeper } from "./lmdb-symbols.ts";
import { decodeResults, encodeClearEntry, encodeFinalizeEntry, encodeResults, prepareLearn } from "./outbox-entry.ts";
import { finalize, headView, nextGeneration } from "./state-records.ts";
import {
  type CounterSnapshot,
  type EditOutcome,
  EPOCH_FACTOR,
  type FlushBatch,
  type KbHead,
  type LearnCommit,
  type LearnOutcome,
  type LearnResult,
  type OutboxEntry,
  type PackedLearns,
  type PatternEdit,
  type SaveOutcome,
  type SessionsPage,
  type StateStore,
  type SymbolRow,
  type SymbolSums,
} from "./state-store.ts";

/** Rows in a slice of `listSymbols`. */
const SLICE_ROWS = 1_000;
/** How answers are remembered for a call that comes again. */
const RESULTS: AnswerForm<readonly LearnResult[]> = { encode: encodeResults, decode: decodeResults };
const EDIT_OUTCOMES: AnswerForm<readonly EditOutcome[]> = { encode: encodeEditOutcomes, decode: decodeEditOutcomes };
const DONE: AnswerForm<"done"> = { encode: () => Buffer.alloc(0), decode: () => "done" };

/** Opened by `lmdb-open.ts`. */
export class LmdbState implements StateStore {
  readonly backEnd = "lmdb";
  readonly #db: Db;
  readonly #commits: GroupCommit;
  readonly #outboxMax: number;
  readonly #log: Logger;
  readonly #sessions: LmdbSessions;
  readonly #queue: LmdbQueue;
  readonly #kbs: LmdbKbs;
  readonly #reads: LmdbReads;
  readonly #symbols = new SymbolKeeper();
  readonly #learner: LmdbLearner;
  /** Calls of `counters` under way: each holds a read transaction, which must end before the file is closed. */
  #counting = 0;
  #counted = (): void => {};
  #closing: Promise<void> | undefined;

  constructor(db: Db, commits: GroupCommit, storeId: string, outboxMax: number, log: Logger) {
    this.#db = db;
    this.#commits = commits;
    this.#outboxMax = outboxMax;
    this.#log = log;
    this.#sessions = new LmdbSessions(db, commits);
    this.#kbs = new LmdbKbs(db);
    this.#reads = new LmdbReads(db, this.#kbs);
    this.#learner = new LmdbLearner(this.#kbs, this.#symbols);
    this.#queue = new LmdbQueue(db, commits, this.#kbs, storeId);
    commits.onFailed = () => this.#symbols.drop();
  }

  #refuseClosed(): void {
    if (this.#closing !== undefined) throw new EngineError("ENGRAM_CLOSED", "The state store is closed.");
  }

  /** Runs a read over one snapshot: the newest, what another process committed included. */
  #read<T>(read: () => T): T {
    this.#refuseClosed();
    try {
      this.#db.resetReadTxn();
      return read();
    } catch (error) {
      throw storeError(error);
    }
  }

  // ── kbs and heads ──

  async head(kb: string): Promise<KbHead> {
    return this.#read(() => headView(kb, this.#kbs.head(kb)));
  }

  async listKbs(): Promise<readonly string[]> {
    return this.#read(() => this.#kbs.list());
  }

  // ── sessions ──

  createSession(session: Session): Promise<void> {
    return this.#sessions.create(session);
  }
  async readSession(id: string, nowMs: number, slide: boolean): Promise<{ session: Session; head: KbHead } | undefined> {
    const read = (): { session: Session; head: KbHead } | undefined =>
      this.#read(() => {
        const session = this.#sessions.read(id, nowMs);
        return session === undefined ? undefined : { session, head: headView(session.kb, this.#kbs.head(session.kb)) };
      });
    const found = read();
    if (found === undefined || !slide) return found;
    // Read again after a write: the session and its kb must be of one moment.
    let slid = false;
    try {
      slid = await this.#sessions.slide(found.session, nowMs);
    } catch (error) {
      // Reads go on when the disk takes no more writes.
      if (!(error instanceof EngineError) || error.code !== "ENGRAM_DISK_FULL") throw error;
      this.#log.warn({ err: error }, "a session's expiry could not be moved");
      return found;
    }
    const now = slid ? read() : found;
    if (now === undefined) return undefined;
    const expiresAtMs = Math.max(now.session.expiresAtMs, nowMs + now.session.ttlSeconds * 1_000);
    return { session: { ...now.session, expiresAtMs }, head: now.head };
  }
  saveSession(session: Session, expectedVersion: number): Promise<SaveOutcome> {
    return this.#commits.run((draft) => (saveInDraft(draft, session, expectedVersion) ? "saved" : "conflict"));
  }
  // One process has the folder, and its own calls of a session are in line already.
  readonly lockSession = async (): Promise<boolean> => true;
  readonly unlockSession = async (): Promise<void> => {};

  deleteSession(id: string): Promise<boolean> {
    return this.#sessions.delete(id);
  }
  async listSessions(nowMs: number, limit: number, after?: string): Promise<SessionsPage> {
    return this.#read(() => this.#sessions.list(nowMs, limit, after));
  }
  async countSessions(nowMs: number): Promise<number> {
    return this.#read(() => this.#sessions.count(nowMs));
  }
  sweepSessions(nowMs: number, limit: number): Promise<number> {
    return this.#sessions.sweep(nowMs, limit);
  }

  // ── changes of a kb ──

  async commitLearn(
    learn: LearnCommit,
    session: { readonly next: Session; readonly expectedVersion: number } | null,
  ): Promise<LearnOutcome> {
    const prepared = prepareLearn(learn);
    return this.#commits.run((draft): LearnOutcome => {
      if (this.#isFull(draft, 1)) {
        if (session !== null && !this.#sessions.isAt(draft, session.next.id, session.expectedVersion)) return { outcome: "conflict" };
        return { outcome: "outboxFull" };
      }
      if (session !== null && !saveInDraft(draft, session.next, session.expectedVersion)) return { outcome: "conflict" };
      const [result] = this.#learner.learn(draft, [prepared]);
      return { outcome: "committed", result: result as LearnResult };
    });
  }

  async commitLearns(learns: readonly LearnCommit[], requestId?: string): Promise<readonly LearnResult[] | "outboxFull"> {
    const prepared = learns.map(prepareLearn);
    return this.#commitMany(learns.length, requestId, RESULTS, (draft) => this.#learner.learn(draft, prepared));
  }

  commitPacked(kb: string, packed: PackedLearns, requestId?: string): Promise<readonly LearnResult[] | "outboxFull"> {
    return this.#commitMany(packed.count, requestId, RESULTS, (draft) => this.#learner.learnPacked(draft, kb, packed));
  }

  importPacked(kb: string, packed: PackedLearns, requestId: string): Promise<"done" | "outboxFull"> {
    return this.#commitMany(packed.count, requestId, DONE, (draft) => {
      this.#learner.learnPacked(draft, kb, packed);
      return "done";
    });
  }

  #commitMany<R>(count: number, requestId: string | undefined, form: AnswerForm<R>, learn: (draft: Draft) => R): Promise<R | "outboxFull"> {
    return this.#commits.run((draft) =>
      once(draft, requestId, form, () => {
        if (this.#isFull(draft, count)) return "outboxFull";
        draft.settle();
        return learn(draft);
      }),
    );
  }

  #isFull(draft: Draft, added: number): boolean {
    return numberOf(draft.get(WAITING_KEY)) + added > this.#outboxMax;
  }

  async editPatterns(
    kb: string,
    generation: number,
    edits: readonly PatternEdit[],
    atMs: number,
    requestId?: string,
  ): Promise<readonly EditOutcome[] | "outboxFull"> {
    const prepared = edits.map(prepareEdit);
    return this.#commits.run((draft) => {
      // A kb that was never written has nothing to edit, and gets no number for having been asked.
      if (this.#kbs.number(kb, (key) => draft.get(key)) === undefined) return edits.map((): EditOutcome => "unknown");
      return once(draft, requestId, EDIT_OUTCOMES, () => {
        if (this.#isFull(draft, edits.length)) return "outboxFull";
        const { number, head } = this.#kbs.open(draft, kb);
        const entries: Buffer[] = [];
        const outcomes = prepared.map((one): EditOutcome => {
          const entry = head.generation === generation ? applyEdit(draft, number, head, head.seq + 1, atMs, one) : undefined;
          if (entry === undefined) return "unknown";
          entries.push(entry);
          return "done";
        });
        appendEntries(draft, number, head, entries);
        if (outcomes.includes("done")) this.#kbs.save(draft, kb, number, head);
        return outcomes;
      });
    });
  }

  setAffinities(kb: string, generation: number, sums: SymbolSums, atMs: number): Promise<"done" | "over" | "outboxFull"> {
    return this.#commits.run((draft) => {
      if (this.#isFull(draft, 1)) return "outboxFull";
      const { number, head } = this.#kbs.open(draft, kb);
      if (head.generation !== generation) return "over";
      const entry = applyAffinities(draft, number, head, head.seq + 1, atMs, sums);
      appendEntries(draft, number, head, [entry]);
      this.#kbs.save(draft, kb, number, head);
      return "done";
    });
  }

  clearKb(kb: string, atMs: number): Promise<KbHead> {
    return this.#commits.run((draft) => {
      const { number, head } = this.#kbs.open(draft, kb);
      const next = nextGeneration(head, head.generation + 1, head.seq + 1);
      appendEntries(draft, number, next, [encodeClearEntry(next.generation, next.seq, atMs)]);
      markOver(draft, number, head.generation);
      this.#kbs.save(draft, kb, number, next);
      return headView(kb, next);
    });
  }

  finalizeKb(kb: string, atMs: number): Promise<KbHead> {
    return this.#commits.run((draft) => {
      const { number, head } = this.#kbs.open(draft, kb);
      finalize(head, head.seq + 1);
      appendEntries(draft, number, head, [encodeFinalizeEntry(head.generation, head.seq, atMs, head.finalizedBelow)]);
      this.#kbs.save(draft, kb, number, head);
      return headView(kb, head);
    });
  }

  async sweepGenerations(limit: number): Promise<number> {
    const nothing = this.#read(() => this.#db.getKeysCount({ start: tagStart("G"), end: tagEnd("G"), limit: 1 }) === 0);
    return nothing ? 0 : this.#commits.run((draft) => sweepOver(draft, limit));
  }

  // ── reads ──

  async symbolIds(kb: string, generation: number, symbols: readonly string[]): Promise<Uint32Array> {
    return this.#read(() => this.#reads.symbolIds(kb, generation, symbols));
  }
  async symbolNames(kb: string, generation: number, ids: readonly number[]): Promise<readonly string[]> {
    return this.#read(() => this.#reads.symbolNames(kb, generation, ids));
  }
  async *listSymbols(kb: string, generation: number, from: number, to: number): AsyncIterable<readonly SymbolRow[]> {
    for (let start = from; start < to; start += SLICE_ROWS) {
      const slice = this.#read(() => this.#reads.symbolRows(kb, generation, start, Math.min(to, start + SLICE_ROWS)));
      if (slice.length > 0) yield slice;
      if (slice.length < SLICE_ROWS) return;
      await nextTurn();
    }
  }
  async counters(kb: string, generation: number, names: readonly string[], symbolIds: readonly number[]): Promise<CounterSnapshot> {
    const transaction = this.#read(() => this.#db.useReadTransaction());
    this.#counting += 1;
    try {
      return await this.#reads.counters(kb, generation, names, symbolIds, (key) => {
        this.#refuseClosed();
        return this.#db.get(key, { transaction });
      });
    } finally {
      transaction.done();
      this.#counting -= 1;
      if (this.#counting === 0) this.#counted();
    }
  }
  async affinities(kb: string, generation: number, symbolIds: readonly number[]): Promise<readonly EmotiveRecord[]> {
    return this.#read(() => this.#reads.affinities(kb, generation, symbolIds));
  }
  async listVectors(kb: string, generation: number, from: number): Promise<readonly PendingVector[]> {
    return this.#read(() => this.#reads.vectors(kb, generation, from));
  }

  async listDeleted(kb: string, generation: number, from: number): Promise<readonly number[]> {
    return this.#read(() => this.#reads.deleted(kb, generation, from));
  }

  // ── outbox ──

  async tail(kb: string, generation: number): Promise<readonly OutboxEntry[]> {
    return this.#read(() => this.#queue.tail(kb, generation));
  }
  async firstUnflushed(kb: string, generation: number): Promise<number | undefined> {
    return this.#read(() => this.#queue.firstNew(kb, generation));
  }
  async outboxSize(): Promise<number> {
    return this.#read(() => this.#queue.size());
  }
  async takeFlush(owner: string, limit: number, leaseMs: number): Promise<FlushBatch | undefined> {
    if (this.#read(() => this.#queue.isIdle())) return undefined;
    return this.#queue.take(owner, limit, leaseMs);
  }
  finishFlush(owner: string, token: string): Promise<boolean> {
    return this.#queue.finish(owner, token);
  }

  // ── rebuild ──

  replay(entries: readonly OutboxEntry[]): Promise<void> {
    const prepared = prepareReplay(entries);
    return this.#commits.run((draft) => {
      replayEntries(draft, this.#kbs, this.#symbols, prepared);
      this.#symbols.trim();
    });
  }

  forgetKb(kb: string): Promise<boolean> {
    return this.#commits.run((draft) => {
      const { number, head } = this.#kbs.open(draft, kb);
      if (head.pushed !== head.trimmed) return false;
      markOver(draft, number, head.generation);
      this.#kbs.save(draft, kb, number, nextGeneration(head, 1, 0));
      return true;
    });
  }

  raiseEpoch(kb: string): Promise<void> {
    return this.#commits.run((draft) => {
      const { number, head } = this.#kbs.open(draft, kb);
      head.seq = (Math.floor(head.seq / EPOCH_FACTOR) + 1) * EPOCH_FACTOR;
      this.#kbs.save(draft, kb, number, head);
    });
  }

  async ping(): Promise<boolean> {
    if (this.#closing !== undefined) return false;
    try {
      return this.#db.get(FORMAT_KEY) !== undefined;
    } catch (error) {
      this.#log.error({ err: error }, "the state store does not answer");
      return false;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }
  async #end(): Promise<void> {
    await this.#commits.close();
    if (this.#counting > 0) {
      await new Promise<void>((resolve) => {
        this.#counted = resolve;
      });
    }
    await this.#db.close();
  }
}
