/**
 * The pool's one shared memory: how large its parts are, and who uses which scratch. Laid out once on the main thread, never grown
 * (initial = maximum), so views stay valid. Pages cost nothing until they are touched, hence generous regions; what counts is the 4 GiB
 * that a 32-bit memory can address. The picture is in assembly/layout.ts.
 */
import {
  POOL_LEASES,
  POOL_LEASES_DIRTY,
  POOL_PERMUTATIONS,
  POOL_SLOTS,
  POOL_THREADS_MAX,
  SCRATCH_BYTES,
  SLOT_BYTES,
} from "../../assembly/layout.ts";
import { EngineError } from "../errors.ts";
import { recordedPermutations } from "./permutations.ts";

const PAGE_BYTES = 65536;
/** Below the 4 GiB of a 32-bit memory by more than any kernel reads past a region. */
const MEMORY_BYTES_MAX = 65535 * PAGE_BYTES;
/** Symbol ids a thread's tables hold unless the pool is told otherwise: 2 x 32 MiB of address space a thread. The next id pads resident blocks. */
export const SYMBOL_CAPACITY = 16 * 1024 * 1024;
/** A thread's symbol table (texts, hashes) at most: about 2.5 million symbols of 10 code points. Less where many threads share the 4 GiB. */
const TABLE_BYTES_MAX = 128 * 1024 * 1024;
/** Below this (about 650,000 symbols of 10 code points) character mode would be refused for ordinary kbs: then rather fewer threads, 22 at most. */
const TABLE_BYTES_MIN = 32 * 1024 * 1024;

/** Where everything lies; plain numbers, so that it can be sent to a thread. */
export interface PoolLayout {
  readonly threads: number;
  readonly slots: number;
  readonly symbolCapacity: number;
  readonly tableBytes: number;
  readonly scratchAt: number;
  /** From one thread's scratch to the next. */
  readonly scratchStride: number;
  readonly bytes: number;
}

const alignPage = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;

/** Bytes of a u16 table for `symbolCapacity` ids and the padding id behind them. */
export function classTableBytes(symbolCapacity: number): number {
  return alignPage((symbolCapacity + 1) * 2);
}

/**
 * Lays out memory for `wanted` threads, or for as many as fit (`threads` of the answer says how many), with `slotsOf(threads)` slots.
 * Errors: ENGRAM_SETTINGS_INVALID when not even one thread fits.
 */
export function planPoolMemory(wanted: number, slotsOf: (threads: number) => number, symbolCapacity: number): PoolLayout {
  const fixed = SCRATCH_BYTES + 2 * classTableBytes(symbolCapacity);
  for (let threads = Math.min(wanted, POOL_THREADS_MAX); threads >= 1; threads--) {
    const slots = slotsOf(threads);
    const scratchAt = POOL_SLOTS + slots * SLOT_BYTES;
    const share = Math.floor((MEMORY_BYTES_MAX - scratchAt) / threads / PAGE_BYTES) * PAGE_BYTES - fixed;
    if (share < TABLE_BYTES_MIN) continue;
    const tableBytes = Math.min(share, TABLE_BYTES_MAX);
    const scratchStride = fixed + tableBytes;
    return { threads, slots, symbolCapacity, tableBytes, scratchAt, scratchStride, bytes: scratchAt + threads * scratchStride };
  }
  throw new EngineError("ENGRAM_SETTINGS_INVALID", `No worker thread with tables for ${symbolCapacity} symbols fits one 4 GiB memory.`);
}

/** Makes the memory and writes what all threads read. */
export function createPoolMemory(layout: PoolLayout): WebAssembly.Memory {
  const pages = layout.bytes / PAGE_BYTES;
  let memory: WebAssembly.Memory;
  try {
    memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (error) {
    const megabytes = Math.ceil(layout.bytes / 1e6);
    throw new EngineError(
      "ENGRAM_SETTINGS_INVALID",
      `The system refuses ${megabytes} MB of address space for the kernels (and the guard pages around it): raise its limit (ulimit -v) or use fewer threads.`,
      { cause: error },
    );
  }
  new Uint8Array(memory.buffer).set(recordedPermutations(), POOL_PERMUTATIONS);
  return memory;
}

/** A scratch taken by a thread. `isUsed`: a thread that is gone had it before, so its tables may hold anything. */
export interface ScratchLease {
  readonly index: number;
  readonly isUsed: boolean;
}

/** How long a thread that replaces a lost one waits until the main thread has freed the lost one's scratch. */
const LEASE_WAIT_MS = 10_000;

/** Takes a free scratch for thread `owner` (not 0). Blocks the calling thread while all are taken. */
export function leaseScratch(memory: WebAssembly.Memory, layout: PoolLayout, owner: number): ScratchLease {
  const leases = new Int32Array(memory.buffer, POOL_LEASES, layout.threads);
  const used = new Int32Array(memory.buffer, POOL_LEASES_DIRTY, layout.threads);
  const giveUpAt = performance.now() + LEASE_WAIT_MS;
  for (;;) {
    for (let index = 0; index < layout.threads; index++) {
      if (Atomics.compareExchange(leases, index, 0, owner) === 0) return { index, isUsed: Atomics.exchange(used, index, 1) === 1 };
    }
    if (performance.now() > giveUpAt) throw new EngineError("ENGRAM_WORKER_LOST", "No scratch memory became free for a new worker thread.");
    // The main thread frees without notifying: look again soon.
    Atomics.wait(leases, 0, Atomics.load(leases, 0), 10);
  }
}

/** Frees the scratch of every thread that is not among the living. */
export function releaseLostScratch(memory: WebAssembly.Memory, layout: PoolLayout, living: ReadonlySet<number>): void {
  const leases = new Int32Array(memory.buffer, POOL_LEASES, layout.threads);
  for (let index = 0; index < layout.threads; index++) {
    const owner = Atomics.load(leases, index);
    if (owner !== 0 && !living.has(owner)) Atomics.compareExchange(leases, index, owner, 0);
  }
}
