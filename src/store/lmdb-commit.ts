/**
 * Group commit over LMDB: changes asked for while a commit is under way wait and go together into the next one, so 64 concurrent learns
 * cost about one flush to disk (about 1 ms). Each change works on a draft and its writes reach the transaction only when it has come to
 * its end, so a change that throws leaves nothing behind. A change is durable when its promise resolves.
 */
import type { RootDatabase } from "lmdb";
import { EngineError } from "../errors.ts";

export type Db = RootDatabase<Buffer, Buffer>;

const NO_OVERWRITE = { noOverwrite: true };

/** Reads through to the transaction, and holds back the writes of one change until it is complete or says that it cannot fail any more. */
export class Draft {
  readonly #db: Db;
  /** By the key's bytes as Latin-1; a value of null: removed. */
  readonly #writes = new Map<string, { readonly key: Buffer; readonly value: Buffer | null }>();
  #isSettled = false;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Writes go straight to the transaction from here on: a change of thousands of rows costs half as much. Should it fail, so do all of its group. */
  settle(): void {
    this.write();
    this.#writes.clear();
    this.#isSettled = true;
  }
  get isSettled(): boolean {
    return this.#isSettled;
  }

  get(key: Buffer): Buffer | undefined {
    if (this.#isSettled) return this.#db.get(key);
    const held = this.#writes.get(key.toString("latin1"));
    if (held !== undefined) return held.value ?? undefined;
    return this.#db.get(key);
  }
  put(key: Buffer, value: Buffer): void {
    if (this.#isSettled) this.#db.putSync(key, value);
    else this.#writes.set(key.toString("latin1"), { key, value });
  }
  /** Puts a row that is not there yet; answers whether it was not. One way down the tree where `get` and `put` take two. */
  add(key: Buffer, value: Buffer): boolean {
    // It answers true or false; its types say nothing of it.
    if (this.#isSettled) return this.#db.putSync(key, value, NO_OVERWRITE) as unknown as boolean;
    if (this.get(key) !== undefined) return false;
    this.put(key, value);
    return true;
  }
  remove(key: Buffer): void {
    if (this.#isSettled) this.#db.removeSync(key);
    else this.#writes.set(key.toString("latin1"), { key, value: null });
  }
  /** Keys in the transaction from `start` to before `end`; does not see what this draft holds back. */
  keys(start: Buffer, end: Buffer, limit: number): Buffer[] {
    return limit <= 0 ? [] : [...this.#db.getKeys({ start, end, limit })];
  }
  /** As `keys`, with values, read as they are asked for. */
  rows(start: Buffer, end: Buffer): Iterable<{ key: Buffer; value: Buffer }> {
    return this.#db.getRange({ start, end });
  }
  write(): void {
    for (const { key, value } of this.#writes.values()) {
      if (value === null) this.#db.removeSync(key);
      else this.#db.putSync(key, value);
    }
  }
}

/**
 * A group stops growing after this long on the main thread, so that other requests get their turn; the rest goes into the next one.
 * About 70 learns of 14 symbols, which is also where one more in a commit no longer makes the flush to disk noticeably cheaper.
 */
const GROUP_MS_MAX = 10;

interface Change {
  run(): void;
  committed(): void;
  failed(error: unknown): void;
}

export class GroupCommit {
  readonly #db: Db;
  #waiting: Change[] = [];
  #scheduled = false;
  #busy = false;
  #idle: (() => void)[] = [];
  #closed = false;
  /** Called when a transaction failed: what was kept of its changes is not true. */
  onFailed: () => void = () => {};

  constructor(db: Db) {
    this.#db = db;
  }

  /** Runs `change` in the next transaction, after all asked for before it. Resolves when its writes are on disk. */
  run<T>(change: (draft: Draft) => T): Promise<T> {
    if (this.#closed) return Promise.reject(new EngineError("ENGRAM_CLOSED", "The state store is closed."));
    return new Promise<T>((resolve, reject) => {
      let outcome: { value: T } | { error: unknown } | undefined;
      this.#waiting.push({
        run: () => {
          const draft = new Draft(this.#db);
          try {
            outcome = { value: change(draft) };
          } catch (error) {
            if (draft.isSettled) throw error;
            outcome = { error };
            return;
          }
          // Outside the catch: a write that fails spoils the whole transaction, and every change in it is told so.
          draft.write();
        },
        committed: () => {
          if (outcome !== undefined && "value" in outcome) resolve(outcome.value);
          else reject(outcome?.error);
        },
        failed: (error) => {
          reject(outcome !== undefined && "error" in outcome ? outcome.error : error);
        },
      });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#busy) return;
    this.#scheduled = true;
    // After this turn's I/O, so that all requests read in it share the commit.
    setImmediate(() => {
      this.#scheduled = false;
      void this.#commit();
    });
  }

  async #commit(): Promise<void> {
    const offered = this.#waiting;
    this.#waiting = [];
    this.#busy = true;
    const ran: Change[] = [];
    try {
      // A child transaction, because only that is undone when its callback throws.
      await this.#db.childTransaction(() => {
        const until = performance.now() + GROUP_MS_MAX;
        for (const change of offered) {
          if (performance.now() > until) break;
          ran.push(change);
          change.run();
        }
      });
      for (const change of ran) change.committed();
    } catch (error) {
      this.onFailed();
      const told = await commitError(error);
      for (const change of ran.length === 0 ? offered.splice(0) : ran) change.failed(told);
    }
    this.#waiting = [...offered.slice(ran.length), ...this.#waiting];
    this.#busy = false;
    if (this.#waiting.length > 0) this.#schedule();
    else for (const wake of this.#idle.splice(0)) wake();
  }

  /** Refuses new changes and resolves when those under way are done. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#busy || this.#scheduled) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }
}

/** errno of a disk that takes no more: EIO (LMDB reports a short write so), EFBIG, ENOSPC, EROFS, EDQUOT. */
const DISK_ERRNOS: ReadonlySet<unknown> = new Set([5, 27, 28, 30, 122]);

/** The caller's error for a failed commit. lmdb rejects with a promise of the cause inside, which must be awaited or it ends the process. */
async function commitError(error: unknown): Promise<EngineError> {
  let cause = error;
  const inner = (error as { commitError?: unknown }).commitError;
  if (inner !== undefined) {
    try {
      await inner;
    } catch (reason) {
      cause = reason;
    }
  }
  return storeError(cause);
}

/** An error of LMDB as one of ours. */
export function storeError(cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  if (DISK_ERRNOS.has((cause as { code?: unknown }).code) || /no space left|disk quota|file too large/i.test(text)) {
    return new EngineError("ENGRAM_DISK_FULL", `The disk of the state store takes no more writes (${text}). Free space; reads go on.`, {
      cause,
    });
  }
  return new EngineError("ENGRAM_STORE_UNREACHABLE", `The state store on disk failed: ${text}.`, { cause });
}
