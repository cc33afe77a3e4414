/**
 * Fills the pattern index behind the flusher, postings, first symbols and, for kbs that ask for MinHash, buckets: as soon as enough flushed patterns of a kb are not in it, they are put in together. A flush
 * does not wait for it, a kb of a few thousand patterns never gets one, and what was learned before there was an index is taken up at the
 * next start. Whoever asks the index scans the patterns above the mark: about one step of them, and while a load goes on up to a range.
 *
 * Two processes over one store may index the same range at once: rows stand there twice, and no answer changes.
 */
import type { Logger } from "../log.ts";
import type { MinhashSetting } from "../model/minhash.ts";
import { FIRST_SYMBOLS_MARK, type PatternIndex, POSTINGS_MARK } from "../store/pattern-index.ts";
import type { KbHead, StateStore } from "../store/state-store.ts";
import { BUCKET_RANGE_MAX, type Buckets, bucketMark } from "./buckets.ts";
import type { MinhashSettings } from "./minhash-settings.ts";

/** Patterns whose postings are made by one statement at most: 3.5 million rows at 14 symbols, sorted in about 300 MB. */
const RANGE_MAX = 250_000;
/** Between tries after a failure. */
const RETRY_MS = 5_000;
/** After so long the store is asked again how far others have come. */
const MARK_AGE_MS = 10_000;
/** Kbs whose marks are remembered; the oldest go first. */
const MARKS_MAX = 10_000;

export interface IndexerOptions {
  readonly state: StateStore;
  readonly index: PatternIndex;
  readonly buckets: Pick<Buckets, "add">;
  readonly minhash: Pick<MinhashSettings, "recent">;
  readonly log: Logger;
  /** Patterns that wait before they are indexed together; ranges end at multiples of it. */
  readonly step: number;
  /** Much is being learned at this time. */
  readonly isLoading: () => boolean;
}

interface Mark {
  readonly below: number;
  readonly readAt: number;
}

