/**
 * The pool's shared memories: how large their parts are, and who uses which scratch. Laid out once on the main thread, never grown
 * (initial = maximum), so views stay valid. Pages cost nothing until they are touched, hence generous regions; what counts is the 4 GiB
 * that a 32-bit memory can address. Resident blocks beyond one memory's arena lie in further memories of the same layout, in which every
 * thread has a scratch too, for a kernel sees one memory alone. The picture is in assembly/layout.ts.
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
/** Symbol ids a thread's tables hold unless the pool is told otherwise: 2 x 32 MiB of address space a thread. */
export const SYMBOL_CAPACITY = 16 * 1024 * 1024;
/** A thread's symbol table (texts, hashes) at most: about 2.5 million symbols of 10 code points. Less where many threads share the 4 GiB. */
const TABLE_BYTES_MAX = 128 * 1024 * 1024;
/** Below this (about 650,000 symbols of 10 code points) character mode would be refused for ordinary kbs: then rather fewer threads, 22 at most. */
const TABLE_BYTES_MIN = 32 * 1024 * 1024;

/** Resident blocks in one memory at most: what is left of the 4 GiB is for scratch. */
const ARENA_BYTES_MAX = 2 ** 31;
/** Each memory takes 10 GiB of address space (V8's guard ranges); 64 of them are 128 GiB of blocks. */
const MEMORIES_MAX = 64;

/** Where everything lies; plain numbers, so that it can be sent to a thread. */
export interface PoolLayout {
  readonly threads: number;
  readonly slots: number;
  readonly symbolCapacity: number;
  readonly tableBytes: number;
  readonly scratchAt: number;
  /** From one thread's scratch to the next. */
  readonly scratchStride: number;
  /** Where each memory's arena begins, and its bytes (the last memory's may be used in part); 0 bytes: there is none. */
  readonly arenaAt: number;
  readonly arenaBytes: number;
  /** Bytes of resident blocks over all memories. */
  readonly residentBytes: number;
  /** Memories of this layout. */
  readonly memories: number;
  /** Of one memory. */
  readonly bytes: number;
}

const alignPage = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;

/** Bytes of a u16 table for `symbolCapacity` ids. */
export function classTableBytes(symbolCapacity: number): number {
  return alignPage(symbolCapacity * 2);
}

/**
 * Lays out memory for `wanted` threads, or for as many as fit (`threads` of the answer says how many), with `slotsOf(threads)` slots and room for
 * `residentBytes` of resident blocks, over as many memories as that takes: more threads leave each of them less.
 * Errors: ENGRAM_SETTINGS_INVALID when not even one thread fits.
 */
export function planPoolMemory(
  wanted: number,
  slotsOf: (threads: number) => number,
  symbolCapacity: number,
  residentBytes = 0,
  arenaBytesMax = ARENA_BYTES_MAX,
): PoolLayout {
  const fixed = SCRATCH_BYTES + 2 * classTableBytes(symbolCapacity);
  for (let threads = Math.min(wanted, POOL_THREADS_MAX); threads >= 1; threads--) {
    const slots = slotsOf(threads);
    const scratchAt = POOL_SLOTS + slots * SLOT_BYTES;
    const shareOf = (bytes: number): number => Math.floor(bytes / threads / PAGE_BYTES) * PAGE_BYTES - fixed;
    if (shareOf(MEMORY_BYTES_MAX - scratchAt) < TABLE_BYTES_MIN) continue;
    const arenaWanted = Math.min(alignPage(residentBytes), arenaBytesMax);
    const tableBytes = Math.min(Math.max(shareOf(MEMORY_BYTES_MAX - scratchAt - arenaWanted), TABLE_BYTES_MIN), TABLE_BYTES_MAX);
    const scratchStride = fixed + tableBytes;
    const arenaAt = scratchAt + threads * scratchStride;
    const arenaBytes = Math.min(arenaWanted, MEMORY_BYTES_MAX - arenaAt);
    const memories = arenaBytes === 0 ? 1 : Math.min(MEMORIES_MAX, Math.ceil(residentBytes / arenaBytes));
    return {
      threads,
      slots,
      symbolCapacity,
      tableBytes,
      scratchAt,
      scratchStride,
      arenaAt,
      arenaBytes,
      residentBytes: Math.min(residentBytes, memories * arenaBytes),
      memories,
      bytes: arenaAt + arenaBytes,
    };
  }
  throw new EngineError("ENGRAM_SETTINGS_INVALID", `No worker thread with tables for ${symbolCapacity} symbols fits one 4 GiB memory.`);
}

/**
 * Makes the memories and writes what all threads read. Where the system refuses the second or a later one there are fewer. Errors:
 * ENGRAM_SETTINGS_INVALID when it refuses the first.
 */
export function createPoolMemories(layout: PoolLayout): readonly WebAssembly.Memory[] {
  const memories = [createPoolMemory(layout)];
  try {
    while (memories.length < layout.memories) memories.push(createPoolMemory(layout));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
  }
  return memories;
}

/** One memory of the layout. */
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
