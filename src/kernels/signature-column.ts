/**
 * Signatures in the kernels' memory, until `Kernels.clear`: as u32, which decide, and as bytes, which are read four times as fast and only say
 * which signatures may agree often enough. Not for one pair (`Kernels.agreement`).
 */
import type { OwnMemory } from "./own-memory.ts";

/** Bytes of a byte signature, so that it fills whole vectors: 7 or 8 of them. */
const STRIDES = [112, 128] as const;

/** A vector a signature, of sixteen. */
const BYTE_SCRATCH_BYTES = 256;

export class SignatureColumn {
  readonly count: number;
  readonly values: number;
  readonly #memory: OwnMemory;
  readonly #words: number;
  readonly #bytes: number;
  readonly #stride: number;

  /** `signatures`: one after the other, `values` (at most 128) each. */
  constructor(memory: OwnMemory, signatures: Uint32Array, values: number) {
    const stride = STRIDES.find((bytes) => values <= bytes);
    if (stride === undefined || values < 1 || signatures.length % values !== 0) {
      throw new RangeError(`a signature column has signatures of 1 to 128 values: got ${signatures.length} numbers in ${values}s`);
    }
    this.#memory = memory;
    this.values = values;
    this.count = signatures.length / values;
    this.#stride = stride;
    this.#words = memory.place(signatures);
    this.#bytes = memory.reserve(this.count * stride);
    memory.exports.bytesOfSignatures(this.#words, this.count, values, stride, this.#bytes);
  }

  /** How many values of `signature` agree with each of the column's: exact, to `out`. */
  agreementsInto(signature: Uint32Array, out: Uint32Array): void {
    this.#withSignature(signature, (memory, one) => {
      const at = memory.reserve(this.count * 4);
      memory.exports.agreementsInto(one, this.#words, this.count, this.values, at);
      out.set(memory.u32(at, this.count));
    });
  }

  /** How many lowest bytes of the values agree: never fewer than the values themselves, to `out`. */
  byteAgreementsInto(signature: Uint32Array, out: Uint8Array): void {
    this.withByteAgreements(signature, (counts) => out.set(counts));
  }

  /** As `byteAgreementsInto`, without a copy: what `use` is given is a view of the kernels' memory, valid until it returns. */
  withByteAgreements<T>(signature: Uint32Array, use: (counts: Uint8Array) => T): T {
    return this.#withSignature(signature, (memory, one) => {
      const bytes = memory.reserve(this.#stride);
      memory.exports.bytesOfSignatures(one, 1, this.values, this.#stride, bytes);
      const scratch = memory.reserve(BYTE_SCRATCH_BYTES);
      // Counts are written sixteen at a time.
      const at = memory.reserve(this.count + 16);
      memory.exports.byteAgreementsInto(bytes, this.#bytes, this.count, this.values, this.#stride, scratch, at);
      return use(memory.views.bytes.subarray(at, at + this.count));
    });
  }

  /** Sum of the column's bytes, four at a time, and nothing else: how fast memory can be read. Counts whole 64 bytes. */
  streamSum(): { readonly bytes: number; readonly sum: number } {
    const bytes = Math.floor((this.count * this.#stride) / 64) * 64;
    return { bytes, sum: this.#memory.exports.streamSum(this.#bytes, bytes) >>> 0 };
  }

  #withSignature<T>(signature: Uint32Array, use: (memory: OwnMemory, one: number) => T): T {
    if (signature.length !== this.values)
      throw new RangeError(`the column's signatures have ${this.values} values: got ${signature.length}`);
    const before = this.#memory.top;
    try {
      return use(this.#memory, this.#memory.place(signature));
    } finally {
      this.#memory.release(before);
    }
  }
}