export class Indexer {
  readonly #options: IndexerOptions;
  readonly #marks = new Map<string, Mark>();
  readonly #waiting = new Set<string>();
  /** Kbs of which something waits until a load is over. */
  readonly #deferred = new Set<string>();
  #running: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: IndexerOptions) {
    this.#options = options;
  }

  /** Looks at every kb once: what an earlier version or a killed process left is taken up. */
  async resume(): Promise<void> {
    for (const kb of await this.#options.state.listKbs()) {
      if (this.#closed) return;
      const head = await this.#options.state.head(kb);
      if (head.patternCount >= this.#options.step) this.notify(kb);
    }
  }

  /** A load is over: what was put off is done. */
  loaded(): void {
    for (const kb of this.#deferred) this.notify(kb);
    this.#deferred.clear();
  }

  /** Patterns of the kb were flushed. */
  notify(kb: string): void {
    if (this.#closed) return;
    this.#waiting.add(kb);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      // Told of something in the moment between the last look and the end.
      if (this.#waiting.size > 0 && this.#retry === undefined) for (const again of this.#waiting) this.notify(again);
    });
  }

  /** Ids below this are in the postings of the generation. May be behind what another process wrote, never ahead. */
  postingsBelow(kb: string, generation: number, patternCount: number): Promise<number> {
    return this.#below(kb, generation, patternCount, POSTINGS_MARK);
  }

  /** As `postingsBelow`, for the index of first symbols. */
  firstSymbolsBelow(kb: string, generation: number, patternCount: number): Promise<number> {
    return this.#below(kb, generation, patternCount, FIRST_SYMBOLS_MARK);
  }

  /** As `postingsBelow`, for the buckets of a setting. */
  bucketsBelow(kb: string, generation: number, patternCount: number, setting: MinhashSetting): Promise<number> {
    return this.#below(kb, generation, patternCount, bucketMark(setting));
  }

  /** The kb's indexes may be made anew: what is remembered of them no longer holds. */
  forget(kb: string): void {
    for (const key of this.#marks.keys()) if (key.endsWith(`/${kb}`)) this.#marks.delete(key);
  }

  async #below(kb: string, generation: number, patternCount: number, name: string): Promise<number> {
    const key = markKey(kb, generation, name);
    const known = this.#marks.get(key);
    if (known !== undefined) {
      const current = patternCount - known.below < this.#options.step || performance.now() - known.readAt < MARK_AGE_MS;
      if (current) return known.below;
    }
    // A kb that cannot have reached a step has no mark to ask for.
    if (patternCount < this.#options.step) return 0;
    return this.#remember(key, await this.#options.index.mark(kb, generation, name));
  }

  /** Resolves when every kb it was told of is indexed, or has failed and waits to be tried again. */
  async settle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Ends after the range under way. What is left is taken up at the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.clear();
    clearTimeout(this.#retry);
    await this.settle();
  }

  #remember(key: string, below: number): number {
    const best = Math.max(below, this.#marks.get(key)?.below ?? 0);
    this.#marks.delete(key);
    this.#marks.set(key, { below: best, readAt: performance.now() });
    for (const oldest of this.#marks.keys()) {
      if (this.#marks.size <= MARKS_MAX) break;
      this.#marks.delete(oldest);
    }
    return best;
  }

  async #run(): Promise<void> {
    for (const kb of this.#waiting) {
      this.#waiting.delete(kb);
      try {
        await this.#index(kb);
      } catch (error) {
        this.#options.log.warn({ err: error, kb }, "indexing patterns failed; it is tried again, and until then they are scanned");
        if (this.#closed) return;
        this.#retry ??= setTimeout(() => {
          this.#retry = undefined;
          this.notify(kb);
        }, RETRY_MS).unref();
      }
    }
  }

  async #index(kb: string): Promise<void> {
    const { state, index } = this.#options;
    for (;;) {
      const head = await state.head(kb);
      // Taken after the head: whatever is in neither was flushed.
      const below = (await state.firstUnflushed(kb, head.generation)) ?? head.patternCount;
      if (below < this.#options.step) return;
      const hasMore = [
        await this.#indexPostings(head, below),
        await this.#indexFirstSymbols(head, below),
        await this.#indexBuckets(head, below),
      ];
      if (!hasMore.includes(true)) return;
      // A kb that was cleared meanwhile has just got rows that nobody will delete otherwise.
      const now = await state.head(kb);
      if (now.generation !== head.generation) await index.dropBefore(kb, now.generation);
    }
  }

  #indexPostings(head: KbHead, below: number): Promise<boolean> {
    const add = (from: number, to: number): Promise<void> => this.#options.index.addPostings(head.kb, head.generation, from, to);
    return this.#indexRange(head, below, POSTINGS_MARK, RANGE_MAX, add);
  }

  #indexFirstSymbols(head: KbHead, below: number): Promise<boolean> {
    const add = (from: number, to: number): Promise<void> => this.#options.index.addFirstSymbols(head.kb, head.generation, from, to);
    return this.#indexRange(head, below, FIRST_SYMBOLS_MARK, RANGE_MAX, add);
  }

  async #indexBuckets(head: KbHead, below: number): Promise<boolean> {
    const { minhash, buckets } = this.#options;
    const setting = await minhash.recent(head.kb);
    if (setting === undefined) return false;
    const add = (from: number, to: number): Promise<void> => buckets.add(head, setting, from, to);
    return this.#indexRange(head, below, bucketMark(setting), BUCKET_RANGE_MAX, add);
  }

  /** Puts the next range into the index of the name; false when there was not enough for one, or the engine closes. */
  async #indexRange(
    { kb, generation }: KbHead,
    below: number,
    name: string,
    rangeMax: number,
    add: (from: number, to: number) => Promise<void>,
  ): Promise<boolean> {
    const { log, step, isLoading } = this.#options;
    const from = await this.#below(kb, generation, below, name);
    const to = Math.min(from + rangeMax, below - (below % step));
    if (to <= from || this.#closed) return false;
    // A load has the processors to itself: what it brings is indexed in large ranges, the rest when it is over.
    if (isLoading() && below - from < RANGE_MAX) {
      this.#deferred.add(kb);
      return false;
    }
    const start = performance.now();
    await add(from, to);
    this.#remember(markKey(kb, generation, name), to);
    log.debug({ kb, index: name, from, to, ms: performance.now() - start }, "indexed");
    return true;
  }
}

const markKey = (kb: string, generation: number, name: string): string => `${generation}/${name}/${kb}`;
