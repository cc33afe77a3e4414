/**
 * Merges score blocks as they arrive into the best `keep` matches overall: greatest key first, ties to the smaller pattern name. The result
 * does not depend on how a scan was cut or in which order its blocks came. A bounded heap: O(log keep) a match that is taken, one comparison
 * for a block that holds nothing better. Blocks are referred to while they come in, and only what is left in the end is copied: most of what a
 * block brings is pushed out by a later one, and a few matches must not keep whole blocks alive.
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

/** An entry of a block, not copied yet. */
class Found {
  readonly key: number;
  readonly block: ScoreBlock;
  readonly entry: number;

  constructor(block: ScoreBlock, entry: number) {
    this.key = block.keys[entry]!;
    this.block = block;
    this.entry = entry;
  }

  get name(): string {
    const { names } = this.block;
    return Buffer.from(names.buffer, names.byteOffset + this.entry * NAME_BYTES, NAME_BYTES).toString("hex");
  }

  /** Whether it goes before the other one. */
  isBefore(other: Found): boolean {
    return this.key !== other.key ? this.key > other.key : this.#isNamedBefore(other);
  }

  /** By the bytes of the names: mostly the first tells, and text of twenty would have to be made. */
  #isNamedBefore(other: Found): boolean {
    const [own, others] = [this.block.names, other.block.names];
    let [at, otherAt] = [this.entry * NAME_BYTES, other.entry * NAME_BYTES];
    for (const end = at + NAME_BYTES; at < end; at++, otherAt++) {
      if (own[at] !== others[otherAt]) return own[at]! < others[otherAt]!;
    }
    return false;
  }
}

export class BestMatches {
  readonly #keep: number;
  /** Binary heap, the worst at the root. */
  readonly #heap: Found[] = [];

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

  /** Takes what belongs to the best so far. The block is only read, and must stay as it is until `sorted`. */
  add(block: ScoreBlock): void {
    for (let entry = 0; entry < block.kept; entry++) {
      const full = this.#heap.length >= this.#keep;
      const worst = this.#heap[0];
      // Entries come best first: nothing after this one can be better.
      if (full && (worst === undefined || block.keys[entry]! < worst.key)) return;
      if (this.#isGone?.(block.patternIds[entry]!) === true) continue;
      const found = new Found(block, entry);
      if (!full) this.#push(found);
      else if (found.isBefore(worst!)) this.#replaceWorst(found);
      else return;
    }
  }

  /** The best first, in memory of their own. */
  sorted(): readonly Match[] {
    const best = [...this.#heap].sort((a, b) => (a.isBefore(b) ? -1 : 1));
    return copyEntries(best);
  }

  #push(found: Found): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(found);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[at]!.isBefore(heap[parent]!)) return;
      [heap[at], heap[parent]] = [heap[parent]!, heap[at]!];
      at = parent;
    }
  }

  #replaceWorst(found: Found): void {
    const heap = this.#heap;
    heap[0] = found;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && heap[left]!.isBefore(heap[right]!) ? right : left;
      if (heap[child]!.isBefore(heap[at]!)) return;
      [heap[at], heap[child]] = [heap[child]!, heap[at]!];
      at = child;
    }
  }
}

/** Three buffers for all of them: a buffer of its own costs more than the few numbers in it. */
function copyEntries(found: readonly Found[]): readonly Match[] {
  let [symbols, events, blocks] = [0, 0, 0];
  for (const { block, entry } of found) {
    symbols += block.symbolStarts[entry + 1]! - block.symbolStarts[entry]!;
    events += block.eventStarts[entry + 1]! - block.eventStarts[entry]!;
    blocks += 3 * (block.blockStarts[entry + 1]! - block.blockStarts[entry]!);
  }
  const [allSymbols, allEvents, allBlocks] = [new Uint32Array(symbols), new Uint16Array(events), new Uint32Array(blocks)];
  let [symbolAt, eventAt, blockAt] = [0, 0, 0];
  return found.map(({ name, key, block, entry }) => {
    const [symbolFrom, eventFrom, blockFrom] = [symbolAt, eventAt, blockAt];
    for (let from = block.symbolStarts[entry]!; from < block.symbolStarts[entry + 1]!; ) allSymbols[symbolAt++] = block.symbolIds[from++]!;
    for (let from = block.eventStarts[entry]!; from < block.eventStarts[entry + 1]!; ) allEvents[eventAt++] = block.eventEnds[from++]!;
    for (let from = 3 * block.blockStarts[entry]!; from < 3 * block.blockStarts[entry + 1]!; ) allBlocks[blockAt++] = block.blocks[from++]!;
    return {
      name,
      patternId: block.patternIds[entry]!,
      key,
      similarity: block.similarities[entry]!,
      symbolIds: allSymbols.subarray(symbolFrom, symbolAt),
      eventEnds: allEvents.subarray(eventFrom, eventAt),
      blocks: allBlocks.subarray(blockFrom, blockAt),
    };
  });
}
