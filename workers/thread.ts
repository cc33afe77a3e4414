/** One wasm instance per worker thread, over the pool's shared memory, in a scratch of its own. Loaded once when the thread starts. */
import { threadId, workerData } from "node:worker_threads";
import { leaseScratch, type PoolLayout } from "../src/kernels/pool-memory.ts";
import { KernelThread } from "../src/kernels/thread.ts";

const { module, memories, layout } = workerData as {
  module: WebAssembly.Module;
  memories: readonly WebAssembly.Memory[];
  layout: PoolLayout;
};

export const thread = new KernelThread(module, memories, layout, leaseScratch(memories[0]!, layout, threadId));
