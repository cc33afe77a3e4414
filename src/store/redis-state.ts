/**
 * The state store on Redis (6.2 or later: one server, or the master behind Sentinels): for several API processes or machines. Every call is
 * one script, atomic and one round trip; a change is acknowledged once it is in the server's append-only file, which takes one or two more
 * (`redis-barrier.ts`). So it survives a killed server process; what it survives beyond that is the server's configuration
 * (docs/stores.md). A cluster's differences: `redis-cluster-state.ts`.
 */
import { randomBytes } from "node:crypto";
import { EngineError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { EmotiveRecord } from "../model/emotives.ts";
import { compareSymbols } from "../model/event.ts";
import type { PendingVector, Session } from "../model/session.ts";
import { encodeSums } from "./affinity-entry.ts";
import { decodeEditOutcomes, encodeAverages, prepareEdit } from "./edit-entry.ts";
import { EncodedBatch } from "./encoded-batch.ts";
import { decodeResults, encodeHints, encodeLearnEntry, FLUSH_BYTES_MAX, type PreparedLearn, prepareLearn } from "./outbox-entry.ts";
import { unpackLearns } from "./packed-learns.ts";
import type { RedisConnection, ScriptArgument } from "./redis-connection.ts";
import { katoSessionView } from "./redis-kato-session.ts";
import { oneServer, type Places } from "./redis-places.ts";
import { learnOfEntry, replayError } from "./replay-check.ts";
import { readCursor, type SessionPlace, writeCursor } from "./session-cursor.ts";
import type { SessionNotes } from "./session-notes.ts";
import { RecordReader } from "./state-bytes.ts";
import {
  decodeHead,
  decodePatternExtras,
  decodeSessionRow,
  decodeSymbol,
  emptyHead,
  encodeSessionRow,
  finalizedView,
  type HeadRecord,
  headView,
  readEmotives,
  readVector,
} from "./state-records.ts";
import {
  type CounterSnapshot,
  type EditOutcome,
  type EncodedEntries,
  type FlushBatch,
  type KbHead,
  type LearnCommit,
  type LearnOutcome,
  type LearnResult,
  type OutboxEntry,
  type PackedLearns,
  type PatternEdit,
  type PatternRecord,
  type SaveOutcome,
  type SessionSave,
  type SessionsPage,
  type StateStore,
  type SymbolRow,
  type SymbolSums,
  UNKNOWN_SYMBOL,
} from "./state-store.ts";
import { ofGeneration, TailCache } from "./tail-cache.ts";
import { newPatterns } from "./tail-columns.ts";

/** Rows in a slice of `listSymbols`. */
const SLICE_ROWS = 1_000;
/** A clear in the layout kato removes so many slices before it answers: some 100,000 patterns, a second at most. */
const CLEAR_SLICES = 100;
const CLEAR_SLICE = 1_000;
/** Kbs whose last number is remembered, to be compared after a failover. */
const SEEN_KBS_MAX = 10_000;
/** Entries decoded and kept for `tail`, over all kbs: about 50 MB. */
const TAIL_ENTRIES_MAX = 50_000;

export type Row = Buffer | null;

export class RedisState implements StateStore {
  readonly backEnd = "redis";
  protected readonly redis: RedisConnection;
  protected readonly outboxMax: number;
  protected readonly log: Logger;
  protected readonly places: Places;
  readonly #tails = new TailCache(TAIL_ENTRIES_MAX);
  /** The greatest sequence number seen of each kb used lately. */
  readonly #seen = new Map<string, number>();
  onReplaced: StateStore["onReplaced"];

  constructor(redis: RedisConnection, outboxMax: number, log: Logger, places: Places = oneServer(redis.prefix)) {
    this.redis = redis;
    this.outboxMax = outboxMax;
    this.log = log;
    this.places = places;
    redis.onLost = () => this.#tails.clear();
    redis.onReplaced = () => this.#compare();
  }

  #saw(kb: string, seq: number): void {
    const before = this.#seen.get(kb) ?? 0;
    this.#seen.delete(kb);
    this.#seen.set(kb, Math.max(before, seq));
    if (this.#seen.size > SEEN_KBS_MAX) this.#seen.delete(this.#seen.keys().next().value as string);
  }

  #headOf(kb: string, row: Row): KbHead {
    const head = headView(kb, headOf(row));
    this.#saw(kb, head.seq);
    return head;
  }

  /** Another server process answers: finds the kbs that lost changes, and lets none of their numbers be used again. */
  async #compare(): Promise<void> {
    const lost: string[] = [];
    for (const [kb, seen] of this.#seen) {
      const { seq } = headView(kb, headOf((await this.redis.run("head", this.places.kb(kb), kb)) as Row));
      if (seq < seen) lost.push(kb);
    }
    const raised = (await this.onReplaced?.(lost)) ?? [];
    for (const kb of raised) await this.redis.run("raiseEpoch", this.places.kb(kb), kb);
    for (const kb of lost) this.#seen.delete(kb);
  }

  // ── sessions ──

  async createSession(session: Session): Promise<void> {
    const { id, expiresAtMs } = session;
    await this.redis.change(
      "createSession",
      this.places.session(id),
      id,
      encodeSessionRow(session),
      String(expiresAtMs),
      this.#view(session),
    );
  }

  async readSession(id: string, nowMs: number, slide: boolean): Promise<{ session: Session; head: KbHead } | undefined> {
    const reply = (await this.redis.run("readSession", this.places.session(id), id, String(nowMs), slide ? 1 : 0)) as SessionReply;
    if (reply === null) return undefined;
    const { session, head } = this.readReply(reply);
    return { session, head: this.#headOf(session.kb, head) };
  }

  protected readReply([row, head = null, refused]: readonly [Buffer, Row?, Buffer?]): { session: Session; head: Row } {
    if (refused !== undefined) this.log.warn({ trouble: refused.toString("utf8") }, "a session's expiry could not be moved");
    return { session: decodeSessionRow(row), head };
  }

  async saveSession(session: Session, expectedVersion: number, lock = ""): Promise<SaveOutcome> {
    const place = this.places.session(session.id);
    const saved = await this.redis.change("saveSession", place, ...this.#saveArguments(session, expectedVersion, lock));
    return saved === 1 ? "saved" : "conflict";
  }

  #saveArguments(session: Session, expectedVersion: number, lock: string): ScriptArgument[] {
    return [session.id, encodeSessionRow(session), String(expectedVersion), String(session.expiresAtMs), this.#view(session), lock];
  }

  // No barrier: a lock that a killed server forgets was as good as over, and the versions still keep saves apart.
  async lockSession(id: string, owner: string, leaseMs: number): Promise<boolean> {
    return (await this.redis.run("lockSession", this.places.session(id), id, owner, leaseMs)) === 1;
  }
  async unlockSession(id: string, owner: string): Promise<void> {
    await this.redis.run("unlockSession", this.places.session(id), id, owner);
  }

  /** Notes of sessions for other processes (`session-notes.ts`); lost with the server, and by then of no use. */
  readonly notes: SessionNotes = {
    put: async (id, text, lifeMs) => void (await this.redis.run("putNote", this.places.session(id), id, text, lifeMs)),
    get: async (id) => ((await this.redis.run("note", this.places.session(id), id)) as Row)?.toString("utf8"),
  };

  #view(session: Session): string {
    return this.redis.layout === "kato" ? katoSessionView(session) : "";
  }

  async deleteSession(id: string): Promise<boolean> {
    return (await this.redis.change("deleteSession", this.places.session(id), id)) === 1;
  }
  async countSessions(nowMs: number): Promise<number> {
    return (await this.redis.run("countSessions", this.redis.prefix, String(nowMs))) as number;
  }
  async listSessions(nowMs: number, limit: number, after?: string): Promise<SessionsPage> {
    return this.listGroups([this.redis.prefix], nowMs, limit, after);
  }
  /** Sessions of places one after the other. */
  protected async listGroups(places: readonly string[], nowMs: number, limit: number, after?: string): Promise<SessionsPage> {
    const start = after === undefined ? undefined : readCursor(after, places.length);
    const sessions: Session[] = [];
    let last: SessionPlace | undefined;
    for (let group = start?.group ?? 0; group < places.length && sessions.length < limit; group++) {
      const from = start?.group === group ? [String(start.expiresAtMs), start.id] : ["", ""];
      const wanted = limit - sessions.length;
      const found = (await this.redis.run("listSessions", places[group]!, String(nowMs), wanted, ...from)) as Buffer[];
      for (let i = 0; i < found.length; i += 3) {
        sessions.push(decodeSessionRow(found[i + 2]!));
        last = { group, expiresAtMs: Number(found[i + 1]!.toString("latin1")), id: found[i]!.toString("utf8") };
      }
    }
    return { sessions, ...(last !== undefined && sessions.length === limit && { next: writeCursor(last) }) };
  }
  async sweepSessions(nowMs: number, limit: number): Promise<number> {
    return (await this.redis.run("sweepSessions", this.redis.prefix, String(nowMs), limit)) as number;
  }

  // ── changes of a kb ──

  async commitLearn(learn: LearnCommit, session: SessionSave | null): Promise<LearnOutcome> {
    const save = session === null ? NO_SESSION : [1, ...this.#saveArguments(session.next, session.expectedVersion, session.lock ?? "")];
    const reply = await this.commit(this.places.kb(learn.kb), save, NO_REQUEST, [argumentsOf(learn)]);
    if (reply.results === undefined) return { outcome: reply.status === 0 ? "conflict" : "outboxFull" };
    return { outcome: "committed", result: reply.results[0] as LearnResult };
  }

  async commitLearns(learns: readonly LearnCommit[], requestId?: string): Promise<readonly LearnResult[] | "outboxFull"> {
    const request = requestId === undefined ? NO_REQUEST : [1, requestId, ""];
    return (await this.commit(this.redis.prefix, NO_SESSION, request, learns.map(argumentsOf))).results ?? "outboxFull";
  }

  commitPacked(kb: string, packed: PackedLearns, requestId?: string): Promise<readonly LearnResult[] | "outboxFull"> {
    return this.commitLearns(unpackLearns(kb, packed), requestId);
  }

  async importPacked(kb: string, packed: PackedLearns, requestId: string): Promise<"done" | "outboxFull"> {
    const learns = unpackLearns(kb, packed);
    for (let from = 0; from < learns.length; from += IMPORT_LEARNS) {
      const part = learns.slice(from, from + IMPORT_LEARNS);
      if ((await this.commitLearns(part, `${requestId} ${from}`)) === "outboxFull") return "outboxFull";
    }
    return "done";
  }

  protected async commit(
    place: string,
    session: readonly ScriptArgument[],
    request: readonly ScriptArgument[],
    learns: readonly (readonly ScriptArgument[])[],
  ): Promise<{ status: number; results?: LearnResult[] }> {
    const args = [this.outboxMax, ...session, ...request, ...learns.flat()];
    const [status, results] = (await this.redis.change("commit", place, ...args)) as [number, Buffer?];
    if (status === 3) {
      const told =
        "The key layout kato holds as many patterns as it may (redis.katoPatternsMax). Raise that, or move to the layout compact.";
      throw new EngineError("ENGRAM_STORE_FULL", told);
    }
    if (results === undefined) return { status };
    const decoded = decodeResults(results);
    for (const [i, { seq }] of decoded.entries()) this.#saw(String(learns[i]?.[0]), seq);
    return { status, results: decoded };
  }

  async editPatterns(
    kb: string,
    generation: number,
    edits: readonly PatternEdit[],
    atMs: number,
    requestId?: string,
  ): Promise<readonly EditOutcome[] | "outboxFull"> {
    const args = edits.flatMap((edit) => {
      const prepared = prepareEdit(edit);
      return [prepared.body, encodeAverages(prepared)];
    });
    const request = requestId === undefined ? [0, ""] : [1, requestId];
    const answer = await this.redis.change(
      "edit",
      this.places.kb(kb),
      this.outboxMax,
      ...request,
      kb,
      String(generation),
      double(atMs),
      ...args,
    );
    return typeof answer === "number" ? "outboxFull" : decodeEditOutcomes(answer as Buffer);
  }

  async setAffinities(kb: string, generation: number, sums: SymbolSums, atMs: number): Promise<"done" | "over" | "outboxFull"> {
    const answer = await this.redis.change(
      "affinities",
      this.places.kb(kb),
      this.outboxMax,
      kb,
      String(generation),
      double(atMs),
      encodeSums(sums),
    );
    if (Array.isArray(answer))
      throw new EngineError("ENGRAM_STORE_REPLY", `Symbol id ${answer[0]} was never given out in this generation.`);
    return answer === 2 ? "done" : answer === 1 ? "outboxFull" : "over";
  }

  async clearKb(kb: string, atMs: number): Promise<KbHead> {
    const head = headView(kb, headOf((await this.redis.change("clear", this.places.kb(kb), kb, double(atMs))) as Row));
    // What others read under KATO's names is gone when this answers, as far as that goes quickly; the janitor does the rest.
    if (this.redis.layout === "kato") await this.#sweepAtOnce();
    return head;
  }
  async finalizeKb(kb: string, atMs: number): Promise<KbHead> {
    return headView(kb, headOf((await this.redis.change("finalize", this.places.kb(kb), kb, double(atMs))) as Row));
  }
  async sweepGenerations(limit: number): Promise<number> {
    return (await this.redis.run("sweepOver", this.redis.prefix, limit)) as number;
  }
  async #sweepAtOnce(): Promise<void> {
    for (let slices = 0; slices < CLEAR_SLICES && (await this.sweepGenerations(CLEAR_SLICE)) >= CLEAR_SLICE; slices++);
  }

  // ── reads ──

  async head(kb: string): Promise<KbHead> {
    return this.#headOf(kb, (await this.redis.run("head", this.places.kb(kb), kb)) as Row);
  }

  async listKbs(): Promise<readonly string[]> {
    return ((await this.redis.run("kbs", this.places.kbs)) as Buffer[]).map((kb) => kb.toString("utf8")).sort(compareSymbols);
  }

  async #rows(kind: "i" | "n" | "a", kb: string, generation: number, fields: readonly ScriptArgument[]): Promise<Row[]> {
    if (fields.length === 0) return [];
    return (await this.redis.run("rows", this.places.kb(kb), kind, kb, String(generation), ...fields)) as Row[];
  }

  async symbolIds(kb: string, generation: number, symbols: readonly string[]): Promise<Uint32Array> {
    const rows = await this.#rows("i", kb, generation, symbols);
    return Uint32Array.from(rows, (row) => (row === null ? UNKNOWN_SYMBOL : Number(row.toString("latin1"))));
  }

  async symbolNames(kb: string, generation: number, ids: readonly number[]): Promise<readonly string[]> {
    const rows = await this.#rows("n", kb, generation, ids);
    return rows.map((row, i) => {
      if (row === null) throw new EngineError("ENGRAM_STORE_REPLY", `Symbol id ${ids[i]} was never given out in this generation.`);
      return row.toString("utf8");
    });
  }

  async *listSymbols(kb: string, generation: number, from: number, to: number): AsyncIterable<readonly SymbolRow[]> {
    for (let start = from; start < to; start += SLICE_ROWS) {
      const end = Math.min(to, start + SLICE_ROWS);
      const [names, rows] = (await this.redis.run("symbols", this.places.kb(kb), kb, String(generation), start, end)) as [Row[], Row[]];
      const slice: SymbolRow[] = [];
      for (const [i, name] of names.entries()) {
        const row = rows[i];
        if (name === null || row === null || row === undefined) break; // ids are dense: here they end
        const { frequency, patternMemberFrequency } = decodeSymbol(row);
        slice.push({ id: start + i, symbol: name.toString("utf8"), frequency, patternMemberFrequency });
      }
      if (slice.length > 0) yield slice;
      if (slice.length < SLICE_ROWS) return;
    }
  }

  async counters(kb: string, generation: number, names: readonly string[], symbolIds: readonly number[]): Promise<CounterSnapshot> {
    const place = this.places.kb(kb);
    const reply = await this.redis.run("counters", place, kb, String(generation), names.length, ...names.map(nameBytes), ...symbolIds);
    const [headRow, patternRows, moreRows, symbolRows] = reply as [Row, Row[], Row[], Row[]];
    const head = headOf(headRow);
    const symbols = symbolRows.map((row) => (row === null ? undefined : decodeSymbol(row)));
    return {
      head: headView(kb, head),
      patterns: patternRows.map((row, i) => (row === null ? undefined : decodePatternRow(row, moreRows[i] ?? null))),
      symbols: symbols.map((row) =>
        row === undefined ? undefined : { frequency: row.frequency, patternMemberFrequency: row.patternMemberFrequency },
      ),
      finalized: finalizedView(head, symbols),
    };
  }

  async affinities(kb: string, generation: number, symbolIds: readonly number[]): Promise<readonly EmotiveRecord[]> {
    const rows = await this.#rows("a", kb, generation, symbolIds);
    return rows.map((row) => (row === null ? [] : readEmotives(new RecordReader(row))));
  }

  async listVectors(kb: string, generation: number, from: number): Promise<readonly PendingVector[]> {
    const rows = (await this.redis.run("vectors", this.places.kb(kb), kb, String(generation), from)) as Buffer[];
    return rows.map((row) => readVector(new RecordReader(row)));
  }

  async listDeleted(kb: string, generation: number, from: number): Promise<readonly number[]> {
    return ((await this.redis.run("deleted", this.places.kb(kb), kb, String(generation), from)) as Buffer[]).map((id) =>
      Number(id.toString("latin1")),
    );
  }

  // ── outbox ──

  async tail(kb: string, generation: number): Promise<readonly OutboxEntry[]> {
    const read = async (wanted: number): Promise<readonly OutboxEntry[] | undefined> => {
      const [trimmed, from, entries] = (await this.redis.run("tail", this.places.kb(kb), kb, wanted)) as [number, number, Buffer[]];
      return this.#tails.extend(kb, trimmed, from, entries);
    };
    // The second read asks for everything; the cache may have been emptied during the first.
    const entries = (await read(this.#tails.end(kb))) ?? (await read(0));
    if (entries === undefined) throw new EngineError("ENGRAM_STORE_REPLY", "The outbox of a kb has a gap.");
    return ofGeneration(entries, generation);
  }

  async outboxSize(): Promise<number> {
    return (await this.redis.run("waiting", this.redis.prefix)) as number;
  }

  async firstUnflushed(kb: string, generation: number): Promise<number | undefined> {
    return newPatterns(await this.tail(kb, generation))[0]?.patternId;
  }

  takeFlush(owner: string, limit: number, leaseMs: number): Promise<FlushBatch | undefined> {
    return this.takeAt(this.redis.prefix, owner, limit, leaseMs);
  }

  protected async takeAt(place: string, owner: string, limit: number, leaseMs: number): Promise<FlushBatch | undefined> {
    // The random part keeps tokens unique even after a failover or an older copy of the data took the counter back.
    const stem = `${this.redis.storeId}-${randomBytes(4).toString("hex")}`;
    const reply = (await this.redis.change("take", place, owner, limit, leaseMs, FLUSH_BYTES_MAX, stem)) as (Buffer | Buffer[])[] | null;
    if (reply === null) return undefined;
    const parts: EncodedEntries[] = [];
    for (let at = 1; at < reply.length; at += 2)
      parts.push({ kb: (reply[at] as Buffer).toString("utf8"), entries: reply[at + 1] as Buffer[] });
    return new EncodedBatch((reply[0] as Buffer).toString("utf8"), parts);
  }

  finishFlush(owner: string, token: string): Promise<boolean> {
    return this.finishAt(this.redis.prefix, owner, token);
  }

  protected async finishAt(place: string, owner: string, token: string): Promise<boolean> {
    return (await this.redis.change("finish", place, owner, token)) === 1;
  }

  // ── rebuild ──

  replay(entries: readonly OutboxEntry[]): Promise<void> {
    return this.replayAt(this.redis.prefix, entries);
  }

  protected async replayAt(place: string, entries: readonly OutboxEntry[]): Promise<void> {
    const args = entries.flatMap((entry): ScriptArgument[] => {
      const below = entry.kind === "finalize" ? entry.below : 0;
      const start = [entry.kind, entry.kb, String(entry.generation), String(entry.seq), below];
      if (entry.kind === "edit") {
        const edit = prepareEdit(entry);
        return [...start, edit.body, encodeAverages(edit), "", ""];
      }
      if (entry.kind === "affinity") return [...start, encodeSums(entry.sums), "", "", ""];
      if (entry.kind !== "learn") return [...start, "", "", "", ""];
      const prepared: PreparedLearn = prepareLearn(learnOfEntry(entry));
      const expected = encodeLearnEntry({ ...entry, indexedVectors: [...entry.vectors.keys()] }, entry.atMs, Buffer.alloc(0));
      return [...start, prepared.body, encodeHints(prepared), double(entry.atMs), expected];
    });
    const refused = (await this.redis.change("replay", place, ...args)) as [seq: Buffer, kb: Buffer, why: Buffer] | null;
    if (refused === null) return;
    const [seq, kb, why] = refused.map((part) => part.toString("utf8")) as [string, string, string];
    throw replayError({ kb, seq: Number(seq) }, why);
  }

  async forgetKb(kb: string): Promise<boolean> {
    return (await this.redis.change("forget", this.places.kb(kb), kb)) === 1;
  }

  async raiseEpoch(kb: string): Promise<void> {
    await this.redis.change("raiseEpoch", this.places.kb(kb), kb);
  }

  ping(): Promise<boolean> {
    return this.redis.ping();
  }
  close(): Promise<void> {
    return this.redis.close();
  }
}

type SessionReply = readonly [Buffer, Row, Buffer?] | null;

export const NO_SESSION: readonly ScriptArgument[] = [0, "", "", "", "", "", ""];
/** A script of so many learns holds up everybody else for some 65 ms, and a larger one costs no less a learn. */
const IMPORT_LEARNS = 1_000;
const NO_REQUEST: readonly ScriptArgument[] = [0, "", ""];

/** A learn as the commit takes it. */
export function argumentsOf(learn: LearnCommit): ScriptArgument[] {
  const prepared = prepareLearn(learn);
  return [learn.kb, prepared.body, encodeHints(prepared), double(learn.atMs)];
}

/** The 20 bytes of a pattern's name; what is no name stands for a pattern that is not there. */
const nameBytes = (name: string): Buffer => (/^[0-9a-f]{40}$/.test(name) ? Buffer.from(name, "hex") : Buffer.alloc(0));

/** A row of `redis-pattern-script.ts`, with the windows and metadata that only some patterns have. */
function decodePatternRow(row: Buffer, more: Row): PatternRecord {
  const facts = { patternId: row.readUIntLE(0, 5), frequency: row.readUIntLE(5, row.length - 5) };
  return { ...facts, ...(more === null ? { emotives: [], metadata: [] } : decodePatternExtras(new RecordReader(more))) };
}

const headOf = (row: Row): HeadRecord => (row === null ? emptyHead() : decodeHead(row));

/** A float64 as its bytes: text would have to be printed and parsed without loss on both sides. */
function double(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleLE(value);
  return bytes;
}
