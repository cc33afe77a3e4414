/**
 * One generation of a kb in memory: its patterns as blocks, its counters, and the sequence number up to which both are true. Learns of this
 * process are handed over as they commit; what another process changed, and what cannot be followed change by change, is read when a
 * question comes with a newer head. So a question is answered as of its head or later, and usually without a read.
 *
 * Rows of patterns that were deleted since they were read stay in their blocks: whoever scans passes over them (`goneCount` says how many at
 * most), until there are so many that the kb is read anew.
 */
import { EngineError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { BlockMemory } from "../pool/kernel-pool.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import type { KbHead, OutboxEntry, StateStore } from "../store/state-store.ts";
import { type NewPattern, newPatterns } from "../store/tail-columns.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";
import { type CounterQuestion, type Counters, KbCounters, type LearnedCounts } from "./kb-counters.ts";
import { type PinnedBlocks, ResidentBlocks } from "./resident-blocks.ts";

/** A learn as it is handed over: enough to count it and to keep its pattern. */
export type LearnedPattern = LearnedCounts & NewPattern & { readonly kb: string; readonly generation: number };

/** Learns that came before their predecessor; more than this many and they are read back instead. */
const EARLY_MAX = 1_000;
/** Times a question follows a kb that keeps changing before it gives up on memory. */
const TRIES = 4;

/** Which patterns are deleted, as of a head. */
export interface DeletedAt {
  readonly count: number;
  has(patternId: number): boolean;
  countIn(from: number, to: number): number;
}

export interface ResidentParts {
  readonly state: StateStore;
  readonly patterns: Pick<PatternStore, "scan">;
  readonly memory: BlockMemory;
  readonly log: Logger;
  readonly deletedAt: (head: KbHead) => Promise<DeletedAt>;
  readonly withoutDeleted: (columns: CandidateColumns, deleted: DeletedAt) => CandidateColumns;
}

/** There is no room for the kb, even after others made some. */
export class NoRoom extends Error {}
/** The kb was cleared: this generation is over. */
export class Superseded extends Error {}

export class ResidentKb {
  readonly kb: string;
  readonly generation: number;
  readonly #parts: ResidentParts;
  readonly #makeRoom: () => boolean;
  readonly #blocks: ResidentBlocks;
  readonly #counters: KbCounters;
  readonly #early = new Map<number, LearnedPattern>();
  /** Ids below are held. */
  #idsBelow = 0;
  /** Length of the list of deleted ids that every block respects. */
  #deletedApplied = 0;
  #updating: Promise<void> | undefined;
  /** Some patterns of a newer head are held, not all. */
  #isTorn = false;
  isDropped = false;

  /** `makeRoom` frees something of another kb; false when there is nothing left to free. */
  constructor(head: KbHead, parts: ResidentParts, makeRoom: () => boolean) {
    this.kb = head.kb;
    this.generation = head.generation;
    this.#parts = parts;
    this.#makeRoom = makeRoom;
    this.#blocks = new ResidentBlocks(parts.memory, parts.log);
    // Nothing is held yet: whatever head comes is newer.
    this.#counters = new KbCounters({ ...head, seq: -1 });
  }

  get head(): KbHead {
    return this.#counters.head;
  }

  /** Patterns in memory, deleted ones that are still there included. */
  get rows(): number {
    return this.#blocks.rows;
  }

  get bytes(): number {
    return this.#blocks.bytes;
  }

  get isPinned(): boolean {
    return this.#blocks.pins > 0 || this.#updating !== undefined;
  }

  /** How many rows may belong to patterns deleted since they were read. */
  get goneCount(): number {
    return this.head.deletedCount - this.#deletedApplied;
  }

  /** A learn of this process has committed. */
  learned(change: LearnedPattern): void {
    // While the stores are read it is read with them.
    if (this.isDropped || this.#updating !== undefined || change.generation !== this.generation) return;
    const { seq } = this.#counters;
    if (change.seq > seq + 1) {
      if (this.#early.size < EARLY_MAX) this.#early.set(change.seq, change);
      return;
    }
    if (change.seq <= seq || !this.#apply(change)) return;
    for (let next = this.#early.get(change.seq + 1); next !== undefined; next = this.#early.get(next.seq + 1)) {
      this.#early.delete(next.seq);
      if (!this.#apply(next)) return;
    }
    if (this.#blocks.isPressed && !this.#blocks.settle(this.head.symbolCount)) this.drop();
  }

  /** False: the change cannot be followed; the next question reads the head anew. */
  #apply(change: LearnedPattern): boolean {
    if (change.isNew && change.patternId !== this.#idsBelow) return false;
    if (!this.#counters.learned(change)) return false;
    if (change.isNew) {
      this.#blocks.learned(change);
      this.#idsBelow++;
    }
    return true;
  }

  /** Brings the kb to `head` or later. Errors: NoRoom, Superseded (the kb is dropped then), and those of the stores. */
  async freshen(head: KbHead): Promise<void> {
    for (let tries = 0; this.#counters.seq < head.seq; tries++) {
      if (tries === TRIES)
        throw new EngineError("ENGRAM_CONFLICT", "The knowledge base changed again and again while it was read. Try again.");
      this.#updating ??= this.#update().finally(() => {
        this.#updating = undefined;
      });
      await this.#updating;
    }
  }

  async #update(): Promise<void> {
    try {
      const tail = await this.#parts.state.tail(this.kb, this.generation);
      if (this.#follow(tail)) return;
      const head = await this.#parts.state.head(this.kb);
      if (head.generation !== this.generation) throw new Superseded();
      // The tail after the head: whatever the head counts is in the tail or in the pattern store.
      await this.#absorb(head, await this.#parts.state.tail(this.kb, this.generation));
    } catch (error) {
      // Halfway between two heads is no state to answer from; a store that did not answer leaves everything as it was.
      if (this.#isTorn || error instanceof Superseded) this.drop();
      throw error;
    } finally {
      this.#early.clear();
    }
  }

  /** Applies what is new of the tail, learn by learn. False when that does not lead on: something is missing, or is no learn. */
  #follow(tail: readonly OutboxEntry[]): boolean {
    const fresh = tail.filter(({ seq }) => seq > this.#counters.seq);
    if (fresh.length === 0) return false;
    for (const entry of fresh) {
      if (entry.kind !== "learn" || entry.seq !== this.#counters.seq + 1 || !this.#apply(entry)) return false;
    }
    return true;
  }

  /** Takes the kb as the head has it: patterns from the store and the tail that are not held yet; counters are asked anew. */
  async #absorb(head: KbHead, tail: readonly OutboxEntry[]): Promise<void> {
    const { patterns, deletedAt, withoutDeleted } = this.#parts;
    const deleted = await deletedAt(head);
    const from = this.#idsBelow;
    const waiting = newPatterns(tail).filter(({ patternId }) => patternId < head.patternCount);
    const below = waiting[0]?.patternId ?? head.patternCount;
    if (from < below) {
      let rows = 0;
      this.#isTorn = true;
      for await (const scanned of patterns.scan(this.kb, this.generation, { from, below })) {
        const columns = withoutDeleted(scanned, deleted);
        rows += columns.rows;
        while (columns.rows > 0 && !(await this.#blocks.load(columns, head.symbolCount))) {
          if (!this.#makeRoom()) throw new NoRoom();
        }
        if (this.isDropped) throw new NoRoom();
      }
      const expected = below - from - deleted.countIn(from, below);
      if (rows !== expected) await this.#refuse(head, rows, expected);
    }
    for (const entry of waiting) {
      if (entry.patternId >= from && !deleted.has(entry.patternId)) this.#blocks.learned(entry);
    }
    // Blocks of before were read under an older list of deletes, unless there are none.
    if (from === 0) this.#deletedApplied = deleted.count;
    this.#idsBelow = head.patternCount;
    this.#counters.reset(head);
    this.#isTorn = false;
  }

  async #refuse(head: KbHead, rows: number, expected: number): Promise<never> {
    const now = await this.#parts.state.head(this.kb);
    if (now.generation !== head.generation || now.deletedCount !== head.deletedCount) throw new Superseded();
    throw new EngineError(
      "ENGRAM_STORE_REPLY",
      `The pattern store gave ${rows} of ${expected} patterns of ${this.kb}. If its data were removed, rebuild from a backup.`,
    );
  }

  /** Every pattern, to be scanned where it lies. Errors: NoRoom when what was learned does not fit beside it; the kb is dropped then. */
  pin(): PinnedBlocks {
    if (this.isDropped) throw new NoRoom();
    for (;;) {
      const pinned = this.#blocks.pin(this.head.symbolCount);
      if (pinned !== undefined) return pinned;
      if (this.#makeRoom()) continue;
      this.drop();
      throw new NoRoom();
    }
  }

  /** Counters, all of one moment; undefined when the kb kept changing: ask the store. */
  async counters(question: CounterQuestion): Promise<Counters | undefined> {
    const { state } = this.#parts;
    for (let tries = 0; tries < TRIES; tries++) {
      const missing = this.#counters.missing(question);
      if (missing.patternIds.length === 0 && missing.symbolIds.length === 0) return this.#counters.answer(question);
      const snapshot = await state.counters(this.kb, this.generation, missing.names, missing.symbolIds);
      if (this.isDropped || snapshot.head.generation !== this.generation) return undefined;
      try {
        await this.freshen(snapshot.head);
      } catch (error) {
        if (error instanceof NoRoom || error instanceof Superseded) return undefined;
        throw error;
      }
      if (snapshot.head.seq !== this.#counters.seq) continue;
      this.#counters.keep(missing, snapshot);
      return this.#counters.answer(question);
    }
    return undefined;
  }

  /** Gives the memory back, as soon as no scan uses it. */
  drop(): void {
    this.isDropped = true;
    this.#blocks.drop();
  }

  /** Resolves when nothing is done in the background. */
  async idle(): Promise<void> {
    await this.#blocks.idle();
  }
}
