/**
 * The state store on Redis Cluster. A script stays in one slot there, so each kb with its outbox is a place of its own, and sessions are
 * spread over 64 places (`redis-places.ts`). What differs from one server:
 *
 * - A learn with its session crosses two slots by intent. The intent (learn, and what the session becomes) is written beside the session,
 *   where it keeps out other saves; the kb commits it, remembering which session's learn of which version that was; then the session is
 *   saved and the intent is gone. Whoever meets an intent carries it on, and the kb counts it once. Three changes instead of one.
 * - `readSession` and the kb's head are two round trips.
 * - A bulk learn is one commit a kb; a flush batch holds one kb; `outboxMax` holds for each kb by itself.
 * - An emptied node is noticed when a process starts, not while it runs.
 */

import type { Logger } from "../log.ts";
import type { Session } from "../model/session.ts";
import type { RedisConnection, ScriptArgument } from "./redis-connection.ts";
import { clusterPlaces, SESSION_GROUPS, sessionGroup } from "./redis-places.ts";
import { argumentsOf, NO_SESSION, RedisState, type Row } from "./redis-state.ts";
import { RecordReader, RecordWriter } from "./state-bytes.ts";
import { decodeSessionRow, encodeSessionRow } from "./state-records.ts";
import type {
  EditOutcome,
  FlushBatch,
  KbHead,
  LearnCommit,
  LearnOutcome,
  LearnResult,
  OutboxEntry,
  PatternEdit,
  SessionSave,
  SessionsPage,
  SymbolSums,
} from "./state-store.ts";

/** Between two looks at all kbs for what other processes left, once there are more than a few: each look asks every kb. */
const LOOK_MS = 1_000;
const FEW_KBS = 64;
/** Batches in hand remembered. */
const BATCHES_MAX = 1_000;
/** Times an intent met on the way is carried on before the call gives up. */
const INTENTS_MAX = 20;

/** A learn under way between two slots. */
interface Intent {
  readonly next: Session;
  readonly expectedVersion: number;
  readonly learn: readonly ScriptArgument[];
}

export class RedisClusterState extends RedisState {
  /** Kbs noted in the set of kbs by this process. */
  readonly #noted = new Set<string>();
  /** Kbs that may have something to flush, in the order of their turn. */
  readonly #waiting = new Set<string>();
  /** Kbs with records of generations that are over. */
  readonly #cleared = new Set<string>();
  /** Token of a batch in hand → its kb. */
  readonly #batches = new Map<string, string>();
  #lookedAtMs = 0;
  #sweptAtMs = 0;
  #group = 0;

  constructor(redis: RedisConnection, outboxMax: number, log: Logger) {
    super(redis, outboxMax, log, clusterPlaces(redis.prefix));
  }

  // ── sessions ──

  override async readSession(id: string, nowMs: number, slide: boolean): Promise<{ session: Session; head: KbHead } | undefined> {
    for (let tries = 0; ; tries++) {
      const place = this.places.session(id);
      const reply = (await this.redis.run("readSession", place, id, String(nowMs), slide ? 1 : 0)) as Buffer[] | null;
      if (reply === null) return undefined;
      if (reply.length === 1 && tries < INTENTS_MAX) {
        await this.#carryOn(decodeIntent(reply[0] as Buffer));
        continue;
      }
      const { session } = this.readReply(reply as [Buffer, Row?, Buffer?]);
      return { session, head: await this.head(session.kb) };
    }
  }

  override async countSessions(nowMs: number): Promise<number> {
    const counts = await Promise.all(
      Array.from({ length: SESSION_GROUPS }, (_, group) =>
        this.redis.run("countSessions", sessionGroup(this.redis.prefix, group), String(nowMs)),
      ),
    );
    return (counts as number[]).reduce((sum, count) => sum + count, 0);
  }

  override async listSessions(nowMs: number, limit: number, after?: string): Promise<SessionsPage> {
    const places = Array.from({ length: SESSION_GROUPS }, (_, group) => sessionGroup(this.redis.prefix, group));
    return this.listGroups(places, nowMs, limit, after);
  }

