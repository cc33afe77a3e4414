/**
 * The best `keep` patterns of one state in bulk scoring: greatest similarity first, ties to the smaller name. A list that is sorted and cut when it
 * has grown to twice its size: O(log keep) a hit on average. Names are kept as text, since few hits reach a cutoff.
 */
import type { ScoredPattern } from "../engine-types.ts";

const order = (a: ScoredPattern, b: ScoredPattern): number => b.similarity - a.similarity || (a.name < b.name ? -1 : 1);

export class BestHits {
  readonly #keep: number;
  #hits: ScoredPattern[] = [];
  /** A hit below it cannot be among the best any more. */
  #floor = Number.NEGATIVE_INFINITY;
  /** All matches, kept or not. */
  matched = 0;

  constructor(keep: number) {
    this.#keep = keep;
  }

  add(similarity: number, nameBytes: Uint8Array, at: number, length: number): void {
    if (similarity < this.#floor) return;
    const name = Buffer.from(nameBytes.buffer, nameBytes.byteOffset + at, length).toString("hex");
    this.#hits.push({ name: `PTRN|${name}`, similarity });
    if (this.#hits.length >= 2 * this.#keep + 16) {
      this.#hits = this.sorted();
      this.#floor = this.#hits.at(-1)!.similarity;
    }
  }

  sorted(): ScoredPattern[] {
    return this.#hits.sort(order).slice(0, this.#keep);
  }
}
