/**
 * Sessions in LMDB: a row under the session's id, and an index by expiry for counting and sweeping.
 */
import { EngineError } from "../errors.ts";
import type { Session } from "../model/session.ts";
import type { Db, Draft, GroupCommit } from "./lmdb-commit.ts";
import { expiryAfter, expiryKey, sessionKey, sessionKeyOf, tagEnd, tagStart } from "./lmdb-keys.ts";
import { noCursor } from "./session-cursor.ts";
import { decodeSessionRow, EXPIRY_OFFSET, encodeSessionRow, sessionExpiry, sessionVersion } from "./state-records.ts";
import type { SessionsPage } from "./state-store.ts";

const NOTHING = Buffer.alloc(0);
/**
 * A slide that moves the expiry by less is not written: it would cost a flush to disk for every predict. A session may so expire up to a
 * second (or a tenth of its life, if that is less) early, when nothing else was saved after the last read.
 */
const SLIDE_STEP_MS = 1_000;

function put(draft: Draft, session: Session, old: Buffer | undefined): void {
  if (old !== undefined) draft.remove(expiryKey(sessionExpiry(old), session.id));
  draft.put(sessionKey(session.id), encodeSessionRow(session));
  draft.put(expiryKey(session.expiresAtMs, session.id), NOTHING);
}

/** False when the stored version is not `expectedVersion` or the session is gone; then nothing is written. */
export function saveInDraft(draft: Draft, session: Session, expectedVersion: number): boolean {
  const old = draft.get(sessionKey(session.id));
  if (old === undefined || sessionVersion(old) !== expectedVersion) return false;
  put(draft, session, old);
  return true;
}

export class LmdbSessions {
  readonly #db: Db;
  readonly #commits: GroupCommit;

  constructor(db: Db, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  create(session: Session): Promise<void> {
    return this.#commits.run((draft) => put(draft, session, draft.get(sessionKey(session.id))));
  }

  isAt(draft: Draft, id: string, version: number): boolean {
    const row = draft.get(sessionKey(id));
    return row !== undefined && sessionVersion(row) === version;
  }

  read(id: string, nowMs: number): Session | undefined {
    const row = this.#db.get(sessionKey(id));
    if (row === undefined || sessionExpiry(row) <= nowMs) return undefined;
    const session = decodeSessionRow(row);
    if (session.id !== id) throw new EngineError("ENGRAM_STORE_REPLY", "The state store holds another session under this one's hash.");
    return session;
  }

  /** Moves the expiry to `nowMs` + ttl, forward only; false when the move is too small to be written. */
  async slide(session: Session, nowMs: number): Promise<boolean> {
    const lifeMs = session.ttlSeconds * 1_000;
    const expiresAtMs = nowMs + lifeMs;
    if (expiresAtMs - session.expiresAtMs < Math.min(SLIDE_STEP_MS, lifeMs / 10)) return false;
    await this.#commits.run((draft) => {
      const row = draft.get(sessionKey(session.id));
      if (row === undefined || sessionExpiry(row) >= expiresAtMs) return;
      draft.remove(expiryKey(sessionExpiry(row), session.id));
      row.writeDoubleLE(expiresAtMs, EXPIRY_OFFSET);
      draft.put(sessionKey(session.id), row);
      draft.put(expiryKey(expiresAtMs, session.id), NOTHING);
    });
    return true;
  }

  delete(id: string): Promise<boolean> {
    return this.#commits.run((draft) => {
      const row = draft.get(sessionKey(id));
      if (row === undefined) return false;
      draft.remove(expiryKey(sessionExpiry(row), id));
      draft.remove(sessionKey(id));
      return true;
    });
  }

  count(nowMs: number): number {
    return this.#db.getKeysCount({ start: expiryAfter(nowMs), end: tagEnd("X") });
  }

  /** The cursor is the last key of the page before. */
  list(nowMs: number, limit: number, after?: string): SessionsPage {
    const alive = expiryAfter(nowMs);
    let start = alive;
    if (after !== undefined) {
      const last = Buffer.from(after, "base64url");
      if (last.length < alive.length || last[0] !== alive[0]) throw noCursor();
      const behind = Buffer.concat([last, Buffer.of(0)]);
      if (behind.compare(alive) > 0) start = behind;
    }
    const sessions: Session[] = [];
    let last: Buffer | undefined;
    for (const key of this.#db.getKeys({ start, end: tagEnd("X"), limit })) {
      last = key;
      const row = this.#db.get(sessionKeyOf(key));
      if (row !== undefined) sessions.push(decodeSessionRow(row));
    }
    return { sessions, ...(last !== undefined && sessions.length === limit && { next: last.toString("base64url") }) };
  }

  async sweep(nowMs: number, limit: number): Promise<number> {
    if (this.#db.getKeysCount({ start: tagStart("X"), end: expiryAfter(nowMs), limit: 1 }) === 0) return 0;
    return this.#commits.run((draft) => {
      const keys = draft.keys(tagStart("X"), expiryAfter(nowMs), limit);
      for (const key of keys) {
        draft.remove(key);
        draft.remove(sessionKeyOf(key));
      }
      return keys.length;
    });
  }
}
