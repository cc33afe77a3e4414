/**
 * What the threads that share a scan read and write while it runs, in shared memory: which slices there are, which of them are taken and by
 * which task, the best floor that any of them knows, and whether to stop. Taking a slice is one compare-and-swap and no message; a task that is
 * lost with its thread leaves its number on what it had taken, so that those slices can be given out again.
 *
 *  ┌──────────────────────────────┬─────────────┬──────────────────────┬──────────────────────┬──────────────┬──────────────────────┐
 *  │ stop, yield, slices, sharers │ floor (f64) │ shares (f64 a task)  │ takers (i32 a slice) │ starts (i32) │ pieces (f64[3] each) │
 *  └──────────────────────────────┴─────────────┴──────────────────────┴──────────────────────┴──────────────┴──────────────────────┘
 */
import { align8 } from "./align.ts";

/** Rows at a place: address of the candidate batch or resident block, first row, row behind the last. */
export type PieceNumbers = readonly [place: number, from: number, to: number];

const STOP = 0;
const YIELD = 1;
const SLICES = 2;
const SHARERS = 3;
const FLOOR_BYTE = 16;
/** Behind the floor, as numbers of the same view. */
const SHARES = 1;
const takersByte = (sharers: number): number => FLOOR_BYTE + 8 * (SHARES + sharers);

export class ScanBoard {
  readonly buffer: SharedArrayBuffer;
  readonly #head: Int32Array;
  /** The floor, and behind it what each sharer has so many of that all together have enough. */
  readonly #floors: BigInt64Array;
  /** 0: free. Else the number of the task that has it. */
  readonly #takers: Int32Array;
  /** Slice s has the pieces starts[s] to starts[s + 1]. */
  readonly #starts: Int32Array;
  readonly #pieces: Float64Array;
  readonly #bits = new BigInt64Array(1);
  readonly #number = new Float64Array(this.#bits.buffer);

  /** Views of a board that `make` wrote. */
  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#head = new Int32Array(buffer, 0, 4);
    const slices = this.#head[SLICES]!;
    const sharers = this.#head[SHARERS]!;
    const takers = takersByte(sharers);
    this.#floors = new BigInt64Array(buffer, FLOOR_BYTE, SHARES + sharers);
    this.#takers = new Int32Array(buffer, takers, slices);
    this.#starts = new Int32Array(buffer, takers + slices * 4, slices + 1);
    this.#pieces = new Float64Array(buffer, align8(takers + (2 * slices + 1) * 4));
  }

  /** A board of slices that nobody has taken, for so many tasks at a time. */
  static make(slices: readonly (readonly PieceNumbers[])[], floor: number, sharers: number): ScanBoard {
    const pieces = slices.reduce((sum, { length }) => sum + length, 0);
    const buffer = new SharedArrayBuffer(align8(takersByte(sharers) + (2 * slices.length + 1) * 4) + pieces * 24);
    const head = new Int32Array(buffer, 0, 4);
    head[SLICES] = slices.length;
    head[SHARERS] = sharers;
    const board = new ScanBoard(buffer);
    let at = 0;
    slices.forEach((slice, index) => {
      for (const piece of slice) board.#pieces.set(piece, 3 * at++);
      board.#starts[index + 1] = at;
    });
    board.#floors.fill(board.#bitsOf(Number.NEGATIVE_INFINITY));
    board.#floors[0] = board.#bitsOf(floor);
    return board;
  }

  get slices(): number {
    return this.#takers.length;
  }

  /** A match with a smaller key is not among the best of the whole scan. */
  get floor(): number {
    return this.#numberOf(Atomics.load(this.#floors, 0));
  }

  /** Raises the floor to `floor`, unless it is there already. */
  raiseFloor(floor: number): void {
    this.#raise(0, floor);
  }

  /**
   * Says that a sharer has found its share of the matches that the scan keeps, no key of them below `key`: the least that all of them say is a floor. It stays
   * true of a sharer that is lost: its matches are found again.
   */
  raiseShare(sharer: number, key: number): void {
    this.#raise(SHARES + sharer, key);
    let least = Number.POSITIVE_INFINITY;
    for (let at = SHARES; at < this.#floors.length; at++) least = Math.min(least, this.#numberOf(Atomics.load(this.#floors, at)));
    this.raiseFloor(least);
  }

  #raise(at: number, number: number): void {
    for (let known = Atomics.load(this.#floors, at); this.#numberOf(known) < number; ) {
      const seen = Atomics.compareExchange(this.#floors, at, known, this.#bitsOf(number));
      if (seen === known) return;
      known = seen;
    }
  }

  /** True: no task takes another slice. */
  get isStopped(): boolean {
    return Atomics.load(this.#head, STOP) === 1;
  }

  stop(): void {
    Atomics.store(this.#head, STOP, 1);
  }

  /** True: others wait for a thread, so a task that has had its time answers with what it has. */
  get isYielding(): boolean {
    return Atomics.load(this.#head, YIELD) === 1;
  }

  set isYielding(yields: boolean) {
    Atomics.store(this.#head, YIELD, yields ? 1 : 0);
  }

  /** Takes a slice for a task (not 0); false: another one has it. */
  take(slice: number, task: number): boolean {
    return Atomics.compareExchange(this.#takers, slice, 0, task) === 0;
  }

  /** Frees whatever a task has taken: it was lost before it answered. */
  release(task: number): void {
    for (let slice = 0; slice < this.slices; slice++) Atomics.compareExchange(this.#takers, slice, task, 0);
  }

  /** Whether one of the slices `from` to `to` (exclusive) is free. */
  hasFree(from: number, to: number): boolean {
    for (let slice = from; slice < to; slice++) if (Atomics.load(this.#takers, slice) === 0) return true;
    return false;
  }

  /** The pieces of the slices `from` to `to` (exclusive), those that follow each other in a block as one. */
  pieces(from: number, to: number): PieceNumbers[] {
    const found: [number, number, number][] = [];
    for (let at = this.#starts[from]! * 3; at < this.#starts[to]! * 3; at += 3) {
      const [place, first, end] = [this.#pieces[at]!, this.#pieces[at + 1]!, this.#pieces[at + 2]!];
      const last = found.at(-1);
      if (last !== undefined && last[0] === place && last[2] === first) last[2] = end;
      else found.push([place, first, end]);
    }
    return found;
  }

  #bitsOf(value: number): bigint {
    this.#number[0] = value;
    return this.#bits[0]!;
  }

  #numberOf(bits: bigint): number {
    this.#bits[0] = bits;
    return this.#number[0]!;
  }
}
