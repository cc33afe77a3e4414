/**
 * The lock of a session over processes, for calls that met another process's: first come is not promised, that nobody starves is. A call
 * that meets nobody never takes it. It is a lease: a killed holder keeps others out for a few seconds at most, and a holder that was slow
 * still cannot save over another's save, because a save names the version it read.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { StateStore } from "../store/state-store.ts";

/** Far above a usual call of several saves; a longer one goes on without, protected by versions alone. */
const LEASE_MS = 5_000;
/** Between two tries: a holder's call takes about a millisecond. */
const TRY_MS = 3;
/** Somebody who waits longer tries without; the holder's lease is over by then. */
const WAIT_MS = 2 * LEASE_MS;

export class SessionLock {
  readonly owner = randomUUID();
  readonly #state: Pick<StateStore, "lockSession" | "unlockSession">;
  readonly #id: string;
  #held = false;

  constructor(state: Pick<StateStore, "lockSession" | "unlockSession">, id: string) {
    this.#state = state;
    this.#id = id;
  }

  /** Waits for the lock, as long as a holder may have it. */
  async take(): Promise<void> {
    const until = performance.now() + WAIT_MS;
    while (!(this.#held = await this.#state.lockSession(this.#id, this.owner, LEASE_MS))) {
      if (performance.now() > until) return;
      await sleep(TRY_MS * (0.5 + Math.random()));
    }
  }

  /** Never fails: a lock that cannot be given back runs out by itself, and the call's own end matters more. */
  async release(): Promise<void> {
    if (!this.#held) return;
    this.#held = false;
    await this.#state.unlockSession(this.#id, this.owner).catch(() => undefined);
  }
}
