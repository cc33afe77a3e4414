/**
 * One caller a key at a time, first come first served, within this process. Over processes the version of what is saved decides; this
 * only keeps callers of one process from colliding needlessly. The queue of a key is bounded.
 */
import { EngineError } from "../errors.ts";

/** Waiting callers a key: a session is one client's, and 1,000 unanswered calls of one client are a mistake. */
const WAITING_MAX = 1_000;

export class KeyedMutex {
  readonly #tails = new Map<string, { last: Promise<void>; waiting: number }>();

  async with<R>(key: string, use: () => Promise<R>): Promise<R> {
    const entry = this.#tails.get(key) ?? { last: Promise.resolve(), waiting: 0 };
    if (entry.waiting >= WAITING_MAX)
      throw new EngineError("ENGRAM_OVERLOADED", "Too many calls for the same thing wait. Send the next when one is answered.");
    const before = entry.last;
    let release = (): void => {};
    entry.last = new Promise((resolve) => {
      release = resolve;
    });
    entry.waiting++;
    this.#tails.set(key, entry);
    try {
      await before;
      return await use();
    } finally {
      entry.waiting--;
      if (entry.waiting === 0) this.#tails.delete(key);
      release();
    }
  }
}
