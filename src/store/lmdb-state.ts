/**
 * The state store on LMDB: one process or several on one machine, nothing to start. Reads are synchronous memory reads of 1 to 3 µs;
 * a change costs a share of one flush to disk (`lmdb-commit.ts`). Layouts: `lmdb-keys.ts`, `state-records.ts`, `outbox-entry.ts`.
 * Not for network file systems, and not for several machines: use Redis there.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { open } from "lmdb";
import { EngineError } from "../errors.ts";
import { type Logger, silentLogger } from "../log.ts";
import type { EmotiveRecord } from "../model/emotives.ts";
import { compareSymbols } from "../model/event.ts";
import type { PendingVector, Session } from "../model/session.ts";
import { type Db, type Draft, GroupCommit, storeError } from "./lmdb-commit.ts";
import { GenerationKeys, headKey, isHashed, kbKey, metaKey, outboxKey, requestKey, requestSlotKey, tagEnd, tagStart } from "./lmdb-keys.ts";
import { applyLearn, verifySymbol } from "./lmdb-learn.ts";
import { appendEntries, FLUSH_KEY, f64, finishFlush, numberOf, takeFlush, WAITING_KEY } from "./lmdb-outbox.ts";
import { LmdbSessions, saveInDraft } from "./lmdb-sessions.ts";
import { markOver, sweepOver } from "./lmdb-sweep.ts";
import {
  decodeEntry,
  decodeResults,
  encodeClearEntry,
  encodeFinalizeEntry,
  encodeResults,
  type PreparedLearn,
  prepareLearn,
} from "./outbox-entry.ts";
import { checkFacts, checkNext, learnOfEntry } from "./replay-check.ts";
import { RecordReader } from "./state-bytes.ts";
import {
  decodeHead,
  decodePattern,
  decodeSymbol,
  emptyHead,
  encodeHead,
  finalizedView,
  type HeadRecord,
  headView,
  nextGeneration,
  readEmotives,
  readVector,
  STATE_FORMAT,
} from "./state-records.ts";
import {
  type CounterSnapshot,
  EPOCH_FACTOR,
  type FlushBatch,
  type KbHead,
  type LearnCommit,
  type LearnOutcome,
  type LearnResult,
  type OutboxEntry,
  type SaveOutcome,
  type StateStore,
  type SymbolRow,
  UNKNOWN_SYMBOL,
} from "./state-store.ts";
import { ofGeneration, TailCache } from "./tail-cache.ts";

export interface LmdbStateOptions {
  /** A folder; made when it is not there. A dot in its name is no trouble. */
  readonly path: string;
  readonly outboxMax: number;
  readonly log?: Logger;
}

/** Reads of one snapshot between two turns of the event loop: about 4 ms. */
const READS_A_TURN = 2_000;
/** Rows in a slice of `listSymbols`. */
const SLICE_ROWS = 1_000;
/** Request ids of bulk learns remembered: a retry follows its first try closely, and a result of 1,000 learns takes 90 kB. */
const REQUESTS_KEPT = 64;
/** Entries decoded and kept for `tail`, over all kbs: about 50 MB. */
const TAIL_ENTRIES_MAX = 50_000;

const FORMAT_KEY = metaKey("format");
const STORE_ID_KEY = metaKey("id");
const KB_COUNT_KEY = metaKey("kbs");
const REQUEST_SLOT_KEY = metaKey("request");

/** Opens the store. Errors: ENGRAM_DATA_FORMAT, ENGRAM_DISK_FULL, ENGRAM_STORE_UNREACHABLE. */
export async function openLmdbState(options: LmdbStateOptions): Promise<StateStore> {
  let db: Db;
  try {
    mkdirSync(options.path, { recursive: true });
    // noSubdir: else a dot in the last part of the path is taken for a file's extension. eventTurnBatching: lmdb's own batching leaves
    // a rejected promise behind when a commit fails, which ends the process; GroupCommit batches instead.
    db = open<Buffer, Buffer>({
      path: options.path,
      noSubdir: false,
      encoding: "binary",
      keyEncoding: "binary",
      cache: false,
      eventTurnBatching: false,
    });
  } catch (error) {
    throw storeError(error);
  }
  const commits = new GroupCommit(db);
  try {
    const format = db.get(FORMAT_KEY)?.toString("latin1");
    if (format !== undefined && format !== STATE_FORMAT) {
      throw new EngineError("ENGRAM_DATA_FORMAT", `The state store has data format ${format}; this version reads format ${STATE_FORMAT}.`);
    }
    const storeId = await commits.run((draft) => {
      draft.put(FORMAT_KEY, Buffer.from(STATE_FORMAT, "latin1"));
      const id = draft.get(STORE_ID_KEY) ?? Buffer.from(randomBytes(8).toString("hex"), "latin1");
      draft.put(STORE_ID_KEY, id);
      return id.toString("latin1");
    });
    return new LmdbState(db, commits, storeId, options.outboxMax, options.log ?? silentLogger);
  } catch (error) {
    await db.close();
    throw storeError(error);
  }
}

