/**
 * Bands of a signature as keys of a table: MurmurHash3 (x86, 32 bits; public domain) over the band's values. Equal bands have equal keys; different
 * ones share a key once in 2^32, which costs a pattern that is scored for nothing. The seed tells collections that sign otherwise apart, and each band
 * starts at one of its own. Keys are stored in databases: never change what comes out.
 *
 * Cost: about a nanosecond a value, beside signing's thirty a symbol (minhash.ts). Reference: test/reference/bands.ts.
 */
import {
  CONTEXT_SYMBOL_HASHES,
  SCHEME_DATASKETCH,
  SCHEME_MULTIPLY_ADD,
  SCRATCH_BAND_KEYS,
  SCRATCH_BAND_PARAMETERS,
  SCRATCH_BAND_WORK,
  SCRATCH_BLOCKS_WORK,
  SCRATCH_HASHES,
} from "./layout";
import { rowIds, rowLength } from "./memory";
import { distinctHashesInto, signatureInto } from "./minhash";
import { multiplyAddInto, onePermutationInto } from "./minhash-fast";

/** Odd, so that seeds of neighbouring bands have nothing in common. */
const BAND_STEP: u32 = 0x9e3779b1;

/** Keys of `bands` bands of `rows` consecutive values each, u32 to `out`. */
export function bandKeysInto(signature: usize, bands: u32, rows: u32, seed: u32, out: usize): void {
  let p = signature;
  for (let band: u32 = 0; band < bands; band++) {
    let key: u32 = seed + band * BAND_STEP;
    for (let row: u32 = 0; row < rows; row++, p += 4) {
      let mixed: u32 = load<u32>(p) * 0xcc9e2d51;
      mixed = ((mixed << 15) | (mixed >>> 17)) * 0x1b873593;
      key ^= mixed;
      key = ((key << 13) | (key >>> 19)) * 5 + 0xe6546b64;
    }
    key ^= rows << 2;
    key = (key ^ (key >>> 16)) * 0x85ebca6b;
    key = (key ^ (key >>> 13)) * 0xc2b2ae35;
    store<u32>(out + ((band as usize) << 2), key ^ (key >>> 16));
  }
}

/**
 * Signs rows `from` to `to` (exclusive) of a batch or resident block and leaves their keys at SCRATCH_BAND_KEYS, row after row. Needs the table's
 * hashes, the scheme's parameters at SCRATCH_BAND_PARAMETERS and no loaded query. `values`: at most BAND_VALUES_MAX, bands times rows of them at least.
 */
export function bandKeysOfRowsInto(
  scratch: usize,
  batch: usize,
  from: u32,
  to: u32,
  scheme: u32,
  values: u32,
  bands: u32,
  rows: u32,
  seed: u32,
): void {
  const symbolHashes = load<u32>(scratch, CONTEXT_SYMBOL_HASHES) as usize;
  const parameters = scratch + SCRATCH_BAND_PARAMETERS;
  const signature = scratch + SCRATCH_BAND_WORK;
  const hashes = scratch + SCRATCH_HASHES;
  let out = scratch + SCRATCH_BAND_KEYS;
  for (let row = from; row < to; row++, out += (bands as usize) << 2) {
    const ids = rowIds(scratch, batch, row);
    const count = distinctHashesInto(ids, rowLength(batch, row), symbolHashes, scratch + SCRATCH_BLOCKS_WORK, hashes);
    if (scheme === SCHEME_DATASKETCH) signatureInto(hashes, count, parameters, values >> 2, signature);
    else if (scheme === SCHEME_MULTIPLY_ADD) multiplyAddInto(hashes, count, parameters, values >> 4, signature);
    else onePermutationInto(hashes, count, values, signature + ((values as usize) << 2), signature);
    bandKeysInto(signature, bands, rows, seed, out);
  }
}
