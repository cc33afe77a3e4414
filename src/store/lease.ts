/**
 * A few things that one user may have at a time: sessions of the embedded engine. First come, first served; the queue is bounded.
 */
import { EngineError } from "../errors.ts";

/** Waiting takers beyond this are refused: at some milliseconds a query this is already seconds of waiting. */
const WAITING_MAX = 1024;

export class Lease<T> {
  readonly #free: T[];
  readonly #size: number;
  readonly #waiting: ((item: T) => void)[] = [];

  constructor(items: readonly T[]) {
    this.#free = [...items];
    this.#size = items.length;
  }

  /** The next free item. Errors: ENGRAM_OVERLOADED when too many wait, ENGRAM_ABORTED when `signal` fires while waiting. */
  take(signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) return Promise.reject(new EngineError("ENGRAM_ABORTED", "The caller ended the request."));
    const item = this.#free.pop();
    if (item !== undefined) return Promise.resolve(item);
    if (this.#waiting.length >= WAITING_MAX) {
      return Promise.reject(new EngineError("ENGRAM_OVERLOADED", "Too many queries wait for the pattern store. Try again shortly."));
    }
    return new Promise((resolve, reject) => {
      const granted = (granted: T): void => {
        signal?.removeEventListener("abort", aborted);
        resolve(granted);
      };
      const aborted = (): void => {
        const at = this.#waiting.indexOf(granted);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        reject(new EngineError("ENGRAM_ABORTED", "The caller ended the request."));
      };
      signal?.addEventListener("abort", aborted, { once: true });
      this.#waiting.push(granted);
    });
  }

  give(item: T): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(item);
    else next(item);
  }

  async with<R>(use: (item: T) => Promise<R>): Promise<R> {
    const item = await this.take();
    try {
      return await use(item);
    } finally {
      this.give(item);
    }
  }

  /** Resolves when every item was given back, and keeps them: nothing can be taken afterwards. */
  async drain(): Promise<void> {
    for (let taken = 0; taken < this.#size; taken++) await this.take();
  }
}
