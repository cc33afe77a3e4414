/**
 * Rows of many blocks counted through from 0, so that a scan is cut by rows and not by blocks: which pieces of which blocks a range of rows is.
 * Cost: a binary search and a few numbers a range.
 */
import type { PlacedBlock } from "./kernel-pool.ts";

/** Pieces in one memory: three numbers each (address of the block, first row, row behind the last). */
export interface MemoryPieces {
  readonly memory: number;
  readonly pieces: readonly number[];
  readonly rows: number;
}

export class RowMap {
  readonly #blocks: readonly PlacedBlock[];
  /** Where each block's rows start; one more entry for the end. */
  readonly #starts: Float64Array;

  constructor(blocks: readonly PlacedBlock[]) {
    this.#blocks = blocks;
    this.#starts = new Float64Array(blocks.length + 1);
    blocks.forEach(({ rows }, at) => {
      this.#starts[at + 1] = this.#starts[at]! + rows;
    });
  }

  get rows(): number {
    return this.#starts[this.#blocks.length]!;
  }

  /** Rows `from` to `to` (exclusive), memory by memory: a task works in one. */
  pieces(from: number, to: number): readonly MemoryPieces[] {
    const found: { memory: number; pieces: number[]; rows: number }[] = [];
    let row = from;
    for (let at = this.#blockOf(from); row < to; at++) {
      const { memory, place } = this.#blocks[at]!;
      const start = this.#starts[at]!;
      const end = Math.min(to, this.#starts[at + 1]!);
      if (end > row) {
        let group = found.at(-1);
        if (group?.memory !== memory) {
          group = { memory, pieces: [], rows: 0 };
          found.push(group);
        }
        group.pieces.push(place, row - start, end - start);
        group.rows += end - row;
      }
      row = end;
    }
    return found;
  }

  #blockOf(row: number): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#starts[middle]! <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