class LmdbState implements StateStore {
  readonly backEnd = "lmdb";
  readonly #db: Db;
  readonly #commits: GroupCommit;
  readonly #storeId: string;
  readonly #outboxMax: number;
  readonly #log: Logger;
  readonly #sessions: LmdbSessions;
  readonly #tails = new TailCache(TAIL_ENTRIES_MAX);
  /** Numbers of kbs never change. */
  readonly #kbNumbers = new Map<string, number>();
  #closing: Promise<void> | undefined;

  constructor(db: Db, commits: GroupCommit, storeId: string, outboxMax: number, log: Logger) {
    this.#db = db;
    this.#commits = commits;
    this.#storeId = storeId;
    this.#outboxMax = outboxMax;
    this.#log = log;
    this.#sessions = new LmdbSessions(db, commits);
  }

  /** Runs a read. Reads of one call see one snapshot as long as it does not give up its turn. */
  #read<T>(read: () => T): T {
    if (this.#closing !== undefined) throw new EngineError("ENGRAM_CLOSED", "The state store is closed.");
    try {
      return read();
    } catch (error) {
      throw storeError(error);
    }
  }

  // ── kbs and heads ──

  #kbNumber(kb: string, get: (key: Buffer) => Buffer | undefined = (key) => this.#db.get(key)): number | undefined {
    const cached = this.#kbNumbers.get(kb);
    if (cached !== undefined) return cached;
    const row = get(kbKey(kb));
    if (row === undefined) return undefined;
    if (row.toString("utf8", 4) !== kb)
      throw new EngineError("ENGRAM_STORE_REPLY", "The state store holds another kb under this one's hash.");
    return row.readUInt32LE(0);
  }

  #headOf(kb: string): HeadRecord {
    const number = this.#kbNumber(kb);
    if (number === undefined) return emptyHead();
    this.#kbNumbers.set(kb, number);
    const row = this.#db.get(headKey(number));
    return row === undefined ? emptyHead() : decodeHead(row);
  }

  /** Keys of a generation; undefined for a kb never written. */
  #keys(kb: string, generation: number): GenerationKeys | undefined {
    const number = this.#kbNumber(kb);
    return number === undefined ? undefined : new GenerationKeys(number, generation);
  }

  /** Inside a change: the kb's number (given now if it has none) and its head; `save` writes the head back. */
  #open(draft: Draft, kb: string): { number: number; head: HeadRecord } {
    const known = this.#kbNumber(kb, (key) => draft.get(key));
    if (known !== undefined) {
      const row = draft.get(headKey(known));
      return { number: known, head: row === undefined ? emptyHead() : decodeHead(row) };
    }
    const number = numberOf(draft.get(KB_COUNT_KEY));
    draft.put(KB_COUNT_KEY, f64(number + 1));
    const row = Buffer.alloc(4 + Buffer.byteLength(kb, "utf8"));
    row.writeUInt32LE(number, 0);
    row.write(kb, 4, "utf8");
    draft.put(kbKey(kb), row);
    return { number, head: emptyHead() };
  }

  #saveHead(draft: Draft, kb: string, number: number, head: HeadRecord): void {
    draft.put(headKey(number), Buffer.concat([encodeHead(head), Buffer.from(kb, "utf8")]));
  }

  async head(kb: string): Promise<KbHead> {
    return this.#read(() => headView(kb, this.#headOf(kb)));
  }

  async listKbs(): Promise<readonly string[]> {
    return this.#read(() => {
      const rows = this.#db.getRange({ start: tagStart("K"), end: tagEnd("K") });
      return [...rows].map(({ value }) => value.toString("utf8", 4)).sort(compareSymbols);
    });
  }

  // ── sessions ──

  createSession(session: Session): Promise<void> {
    return this.#sessions.create(session);
  }
  async readSession(id: string, nowMs: number, slide: boolean): Promise<{ session: Session; head: KbHead } | undefined> {
    const session = this.#read(() => this.#sessions.read(id, nowMs));
    if (session === undefined) return undefined;
    if (!slide) return { session, head: this.#read(() => headView(session.kb, this.#headOf(session.kb))) };
    await this.#sessions.slide(session, nowMs);
    // Read again: the session and its kb must be of one moment, and a slide gives up its turn.
    return this.#read(() => {
      const now = this.#sessions.read(id, nowMs);
      if (now === undefined) return undefined;
      const expiresAtMs = Math.max(now.expiresAtMs, nowMs + now.ttlSeconds * 1_000);
      return { session: { ...now, expiresAtMs }, head: headView(now.kb, this.#headOf(now.kb)) };
    });
  }
  saveSession(session: Session, expectedVersion: number): Promise<SaveOutcome> {
    return this.#commits.run((draft) => (saveInDraft(draft, session, expectedVersion) ? "saved" : "conflict"));
  }
  deleteSession(id: string): Promise<boolean> {
    return this.#sessions.delete(id);
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
      const [result] = this.#learn(draft, [prepared]);
      return { outcome: "committed", result: result as LearnResult };
    });
  }

  async commitLearns(learns: readonly LearnCommit[], requestId?: string): Promise<readonly LearnResult[] | "outboxFull"> {
    const prepared = learns.map(prepareLearn);
    return this.#commits.run((draft) => {
      const before = requestId === undefined ? undefined : draft.get(requestKey(requestId));
      if (before !== undefined) return decodeResults(before);
      if (this.#isFull(draft, learns.length)) return "outboxFull";
      const results = this.#learn(draft, prepared);
      if (requestId !== undefined) this.#remember(draft, requestId, results);
      return results;
    });
  }

  #isFull(draft: Draft, added: number): boolean {
    return numberOf(draft.get(WAITING_KEY)) + added > this.#outboxMax;
  }

  #learn(draft: Draft, prepared: readonly PreparedLearn[]): LearnResult[] {
    return prepared.map((one) => {
      const { kb } = one.learn;
      const { number, head } = this.#open(draft, kb);
      const { result, entry } = applyLearn(draft, number, head, head.seq + 1, one);
      appendEntries(draft, number, head, [entry]);
      this.#saveHead(draft, kb, number, head);
      return result;
    });
  }

  #remember(draft: Draft, requestId: string, results: readonly LearnResult[]): void {
    const slot = numberOf(draft.get(REQUEST_SLOT_KEY));
    const slotKey = requestSlotKey(slot % REQUESTS_KEPT);
    const oldest = draft.get(slotKey);
    if (oldest !== undefined) draft.remove(oldest);
    draft.put(slotKey, requestKey(requestId));
    draft.put(requestKey(requestId), encodeResults(results));
    draft.put(REQUEST_SLOT_KEY, f64(slot + 1));
  }

  clearKb(kb: string, atMs: number): Promise<KbHead> {
    return this.#commits.run((draft) => {
      const { number, head } = this.#open(draft, kb);
      const next = nextGeneration(head, head.generation + 1, head.seq + 1);
      appendEntries(draft, number, next, [encodeClearEntry(next.generation, next.seq, atMs)]);
      markOver(draft, number, head.generation);
      this.#saveHead(draft, kb, number, next);
      return headView(kb, next);
    });
  }

  finalizeKb(kb: string, atMs: number): Promise<KbHead> {
    return this.#commits.run((draft) => {
      const { number, head } = this.#open(draft, kb);
      finalize(head, head.seq + 1);
      appendEntries(draft, number, head, [encodeFinalizeEntry(head.generation, head.seq, atMs, head.finalizedBelow)]);
      this.#saveHead(draft, kb, number, head);
      return headView(kb, head);
    });
  }

  async sweepGenerations(limit: number): Promise<number> {
    const nothing = this.#read(() => this.#db.getKeysCount({ start: tagStart("G"), end: tagEnd("G"), limit: 1 }) === 0);
    return nothing ? 0 : this.#commits.run((draft) => sweepOver(draft, limit));
  }

  // ── reads ──

  async symbolIds(kb: string, generation: number, symbols: readonly string[]): Promise<Uint32Array> {
    return this.#read(() => {
      const ids = new Uint32Array(symbols.length).fill(UNKNOWN_SYMBOL);
      const keys = this.#keys(kb, generation);
      if (keys === undefined) return ids;
      symbols.forEach((symbol, i) => {
        const row = this.#db.get(keys.byText("i", symbol));
        if (row === undefined) return;
        const id = row.readUInt32LE(0);
        if (isHashed(symbol)) verifySymbol(this.#db.get(keys.byId("n", id)), symbol);
        ids[i] = id;
      });
      return ids;
    });
  }

  async symbolNames(kb: string, generation: number, ids: readonly number[]): Promise<readonly string[]> {
    return this.#read(() => {
      const keys = this.#keys(kb, generation);
      return ids.map((id) => {
        const row = keys === undefined ? undefined : this.#db.get(keys.byId("n", id));
        if (row === undefined) throw new EngineError("ENGRAM_STORE_REPLY", `Symbol id ${id} was never given out in this generation.`);
        return row.toString("utf8");
      });
    });
  }

  async *listSymbols(kb: string, generation: number, from: number, to: number): AsyncIterable<readonly SymbolRow[]> {
    for (let start = from; start < to; start += SLICE_ROWS) {
      const slice = this.#read(() => this.#symbolSlice(kb, generation, start, Math.min(to, start + SLICE_ROWS)));
      if (slice.length > 0) yield slice;
      if (slice.length < SLICE_ROWS) return;
      await nextTurn();
    }
  }

  #symbolSlice(kb: string, generation: number, from: number, to: number): SymbolRow[] {
    const keys = this.#keys(kb, generation);
    if (keys === undefined) return [];
    const names = [...this.#db.getRange({ start: keys.byId("n", from), end: keys.byId("n", to) })];
    return names.map(({ value }, i) => {
      const counters = this.#db.get(keys.byId("c", from + i));
      if (counters === undefined) throw new EngineError("ENGRAM_STORE_REPLY", `Symbol id ${from + i} has no counters.`);
      const { frequency, patternMemberFrequency } = decodeSymbol(counters);
      return { id: from + i, symbol: value.toString("utf8"), frequency, patternMemberFrequency };
    });
  }

  async counters(kb: string, generation: number, names: readonly string[], symbolIds: readonly number[]): Promise<CounterSnapshot> {
    // One read transaction over several turns: 30,000 winners take some 60 ms, too long to hold up other requests.
    const transaction = this.#read(() => this.#db.useReadTransaction());
    try {
      const get = (key: Buffer): Buffer | undefined => this.#read(() => this.#db.get(key, { transaction }));
      const number = this.#kbNumber(kb, get);
      const row = number === undefined ? undefined : get(headKey(number));
      const head = row === undefined ? emptyHead() : decodeHead(row);
      const keys = new GenerationKeys(number ?? 0, generation);
      const known = row !== undefined;
      const patterns = await inTurns(names, (name) => {
        const pattern = known ? get(keys.byText("p", name)) : undefined;
        return pattern === undefined ? undefined : decodePattern(pattern);
      });
      const symbols = await inTurns(symbolIds, (id) => {
        const symbol = known ? get(keys.byId("c", id)) : undefined;
        return symbol === undefined ? undefined : decodeSymbol(symbol);
      });
      const counted = symbols.map((symbol) =>
        symbol === undefined ? undefined : { frequency: symbol.frequency, patternMemberFrequency: symbol.patternMemberFrequency },
      );
      return { head: headView(kb, head), patterns, symbols: counted, finalized: finalizedView(head, symbols) };
    } finally {
      transaction.done();
    }
  }

  async affinities(kb: string, generation: number, symbolIds: readonly number[]): Promise<readonly EmotiveRecord[]> {
    return this.#read(() => {
      const keys = this.#keys(kb, generation);
      return symbolIds.map((id) => {
        const row = keys === undefined ? undefined : this.#db.get(keys.byId("a", id));
        return row === undefined ? [] : readEmotives(new RecordReader(row));
      });
    });
  }

  async listVectors(kb: string, generation: number, from: number): Promise<readonly PendingVector[]> {
    return this.#read(() => {
      const keys = this.#keys(kb, generation);
      if (keys === undefined) return [];
      return [...this.#db.getRange({ start: keys.byId("v", from), end: keys.end("v") })].map(({ value }) =>
        readVector(new RecordReader(Buffer.from(value))),
      );
    });
  }

  // ── outbox ──

  async tail(kb: string, generation: number): Promise<readonly OutboxEntry[]> {
    return this.#read(() => {
      const { pushed, trimmed } = this.#headOf(kb);
      const number = this.#kbNumber(kb);
      if (number === undefined || pushed === trimmed) return [];
      const read = (from: number): Buffer[] =>
        [...this.#db.getRange({ start: outboxKey(number, from), end: outboxKey(number, pushed) })].map(({ value }) => Buffer.from(value));
      const from = Math.max(this.#tails.end(kb), trimmed);
      const entries = this.#tails.extend(kb, trimmed, from, read(from)) ?? this.#tails.extend(kb, trimmed, trimmed, read(trimmed));
      return ofGeneration(entries ?? [], generation);
    });
  }

  async outboxSize(): Promise<number> {
    return this.#read(() => numberOf(this.#db.get(WAITING_KEY)));
  }

  async takeFlush(owner: string, limit: number, leaseMs: number): Promise<FlushBatch | undefined> {
    const idle = this.#read(() => numberOf(this.#db.get(WAITING_KEY)) === 0 && this.#db.get(FLUSH_KEY) === undefined);
    if (idle) return undefined;
    // The random part keeps tokens unique even after an older copy of the folder was put back.
    const stem = `${this.#storeId}-${randomBytes(4).toString("hex")}`;
    const taken = await this.#commits.run((draft) => takeFlush(draft, owner, limit, leaseMs, Date.now(), stem));
    if (taken === undefined) return undefined;
    return { token: taken.token, entries: taken.parts.flatMap(({ kb, entries }) => entries.map((entry) => decodeEntry(kb, entry))) };
  }

  finishFlush(owner: string, token: string): Promise<boolean> {
    return this.#commits.run((draft) => finishFlush(draft, owner, token));
  }

  // ── rebuild ──

  async replay(entries: readonly OutboxEntry[]): Promise<void> {
    const prepared = entries.map((entry) => (entry.kind === "learn" ? prepareLearn(learnOfEntry(entry)) : undefined));
    await this.#commits.run((draft) => {
      entries.forEach((entry, i) => {
        const { number, head } = this.#open(draft, entry.kb);
        checkNext(entry, head);
        let next = head;
        if (entry.kind === "clear") {
          if (head.patternCount > 0 || head.symbolCount > 0) markOver(draft, number, head.generation);
          next = nextGeneration(head, entry.generation, entry.seq);
        } else if (entry.kind === "finalize") {
          finalize(head, entry.seq);
        } else {
          const { facts } = applyLearn(draft, number, head, entry.seq, prepared[i] as PreparedLearn);
          checkFacts(entry, facts);
        }
        this.#saveHead(draft, entry.kb, number, next);
      });
    });
  }

  raiseEpoch(kb: string): Promise<void> {
    return this.#commits.run((draft) => {
      const { number, head } = this.#open(draft, kb);
      head.seq = (Math.floor(head.seq / EPOCH_FACTOR) + 1) * EPOCH_FACTOR;
      this.#saveHead(draft, kb, number, head);
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
    this.#closing ??= this.#commits.close().then(async () => {
      await this.#db.close();
    });
    return this.#closing;
  }
}

/** finalize-training as number `seq`: notes the totals of now; the symbols' values are kept when they next change (`state-records.ts`). */
function finalize(head: HeadRecord, seq: number): void {
  head.seq = seq;
  head.finalizedSeq = seq;
  head.finalizedBelow = head.patternCount;
  head.finalizedSymbolTotal = head.symbolTotal;
  head.finalizedPatternTotal = head.patternTotal;
  head.finalizedUniqueTotal = head.uniqueTotal;
  head.finalizedSymbolCount = head.symbolCount;
}

async function inTurns<A, B>(items: readonly A[], read: (item: A) => B): Promise<B[]> {
  const out: B[] = [];
  for (let from = 0; from < items.length; from += READS_A_TURN) {
    if (from > 0) await nextTurn();
    for (const item of items.slice(from, from + READS_A_TURN)) out.push(read(item));
  }
  return out;
}
