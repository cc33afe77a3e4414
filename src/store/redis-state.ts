/**
 * The state store on Redis (6.2 or later, one server, or one behind Sentinel's address): for several API processes or machines. Every
 * call is one script, atomic and one round trip; a change is acknowledged once it is in the server's append-only file, which takes one or
 * two more (`redis-barrier.ts`). So it survives a killed server process; what it survives beyond that is the server's configuration
 * (docs/stores.md). Not for Redis Cluster (`redis-scripts.ts`).
 */
import { randomBytes } from "node:crypto";
import { EngineError } from "../errors.ts";
import { type Logger, silentLogger } from "../log.ts";
import type { EmotiveRecord } from "../model/emotives.ts";
import { compareSymbols } from "../model/event.ts";
import type { PendingVector, Session } from "../model/session.ts";
import { decodeEditOutcomes, encodeAverages, prepareEdit } from "./edit-entry.ts";
import {
  decodeEntry,
  decodeResults,
  encodeHints,
  encodeLearnEntry,
  FLUSH_BYTES_MAX,
  type PreparedLearn,
  prepareLearn,
} from "./outbox-entry.ts";
import { RedisConnection, type ScriptArgument } from "./redis-connection.ts";
import { learnOfEntry, replayError } from "./replay-check.ts";
import { RecordReader } from "./state-bytes.ts";
import {
  decodeHead,
  decodePattern,
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
  type FlushBatch,
  type KbHead,
  type LearnCommit,
  type LearnOutcome,
  type LearnResult,
  type OutboxEntry,
  type PatternEdit,
  type SaveOutcome,
  type StateStore,
  type StateStoreLimits,
  type SymbolRow,
  UNKNOWN_SYMBOL,
} from "./state-store.ts";
import { ofGeneration, TailCache } from "./tail-cache.ts";

export interface RedisStateOptions extends StateStoreLimits {
  /** `redis://[user:password@]host:port[/db]`, or `rediss://` for TLS. */
  readonly url: string;
  /** Before every key of this deployment. */
  readonly keyPrefix?: string;
  /** A call not answered by then fails. It leaves room for a slow bulk learn before it in the server's queue. */
  readonly commandTimeoutMs?: number;
  /** A connection that gives no byte for this long while it owes an answer is cut and made again. */
  readonly socketTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
  readonly log?: Logger;
}

/** Rows in a slice of `listSymbols`. */
const SLICE_ROWS = 1_000;
/** Entries decoded and kept for `tail`, over all kbs: about 50 MB. */
const TAIL_ENTRIES_MAX = 50_000;

/** Connects. Errors: ENGRAM_SETTINGS_INVALID, ENGRAM_STORE_UNREACHABLE, ENGRAM_DATA_FORMAT. */
export async function openRedisState(options: RedisStateOptions): Promise<StateStore> {
  const connection = await RedisConnection.open({
    url: options.url,
    keyPrefix: options.keyPrefix ?? "engram:",
    commandTimeoutMs: options.commandTimeoutMs ?? 1_000,
    socketTimeoutMs: options.socketTimeoutMs ?? 2_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 2_000,
    ...(options.log === undefined ? {} : { log: options.log }),
  });
  return new RedisState(connection, options.outboxMax, options.log ?? silentLogger);
}

type Row = Buffer | null;

class RedisState implements StateStore {
  readonly backEnd = "redis";
  readonly #redis: RedisConnection;
  readonly #outboxMax: number;
  readonly #log: Logger;
  readonly #tails = new TailCache(TAIL_ENTRIES_MAX);

  constructor(redis: RedisConnection, outboxMax: number, log: Logger) {
    this.#redis = redis;
    this.#outboxMax = outboxMax;
    this.#log = log;
    redis.onLost = () => this.#tails.clear();
  }

  // ── sessions ──

  async createSession(session: Session): Promise<void> {
    await this.#redis.change("createSession", session.id, encodeSessionRow(session), String(session.expiresAtMs));
  }

