/**
 * The one writer of the pattern store: takes batches from the outbox in order, writes them, trims them. A batch that fails is tried
 * again, whole, until it is in; meanwhile the outbox fills, and beyond its limit learns are refused. Repeating a batch changes nothing.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { FlushRows } from "../store/flush-rows.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import type { FlushBatch, StateStore } from "../store/state-store.ts";

/** Between tries after a failure: soon enough that a returning store is used at once, rare enough not to hammer it. */
const RETRY_MS = 300;
/**
 * How long a batch may take before another process may take it over: far above a usual write (tens of milliseconds), and as long as what a
 * killed process held waits at most. A batch that is written twice, because it took longer, changes nothing.
 */
const LEASE_MS = 10_000;

/** A batch of this many entries is of a load, and so long after the last of them the load is over. */
const LOAD_ENTRIES = 1_000;
const LOAD_QUIET_MS = 500;

/** How often an idle flusher looks for entries that another process left. */
const POLL_MS = 5_000;

export interface FlusherOptions {
  readonly state: StateStore;
  readonly patterns: PatternStore;
  readonly log: Logger;
  /** Entries a batch at most. */
  readonly rowsMax: number;
  /** Pause between batches, so that one insert carries many learns. */
  readonly intervalMs: number;
  /** What is written of a batch. */
  readonly rowsOf: (batch: FlushBatch) => FlushRows | Promise<FlushRows>;
  /** Told of each kb that has new patterns in the pattern store. */
  readonly flushed?: (kb: string) => void;
  /** Told when a load is over. */
  readonly loaded?: () => void;
}

interface Waiter {
  /** `performance.now()` after which it is told that somebody else holds the lease. */
  readonly until: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Asked of the encoded form where there is one: looking at the entries decodes them. */
const sizeOf = (batch: FlushBatch): number =>
  batch.encoded === undefined ? batch.entries.length : batch.encoded.reduce((sum, part) => sum + part.entries.length, 0);

export class Flusher {
  readonly #options: FlusherOptions;
  readonly #owner: string;
  #wake: (() => void) | undefined;
  #notified = true;
  #closing = false;
  #waiters: Waiter[] = [];
  readonly #done: Promise<void>;

  constructor(options: FlusherOptions) {
    this.#options = options;
    // LMDB has one process at a time (the data folder's lock sees to it), so what a killed one held is taken over at once.
    this.#owner = options.state.backEnd === "lmdb" ? "the process that has the data folder" : randomUUID();
    this.#done = this.#run();
  }

  /** Something was committed. */
  notify(): void {
    this.#notified = true;
    this.#wake?.();
  }

  /** Resolves when everything committed before the call is in the pattern store; rejects with what kept it out. */
  drained(): Promise<void> {
    if (this.#closing) return Promise.reject(new EngineError("ENGRAM_CLOSED", "The engine is closed."));
    return this.#drained();
  }

  #drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ until: performance.now() + 2 * LEASE_MS, resolve, reject });
      this.#hurry?.();
      this.notify();
    });
  }

  /** Writes what waits, then stops. Rejects, and stops all the same, when it cannot be written: it stays in the outbox. */
  async close(): Promise<void> {
    this.#closing = true;
    try {
      await this.#drained();
    } finally {
      this.#stopped = true;
      this.#wake?.();
      await this.#done;
      clearTimeout(this.#quiet);
    }
  }
  #stopped = false;
  #hurry: (() => void) | undefined;
  /** Deletes were flushed whose rows are still there; at first, perhaps by a process that was killed. */
  #purges = true;

  /** A pause in which more may come; over at once when someone waits. */
  async #company(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#hurry = undefined;
  }

  async #run(): Promise<void> {
    const { state, log, intervalMs, rowsMax } = this.#options;
    while (!this.#stopped) {
      if (!this.#notified) {
        await this.#idle();
        continue;
      }
      this.#notified = false;
      const waiters = this.#waiters;
      this.#waiters = [];
      // Someone who waits is not made to wait for company.
      if (waiters.length === 0) await this.#company(intervalMs);
      try {
        let batch = await state.takeFlush(this.#owner, rowsMax, LEASE_MS);
        while (batch !== undefined) {
          if (sizeOf(batch) >= LOAD_ENTRIES) this.#loading();
          await this.#write(batch);
          batch = await state.takeFlush(this.#owner, rowsMax, LEASE_MS);
        }
        if (waiters.length > 0) this.#loaded();
        if (this.#purges) await this.#purge();
        if ((await state.outboxSize()) === 0) for (const waiter of waiters) waiter.resolve();
        else await this.#later(waiters);
      } catch (error) {
        log.error({ err: error }, "flush failed; what waits is kept and tried again");
        for (const waiter of waiters) waiter.reject(error);
        await this.#later([]);
      }
    }
  }

  /** Until something is committed here, or for a while: another process may have died with entries waiting. */
  async #idle(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, POLL_MS).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
    this.#notified = true;
  }

  /** Tries again after a pause; gives up for those who have waited longer than any lease lasts. */
  async #later(waiters: readonly Waiter[]): Promise<void> {
    for (const waiter of waiters) {
      if (performance.now() < waiter.until) this.#waiters.push(waiter);
      else waiter.reject(new EngineError("ENGRAM_OVERLOADED", "Another process is still writing to the pattern store. Try again shortly."));
    }
    if (!this.#stopped) await sleep(RETRY_MS);
    this.#notified = true;
  }

  /** Much is being learned: large batches follow each other. */
  get isLoading(): boolean {
    return this.#quiet !== undefined;
  }
  #quiet: NodeJS.Timeout | undefined;

  #loading(): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#loaded(), LOAD_QUIET_MS).unref();
  }

  #loaded(): void {
    clearTimeout(this.#quiet);
    this.#quiet = undefined;
    this.#options.loaded?.();
  }

  async #write(batch: FlushBatch): Promise<void> {
    const { state, patterns, log } = this.#options;
    const start = performance.now();
    const rows = await this.#options.rowsOf(batch);
    await patterns.write(batch, rows);
    if (!(await state.finishFlush(this.#owner, batch.token))) {
      log.warn({ token: batch.token }, "the lease of a flush ran out; another process finishes it");
    }
    log.debug({ token: batch.token, ms: performance.now() - start }, "flushed");
    for (const kb of rows.learned) this.#options.flushed?.(kb);
    for (const [kb, generation] of rows.cleared) await patterns.dropBefore(kb, generation);
    if (rows.hasDeletes) this.#purges = true;
  }

  /** Removes the rows of deleted patterns: once for all that were flushed, since one removal costs as much as a batch. */
  async #purge(): Promise<void> {
    this.#purges = false;
    try {
      await this.#options.patterns.purgeDeleted();
    } catch (error) {
      this.#purges = true;
      throw error;
    }
  }
}
