/**
 * Decoded tails of outboxes, so that a predict decodes only what was learned since the last one. Keyed by kb; an entry is known by its
 * position in the kb's outbox, which is never reused. Arrays given out are never changed afterwards. Memory: the entries themselves,
 * about 1 kB each, at most `entriesMax` beyond the kb used last.
 */
import { decodeEntry } from "./outbox-entry.ts";
import type { OutboxEntry } from "./state-store.ts";

interface CachedTail {
  /** Position of `entries[0]`. */
  start: number;
  entries: readonly OutboxEntry[];
}

export class TailCache {
  readonly #entriesMax: number;
  readonly #tails = new Map<string, CachedTail>();
  #count = 0;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  /** The first position of `kb` that is not cached: what to read from the store. */
  end(kb: string): number {
    const tail = this.#tails.get(kb);
    return tail === undefined ? 0 : tail.start + tail.entries.length;
  }

  /**
   * Takes what the store answered: its outbox begins at `trimmed`, and `bytes` are the entries from position `from` (at least `trimmed`)
   * to its end. Answers the whole tail; `undefined` when the cache lost what lies between, and the store must be read from 0.
   */
  extend(kb: string, trimmed: number, from: number, bytes: readonly Buffer[]): readonly OutboxEntry[] | undefined {
    const old = this.#tails.get(kb);
    let { start, entries }: CachedTail = old ?? { start: from, entries: [] };
    const end = start + entries.length;
    if (from > end && entries.length > 0) {
      // A gap: fine when all that is cached has been trimmed, else something was missed.
      if (end > trimmed || from > trimmed) return this.#forget(kb);
      entries = [];
    }
    if (entries.length === 0) {
      if (from > trimmed) return this.#forget(kb);
      start = from;
    }
    // An answer that overtook another one may bring entries that are cached already.
    const fresh = bytes.slice(Math.max(0, start + entries.length - from)).map((entry) => decodeEntry(kb, entry));
    if (trimmed > start) {
      entries = entries.slice(trimmed - start);
      start = trimmed;
    }
    if (fresh.length > 0) entries = entries.concat(fresh);
    this.#count += entries.length - (old?.entries.length ?? 0);
    this.#tails.delete(kb);
    this.#tails.set(kb, { start, entries });
    this.#evict(kb);
    return entries;
  }

  #forget(kb: string): undefined {
    this.#count -= this.#tails.get(kb)?.entries.length ?? 0;
    this.#tails.delete(kb);
    return undefined;
  }

  #evict(current: string): void {
    for (const kb of this.#tails.keys()) {
      if (this.#count <= this.#entriesMax || kb === current) return;
      this.#forget(kb);
    }
  }

  clear(): void {
    this.#tails.clear();
    this.#count = 0;
  }
}

/** The entries of one generation; the same array where all are. */
export function ofGeneration(entries: readonly OutboxEntry[], generation: number): readonly OutboxEntry[] {
  if (entries[0]?.generation === generation && entries.at(-1)?.generation === generation) return entries;
  return entries.filter((entry) => entry.generation === generation);
}
