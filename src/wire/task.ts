/**
 * What the main thread tells a worker, and what comes back: a few numbers and references to shared bytes, never a candidate. Errors cross as
 * code and message.
 */
import type { ErrorCode } from "../errors.ts";
import type { BandSpec } from "./band-spec.ts";
import type { SymbolTable } from "./query-spec.ts";

/** A fault on purpose, for tests: the kernels trap, or the worker ends. */
export type Fault = "trap" | "exit";

export interface ScoreTask {
  readonly kind: "score";
  /** A sealed query block. */
  readonly query: Uint8Array<SharedArrayBuffer>;
  readonly table: SymbolTable | null;
  /** Address of the candidate batch. */
  readonly place: number;
  readonly from: number;
  readonly to: number;
  /** Matches with a smaller key are counted and not sent back: the caller has as many better ones as it keeps. */
  readonly floor: number;
  readonly fault?: Fault | undefined;
}

/** A thread's part of a scan of resident blocks (kernels/scan.ts). */
export interface ScanTask {
  readonly kind: "scan";
  /** A sealed query block. */
  readonly query: Uint8Array<SharedArrayBuffer>;
  readonly table: SymbolTable | null;
  /** Which of the pool's memories the slices lie in. */
  readonly memory: number;
  /** Of a ScanBoard (wire/scan-board.ts). */
  readonly board: SharedArrayBuffer;
  /** Slices that may be taken. */
  readonly from: number;
  readonly to: number;
  /** By which the board knows the task; not 0. */
  readonly number: number;
  /** Tasks that take slices of the same scan at a time, and which of them this one is; one after the other may be the same one. */
  readonly sharers: number;
  readonly sharer: number;
  /** Slices it takes at most. */
  readonly slicesMax: number;
  /** Milliseconds after which it answers with what it has if others wait. */
  readonly yieldMs: number;
  /** Unix milliseconds after which it takes no slice; infinity: none. */
  readonly deadlineAt: number;
  readonly fault?: Fault | undefined;
}

export interface PartnerTask {
  readonly kind: "partners";
  readonly symbols: readonly string[];
  readonly table: SymbolTable;
  readonly threshold: number;
  readonly from: number;
  readonly to: number;
  readonly fault?: Fault | undefined;
}

/** Makes a candidate batch a resident block (kernels/seal.ts). */
export interface SealTask {
  readonly kind: "seal";
  readonly memory: number;
  /** Addresses. */
  readonly batch: number;
  readonly block: number;
  /** Bytes at `block`. */
  readonly capacity: number;
  readonly symbolCount: number;
  readonly withIndex: boolean;
  readonly fault?: Fault | undefined;
}

/** Many queries against all rows of one block (kernels/many.ts). */
export interface ManyTask {
  readonly kind: "many";
  /** A pack of sealed query blocks (wire/query-pack.ts). */
  readonly pack: Uint8Array<SharedArrayBuffer>;
  readonly table: SymbolTable | null;
  readonly memory: number;
  /** Address of the candidate batch or resident block. */
  readonly place: number;
  /** Queries of the pack. */
  readonly from: number;
  readonly to: number;
  readonly fault?: Fault | undefined;
}

/** Signs rows of a candidate batch and gives their bands' keys (kernels/band-keys.ts). */
export interface BandTask {
  readonly kind: "bands";
  readonly bands: BandSpec;
  /** Hashes of the kb's symbols are read, and nothing else of it. */
  readonly table: SymbolTable;
  readonly memory: number;
  /** Address of the candidate batch. */
  readonly place: number;
  readonly from: number;
  readonly to: number;
  readonly fault?: Fault | undefined;
}

/** Answered at once: shows that a worker has started. */
export interface StartTask {
  readonly kind: "start";
}

export type SliceTask = ScoreTask | ScanTask | PartnerTask | SealTask | ManyTask | BandTask;
export type Task = SliceTask | StartTask;

export type Reply =
  | {
      readonly ok: true;
      /** A score block; a hit block; f64 triples (query index, symbol id, ratio); the sealed block's bytes as one f64; or u32 keys. Its maker has no further use of it. */
      readonly buffer: ArrayBuffer;
      /** Time on the thread. */
      readonly nanoseconds: number;
    }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };
