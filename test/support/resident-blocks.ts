/** A kernel thread with a candidate batch and the resident block made of it, in one memory: for tests of what works on either. */
import { POOL_SLOTS, SLOT_BYTES } from "../../assembly/layout.ts";
import { createPoolMemory, leaseScratch, planPoolMemory } from "../../src/kernels/pool-memory.ts";
import { symbolHash } from "../../src/kernels/sign.ts";
import { KernelThread } from "../../src/kernels/thread.ts";
import { loadPoolModule } from "../../src/pool/inline-pool.ts";
import { writeCandidateBatch } from "../../src/wire/candidate-batch.ts";
import type { CandidateColumns } from "../../src/wire/candidate-columns.ts";
import { sealQueryBlock } from "../../src/wire/query-block.ts";
import type { Partner, QuerySpec, SymbolTable } from "../../src/wire/query-spec.ts";
import { type ScoreBlock, viewScoreBlock } from "../../src/wire/score-block.ts";
import type { Reply, SliceTask } from "../../src/wire/task.ts";

/** One thread, two slots: `batch` holds the candidate batch, `block` the resident block. */
export class ResidentPair {
  readonly batch = POOL_SLOTS;
  readonly block = POOL_SLOTS + SLOT_BYTES;
  readonly bytes: Uint8Array;
  readonly #thread: KernelThread;

  constructor(symbolCapacity: number) {
    const layout = planPoolMemory(1, () => 2, symbolCapacity);
    const memory = createPoolMemory(layout);
    this.bytes = new Uint8Array(memory.buffer);
    this.#thread = new KernelThread(loadPoolModule(), [memory], layout, leaseScratch(memory, layout, 1));
  }

  /** Writes the columns as a batch and seals it; returns the block's bytes. */
  load(columns: CandidateColumns, symbolCount: number, capacity = SLOT_BYTES, withIndex = true): number {
    // What lay there before must not show through.
    this.bytes.fill(0xa5, this.block, this.block + 4096);
    writeCandidateBatch(this.bytes, this.batch, columns, 0, columns.rows);
    const task = { kind: "seal", memory: 0, batch: this.batch, block: this.block, capacity, symbolCount, withIndex } as const;
    return new Float64Array(this.#answer(task))[0]!;
  }

  partners(symbols: readonly string[], table: SymbolTable, threshold: number): Partner[] {
    const triples = new Float64Array(this.#answer({ kind: "partners", symbols, table, threshold, from: 0, to: table.count }));
    return Array.from({ length: triples.length / 3 }, (_, n) => ({
      queryIndex: triples[n * 3]!,
      symbolId: triples[n * 3 + 1]!,
      ratio: triples[n * 3 + 2]!,
    }));
  }

  score(spec: QuerySpec, place: number, from: number, to: number, floor = Number.NEGATIVE_INFINITY): ScoreBlock {
    const query = sealQueryBlock(spec, symbolHash);
    return viewScoreBlock(this.#answer({ kind: "score", query, table: spec.table, place, from, to, floor }));
  }

  run(task: SliceTask): Reply {
    return this.#thread.run(task);
  }

  #answer(task: SliceTask): ArrayBuffer {
    const reply = this.run(task);
    if (!reply.ok) throw new Error(`${reply.code}: ${reply.message}`);
    return reply.buffer;
  }
}