  override async sweepSessions(nowMs: number, limit: number): Promise<number> {
    let swept = 0;
    for (let groups = 0; groups < SESSION_GROUPS && swept < limit; groups++) {
      this.#group = (this.#group + 1) % SESSION_GROUPS;
      const place = sessionGroup(this.redis.prefix, this.#group);
      swept += (await this.redis.run("sweepSessions", place, String(nowMs), limit - swept)) as number;
    }
    return swept;
  }

  // ── changes of a kb ──

  /** To be awaited before the first change of a kb: what is not in the set of kbs is found by nobody. */
  async #note(kb: string): Promise<void> {
    if (!this.#noted.has(kb)) {
      await this.redis.change("noteKb", this.places.kbs, kb);
      this.#noted.add(kb);
    }
    this.#waiting.add(kb);
  }

  override async commitLearn(learn: LearnCommit, session: SessionSave | null): Promise<LearnOutcome> {
    await this.#note(learn.kb);
    if (session === null) return super.commitLearn(learn, null);
    const { next, expectedVersion, lock = "" } = session;
    const intent: Intent = { next, expectedVersion, learn: argumentsOf(learn) };
    const place = this.places.session(next.id);
    const intended = await this.redis.change("intend", place, next.id, String(expectedVersion), encodeIntent(intent), lock);
    if (intended === 0) return { outcome: "conflict" };
    return this.#carryOn(intent);
  }

