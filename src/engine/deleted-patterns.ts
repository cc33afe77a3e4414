/**
 * Which patterns of a kb are deleted, as a bit a pattern id. The state store keeps a list per generation that only grows, and the head says
 * how long it is: what is kept here is extended by what is new, and never wrong. A reader passes over these ids wherever patterns come
 * from, so a delete counts at once, however late the rows themselves are removed. Memory: patterns / 8 bytes a kb; a kb without deletes costs
 * nothing.
 */
import type { KbHead, StateStore } from "../store/state-store.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";

/** Bytes of bitmaps kept over all kbs; the least recently used go first. 64 MB tell deleted ones among 500 M patterns. */
const KEPT_BYTES_MAX = 64 * 2 ** 20;

/** Ids of deleted patterns at one moment: what is handed out never changes. */
export interface DeletedIds {
  /** How many ids are in it. */
  readonly count: number;
  has(id: number): boolean;
  /** How many of the ids in [from, to). */
  countIn(from: number, to: number): number;
}

const NONE_DELETED: DeletedIds = { count: 0, has: () => false, countIn: () => 0 };

class Bitmap implements DeletedIds {
  readonly generation: number;
  #words = new Uint32Array(64);
  count = 0;

  /** A copy of `before` and of what came since; empty without it. */
  constructor(generation: number, before?: Bitmap, added: readonly number[] = []) {
    this.generation = generation;
    if (before !== undefined) {
      this.#words = before.#words.slice();
      this.count = before.count;
    }
    for (const id of added) this.#add(id);
  }

  get bytes(): number {
    return this.#words.byteLength;
  }

  #add(id: number): void {
    const word = id >>> 5;
    if (word >= this.#words.length) {
      const larger = new Uint32Array(Math.max(word + 1, this.#words.length * 2));
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words[word] = (this.#words[word] as number) | (1 << (id & 31));
    this.count += 1;
  }

  has(id: number): boolean {
    return (((this.#words[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1;
  }

  countIn(from: number, to: number): number {
    let count = 0;
    let id = from;
    for (; id < to && (id & 31) !== 0; id++) count += this.has(id) ? 1 : 0;
    for (; id + 32 <= to; id += 32) count += bitsOf(this.#words[id >>> 5] ?? 0);
    for (; id < to; id++) count += this.has(id) ? 1 : 0;
    return count;
  }
}

function bitsOf(word: number): number {
  let x = word - ((word >>> 1) & 0x5555_5555);
  x = (x & 0x3333_3333) + ((x >>> 2) & 0x3333_3333);
  return (((x + (x >>> 4)) & 0x0f0f_0f0f) * 0x0101_0101) >>> 24;
}

export class DeletedPatterns {
  readonly #state: Pick<StateStore, "listDeleted">;
  /** Insertion order is order of use. */
  readonly #kbs = new Map<string, Bitmap>();
  #bytes = 0;

  constructor(state: Pick<StateStore, "listDeleted">) {
    this.#state = state;
  }

  /** The deleted ids of the head's generation: all of the head's, and perhaps some newer ones. */
  async at(head: KbHead): Promise<DeletedIds> {
    if (head.deletedCount === 0) return NONE_DELETED;
    const kept = this.#kbs.get(head.kb);
    const known = kept?.generation === head.generation ? kept : undefined;
    if (known !== undefined && known.count >= head.deletedCount) {
      this.#keep(head.kb, known);
      return known;
    }
    const added = await this.#state.listDeleted(head.kb, head.generation, known?.count ?? 0);
    const now = new Bitmap(head.generation, known, added);
    // Another reader may have come further meanwhile, or be in a newer generation.
    const other = this.#kbs.get(head.kb);
    const newer =
      other !== undefined && (other.generation > now.generation || (other.generation === now.generation && other.count > now.count));
    if (!newer) this.#keep(head.kb, now);
    return now;
  }

  /** Drops everything kept: it may belong to another past of the state store. */
  forgetAll(): void {
    this.#kbs.clear();
    this.#bytes = 0;
  }

  #keep(kb: string, bitmap: Bitmap): void {
    this.#forget(kb);
    this.#kbs.set(kb, bitmap);
    this.#bytes = [...this.#kbs.values()].reduce((sum, one) => sum + one.bytes, 0);
    for (const oldest of this.#kbs.keys()) {
      if (this.#bytes <= KEPT_BYTES_MAX || oldest === kb) break;
      this.#forget(oldest);
    }
  }

  #forget(kb: string): void {
    const bitmap = this.#kbs.get(kb);
    if (bitmap === undefined) return;
    this.#bytes -= bitmap.bytes;
    this.#kbs.delete(kb);
  }
}

/** Columns without the rows of deleted patterns: the same columns where none is, else copies. Ids ascend within columns. O(rows) at most. */
export function withoutDeleted(columns: CandidateColumns, deleted: DeletedIds): CandidateColumns {
  const { rows } = columns;
  if (deleted.count === 0 || rows === 0) return columns;
  const ids = new DataView(columns.patternIds.buffer, columns.patternIds.byteOffset, columns.patternIds.byteLength);
  const idOf = (row: number): number => Number(ids.getBigUint64(row * 8, true));
  if (deleted.countIn(idOf(0), idOf(rows - 1) + 1) === 0) return columns;
  const kept: number[] = [];
  for (let row = 0; row < rows; row++) if (!deleted.has(idOf(row))) kept.push(row);
  return kept.length === rows ? columns : pickRows(columns, kept);
}

function pickRows(columns: CandidateColumns, kept: readonly number[]): CandidateColumns {
  const symbols = pickItems(columns.symbolEnds, columns.symbolBase, columns.symbolIds, 4, kept);
  const events = pickItems(columns.eventOffsets, columns.eventBase, columns.eventEnds, 2, kept);
  return {
    rows: kept.length,
    patternIds: pickFixed(columns.patternIds, 8, kept),
    names: pickFixed(columns.names, 20, kept),
    distinctCounts: pickFixed(columns.distinctCounts, 2, kept),
    symbolEnds: symbols.ends,
    symbolBase: 0,
    symbolIds: symbols.items,
    eventOffsets: events.ends,
    eventBase: 0,
    eventEnds: events.items,
  };
}

function pickFixed(bytes: Uint8Array, width: number, kept: readonly number[]): Uint8Array {
  const out = new Uint8Array(kept.length * width);
  kept.forEach((row, i) => {
    out.set(bytes.subarray(row * width, (row + 1) * width), i * width);
  });
  return out;
}

function pickItems(
  ends: Uint8Array,
  base: number,
  items: Uint8Array,
  width: number,
  kept: readonly number[],
): { ends: Uint8Array; items: Uint8Array } {
  const view = new DataView(ends.buffer, ends.byteOffset, ends.byteLength);
  const endOf = (row: number): number => (row < 0 ? 0 : Number(view.getBigUint64(row * 8, true)) - base);
  const total = kept.reduce((sum, row) => sum + endOf(row) - endOf(row - 1), 0);
  const outEnds = new DataView(new ArrayBuffer(kept.length * 8));
  const outItems = new Uint8Array(total * width);
  let at = 0;
  kept.forEach((row, i) => {
    const part = items.subarray(endOf(row - 1) * width, endOf(row) * width);
    outItems.set(part, at * width);
    at += part.length / width;
    outEnds.setBigUint64(i * 8, BigInt(at), true);
  });
  return { ends: new Uint8Array(outEnds.buffer), items: outItems };
}
