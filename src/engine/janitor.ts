/** Removes, in small slices, what is over: expired sessions and records of generations that were cleared. Never in the way of a request. */
import type { Logger } from "../log.ts";
import type { StateStore } from "../store/state-store.ts";

/** Between rounds. Expiry is judged on reading, so this only gives space back. */
const ROUND_MS = 1_000;
/** Records a slice: a few milliseconds of one thread. */
const SLICE = 1_000;

export class Janitor {
  readonly #timer: NodeJS.Timeout;
  #round: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(state: StateStore, log: Logger) {
    let running = false;
    this.#timer = setInterval(() => {
      if (running || this.#stopped) return;
      running = true;
      this.#round = this.#sweep(state)
        .catch((error) => log.warn({ err: error }, "removing expired sessions failed; it is tried again"))
        .finally(() => {
          running = false;
        });
    }, ROUND_MS);
    this.#timer.unref();
  }

  async #sweep(state: StateStore): Promise<void> {
    while (!this.#stopped && (await state.sweepSessions(Date.now(), SLICE)) === SLICE);
    while (!this.#stopped && (await state.sweepGenerations(SLICE)) > 0);
  }

  async close(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#round;
  }
}
