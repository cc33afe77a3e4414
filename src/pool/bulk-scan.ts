/**
 * The pool's way of bulk: a range of candidates is copied to a slot once, made a resident block by a thread in a second slot, and then all queries of
 * a pack meet it, some of them a task. Cost of a range: its copy and its making, shared by all queries; from some ten queries on that is nothing.
 *
 * Two ranges are in the pool at a time, so that no thread waits while the next range is copied and made. Each needs two slots; they are taken
 * together, one call after the other, so that calls which hold one slot can never wait for each other.
 */
import { POOL_SLOTS, SLOT_BYTES } from "../../assembly/layout.ts";
import { EngineError } from "../errors.ts";
import { batchBounds, copyRows, writeCandidateBatch } from "../wire/candidate-batch.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";
import { type HitBlock, viewHitBlock } from "../wire/hit-block.ts";
import type { QueryPack } from "../wire/query-pack.ts";
import type { SymbolTable } from "../wire/query-spec.ts";
import { residentBytesMax } from "../wire/resident-block.ts";
import type { SliceTask } from "../wire/task.ts";
import type { ScoreOptions } from "./kernel-pool.ts";
import { Pace } from "./pace.ts";
import { assertGoesOn, type SlotQueue } from "./slot-queue.ts";

/** What a batch may take so that the block made of it fits a slot too, with an index and without. */
const INDEXED_BYTES_MAX = Math.floor((SLOT_BYTES - residentBytesMax(0, 0)) / (residentBytesMax(4, 1) - residentBytesMax(0, 0))) * 4;
const BATCH_BYTES_MAX = SLOT_BYTES - residentBytesMax(0, 0);
/** Queries from which on an index is worth its making: it costs about as much as ten of them without one, and helps where symbols are rare. */
const INDEX_QUERIES = 128;
/** A query against a row, before anything was timed. */
const PAIR_NS = 20;

export interface PackedQueries {
  readonly pack: QueryPack;
  /** What the queries look into; null where symbols are compared as they are. */
  readonly table: SymbolTable | null;
  readonly symbolCount: number;
}

/** Hits of queries `first` to `first + hits.queries` (exclusive) among one range of the columns. */
export interface PackHits {
  readonly first: number;
  readonly hits: HitBlock;
}

export interface BulkScanParts {
  readonly bytes: Uint8Array;
  readonly slots: SlotQueue;
  readonly slotCount: number;
  readonly threads: number;
  /** Calls that wait for slots at most. */
  readonly queueMax: number;
  /** Runs a task on a thread; the pace learns what `size` things took. */
  runSlice(task: SliceTask, size?: number, pace?: Pace): Promise<ArrayBuffer>;
  /** Cuts `count` things into consecutive ranges, as many at once as there are threads. */
  inSlices(count: number, pace: Pace, options: ScoreOptions, run: (from: number, to: number) => Promise<void>): Promise<void>;
  /** For tests. */
  faultOf(): SliceTask["fault"];
}

const placeOf = (slot: number): number => POOL_SLOTS + slot * SLOT_BYTES;

export class BulkScan {
  readonly #parts: BulkScanParts;
  /** The last call that takes slots, and how many are at it. */
  #taking: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(parts: BulkScanParts) {
    this.#parts = parts;
  }

  /** As `KernelPool.scoreMany`. */
  async score(queries: PackedQueries, columns: CandidateColumns, options: ScoreOptions): Promise<readonly PackHits[]> {
    assertGoesOn(options);
    if (columns.rows === 0 || queries.pack.count === 0) return [];
    const withIndex = queries.pack.count >= INDEX_QUERIES;
    const bounds = batchBounds(columns, withIndex ? INDEXED_BYTES_MAX : BATCH_BYTES_MAX);
    // The caller may reuse its bytes as soon as this awaits. One copy of some megabytes, against the work of a whole pack.
    const own = copyRows(columns, 0);
    const found: PackHits[] = [];
    const slots = await this.#take(options);
    try {
      for (let batch = 0; batch + 1 < bounds.length; batch++) {
        const [batchSlot, blockSlot] = slots as [number, number | undefined];
        const [from, to] = [bounds[batch]!, bounds[batch + 1]!];
        writeCandidateBatch(this.#parts.bytes, placeOf(batchSlot), own, from, to);
        const place =
          blockSlot === undefined ? placeOf(batchSlot) : await this.#makeBlock(batchSlot, blockSlot, queries.symbolCount, withIndex);
        await this.#scan(queries, place, to - from, found, options);
      }
    } finally {
      for (const slot of slots) this.#parts.slots.release(slot);
    }
    return found.sort((a, b) => a.first - b.first);
  }

  async #makeBlock(batchSlot: number, blockSlot: number, symbolCount: number, withIndex: boolean): Promise<number> {
    const [batch, block] = [placeOf(batchSlot), placeOf(blockSlot)];
    const fault = this.#parts.faultOf();
    const task: SliceTask = { kind: "seal", memory: 0, batch, block, capacity: SLOT_BYTES, symbolCount, withIndex, fault };
    await this.#parts.runSlice(task);
    return block;
  }

  async #scan(queries: PackedQueries, place: number, rows: number, found: PackHits[], options: ScoreOptions): Promise<void> {
    const pace = new Pace(PAIR_NS * rows, this.#parts.threads);
    await this.#parts.inSlices(queries.pack.count, pace, options, async (from, to) => {
      const { faultOf, runSlice } = this.#parts;
      const task: SliceTask = {
        kind: "many",
        pack: queries.pack.bytes,
        table: queries.table,
        memory: 0,
        place,
        from,
        to,
        fault: faultOf(),
      };
      found.push({ first: from, hits: viewHitBlock(await runSlice(task, to - from, pace)) });
    });
  }

  /** Two slots, or the only one there is. */
  async #take(options: ScoreOptions): Promise<number[]> {
    if (this.#waiting >= this.#parts.queueMax) {
      throw new EngineError("ENGRAM_POOL_FULL", `${this.#waiting} ranges of candidates wait for worker slots already. Try again.`);
    }
    this.#waiting++;
    const before = this.#taking;
    const taking = (async () => {
      await before;
      const slots: number[] = [];
      try {
        while (slots.length < Math.min(2, this.#parts.slotCount)) {
          assertGoesOn(options);
          slots.push(this.#parts.slots.take() ?? (await this.#parts.slots.wait(options)));
        }
      } catch (error) {
        for (const slot of slots) this.#parts.slots.release(slot);
        throw error;
      }
      return slots;
    })();
    // Whoever comes next waits for this one, however it ends.
    this.#taking = taking.then(
      () => this.#waiting--,
      () => this.#waiting--,
    );
    return taking;
  }
}
