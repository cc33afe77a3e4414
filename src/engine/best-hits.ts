/**
 * The best `keep` patterns of one state in bulk scoring: greatest similarity first, ties to the smaller name. A list that is sorted and cut when it
 * has grown to twice its size: O(log keep) a hit on average. A hit is 28 bytes until it is given out: a group of states may keep millions, and as objects
 * with text they took 156 bytes each.
 */
import type { ScoredPattern } from "../engine-types.ts";

const NAME_BYTES = 20;
/** Room for so many hits at first; most states have fewer. */
const HITS_AT_FIRST = 16;

export class BestHits {
  readonly #keep: number;
  #similarities = new Float64Array(HITS_AT_FIRST);
  #names = new Uint8Array(HITS_AT_FIRST * NAME_BYTES);
  #count = 0;
  /** A hit below it cannot be among the best any more. */
  #floor = Number.NEGATIVE_INFINITY;
  /** All matches, kept or not. */
  matched = 0;

  constructor(keep: number) {
    this.#keep = keep;
  }

  /** The name: NAME_BYTES bytes from `at` on. */
  add(similarity: number, names: Uint8Array, at: number): void {
    if (similarity < this.#floor) return;
    if (this.#count === this.#similarities.length) this.#resize(Math.min(2 * this.#count, 2 * this.#keep + HITS_AT_FIRST));
    this.#similarities[this.#count] = similarity;
    this.#names.set(names.subarray(at, at + NAME_BYTES), this.#count * NAME_BYTES);
    this.#count++;
    if (this.#count >= 2 * this.#keep + HITS_AT_FIRST) this.#cut();
  }

  sorted(): ScoredPattern[] {
    const names = Buffer.from(this.#names.buffer);
    return this.#best().map((hit) => ({
      name: `PTRN|${names.toString("hex", hit * NAME_BYTES, (hit + 1) * NAME_BYTES)}`,
      similarity: this.#similarities[hit]!,
    }));
  }

  /** Places of the best, best first. */
  #best(): number[] {
    const similarities = this.#similarities;
    const places = Array.from({ length: this.#count }, (_, hit) => hit);
    return places.sort((a, b) => similarities[b]! - similarities[a]! || this.#compareNames(a, b)).slice(0, this.#keep);
  }

  #compareNames(a: number, b: number): number {
    const names = this.#names;
    for (let n = 0; n < NAME_BYTES; n++) {
      const difference = names[a * NAME_BYTES + n]! - names[b * NAME_BYTES + n]!;
      if (difference !== 0) return difference;
    }
    return 0;
  }

  #cut(): void {
    const [similarities, names] = [this.#similarities, this.#names];
    const best = this.#best();
    this.#similarities = new Float64Array(similarities.length);
    this.#names = new Uint8Array(names.length);
    best.forEach((hit, place) => {
      this.#similarities[place] = similarities[hit]!;
      this.#names.set(names.subarray(hit * NAME_BYTES, (hit + 1) * NAME_BYTES), place * NAME_BYTES);
    });
    this.#count = best.length;
    this.#floor = similarities[best.at(-1)!]!;
  }

  #resize(hits: number): void {
    const [similarities, names] = [this.#similarities, this.#names];
    this.#similarities = new Float64Array(hits);
    this.#similarities.set(similarities);
    this.#names = new Uint8Array(hits * NAME_BYTES);
    this.#names.set(names);
  }
}
