/**
 * Long work on the main thread, cut so that other requests are served in between: a turn of the event loop has one slice of a few milliseconds, whose
 * ever it is. Works get theirs in the order in which they came, so that what was begun is finished, and its memory free, before the next is
 * begun; one that goes on for long gives way to the others. Cost: one look at the clock an item, so an item should be worth a
 * microsecond at least; a wait of a turn where others are at work.
 */
import { EngineError } from "../errors.ts";

/** A slice this long does not show in another request's latency; the hop to the event loop costs about a thousandth of it. */
const SLICE_MS = 5;
/** So many slices a work has before others that came later. */
const SLICES_AHEAD = 3;
/** Items sorted in one go: about a millisecond. */
const RUN_ITEMS = 1_024;

export interface SliceOptions {
  readonly signal?: AbortSignal;
  /** `performance.now()` value after which no further slice starts. */
  readonly deadlineAt?: number;
}

/** Gives out slices, one a turn. Who waits is a request that was admitted, so there are no more than those. */
class Turns {
  readonly #waiting: (() => void)[] = [];
  /** This turn's slice is given out. */
  #isGiven = false;

  /**
   * Resolves when the slice is the caller's: with false at once where nobody has this turn's, with true after a wait. `isAhead`: before those that
   * wait.
   */
  async take(isAhead: boolean): Promise<boolean> {
    if (!this.#isGiven) {
      this.#isGiven = true;
      setImmediate(this.#turn);
      return false;
    }
    await new Promise<void>((resolve) => {
      if (isAhead) this.#waiting.unshift(resolve);
      else this.#waiting.push(resolve);
    });
    return true;
  }

  readonly #turn = (): void => {
    const next = this.#waiting.shift();
    this.#isGiven = next !== undefined;
    if (next === undefined) return;
    setImmediate(this.#turn);
    next();
  };
}

/** There is one main thread. */
const TURNS = new Turns();

export class TimeSlices {
  readonly #options: SliceOptions;
  #endsAt = 0;
  #slices = 0;

  private constructor(options: SliceOptions) {
    this.#options = options;
  }

  /** Waits for a slice. Errors: ENGRAM_ABORTED, ENGRAM_DEADLINE. */
  static async begin(options: SliceOptions = {}): Promise<TimeSlices> {
    const slices = new TimeSlices(options);
    await TURNS.take(false);
    slices.#start();
    return slices;
  }

  /** True when the slice is over: the caller should `await next()`. */
  get over(): boolean {
    return performance.now() >= this.#endsAt;
  }

  /** Lets the event loop turn at least once, then begins a slice. Errors: ENGRAM_ABORTED, ENGRAM_DEADLINE. */
  async next(): Promise<void> {
    const isAhead = this.#slices < SLICES_AHEAD;
    // Where the work waited for something else meanwhile, this turn's slice may be nobody's: the loop turns all the same.
    if (!(await TURNS.take(isAhead))) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
      await TURNS.take(isAhead);
    }
    this.#start();
  }

  #start(): void {
    const { signal, deadlineAt } = this.#options;
    if (signal?.aborted === true) throw new EngineError("ENGRAM_ABORTED", "The request was given up by its caller.");
    if (deadlineAt !== undefined && performance.now() > deadlineAt) {
      throw new EngineError(
        "ENGRAM_DEADLINE",
        "The prediction took longer than the deadline allows. Ask for fewer predictions, or raise the deadline.",
      );
    }
    this.#slices++;
    this.#endsAt = performance.now() + SLICE_MS;
  }
}

/** A sorted copy, made in slices: short runs by the built-in sort, merged pair by pair. Stable. */
export async function sortInSlices<T>(items: readonly T[], compare: (a: T, b: T) => number, slices: TimeSlices): Promise<T[]> {
  let runs: T[][] = [];
  for (let from = 0; from < items.length; from += RUN_ITEMS) {
    runs.push(items.slice(from, from + RUN_ITEMS).sort(compare));
    if (slices.over) await slices.next();
  }
  while (runs.length > 1) {
    const longer: T[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      const [left, right] = [runs[i]!, runs[i + 1]];
      longer.push(right === undefined ? left : await merge(left, right, compare, slices));
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

async function merge<T>(left: readonly T[], right: readonly T[], compare: (a: T, b: T) => number, slices: TimeSlices): Promise<T[]> {
  const merged: T[] = [];
  let l = 0;
  let r = 0;
  while (l < left.length && r < right.length) {
    merged.push(compare(left[l]!, right[r]!) <= 0 ? left[l++]! : right[r++]!);
    if (merged.length % RUN_ITEMS === 0 && slices.over) await slices.next();
  }
  while (l < left.length) merged.push(left[l++]!);
  while (r < right.length) merged.push(right[r++]!);
  return merged;
}
