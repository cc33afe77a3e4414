/**
 * Sessions as wholes: made, cloned, listed, ended, one or many. What happens inside one is in sessions.ts. Every start and end is counted and
 * told to whoever listens.
 */
import { randomBytes } from "node:crypto";
import type { NewSession, SessionChoice, SessionListing, SessionsDeleted } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { kbId } from "../model/kb-id.ts";
import type { Session } from "../model/session.ts";
import type { EventBus } from "../store/event-bus.ts";
import type { StateStore } from "../store/state-store.ts";

/** Sessions looked at for one page of one node's: beyond it the page ends early, with a cursor to go on from. */
const LOOKED_MAX = 1_000;
/** Sessions read at a time to find those of a node. */
const STEP = 250;
/** Ids given in a report. */
const NAMED_MAX = 100;

export interface SessionLifeOptions {
  readonly state: StateStore;
  readonly events: EventBus;
  readonly serviceName: string;
  readonly ttlSeconds: number;
  /** What else is remembered of a session that ends. */
  readonly forget: (id: string) => void;
}

export class SessionLife {
  readonly #options: SessionLifeOptions;
  created = 0;
  deleted = 0;

  constructor(options: SessionLifeOptions) {
    this.#options = options;
  }

  create(request: NewSession): Promise<Session> {
    const { nodeId } = request;
    return this.#begin({
      ...this.#stamp(nodeId, request.ttlSeconds ?? this.#options.ttlSeconds),
      metadata: JSON.stringify(request.metadata ?? {}),
      config: request.config ?? {},
      stm: [],
      emotives: [],
      observedMetadata: [],
      time: 0,
      percept: null,
      pendingVectors: [],
      finished: [],
    });
  }

  /** A new session that stands where the other one does; of its own life, and on another node where one is named. The other is not touched. */
  async clone(id: string, { nodeId, ttlSeconds }: Partial<Pick<NewSession, "nodeId" | "ttlSeconds">>): Promise<Session> {
    const found = await this.#options.state.readSession(id, Date.now(), false);
    if (found === undefined) throw new EngineError("ENGRAM_SESSION_UNKNOWN", `Session ${id} not found or expired`);
    const { session } = found;
    // Finished calls belong to the keys of the other session's client.
    return this.#begin({ ...session, ...this.#stamp(nodeId ?? session.nodeId, ttlSeconds ?? session.ttlSeconds), finished: [] });
  }

  #stamp(nodeId: string, ttlSeconds: number) {
    const now = Date.now();
    return {
      id: `session-${randomBytes(16).toString("hex")}-${now}`,
      nodeId,
      kb: kbId(nodeId, this.#options.serviceName),
      createdAtMs: now,
      ttlSeconds,
      expiresAtMs: now + ttlSeconds * 1000,
      version: 1,
    };
  }

  async #begin(session: Session): Promise<Session> {
    await this.#options.state.createSession(session);
    this.created++;
    this.#options.events.publish({ type: "session.created", sessionId: session.id, nodeId: session.nodeId, atMs: session.createdAtMs });
    return session;
  }

  async delete(id: string): Promise<boolean> {
    const { state, events, forget } = this.#options;
    forget(id);
    // A session that ran out and was not swept yet is gone for its clients.
    const alive = (await state.readSession(id, Date.now(), false)) !== undefined;
    const deleted = (await state.deleteSession(id)) && alive;
    if (deleted) {
      this.deleted++;
      events.publish({ type: "session.destroyed", sessionId: id, reason: "explicit_delete", atMs: Date.now() });
    }
    return deleted;
  }

  async list(limit: number, { nodeId, cursor }: { readonly nodeId?: string; readonly cursor?: string }): Promise<SessionListing> {
    const { state } = this.#options;
    if (nodeId === undefined) {
      const { sessions, next } = await state.listSessions(Date.now(), limit, cursor);
      return { sessions, ...(next !== undefined && { cursor: next }) };
    }
    const sessions: Session[] = [];
    let next = cursor;
    for (let looked = 0; looked < LOOKED_MAX && sessions.length < limit; ) {
      // No more than are missing: what was read and not given would be lost to the next page.
      const page = await state.listSessions(Date.now(), Math.min(STEP, limit - sessions.length), next);
      sessions.push(...page.sessions.filter((session) => session.nodeId === nodeId));
      looked += page.sessions.length;
      next = page.next;
      if (next === undefined) break;
    }
    return { sessions, ...(next !== undefined && { cursor: next }) };
  }

  /** By id, or all of a node. With `dryRun` it only says what would go. */
  async deleteMany(which: SessionChoice, dryRun: boolean): Promise<SessionsDeleted> {
    const report = { matched: 0, deleted: 0, sessions: [] as string[], unknown: [] as string[] };
    const end = async (id: string): Promise<void> => {
      report.matched++;
      if (report.sessions.length < NAMED_MAX) report.sessions.push(id);
      if (!dryRun && (await this.delete(id))) report.deleted++;
    };
    if ("ids" in which) {
      for (const id of new Set(which.ids)) {
        if ((await this.#options.state.readSession(id, Date.now(), false)) === undefined) report.unknown.push(id);
        else await end(id);
      }
      return report;
    }
    let next: string | undefined;
    do {
      const page = await this.#options.state.listSessions(Date.now(), STEP, next);
      for (const { id, nodeId } of page.sessions) if (nodeId === which.nodeId) await end(id);
      next = page.next;
    } while (next !== undefined);
    return report;
  }
}
