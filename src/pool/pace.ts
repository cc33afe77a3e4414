/**
 * How many rows a slice should have, learned from the slices before: long enough that dispatch does not count, short enough that one long
 * scan leaves room for other requests and hears of its deadline. What a row costs depends on the query (mode, stages, lengths), so a pace
 * belongs to one query.
 */

/** A slice's aim: other requests wait for at most this on each thread; the longest that the design allows. */
export const SLICE_NS = 5e6;
/**
 * Shorter slices are not worth a second thread: waking one costs the main thread up to 0.35 ms on a virtual machine, each slice sends its own
 * best matches back, and a scan has other batches for the second thread anyway.
 */
export const SLICE_NS_MIN = 3e6;
/** Weight of the newest slice: lengths differ along a kb, and the first slices run in code that is not optimised yet. */
const NEWEST_WEIGHT = 0.5;

export class Pace {
  #nsPerRow: number;
  readonly #threads: number;

  /** `guess`: nanoseconds a row, until the first slice has been timed. */
  constructor(guess: number, threads: number) {
    this.#nsPerRow = guess;
    this.#threads = threads;
  }

  /** As measured so far. */
  get nsPerRow(): number {
    return this.#nsPerRow;
  }

  /** Rows of the next slice when `remaining` are left: what is left is shared between the threads if that makes worthwhile slices. */
  rowsFor(remaining: number): number {
    const most = Math.ceil(SLICE_NS / this.#nsPerRow);
    const least = Math.ceil(SLICE_NS_MIN / this.#nsPerRow);
    return Math.min(remaining, Math.max(least, Math.min(most, Math.ceil(remaining / this.#threads))));
  }

  /** A slice of `rows` rows took `nanoseconds`. */
  note(rows: number, nanoseconds: number): void {
    const measured = Math.max(1, nanoseconds / rows);
    this.#nsPerRow += (measured - this.#nsPerRow) * NEWEST_WEIGHT;
  }
}
