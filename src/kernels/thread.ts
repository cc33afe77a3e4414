/**
 * A thread's side of the pool: takes one task after the other and answers each. An error is an answer, so a task never rejects; after a trap
 * the instance is made anew over cleared tables, and only the request that met it fails. Runs on a worker or on the main thread alike.
 */
import { EngineError } from "../errors.ts";
import { viewQueryBlock } from "../wire/query-block.ts";
import type { Partner } from "../wire/query-spec.ts";
import type { Reply, SliceTask, Task } from "../wire/task.ts";
import { bandKeysOfRows } from "./band-keys.ts";
import { instantiatePool, type PoolInstance } from "./instance.ts";
import { scoreMany } from "./many.ts";
import type { PoolLayout, ScratchLease } from "./pool-memory.ts";
import { scanSlices } from "./scan.ts";
import { sealResidentBlock } from "./seal.ts";
import { partnerSlice, Scoring } from "./stages.ts";

/** No memory reaches this far (kernels/pool-memory.ts): reading here traps. */
const BEYOND_MEMORY = 0xfffffff0;

export class KernelThread {
  readonly #module: WebAssembly.Module;
  readonly #memories: readonly WebAssembly.Memory[];
  readonly #layout: PoolLayout;
  readonly #lease: ScratchLease;
  /** One a memory, made when it is first needed. */
  readonly #instances: (PoolInstance | undefined)[] = [];

  /** `lease`: the scratch that is this thread's in every memory. */
  constructor(module: WebAssembly.Module, memories: readonly WebAssembly.Memory[], layout: PoolLayout, lease: ScratchLease) {
    this.#module = module;
    this.#memories = memories;
    this.#layout = layout;
    this.#lease = lease;
    this.#instances[0] = instantiatePool(module, memories[0]!, layout, lease);
  }

  run(task: Task): Reply {
    const startedAt = performance.now();
    try {
      const buffer = task.kind === "start" ? new ArrayBuffer(0) : this.#runSlice(task);
      return { ok: true, buffer, nanoseconds: (performance.now() - startedAt) * 1e6 };
    } catch (error) {
      if (error instanceof EngineError) return { ok: false, code: error.code, message: error.message };
      // Whatever it was, nobody knows what it left behind.
      const memory = "memory" in task ? task.memory : 0;
      this.#instances[memory] = this.#instantiate(memory, true);
      return {
        ok: false,
        code: "ENGRAM_KERNEL_TRAP",
        message: `A kernel failed: ${error instanceof Error ? error.message : String(error)}`,
      };
    }
  }

  #runSlice(task: SliceTask): ArrayBuffer {
    const memory = "memory" in task ? task.memory : 0;
    const instance = (this.#instances[memory] ??= this.#instantiate(memory, this.#lease.isUsed));
    if (task.fault === "trap") instance.kernels.firstBadRow(BEYOND_MEMORY, 0, 1, 1);
    if (task.kind === "scan") return scanSlices(instance, task);
    if (task.kind === "score") {
      const scoring = new Scoring(instance, viewQueryBlock(task.query), task.table, task.floor);
      scoring.add(task);
      return scoring.seal();
    }
    if (task.kind === "seal") {
      return Float64Array.of(sealResidentBlock(instance, task.batch, task.block, task.capacity, task.symbolCount, task.withIndex)).buffer;
    }
    if (task.kind === "bands") return bandKeysOfRows(instance, task);
    if (task.kind === "many") return scoreMany(instance, task.pack, task.table, task.place, task.from, task.to);
    return packPartners(partnerSlice(instance, task.symbols, task.table, task.threshold, task.from, task.to));
  }

  #instantiate(memory: number, isUsed: boolean): PoolInstance {
    return instantiatePool(this.#module, this.#memories[memory]!, this.#layout, { ...this.#lease, isUsed });
  }
}

function packPartners(partners: readonly Partner[]): ArrayBuffer {
  const triples = new Float64Array(partners.length * 3);
  partners.forEach(({ queryIndex, symbolId, ratio }, n) => {
    triples[n * 3] = queryIndex;
    triples[n * 3 + 1] = symbolId;
    triples[n * 3 + 2] = ratio;
  });
  return triples.buffer;
}

export function unpackPartners(buffer: ArrayBuffer): Partner[] {
  const triples = new Float64Array(buffer);
  return Array.from({ length: triples.length / 3 }, (_, n) => ({
    queryIndex: triples[n * 3]!,
    symbolId: triples[n * 3 + 1]!,
    ratio: triples[n * 3 + 2]!,
  }));
}
