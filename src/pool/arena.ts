/**
 * The allocator of resident memory: a fixed range in each of the pool's memories, out of which blocks are taken and to which they return.
 * Best fit over the free ranges, neighbours joined when they are given back. Lives on the main thread alone; threads only see addresses.
 * Cost: a look along the free ranges, of which there are as many as holes between blocks: some hundreds, a few microseconds. The process
 * keeps its high-water mark: pages once touched are used again, never returned.
 */

/** Blocks begin on cache lines. */
const ALIGNMENT = 64;

/** A range of bytes in one of the pool's memories. */
export interface Extent {
  /** Which memory. */
  readonly memory: number;
  /** Address in it. */
  readonly place: number;
  readonly bytes: number;
}

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

export class Arena {
  /** Free ranges by memory, then address; no two touch. */
  readonly #free: Extent[];
  readonly capacity: number;
  #used = 0;

  /** `ranges`: one a memory, in order; addresses are multiples of 64. */
  constructor(ranges: readonly Extent[]) {
    this.#free = ranges
      .filter(({ bytes }) => bytes > 0)
      .map(({ memory, place, bytes }) => ({ memory, place, bytes: bytes - (bytes % ALIGNMENT) }));
    this.capacity = this.#free.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Bytes given out. */
  get used(): number {
    return this.#used;
  }

  /** A range of at least so many bytes; undefined when no free range is large enough. */
  take(bytes: number): Extent | undefined {
    const wanted = aligned(Math.max(1, bytes));
    let best = -1;
    for (let at = 0; at < this.#free.length; at++) {
      const size = this.#free[at]!.bytes;
      if (size < wanted || (best >= 0 && size >= this.#free[best]!.bytes)) continue;
      best = at;
      if (size === wanted) break;
    }
    if (best < 0) return undefined;
    const { memory, place, bytes: size } = this.#free[best]!;
    if (size === wanted) this.#free.splice(best, 1);
    else this.#free[best] = { memory, place: place + wanted, bytes: size - wanted };
    this.#used += wanted;
    return { memory, place, bytes: wanted };
  }

  /** Keeps the first `bytes` of a range and gives the rest back; the answer replaces the range. */
  shrink(extent: Extent, bytes: number): Extent {
    const kept = aligned(Math.max(1, bytes));
    if (kept >= extent.bytes) return extent;
    this.give({ memory: extent.memory, place: extent.place + kept, bytes: extent.bytes - kept });
    return { memory: extent.memory, place: extent.place, bytes: kept };
  }

  /** Gives a range back that `take` or `shrink` gave out, once. */
  give({ memory, place, bytes }: Extent): void {
    const free = this.#free;
    let at = 0;
    for (let end = free.length; at < end; ) {
      const middle = (at + end) >>> 1;
      const other = free[middle]!;
      if (other.memory < memory || (other.memory === memory && other.place < place)) at = middle + 1;
      else end = middle;
    }
    const before = free[at - 1];
    const after = free[at];
    const endOf = (extent: Extent): number => extent.place + extent.bytes;
    const overlaps = (before?.memory === memory && endOf(before) > place) || (after?.memory === memory && place + bytes > after.place);
    if (overlaps) throw new RangeError(`bytes ${place} to ${place + bytes} of memory ${memory} are free already`);
    this.#used -= bytes;
    const joinsBefore = before?.memory === memory && endOf(before) === place;
    const joinsAfter = after?.memory === memory && place + bytes === after.place;
    const start = joinsBefore ? before.place : place;
    const end = joinsAfter ? endOf(after) : place + bytes;
    free.splice(joinsBefore ? at - 1 : at, Number(joinsBefore) + Number(joinsAfter), { memory, place: start, bytes: end - start });
  }
}
