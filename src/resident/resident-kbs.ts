/**
 * Which kbs are in resident memory. A kb comes in when it is asked about and there is room, or others have not been used for longer than
 * it: a kb that is asked about for the first time pushes nobody out, so a look at many kbs does not empty the memory. Loads are shared by whoever
 * waits, and a kb that cannot fit is not begun. Least recently used kbs go first; one that is being scanned stays until the scan is over.
 */
import { EngineError } from "../errors.ts";
import type { KbHead, LearnCommit, LearnResult } from "../store/state-store.ts";
import { NoRoom, ResidentKb, type ResidentParts, Superseded } from "./resident-kb.ts";

/** Bytes a pattern is guessed to take before any was read: 14 symbols in as many events took 190. */
const PATTERN_BYTES = 190;
/** What a block takes more while it is made: a group of the longest patterns, and an index of symbols that all stand in one place. */
const MAKING_BYTES = 131_072;
const MAKING_SHARE = 0.6;
/** A block is made of what fits a slot, and takes about so much at most. */
const BLOCK_BYTES = 6 * 2 ** 20;
/** Kbs whose last use is remembered though they are not in memory. */
const USES_MAX = 100_000;
/** After a load that failed, how long before the next one is tried. */
const RETRY_MS = 5_000;

/** How a kb stands to memory. */
export type Standing =
  | { readonly kind: "ready"; readonly kb: ResidentKb }
  | { readonly kind: "loading"; readonly rows: number }
  /** `reason`: why it cannot be brought in now; none when it can. */
  | { readonly kind: "absent"; readonly reason?: string };

interface Use {
  last: number;
  before: number;
}

interface Entry {
  readonly kb: ResidentKb;
  /** Until the kb is whole. */
  loading: Promise<void> | undefined;
}

interface Failure {
  readonly generation: number;
  readonly until: number;
  readonly reason: string;
  /** For want of room, while others had some that were used more recently: their turn to go may come before `until`. */
  readonly isPushedOut: boolean;
}

export class ResidentKbs {
  readonly #parts: ResidentParts;
  /** Insertion order is order of use. */
  readonly #kbs = new Map<string, Entry>();
  /** As above, over more kbs. Numbers of uses, not times: only their order counts. */
  readonly #uses = new Map<string, Use>();
  readonly #failed = new Map<string, Failure>();
  #clock = 0;
  #isClosed = false;
  #hits = 0;
  #misses = 0;

  constructor(parts: ResidentParts) {
    this.#parts = parts;
  }

