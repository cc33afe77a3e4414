/**
 * Signing sets by one of three schemes. Signatures of different schemes, or of different numbers of values, cannot be compared: a collection
 * chooses once and keeps the choice beside its signatures.
 *
 *   datasketch        bit for bit datasketch's MinHash (seed 1 up to 100 values): what kbs use, and what other programs can read
 *   multiply-add      a quarter of the cost; for up to about 64 hashes a set
 *   one-permutation   each hash is touched once; for larger sets (estimates from few hashes vary more)
 */
import { PERMUTATION_GROUP_BYTES } from "../../assembly/layout.ts";
import type { OwnMemory } from "./own-memory.ts";
import { parameterNumbers, permutationsOf } from "./permutations.ts";
import type { Column } from "./prepared-sequence.ts";

export const SIGNATURE_SCHEMES = ["datasketch", "multiply-add", "one-permutation"] as const;
export type SignatureScheme = (typeof SIGNATURE_SCHEMES)[number];

/** Values that the multiply-add kernel computes at a time. */
const TILE_VALUES = 16;
/** More values estimate no better than the hashes are, and cost their time and place. */
const VALUES_MAX = 4096;

/** Sets of hashes in the kernels' memory. */
type SignedSets = Pick<Column, "count" | "flat" | "offsets">;

export class Signer {
  readonly scheme: SignatureScheme;
  readonly values: number;
  readonly #memory: OwnMemory;
  readonly #parameters: Uint8Array | Uint32Array;

  /** `values`: a multiple of 16, or of 4 for datasketch, at most 4,096. */
  constructor(memory: OwnMemory, scheme: SignatureScheme, values: number) {
    const step = scheme === "datasketch" ? 4 : TILE_VALUES;
    if (!Number.isInteger(values) || values < step || values > VALUES_MAX || values % step !== 0) {
      throw new RangeError(`a ${scheme} signature has a multiple of ${step} values, at most ${VALUES_MAX}: got ${values}`);
    }
    this.scheme = scheme;
    this.values = values;
    this.#memory = memory;
    this.#parameters = parametersOf(scheme, values);
  }

  /** Signatures of a column of hashes (`Kernels.hashes`), one after the other, to `out`: `values` of them a set. */
  signaturesInto(column: SignedSets, out: Uint32Array): void {
    this.withSignatures(column, (signatures) => out.set(signatures));
  }

  /** As `signaturesInto`, without a copy: what `use` is given is a view of the kernels' memory, valid until it returns. */
  withSignatures<T>(column: SignedSets, use: (signatures: Uint32Array) => T): T {
    const memory = this.#memory;
    const before = memory.top;
    try {
      const parameters = memory.place(this.#parameters);
      const size = column.count * this.values;
      const { flat, offsets, count } = column;
      const { exports } = memory;
      const at = memory.reserve(size * 4);
      if (this.scheme === "datasketch") exports.signaturesInto(flat, offsets, 0, count, parameters, this.values / 4, at);
      else if (this.scheme === "multiply-add") exports.multiplyAddsInto(flat, offsets, 0, count, parameters, this.values / TILE_VALUES, at);
      else exports.onePermutationsInto(flat, offsets, 0, count, this.values, memory.reserve(this.values), at);
      return use(memory.u32(at, size));
    } finally {
      memory.release(before);
    }
  }
}

/** What the kernel of a scheme reads beside the hashes. Some hundred microseconds: keep it. */
export function parametersOf(scheme: SignatureScheme, values: number): Uint8Array | Uint32Array {
  if (scheme === "datasketch") return permutationsOf(values).subarray(0, (values / 4) * PERMUTATION_GROUP_BYTES);
  if (scheme === "one-permutation") return new Uint32Array(0);
  // Tiles of 16 multipliers, which must be odd, and 16 offsets: halves of one number each.
  const parameters = new Uint32Array(values * 2);
  const numbers = parameterNumbers();
  for (let value = 0; value < values; value++) {
    const number = numbers.next().value;
    const at = Math.floor(value / TILE_VALUES) * TILE_VALUES * 2 + (value % TILE_VALUES);
    parameters[at] = Number(number & 0xffffffffn) | 1;
    parameters[at + TILE_VALUES] = Number(number >> 32n);
  }
  return parameters;
}