  /** Commits what an intent says, once, and ends it. */
  async #carryOn(intent: Intent): Promise<LearnOutcome> {
    const { next, expectedVersion, learn } = intent;
    const kb = String(learn[0]);
    const end = (row: Buffer): Promise<unknown> =>
      this.redis.change("endIntent", this.places.session(next.id), next.id, row, String(expectedVersion), String(next.expiresAtMs), "");
    await this.#note(kb);
    const { status, results } = await this.commit(this.places.kb(kb), NO_SESSION, [2, next.id, String(expectedVersion)], [learn]);
    if (status === 1) {
      await end(Buffer.alloc(0));
      return { outcome: "outboxFull" };
    }
    await end(encodeSessionRow(next));
    const [result] = results ?? [];
    // Committed by whoever carried it on, and learns of that session followed: its result is no longer known.
    return result === undefined ? { outcome: "conflict" } : { outcome: "committed", result };
  }

  override async commitLearns(learns: readonly LearnCommit[], requestId?: string): Promise<readonly LearnResult[] | "outboxFull"> {
    const results: LearnResult[] = [];
    for (const [kb, positions] of positionsByKb(learns)) {
      await this.#note(kb);
      const request = requestId === undefined ? [0, "", ""] : [1, requestId, ""];
      const own = positions.map((i) => argumentsOf(learns[i] as LearnCommit));
      const reply = await this.commit(this.places.kb(kb), NO_SESSION, request, own);
      if (reply.results === undefined) return "outboxFull";
      for (const [k, i] of positions.entries()) results[i] = reply.results[k] as LearnResult;
    }
    return results;
  }

  override async editPatterns(
    kb: string,
    generation: number,
    edits: readonly PatternEdit[],
    atMs: number,
    requestId?: string,
  ): Promise<readonly EditOutcome[] | "outboxFull"> {
    await this.#note(kb);
    return super.editPatterns(kb, generation, edits, atMs, requestId);
  }

  override async setAffinities(kb: string, generation: number, sums: SymbolSums, atMs: number): Promise<"done" | "over" | "outboxFull"> {
    await this.#note(kb);
    return super.setAffinities(kb, generation, sums, atMs);
  }

  override async clearKb(kb: string, atMs: number): Promise<KbHead> {
    await this.#note(kb);
    this.#cleared.add(kb);
    return super.clearKb(kb, atMs);
  }
  override async finalizeKb(kb: string, atMs: number): Promise<KbHead> {
    await this.#note(kb);
    return super.finalizeKb(kb, atMs);
  }
  override async forgetKb(kb: string): Promise<boolean> {
    await this.#note(kb);
    this.#cleared.add(kb);
    return super.forgetKb(kb);
  }
  override async raiseEpoch(kb: string): Promise<void> {
    await this.#note(kb);
    await super.raiseEpoch(kb);
  }

  override async sweepGenerations(limit: number): Promise<number> {
    const now = performance.now();
    if (this.#sweptAtMs === 0 || now - this.#sweptAtMs > 60 * LOOK_MS) {
      this.#sweptAtMs = now;
      for (const kb of await this.listKbs()) this.#cleared.add(kb);
    }
    let removed = 0;
    for (const kb of this.#cleared) {
      if (removed >= limit) break;
      const part = (await this.redis.run("sweepOver", this.places.kb(kb), limit - removed)) as number;
      if (part === 0) this.#cleared.delete(kb);
      removed += part;
    }
    return removed;
  }

  // ── reads ──

  override async listKbs(): Promise<readonly string[]> {
    const noted = await super.listKbs();
    const heads = await Promise.all(noted.map((kb) => this.redis.run("head", this.places.kb(kb), kb)));
    return noted.filter((_, i) => heads[i] !== null);
  }

  // ── outbox ──

  override async outboxSize(): Promise<number> {
    const kbs = await super.listKbs();
    const sizes = await Promise.all(kbs.map((kb) => this.redis.run("waiting", this.places.kb(kb))));
    return (sizes as number[]).reduce((sum, size) => sum + size, 0);
  }

  override async takeFlush(owner: string, limit: number, leaseMs: number): Promise<FlushBatch | undefined> {
    const now = performance.now();
    if (this.#waiting.size === 0 && (this.#noted.size <= FEW_KBS || now - this.#lookedAtMs > LOOK_MS)) {
      this.#lookedAtMs = now;
      for (const kb of await super.listKbs()) this.#waiting.add(kb);
    }
    for (const kb of [...this.#waiting]) {
      // Before it is asked: a commit that comes meanwhile puts it back.
      this.#waiting.delete(kb);
      const batch = await this.takeAt(this.places.kb(kb), owner, limit, leaseMs);
      if (batch === undefined) continue;
      // To the end of the queue: each kb has its turn before one is served twice.
      this.#waiting.add(kb);
      this.#batches.set(batch.token, kb);
      // Those whose lease went to another process are never finished here.
      if (this.#batches.size > BATCHES_MAX) this.#batches.delete(this.#batches.keys().next().value as string);
      return batch;
    }
    return undefined;
  }

  override async finishFlush(owner: string, token: string): Promise<boolean> {
    const kb = this.#batches.get(token);
    if (kb === undefined) return false;
    const finished = await this.finishAt(this.places.kb(kb), owner, token);
    if (finished) this.#batches.delete(token);
    return finished;
  }

  // ── rebuild ──

  override async replay(entries: readonly OutboxEntry[]): Promise<void> {
    for (const [kb, positions] of positionsByKb(entries)) {
      await this.#note(kb);
      await this.replayAt(
        this.places.kb(kb),
        positions.map((i) => entries[i] as OutboxEntry),
      );
    }
  }
}

function positionsByKb(list: readonly { readonly kb: string }[]): Map<string, number[]> {
  const byKb = new Map<string, number[]>();
  for (const [i, { kb }] of list.entries()) {
    const known = byKb.get(kb);
    if (known === undefined) byKb.set(kb, [i]);
    else known.push(i);
  }
  return byKb;
}

function encodeIntent({ next, expectedVersion, learn }: Intent): Buffer {
  const writer = new RecordWriter().f64(expectedVersion);
  writer.block(() => writer.raw(encodeSessionRow(next)));
  for (const part of learn) writer.block(() => writer.raw(typeof part === "object" ? part : Buffer.from(String(part), "utf8")));
  return writer.finish();
}

function decodeIntent(bytes: Buffer): Intent {
  const reader = new RecordReader(bytes);
  const expectedVersion = reader.f64();
  const next = decodeSessionRow(reader.block().rest());
  const [kb = Buffer.alloc(0), ...rest] = Array.from({ length: 4 }, () => reader.block().rest());
  return { next, expectedVersion, learn: [kb.toString("utf8"), ...rest] };
}
