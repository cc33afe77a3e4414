/**
 * The pool's slots, each room for one candidate batch, and the bounded queue of calls that wait for one. First come, first served: a free
 * slot goes to the call that has waited longest. Waiting ends early when the call is aborted or its deadline passes.
 */
import { EngineError } from "../errors.ts";
import type { ScoreOptions } from "./kernel-pool.ts";

/** What setTimeout takes; after it one looks again. */
const TIMER_MS_MAX = 2 ** 31 - 1;

interface Waiter {
  grant(slot: number): void;
}

/** Refuses to go on with a call that is aborted or late. */
export function assertGoesOn({ signal, deadlineAt }: ScoreOptions): void {
  if (signal?.aborted) throw new EngineError("ENGRAM_ABORTED", "The caller gave up the request.");
  if (deadlineAt !== undefined && performance.now() >= deadlineAt) {
    throw new EngineError("ENGRAM_DEADLINE", "The request took longer than its deadline. Try again, or with a filter pipeline.");
  }
}

export class SlotQueue {
  readonly #free: number[];
  readonly #waiters: Waiter[] = [];
  readonly #queueMax: number;

  constructor(slots: number, queueMax: number) {
    this.#free = Array.from({ length: slots }, (_, index) => slots - 1 - index);
    this.#queueMax = queueMax;
  }

  /** A free slot, at once; undefined when there is none or others have waited for it. */
  take(): number | undefined {
    return this.#waiters.length > 0 ? undefined : this.#free.pop();
  }

  /** Joins the queue. Throws ENGRAM_POOL_FULL (not a rejection) when it is full; rejects with ENGRAM_ABORTED or ENGRAM_DEADLINE. */
  wait(options: ScoreOptions): Promise<number> {
    if (this.#waiters.length >= this.#queueMax) {
      throw new EngineError("ENGRAM_POOL_FULL", `All worker slots are taken and ${this.#waiters.length} requests wait for one. Try again.`);
    }
    return new Promise<number>((resolve, reject) => {
      const { signal, deadlineAt } = options;
      const leave = (): void => {
        signal?.removeEventListener("abort", look);
        clearTimeout(timer);
      };
      const waiter: Waiter = {
        grant(slot) {
          leave();
          resolve(slot);
        },
      };
      const look = (): void => {
        try {
          assertGoesOn(options);
          startTimer();
        } catch (error) {
          leave();
          this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
          reject(error);
        }
      };
      let timer: NodeJS.Timeout | undefined;
      const startTimer = (): void => {
        clearTimeout(timer);
        if (deadlineAt !== undefined) timer = setTimeout(look, Math.min(TIMER_MS_MAX, Math.max(1, deadlineAt - performance.now())));
      };
      startTimer();
      signal?.addEventListener("abort", look);
      this.#waiters.push(waiter);
    });
  }

  /** Gives a slot back: to the call that has waited longest, if any. */
  release(slot: number): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#free.push(slot);
    else waiter.grant(slot);
  }
}
