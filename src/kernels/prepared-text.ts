/**
 * One text, prepared once, against a table of texts: what `Kernels.text` opens. Answers are copies. Use after `release` throws.
 */
import { MATCHES_NEXT, MATCHES_POSITIONS_MAX, MATCHES_WORK_BYTES } from "../../assembly/layout.ts";
import type { OwnMemory } from "./own-memory.ts";
import type { RatioMatches } from "./prepared-sequence.ts";

/** Texts in the kernels' memory, until `clear`. */
export interface TextColumn {
  readonly count: number;
  /** Code points of the longest text. */
  readonly longest: number;
  readonly table: number;
}

export class PreparedText {
  readonly #memory: OwnMemory;
  readonly #query: number;
  readonly #closed: () => void;
  #released = false;

  constructor(memory: OwnMemory, query: number, closed: () => void) {
    this.#memory = memory;
    this.#query = query;
    this.#closed = closed;
  }

  /** Gives the memory back. A second call does nothing. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#memory.exports.releaseQuery(this.#query);
    this.#closed();
  }

  /**
   * The texts of a column whose ratio is at least `cutoff` (forgiving 1e-9), and their exact ratios; in the column's own order, which is
   * by kind and length.
   */
  ratios(column: TextColumn, cutoff = 0): RatioMatches {
    return this.withRatios(column, cutoff, ({ indices, ratios }) => ({ indices: indices.slice(), ratios: ratios.slice() }));
  }

  /** As `ratios`, without a copy: what `use` is given are views of the kernels' memory, valid until it returns. One call of the kernel. */
  withRatios<T>(column: TextColumn, cutoff: number, use: (found: RatioMatches) => T): T {
    if (this.#released) throw new Error("this text was released");
    const memory = this.#memory;
    const before = memory.top;
    try {
      const work = memory.reserve(MATCHES_WORK_BYTES);
      const carries = memory.reserve(column.longest * 2);
      const capacity = column.count + MATCHES_POSITIONS_MAX;
      const idsAt = memory.reserve(capacity * 4);
      const ratiosAt = memory.reserve(capacity * 8);
      const { table, count } = column;
      const found = memory.exports.textMatchesInto(table, 0, count, this.#query, cutoff, work, carries, capacity, idsAt, ratiosAt);
      if (memory.u32(work + MATCHES_NEXT, 1)[0] !== count) throw new Error("the kernel ended early with room to spare");
      return use({ indices: memory.u32(idsAt, found), ratios: memory.f64(ratiosAt, found) });
    } finally {
      memory.release(before);
    }
  }
}