  /** Questions that found their kb in memory or not, patterns and bytes kept now, and the bytes there are. */
  figures(): { hits: number; misses: number; kept: number; bytes: number; bytesMax: number } {
    let kept = 0;
    for (const { kb } of this.#kbs.values()) kept += kb.rows;
    const { used, capacity } = this.#parts.memory;
    return { hits: this.#hits, misses: this.#misses, kept, bytes: used, bytesMax: capacity };
  }

  /** Takes a kb out, or all; answers how many patterns that were. */
  forget(kb?: string): number {
    let forgotten = 0;
    for (const [name, entry] of [...this.#kbs]) {
      if (kb !== undefined && name !== kb) continue;
      forgotten += entry.kb.rows;
      this.#drop(name, entry);
    }
    return forgotten;
  }

  /** Says that the kb is asked about, and how it stands. `isRepeat`: by a question that has said so before. */
  use(head: KbHead, isRepeat = false): Standing {
    const { kb } = head;
    const use = this.#uses.get(kb) ?? { last: 0, before: 0 };
    if (!isRepeat) {
      use.before = use.last;
      use.last = ++this.#clock;
    }
    this.#uses.delete(kb);
    this.#uses.set(kb, use);
    if (this.#uses.size > USES_MAX) this.#uses.delete(this.#uses.keys().next().value!);
    const entry = this.#entryOf(head);
    if (entry !== undefined) {
      this.#kbs.delete(kb);
      this.#kbs.set(kb, entry);
      if (entry.loading !== undefined) {
        this.#misses++;
        return { kind: "loading", rows: entry.kb.rows };
      }
      this.#hits++;
      return { kind: "ready", kb: entry.kb };
    }
    this.#misses++;
    const reason = this.#whyNot(head, use);
    return reason === undefined ? { kind: "absent" } : { kind: "absent", reason };
  }

  /** The kb, loaded. Errors: NoRoom, Superseded, and those of the stores and the pool. */
  async load(head: KbHead): Promise<ResidentKb> {
    const known = this.#entryOf(head);
    if (known !== undefined) {
      await known.loading;
      return known.kb;
    }
    if (this.#isClosed) throw new EngineError("ENGRAM_CLOSED", "The server is shutting down.");
    const kb: ResidentKb = new ResidentKb(head, this.#parts, () => this.#makeRoom(kb));
    const entry: Entry = { kb, loading: undefined };
    this.#kbs.set(head.kb, entry);
    entry.loading = (async () => {
      try {
        await kb.freshen(head);
      } catch (error) {
        this.#drop(head.kb, entry);
        this.#noteFailure(head, error);
        throw error;
      } finally {
        entry.loading = undefined;
      }
    })();
    await entry.loading;
    return kb;
  }

  /** Loads without waiting; what goes wrong is logged, and said by `use` for a while. */
  loadInBackground(head: KbHead): void {
    this.load(head).catch((error: unknown) => {
      if (error instanceof NoRoom || error instanceof Superseded) return;
      this.#parts.log.warn({ kb: head.kb, err: error }, "a knowledge base could not be loaded into memory; it is read from the store");
    });
  }

  /** Learns of this process in one kb, as they were committed; asked for only where the kb is in memory. */
  learned(kb: string, learns: () => readonly LearnCommit[], results: readonly LearnResult[]): void {
    const entry = this.#kbs.get(kb);
    if (entry === undefined) return;
    learns().forEach(({ pattern, emotives }, at) => {
      const result = results[at];
      if (result === undefined) return;
      const { seq, generation, patternId, isNew, symbolIds } = result;
      entry.kb.learned({ kb, generation, seq, patternId, isNew, symbolIds, pattern, emotives });
    });
  }

  /** Takes this kb out, and no other that came in its place. */
  leave(kb: ResidentKb): void {
    const entry = this.#kbs.get(kb.kb);
    if (entry?.kb === kb) this.#drop(kb.kb, entry);
  }

  /** Takes everything out; loads under way end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const entries = [...this.#kbs];
    for (const [kb, entry] of entries) this.#drop(kb, entry);
    // A load that ends because its kb is gone was told of above.
    await Promise.allSettled(entries.flatMap(([, { loading, kb }]) => [loading, kb.idle()]));
  }

  #entryOf(head: KbHead): Entry | undefined {
    const entry = this.#kbs.get(head.kb);
    if (entry === undefined) return undefined;
    if (entry.kb.isDropped || entry.kb.generation < head.generation) {
      this.#drop(head.kb, entry);
      return undefined;
    }
    return entry.kb.generation === head.generation ? entry : undefined;
  }

  #drop(kb: string, entry: Entry): void {
    entry.kb.drop();
    if (this.#kbs.get(kb) === entry) this.#kbs.delete(kb);
  }

  #whyNot(head: KbHead, use: Use): string | undefined {
    const { capacity, used } = this.#parts.memory;
    if (capacity === 0) return "resident memory is off (residentBytes is 0)";
    const needed = (head.patternCount - head.deletedCount) * PATTERN_BYTES;
    if (needed > capacity) return `${head.patternCount} patterns take about ${needed} bytes, resident memory has ${capacity}`;
    const failed = this.#failed.get(head.kb);
    if (failed !== undefined) {
      const mayPush = failed.isPushedOut && [...this.#kbs.values()].some((entry) => this.#mayGo(entry, use));
      if (failed.generation === head.generation && performance.now() < failed.until && !mayPush) return failed.reason;
      this.#failed.delete(head.kb);
    }
    // Blocks are made in more room than they keep, in one piece: a load that is begun should not fail for that.
    const making = Math.min(needed, BLOCK_BYTES) * MAKING_SHARE + MAKING_BYTES;
    const wanted = Math.min(capacity, needed * 1.1 + making);
    let room = capacity - used;
    for (const entry of this.#kbs.values()) {
      if (room >= wanted) break;
      if (this.#mayGo(entry, use)) room += entry.kb.bytes;
    }
    return room >= wanted ? undefined : "other knowledge bases were used more recently and take the resident memory";
  }

  /** Whether a kb may make room for one that was used as `use` says: it was not used since that one's use before the last. */
  #mayGo(entry: Entry, use: Use): boolean {
    return entry.loading === undefined && !entry.kb.isPinned && (this.#uses.get(entry.kb.kb)?.last ?? 0) < use.before;
  }

  #makeRoom(wanting: ResidentKb): boolean {
    const use = this.#uses.get(wanting.kb);
    for (const [kb, entry] of this.#kbs) {
      if (entry.kb === wanting || use === undefined || !this.#mayGo(entry, use)) continue;
      this.#drop(kb, entry);
      return true;
    }
    return false;
  }

  #noteFailure(head: KbHead, error: unknown): void {
    if (error instanceof Superseded || this.#isClosed) return;
    const isFull = error instanceof NoRoom;
    // Without anything else in memory it will not fit later either.
    const isTooLarge = isFull && this.#kbs.size === 0;
    this.#failed.set(head.kb, {
      generation: head.generation,
      until: isTooLarge ? Number.POSITIVE_INFINITY : performance.now() + RETRY_MS,
      reason: isFull ? `${head.patternCount} patterns did not fit the resident memory` : "it could not be loaded a moment ago",
      isPushedOut: isFull && !isTooLarge,
    });
    if (this.#failed.size > USES_MAX) this.#failed.delete(this.#failed.keys().next().value!);
  }
}