  async readSession(id: string, nowMs: number, slide: boolean): Promise<{ session: Session; head: KbHead } | undefined> {
    const reply = (await this.#redis.run("readSession", id, String(nowMs), slide ? 1 : 0)) as [Buffer, Row, Buffer?] | null;
    if (reply === null) return undefined;
    const [row, head, refused] = reply;
    if (refused !== undefined) this.#log.warn({ trouble: refused.toString("utf8") }, "a session's expiry could not be moved");
    const session = decodeSessionRow(row);
    return { session, head: headView(session.kb, headOf(head)) };
  }

  async saveSession(session: Session, expectedVersion: number): Promise<SaveOutcome> {
    const saved = await this.#redis.change(
      "saveSession",
      session.id,
      encodeSessionRow(session),
      String(expectedVersion),
      String(session.expiresAtMs),
    );
    return saved === 1 ? "saved" : "conflict";
  }

  async deleteSession(id: string): Promise<boolean> {
    return (await this.#redis.change("deleteSession", id)) === 1;
  }
  async countSessions(nowMs: number): Promise<number> {
    return (await this.#redis.run("countSessions", String(nowMs))) as number;
  }
  async sweepSessions(nowMs: number, limit: number): Promise<number> {
    return (await this.#redis.run("sweepSessions", String(nowMs), limit)) as number;
  }

  // ── changes of a kb ──

  async commitLearn(
    learn: LearnCommit,
    session: { readonly next: Session; readonly expectedVersion: number } | null,
  ): Promise<LearnOutcome> {
    const save =
      session === null
        ? NO_SESSION
        : [1, session.next.id, encodeSessionRow(session.next), String(session.expectedVersion), String(session.next.expiresAtMs)];
    const [status, results] = await this.#commit(save, NO_REQUEST, [learn]);
    if (results === undefined) return { outcome: status === 0 ? "conflict" : "outboxFull" };
    return { outcome: "committed", result: decodeResults(results)[0] as LearnResult };
  }

  async commitLearns(learns: readonly LearnCommit[], requestId?: string): Promise<readonly LearnResult[] | "outboxFull"> {
    const [, results] = await this.#commit(NO_SESSION, requestId === undefined ? NO_REQUEST : [1, requestId], learns);
    return results === undefined ? "outboxFull" : decodeResults(results);
  }

  async #commit(
    session: readonly ScriptArgument[],
    request: readonly ScriptArgument[],
    learns: readonly LearnCommit[],
  ): Promise<[status: number, results?: Buffer]> {
    const args = learns.flatMap((learn) => {
      const prepared = prepareLearn(learn);
      return [learn.kb, prepared.body, encodeHints(prepared), double(learn.atMs)];
    });
    return (await this.#redis.change("commit", this.#outboxMax, ...session, ...request, ...args)) as [number, Buffer?];
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
    const request = requestId === undefined ? NO_REQUEST : [1, requestId];
    const answer = await this.#redis.change("edit", this.#outboxMax, ...request, kb, String(generation), double(atMs), ...args);
    return typeof answer === "number" ? "outboxFull" : decodeEditOutcomes(answer as Buffer);
  }

  async clearKb(kb: string, atMs: number): Promise<KbHead> {
    return headView(kb, headOf((await this.#redis.change("clear", kb, double(atMs))) as Row));
  }
  async finalizeKb(kb: string, atMs: number): Promise<KbHead> {
    return headView(kb, headOf((await this.#redis.change("finalize", kb, double(atMs))) as Row));
  }
  async sweepGenerations(limit: number): Promise<number> {
    return (await this.#redis.run("sweepOver", limit)) as number;
  }

  // ── reads ──

  async head(kb: string): Promise<KbHead> {
    return headView(kb, headOf((await this.#redis.run("head", kb)) as Row));
  }

  async listKbs(): Promise<readonly string[]> {
    return ((await this.#redis.run("kbs")) as Buffer[]).map((kb) => kb.toString("utf8")).sort(compareSymbols);
  }

  async #rows(kind: "i" | "n" | "a", kb: string, generation: number, fields: readonly ScriptArgument[]): Promise<Row[]> {
    if (fields.length === 0) return [];
    return (await this.#redis.run("rows", kind, kb, String(generation), ...fields)) as Row[];
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
      const [names, rows] = (await this.#redis.run("symbols", kb, String(generation), start, end)) as [Row[], Row[]];
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
    const reply = await this.#redis.run("counters", kb, String(generation), names.length, ...names, ...symbolIds);
    const [headRow, patternRows, symbolRows] = reply as [Row, Row[], Row[]];
    const head = headOf(headRow);
    const symbols = symbolRows.map((row) => (row === null ? undefined : decodeSymbol(row)));
    return {
      head: headView(kb, head),
      patterns: patternRows.map((row) => (row === null ? undefined : decodePattern(row))),
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
    const rows = (await this.#redis.run("vectors", kb, String(generation), from)) as Buffer[];
    return rows.map((row) => readVector(new RecordReader(row)));
  }

  async listDeleted(kb: string, generation: number, from: number): Promise<readonly number[]> {
    return ((await this.#redis.run("deleted", kb, String(generation), from)) as Buffer[]).map((id) => Number(id.toString("latin1")));
  }

  // ── outbox ──

  async tail(kb: string, generation: number): Promise<readonly OutboxEntry[]> {
    const read = async (wanted: number): Promise<readonly OutboxEntry[] | undefined> => {
      const [trimmed, from, entries] = (await this.#redis.run("tail", kb, wanted)) as [number, number, Buffer[]];
      return this.#tails.extend(kb, trimmed, from, entries);
    };
    // The second read asks for everything; the cache may have been emptied during the first.
    const entries = (await read(this.#tails.end(kb))) ?? (await read(0));
    if (entries === undefined) throw new EngineError("ENGRAM_STORE_REPLY", "The outbox of a kb has a gap.");
    return ofGeneration(entries, generation);
  }

  async outboxSize(): Promise<number> {
    return (await this.#redis.run("waiting")) as number;
  }

  async takeFlush(owner: string, limit: number, leaseMs: number): Promise<FlushBatch | undefined> {
    // The random part keeps tokens unique even after a failover or an older copy of the data took the counter back.
    const stem = `${this.#redis.storeId}-${randomBytes(4).toString("hex")}`;
    const reply = (await this.#redis.change("take", owner, limit, leaseMs, FLUSH_BYTES_MAX, stem)) as (Buffer | Buffer[])[] | null;
    if (reply === null) return undefined;
    const entries: OutboxEntry[] = [];
    for (let at = 1; at < reply.length; at += 2) {
      const kb = (reply[at] as Buffer).toString("utf8");
      for (const entry of reply[at + 1] as Buffer[]) entries.push(decodeEntry(kb, entry));
    }
    return { token: (reply[0] as Buffer).toString("utf8"), entries };
  }

  async finishFlush(owner: string, token: string): Promise<boolean> {
    return (await this.#redis.change("finish", owner, token)) === 1;
  }

  // ── rebuild ──

  async replay(entries: readonly OutboxEntry[]): Promise<void> {
    const args = entries.flatMap((entry): ScriptArgument[] => {
      const below = entry.kind === "finalize" ? entry.below : 0;
      const start = [entry.kind, entry.kb, String(entry.generation), String(entry.seq), below];
      if (entry.kind === "edit") {
        const edit = prepareEdit(entry);
        return [...start, edit.body, encodeAverages(edit), "", ""];
      }
      if (entry.kind !== "learn") return [...start, "", "", "", ""];
      const prepared: PreparedLearn = prepareLearn(learnOfEntry(entry));
      const expected = encodeLearnEntry({ ...entry, indexedVectors: [...entry.vectors.keys()] }, entry.atMs, Buffer.alloc(0));
      return [...start, prepared.body, encodeHints(prepared), double(entry.atMs), expected];
    });
    const refused = (await this.#redis.change("replay", ...args)) as [seq: Buffer, kb: Buffer, why: Buffer] | null;
    if (refused === null) return;
    const [seq, kb, why] = refused.map((part) => part.toString("utf8")) as [string, string, string];
    throw replayError({ kb, seq: Number(seq) }, why);
  }

  async raiseEpoch(kb: string): Promise<void> {
    await this.#redis.change("raiseEpoch", kb);
  }

  ping(): Promise<boolean> {
    return this.#redis.ping();
  }
  close(): Promise<void> {
    return this.#redis.close();
  }
}

const NO_SESSION: readonly ScriptArgument[] = [0, "", "", "", ""];
const NO_REQUEST: readonly ScriptArgument[] = [0, ""];

const headOf = (row: Row): HeadRecord => (row === null ? emptyHead() : decodeHead(row));

/** A float64 as its bytes: text would have to be printed and parsed without loss on both sides. */
function double(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleLE(value);
  return bytes;
}
