/**
 * Keys of the bands of signatures (assembly/bands.ts), on whichever thread this is called: of a batch's patterns, for the table of buckets, and of one
 * state, for asking it. Both come from the same kernels, so they cannot differ.
 */
import {
  BAND_VALUES_MAX,
  SCHEME_DATASKETCH,
  SCHEME_MULTIPLY_ADD,
  SCHEME_ONE_PERMUTATION,
  SCRATCH_BAND_KEYS,
  SCRATCH_BAND_PARAMETERS,
  SIGNATURE_BANDS,
  SIGNATURE_ROWS,
  SIGNATURE_VALUES,
} from "../../assembly/layout.ts";
import { EngineError } from "../errors.ts";
import type { BandSpec } from "../wire/band-spec.ts";
import type { BandTask } from "../wire/task.ts";
import type { PoolInstance } from "./instance.ts";
import { OwnMemory } from "./own-memory.ts";
import { parametersOf, Signer } from "./signer.ts";

const SCHEMES: Readonly<Record<BandSpec["scheme"], number>> = {
  datasketch: SCHEME_DATASKETCH,
  "multiply-add": SCHEME_MULTIPLY_ADD,
  "one-permutation": SCHEME_ONE_PERMUTATION,
};

/** By scheme and number of values: few. */
const parameters = new Map<string, Uint8Array>();

function parametersFor({ scheme, values }: BandSpec): Uint8Array {
  const key = `${scheme} ${values}`;
  let known = parameters.get(key);
  if (known === undefined) {
    const made = parametersOf(scheme, values);
    known = new Uint8Array(made.buffer, made.byteOffset, made.byteLength);
    parameters.set(key, known);
  }
  return known;
}

/** Whether sharing a band by this setting is what the stage minhash asks for: the same values, cut the same way. */
export function isStageSetting({ scheme, values, bands, rows }: BandSpec): boolean {
  return scheme === "datasketch" && values === SIGNATURE_VALUES && bands === SIGNATURE_BANDS && rows === SIGNATURE_ROWS;
}

/** Keys of rows of a candidate batch, u32, `bands` of them a row. No query stays loaded. Errors: ENGRAM_STORE_REPLY for rows that are no patterns. */
export function bandKeysOfRows(instance: PoolInstance, { bands: spec, table, place, from, to }: BandTask): ArrayBuffer {
  const { kernels, scratch } = instance;
  if (spec.values > BAND_VALUES_MAX || spec.bands * spec.rows > spec.values) {
    throw new RangeError(
      `${spec.bands} bands of ${spec.rows} do not fit signatures of ${spec.values} values, or those pass ${BAND_VALUES_MAX}`,
    );
  }
  const bad = kernels.firstBadRow(place, from, to, table.count);
  if (bad !== 0) {
    throw new EngineError("ENGRAM_STORE_REPLY", `Row ${bad - 1} of a candidate batch is no pattern of a kb of ${table.count} symbols.`);
  }
  instance.loadTable(table, false);
  // Keys lie in the room of a loaded query.
  instance.unloadQuery();
  instance.bytes.set(parametersFor(spec), scratch + SCRATCH_BAND_PARAMETERS);
  kernels.bandKeysOfRowsInto(scratch, place, from, to, SCHEMES[spec.scheme], spec.values, spec.bands, spec.rows, spec.seed);
  const at = scratch + SCRATCH_BAND_KEYS;
  const keys = new Uint8Array((to - from) * spec.bands * 4);
  keys.set(instance.bytes.subarray(at, at + keys.length));
  return keys.buffer;
}

/** Signs states, one at a time, on the calling thread. Cost: 0.1 ms a thousand symbols. */
export class StateBands {
  readonly #memory = new OwnMemory();
  readonly #signers = new Map<string, Signer>();

  /** Keys of the bands of a set of symbol hashes (`symbolHash`). */
  keysOf(hashes: Uint32Array, spec: BandSpec): Uint32Array {
    const name = `${spec.scheme} ${spec.values}`;
    let signer = this.#signers.get(name);
    if (signer === undefined) {
      signer = new Signer(this.#memory, spec.scheme, spec.values);
      this.#signers.set(name, signer);
    }
    const memory = this.#memory;
    const before = memory.top;
    try {
      const column = { count: 1, flat: memory.place(hashes), offsets: memory.place(Uint32Array.of(0, hashes.length)) };
      const signature = new Uint32Array(spec.values);
      signer.signaturesInto(column, signature);
      const at = memory.place(signature);
      const out = memory.reserve(spec.bands * 4);
      memory.exports.bandKeysInto(at, spec.bands, spec.rows, spec.seed, out);
      return memory.u32(out, spec.bands).slice();
    } finally {
      memory.release(before);
    }
  }
}
