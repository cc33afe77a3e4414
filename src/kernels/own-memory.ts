/**
 * One wasm instance with a memory of its own, and a bump allocator over it: the ground on which the standalone kernels stand. The pool
 * does not use it (its threads share one fixed memory). Memory grows as needed and is given back only when the instance is collected.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { LAYOUT_VERSION } from "../../assembly/layout.ts";
import { EngineError } from "../errors.ts";
import type { KernelExports } from "./exports.ts";

const PAGE_BYTES = 65_536;
/** A v128 load may run this far past the end of the last region. */
const SLACK_BYTES = 16;

export class OwnMemory {
  readonly exports: KernelExports;
  readonly #memory: WebAssembly.Memory;
  #top: number;

  /** `wasmPath`: a build with its own memory; by default the package's. Throws ENGRAM_LAYOUT_MISMATCH for a build of another layout. */
  constructor(wasmPath: string = createRequire(import.meta.url).resolve("#kernels.wasm")) {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(wasmPath)));
    this.exports = instance.exports as unknown as KernelExports;
    this.#memory = instance.exports.memory as WebAssembly.Memory;
    const version = this.exports.LAYOUT_VERSION.value;
    if (version !== LAYOUT_VERSION) {
      throw new EngineError(
        "ENGRAM_LAYOUT_MISMATCH",
        `${wasmPath} has layout ${version}, this program needs ${LAYOUT_VERSION}: build again (npm run build)`,
      );
    }
    // The first page stays unused: address 0 is never a region.
    this.#top = PAGE_BYTES;
  }

  /** Where the next region would start; hand it to `release` to give back everything reserved from there on. */
  get top(): number {
    return this.#top;
  }

  /** Reserves `bytes` bytes, 16-byte aligned; their content is whatever was there. RangeError when 4 GiB do not suffice. */
  reserve(bytes: number): number {
    const address = this.#top;
    const end = address + Math.ceil(bytes / 16) * 16;
    const missing = end + SLACK_BYTES - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
    this.#top = end;
    return address;
  }

  release(top: number): void {
    this.#top = top;
  }

  /** Reserves room for the values and copies them in. */
  place(values: Uint32Array | Uint16Array | Uint8Array): number {
    const address = this.reserve(values.byteLength);
    new Uint8Array(this.#memory.buffer).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), address);
    return address;
  }

  /** The whole memory, valid until the next `reserve`. */
  get views(): { readonly bytes: Uint8Array; readonly words: Uint32Array } {
    const { buffer } = this.#memory;
    return { bytes: new Uint8Array(buffer), words: new Uint32Array(buffer) };
  }

  /** A view, valid until the next `reserve`. */
  u32(address: number, count: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, address, count);
  }

  /** A view, valid until the next `reserve`. */
  f64(address: number, count: number): Float64Array {
    return new Float64Array(this.#memory.buffer, address, count);
  }
}
