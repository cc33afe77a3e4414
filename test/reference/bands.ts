/** Reference twin of the bands' keys (assembly/bands.ts): MurmurHash3, x86, 32 bits, over the little-endian bytes of a band's values. */

function murmur3(bytes: Uint8Array, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rotated = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
  let hash = seed | 0;
  for (let at = 0; at < bytes.length; at += 4) {
    const mixed = Math.imul(rotated(Math.imul(view.getUint32(at, true), 0xcc9e2d51), 15), 0x1b873593);
    hash = (Math.imul(rotated(hash ^ mixed, 13), 5) + 0xe6546b64) | 0;
  }
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Keys of `bands` bands of `rows` consecutive values. */
export function bandKeys(signature: readonly number[], bands: number, rows: number, seed: number): number[] {
  return Array.from({ length: bands }, (_, band) => {
    const values = Uint32Array.from(signature.slice(band * rows, (band + 1) * rows));
    return murmur3(new Uint8Array(values.buffer), (seed + Math.imul(band, 0x9e3779b1)) >>> 0);
  });
}
