/**
 * The kernel pool on the calling thread: for tests, debugging and profiles. Same kernels, same slices, no threads; it gives the event loop a
 * turn before each slice, so aborts and deadlines are heard. Not for serving: the thread is busy while a slice runs.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setImmediate } from "node:timers/promises";
import { createPoolMemories, leaseScratch, planPoolMemory, SYMBOL_CAPACITY } from "../kernels/pool-memory.ts";
import { KernelThread } from "../kernels/thread.ts";
import type { Fault } from "../wire/task.ts";
import type { KernelPool } from "./kernel-pool.ts";
import { SlicedPool } from "./sliced-pool.ts";

export interface InlinePoolOptions {
  /** Calls that wait for a slot at most. */
  readonly queueMax?: number;
  readonly slots?: number;
  readonly symbolCapacity?: number;
  /** Room for resident blocks. */
  readonly residentBytes?: number;
  /** Resident bytes in one memory at most; for tests. */
  readonly arenaBytesMax?: number;
  /** Fixes the rows of a slice; for tests. */
  readonly sliceRows?: number;
  /** Milliseconds of a scan between two turns of the event loop; for benches. */
  readonly yieldMs?: number;
  /** Asked for each slice; for tests. */
  readonly faultOf?: () => Fault | undefined;
}

export async function openInlinePool(options: InlinePoolOptions = {}): Promise<KernelPool> {
  const layout = planPoolMemory(
    1,
    () => options.slots ?? 4,
    options.symbolCapacity ?? SYMBOL_CAPACITY,
    options.residentBytes,
    options.arenaBytesMax,
  );
  const memories = createPoolMemories(layout);
  const thread = new KernelThread(loadPoolModule(), memories, layout, leaseScratch(memories[0]!, layout, 1));
  const runner = {
    threads: 1,
    isInline: true,
    run: async (task: Parameters<KernelThread["run"]>[0]) => {
      await setImmediate();
      return thread.run(task);
    },
    close: async () => {},
  };
  return new SlicedPool(runner, memories, layout, {
    queueMax: options.queueMax ?? 64,
    sliceRows: options.sliceRows,
    yieldMs: options.yieldMs,
    faultOf: options.faultOf,
  });
}

/** Compiles the pool's kernels; the same module serves every thread. */
export function loadPoolModule(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(createRequire(import.meta.url).resolve("#pool.wasm")));
}
