/**
 * The future potentials of each session's last general prediction, for one purpose: KATO's clients are used to find them again when they
 * ask with an empty short-term memory (after clear-stm or clear-all). Per session, so nothing of another session can show. Where several
 * processes share a store, a note beside the session carries them to whichever is asked; where one has it alone, they stay in its memory.
 * Bounded: what was pushed out, or is larger than a note may be, comes back as an empty list.
 */
import type { FuturePotential } from "../engine-types.ts";
import type { Logger } from "../log.ts";
import type { SessionNotes } from "../store/session-notes.ts";

/** Potentials kept over all sessions, least recently predicted first out: some tens of megabytes. */
const KEPT_MAX = 100_000;
/** Characters of a note: a thousand potentials of usual size. */
const NOTE_MAX = 1_000_000;
/** Sessions whose last note is remembered, so that asking the same again writes nothing. */
const NOTED_MAX = 10_000;

/** What a prediction was made from: equal moments of a session give equal potentials, in whatever process. */
export interface FuturesMoment {
  readonly session: string;
  /** Version of the session, and the kb's generation and sequence number. */
  readonly key: string;
  readonly lifeMs: number;
}

export class RecentFutures {
  readonly #sessions = new Map<string, readonly FuturePotential[]>();
  readonly #noted = new Map<string, string>();
  readonly #notes: SessionNotes | undefined;
  readonly #log: Logger;
  #kept = 0;

  constructor(log: Logger, notes?: SessionNotes) {
    this.#log = log;
    this.#notes = notes;
  }

  async remember({ session, key, lifeMs }: FuturesMoment, futures: readonly FuturePotential[]): Promise<void> {
    if (this.#notes === undefined) return this.#keep(session, futures);
    if (this.#noted.get(session) === key) return;
    const text = futures.length === 0 ? "" : JSON.stringify(futures);
    try {
      await this.#notes.put(session, text.length > NOTE_MAX ? "" : text, lifeMs);
    } catch (error) {
      // The prediction is made, and worth more than this.
      this.#log.warn({ err: error }, "future potentials could not be kept for a later question");
      return;
    }
    this.#noted.delete(session);
    this.#noted.set(session, key);
    if (this.#noted.size > NOTED_MAX) this.#noted.delete(this.#noted.keys().next().value as string);
  }

  /** Errors: those of the state store. */
  async of(session: string): Promise<readonly FuturePotential[]> {
    if (this.#notes === undefined) return this.#sessions.get(session) ?? [];
    const text = await this.#notes.get(session);
    return text === undefined ? [] : (JSON.parse(text) as FuturePotential[]);
  }

  #keep(session: string, futures: readonly FuturePotential[]): void {
    this.forget(session);
    if (futures.length === 0 || futures.length > KEPT_MAX) return;
    this.#sessions.set(session, futures);
    this.#kept += futures.length;
    for (const oldest of this.#sessions.keys()) {
      if (this.#kept <= KEPT_MAX) break;
      this.forget(oldest);
    }
  }

  /** A deleted session's; its note goes with the session. */
  forget(session: string): void {
    this.#kept -= this.#sessions.get(session)?.length ?? 0;
    this.#sessions.delete(session);
    this.#noted.delete(session);
  }
}
