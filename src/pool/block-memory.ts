/**
 * Resident memory as callers see it: columns are copied to a slot of the memory that has room, made a resident block there by a thread, and
 * what the block does not need goes back to the arena. Cost on the main thread: one copy of the columns and one message a block.
 */
import { POOL_SLOTS, SLOT_BYTES } from "../../assembly/layout.ts";
import type { PoolLayout } from "../kernels/pool-memory.ts";
import { batchBounds, batchBytes, symbolsInRows, writeCandidateBatch } from "../wire/candidate-batch.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";
import { residentBytesMax } from "../wire/resident-block.ts";
import type { SealTask } from "../wire/task.ts";
import { Arena } from "./arena.ts";
import type { BlockMemory, PlacedBlock } from "./kernel-pool.ts";

/** What sealing needs of the pool. */
export interface SealingPool {
  /** A slot to write a batch to; the same number stands for the same place in every memory. Waits its turn. */
  takeSlot(): Promise<number>;
  releaseSlot(slot: number): void;
  /** Runs the task on a thread; the sealed block's bytes. */
  seal(task: SealTask): Promise<number>;
}

export class PoolBlockMemory implements BlockMemory {
  readonly #memories: readonly Uint8Array[];
  readonly #arena: Arena;
  readonly #pool: SealingPool;

  constructor(memories: readonly Uint8Array[], layout: PoolLayout, pool: SealingPool) {
    this.#memories = memories;
    this.#pool = pool;
    let left = layout.residentBytes;
    const ranges = memories.map((_, memory) => {
      const bytes = Math.min(left, layout.arenaBytes);
      left -= bytes;
      return { memory, place: layout.arenaAt, bytes };
    });
    this.#arena = new Arena(ranges);
  }

  get capacity(): number {
    return this.#arena.capacity;
  }

  get used(): number {
    return this.#arena.used;
  }

  async seal(columns: CandidateColumns, symbolCount: number): Promise<readonly PlacedBlock[] | undefined> {
    const bounds = batchBounds(columns, SLOT_BYTES);
    const blocks: PlacedBlock[] = [];
    let isWhole = false;
    try {
      for (let batch = 0; batch + 1 < bounds.length; batch++) {
        const block = await this.#sealRows(columns, bounds[batch]!, bounds[batch + 1]!, symbolCount);
        if (block === undefined) return undefined;
        blocks.push(block);
      }
      isWhole = true;
      return blocks;
    } finally {
      if (!isWhole) for (const block of blocks) this.free(block);
    }
  }

  async #sealRows(columns: CandidateColumns, from: number, to: number, symbolCount: number): Promise<PlacedBlock | undefined> {
    const slot = await this.#pool.takeSlot();
    const extent = this.#arena.take(residentBytesMax(batchBytes(columns, from, to), symbolsInRows(columns, from, to)));
    let kept = extent;
    let isSealed = false;
    try {
      if (extent === undefined) return undefined;
      const { memory, place } = extent;
      const batch = POOL_SLOTS + slot * SLOT_BYTES;
      writeCandidateBatch(this.#memories[memory]!, batch, columns, from, to);
      const bytes = await this.#pool.seal({
        kind: "seal",
        memory,
        batch,
        block: place,
        capacity: extent.bytes,
        symbolCount,
        withIndex: true,
      });
      kept = this.#arena.shrink(extent, bytes);
      isSealed = true;
      return { ...kept, rows: to - from };
    } finally {
      if (!isSealed && kept !== undefined) this.#arena.give(kept);
      this.#pool.releaseSlot(slot);
    }
  }

  place(columns: CandidateColumns): readonly PlacedBlock[] | undefined {
    const bounds = batchBounds(columns, SLOT_BYTES);
    const blocks: PlacedBlock[] = [];
    for (let batch = 0; batch + 1 < bounds.length; batch++) {
      const from = bounds[batch]!;
      const to = bounds[batch + 1]!;
      const extent = this.#arena.take(batchBytes(columns, from, to));
      if (extent === undefined) {
        for (const block of blocks) this.free(block);
        return undefined;
      }
      writeCandidateBatch(this.#memories[extent.memory]!, extent.place, columns, from, to);
      blocks.push({ ...extent, rows: to - from });
    }
    return blocks;
  }

  free({ memory, place, bytes }: PlacedBlock): void {
    this.#arena.give({ memory, place, bytes });
  }
}
