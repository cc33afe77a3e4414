/** Parts of a list, one after the other: part p is `flat[offsets[p] .. offsets[p + 1])`. */

/** Items of the longest part; RangeError if the offsets do not cut `flat` into parts. */
export function longestOf(flat: Uint32Array, offsets: Uint32Array): number {
  let longest = 0;
  for (let c = 1; c < offsets.length; c++) {
    const size = offsets[c]! - offsets[c - 1]!;
    if (size < 0) throw new RangeError(`offsets must ascend: ${offsets[c - 1]} before ${offsets[c]} at ${c}`);
    longest = Math.max(longest, size);
  }
  if (offsets[0] !== 0 || offsets.at(-1) !== flat.length) throw new RangeError("offsets must run from 0 to the number of items");
  return longest;
}
