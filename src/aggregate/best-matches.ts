/**
 * Merges score blocks as they arrive into the best `keep` matches overall: greatest key first, ties to the smaller pattern name. The result
 * does not depend on how a scan was cut or in which order its blocks came. A bounded heap: O(log keep) a match that is taken, one comparison
 * for a block that holds nothing better. What is taken is copied, so that a few matches do not keep whole blocks alive.
 */
import type { ScoreBlock } from "../wire/score-block.ts";

/** A match as the kernels found it: numbers only. */
export interface Match {
  /** Bare name: 40 hex digits. */
  readonly name: string;
  readonly patternId: number;
  /** Value of the query's keep key. */
  readonly key: number;
  readonly similarity: number;
  readonly symbolIds: Uint32Array;
  /** Cumulative count of symbols at the end of each event. */
  readonly eventEnds: Uint16Array;
  /** Matching blocks, three numbers each: start in the pattern, start in the state, size. */
  readonly blocks: Uint32Array;
}

/** Bytes of a pattern name in a score block. */
const NAME_BYTES = 20;

/** Below 0 when `a` goes before `b`. Names are hex digits, so `<` orders them by their bytes. */
export function compareMatches(a: Match, b: Match): number {
  return b.key - a.key || (a.name < b.name ? -1 : 1);
}

export class BestMatches {
  readonly #keep: number;
  /** Binary heap, the worst at the root. */
  readonly #heap: Match[] = [];

  readonly #isGone: ((patternId: number) => boolean) | undefined;

  /** `isGone`: patterns that are passed over. */
  constructor(keep: number, isGone?: (patternId: number) => boolean) {
    this.#keep = keep;
    this.#isGone = isGone;
  }

  get kept(): number {
    return this.#heap.length;
  }

  /** A match with a smaller key cannot be among the best any more. */
  get floor(): number {
    return this.#heap.length > 0 && this.#heap.length >= this.#keep ? this.#heap[0]!.key : Number.NEGATIVE_INFINITY;
  }

  /** Takes what belongs to the best so far. The block is only read. */
  add(block: ScoreBlock): void {
    for (let entry = 0; entry < block.kept; entry++) {
      const key = block.keys[entry]!;
      const full = this.#heap.length >= this.#keep;
      const worst = this.#heap[0];
      // Entries come best first: nothing after this one can be better.
      if (full && (worst === undefined || key < worst.key)) return;
      if (this.#isGone?.(block.patternIds[entry]!) === true) continue;
      const name = Buffer.from(block.names.buffer, block.names.byteOffset + entry * NAME_BYTES, NAME_BYTES).toString("hex");
      if (full && key === worst!.key && name > worst!.name) return;
      const match = copyEntry(block, entry, name);
      if (full) this.#replaceWorst(match);
      else this.#push(match);
    }
  }

  /** The best first. */
  sorted(): readonly Match[] {
    return [...this.#heap].sort(compareMatches);
  }

  #push(match: Match): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(match);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (compareMatches(heap[at]!, heap[parent]!) < 0) return;
      [heap[at], heap[parent]] = [heap[parent]!, heap[at]!];
      at = parent;
    }
  }

  #replaceWorst(match: Match): void {
    const heap = this.#heap;
    heap[0] = match;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && compareMatches(heap[right]!, heap[left]!) > 0 ? right : left;
      if (compareMatches(heap[at]!, heap[child]!) > 0) return;
      [heap[at], heap[child]] = [heap[child]!, heap[at]!];
      at = child;
    }
  }
}

function copyEntry(block: ScoreBlock, entry: number, name: string): Match {
  const eventFrom = block.eventStarts[entry]!;
  const eventTo = block.eventStarts[entry + 1]!;
  return {
    name,
    patternId: block.patternIds[entry]!,
    key: block.keys[entry]!,
    similarity: block.similarities[entry]!,
    symbolIds: block.symbolIds.slice(block.symbolStarts[entry]!, block.symbolStarts[entry + 1]!),
    eventEnds: block.eventEnds.slice(eventFrom, eventTo),
    blocks: block.blocks.slice(3 * block.blockStarts[entry]!, 3 * block.blockStarts[entry + 1]!),
  };
}
