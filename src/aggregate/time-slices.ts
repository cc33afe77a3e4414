/**
 * Long work on the main thread, cut so that other requests are served in between: after a slice of a few milliseconds the work waits for
 * one turn of the event loop. Cost: one look at the clock an item, so an item should be worth a microsecond at least.
 */
import { EngineError } from "../errors.ts";

/** A slice this long does not show in another request's latency; the hop to the event loop costs about a thousandth of it. */
const SLICE_MS = 5;
/** Items sorted in one go: about a millisecond. */
const RUN_ITEMS = 1_024;

export interface SliceOptions {
  readonly signal?: AbortSignal;
  /** `performance.now()` value after which no further slice starts. */
  readonly deadlineAt?: number;
}

export class TimeSlices {
  readonly #options: SliceOptions;
  #endsAt: number;

  constructor(options: SliceOptions) {
    this.#options = options;
    this.#endsAt = performance.now() + SLICE_MS;
  }

  /** True when the slice is over: the caller should `await next()`. */
  get over(): boolean {
    return performance.now() >= this.#endsAt;
  }

  /** Lets the event loop turn once, then begins a slice. Errors: ENGRAM_ABORTED, ENGRAM_DEADLINE. */
  async next(): Promise<void> {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    const { signal, deadlineAt } = this.#options;
    if (signal?.aborted === true) throw new EngineError("ENGRAM_ABORTED", "The request was given up by its caller.");
    if (deadlineAt !== undefined && performance.now() > deadlineAt) {
      throw new EngineError(
        "ENGRAM_DEADLINE",
        "The prediction took longer than the deadline allows. Ask for fewer predictions, or raise the deadline.",
      );
    }
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
