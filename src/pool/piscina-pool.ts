/**
 * The kernel pool on worker threads. The module is compiled once and handed to every thread; all threads work on one shared memory, each in a
 * scratch that it takes when it starts. A thread that is lost is replaced and its slice run once more. Start it early and keep it: a
 * pool takes 30 to 60 ms to start, a task about 40 µs to dispatch.
 */
import { Piscina } from "piscina";
import { EngineError } from "../errors.ts";
import { createPoolMemories, type PoolLayout, planPoolMemory, releaseLostScratch, SYMBOL_CAPACITY } from "../kernels/pool-memory.ts";
import { type Logger, silentLogger } from "../log.ts";
import { ScanBoard } from "../wire/scan-board.ts";
import type { Fault, Reply, SliceTask, Task } from "../wire/task.ts";
import { loadPoolModule } from "./inline-pool.ts";
import type { KernelPool } from "./kernel-pool.ts";
import { SlicedPool } from "./sliced-pool.ts";
import { workerFile } from "./worker-file.ts";

export interface PiscinaPoolOptions {
  /** As many as asked, or as fit one memory (22 with the default symbol capacity): the pool's own `threads` says. */
  readonly threads: number;
  /** Calls that wait for a slot at most; the next one gets ENGRAM_POOL_FULL. */
  readonly queueMax: number;
  /** Candidate batches in memory at a time; by default twice the threads and two: each thread has one to score and one being copied. */
  readonly slots?: number;
  /** Symbols a kb may have: two tables of 2 bytes each per thread. */
  readonly symbolCapacity?: number;
  /** Room for resident blocks, over as many memories as that takes; none by default. */
  readonly residentBytes?: number;
  readonly log?: Logger;
  /** Resident bytes in one memory at most; for tests. */
  readonly arenaBytesMax?: number;
  /** Fixes the rows of a slice; for tests. */
  readonly sliceRows?: number;
  /** Asked for each slice; for tests. */
  readonly faultOf?: () => Fault | undefined;
}

/**
 * A thread makes little garbage, and what it makes dies at once. Left to itself its young generation grows for minutes, to 48 MiB a thread, and the
 * process with it.
 */
const YOUNG_MIB = 12;

/** Resolves when a worker has answered. Errors: ENGRAM_SETTINGS_INVALID when the threads' memory does not fit, or the worker is not built. */
export async function openPiscinaPool(options: PiscinaPoolOptions): Promise<KernelPool> {
  const { queueMax, log = silentLogger } = options;
  const slotsOf = (count: number): number => options.slots ?? 2 * count + 2;
  const planFor = (residentBytes: number): PoolLayout =>
    planPoolMemory(options.threads, slotsOf, options.symbolCapacity ?? SYMBOL_CAPACITY, residentBytes, options.arenaBytesMax);
  const { layout, memories } = takeMemories(planFor, options.residentBytes ?? 0);
  const { threads, slots } = layout;
  if (threads < options.threads) {
    log.warn({ asked: options.threads, threads }, "fewer kernel threads than asked: more do not fit one 4 GiB memory");
  }
  const room = Math.min(layout.residentBytes, memories.length * layout.arenaBytes);
  if (room < (options.residentBytes ?? 0)) {
    log.warn(
      { asked: options.residentBytes, bytes: room },
      "less resident memory than asked: the system or the threads' own memory leaves no more",
    );
  }
  const piscina = new Piscina({
    filename: workerFile("score"),
    workerData: { module: loadPoolModule(), memories, layout },
    minThreads: threads,
    maxThreads: threads,
    // A slot has at most one slice a thread under way; the bounded queue is the slots' own.
    maxQueue: slots * threads,
    idleTimeout: Number.POSITIVE_INFINITY,
    recordTiming: false,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
  });
  const freeLostScratch = (): void => releaseLostScratch(memories[0]!, layout, new Set(piscina.threads.map(({ threadId }) => threadId)));
  piscina.on("workerDestroy", () => queueMicrotask(freeLostScratch));
  piscina.on("error", (error: unknown) => log.error({ err: error }, "an idle kernel worker failed and is replaced"));

  const runOnce = (task: Task): Promise<Reply> => piscina.run(task) as Promise<Reply>;
  const runner = {
    threads,
    isInline: false,
    async run(task: SliceTask): Promise<Reply> {
      try {
        return await runOnce(task);
      } catch (error) {
        // A worker answers whatever its task did; no answer means that the thread is gone.
        log.error({ err: error }, "a kernel worker was lost; its slice is run once more");
        freeLostScratch();
        // Nobody heard of what it found: its slices go to whoever asks next.
        if (task.kind === "scan") new ScanBoard(task.board).release(task.number);
      }
      try {
        return await runOnce(task.fault === "exit" ? { ...task, fault: options.faultOf?.() } : task);
      } catch (error) {
        freeLostScratch();
        throw new EngineError("ENGRAM_WORKER_LOST", "A kernel worker was lost twice while it worked on this request.", { cause: error });
      }
    },
    close: () => piscina.destroy(),
  };
  try {
    await runOnce({ kind: "start" });
  } catch (error) {
    await piscina.destroy();
    throw error;
  }
  return new SlicedPool(runner, memories, layout, { queueMax, sliceRows: options.sliceRows, faultOf: options.faultOf });
}

/** Memories with the room that is wanted; without any where the system does not give so many addresses: then patterns are read from the store. */
function takeMemories(planFor: (residentBytes: number) => PoolLayout, residentBytes: number) {
  const wanted = planFor(residentBytes);
  try {
    return { layout: wanted, memories: createPoolMemories(wanted) };
  } catch (error) {
    if (residentBytes === 0) throw error;
    const least = planFor(0);
    return { layout: least, memories: createPoolMemories(least) };
  }
}
