/**
 * The future potentials of each session's last general prediction, for one purpose: KATO's clients are used to find them again when they
 * ask with an empty short-term memory (after clear-stm or clear-all). Per session, so nothing of another session can show; in this
 * process only, and bounded: what was pushed out or was computed elsewhere comes back as an empty list.
 */
import type { FuturePotential } from "../engine-types.ts";

/** Potentials kept over all sessions, least recently predicted first out: some tens of megabytes. */
const KEPT_MAX = 100_000;

export class RecentFutures {
  readonly #sessions = new Map<string, readonly FuturePotential[]>();
  #kept = 0;

  remember(session: string, futures: readonly FuturePotential[]): void {
    this.forget(session);
    if (futures.length === 0 || futures.length > KEPT_MAX) return;
    this.#sessions.set(session, futures);
    this.#kept += futures.length;
    for (const oldest of this.#sessions.keys()) {
      if (this.#kept <= KEPT_MAX) break;
      this.forget(oldest);
    }
  }

  of(session: string): readonly FuturePotential[] {
    return this.#sessions.get(session) ?? [];
  }

  forget(session: string): void {
    this.#kept -= this.of(session).length;
    this.#sessions.delete(session);
  }
}
