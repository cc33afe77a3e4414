/**
 * How many predictions may be on their way from their search to their turn on the main thread. Searches are quicker than what follows them, so without
 * a gate dozens would wait with all that they found, which is then kept too long to be cheap garbage. A search that takes long holds up
 * nobody: after SEARCH_MS the next one starts beside it. First come, first served. Cost: a timer a prediction.
 */
import type { ScoreOptions } from "../pool/kernel-pool.ts";
import { SlotQueue } from "../pool/slot-queue.ts";

/** A search in memory takes less, unless the kb is large. */
const SEARCH_MS = 50;

export class Pass {
  readonly #give: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isGiven = false;

  constructor(give: () => void) {
    this.#give = give;
    this.#timer = setTimeout(() => this.leave(), SEARCH_MS).unref();
  }

  /** The search is over: what is left is to wait for the main thread. */
  found(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Makes room for the next; a second call does nothing. */
  leave(): void {
    this.found();
    if (this.#isGiven) return;
    this.#isGiven = true;
    this.#give();
  }
}

export class StartGate {
  readonly #places: SlotQueue;

  /** `places` at once; `queueMax` wait at most. */
  constructor(places: number, queueMax: number) {
    this.#places = new SlotQueue(places, queueMax);
  }

  /** Waits until a prediction may start. Errors: ENGRAM_POOL_FULL when too many wait, ENGRAM_ABORTED, ENGRAM_DEADLINE. */
  async enter(options: ScoreOptions): Promise<Pass> {
    const place = this.#places.take() ?? (await this.#places.wait(options));
    return new Pass(() => this.#places.release(place));
  }
}
