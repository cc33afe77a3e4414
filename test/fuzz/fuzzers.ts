/** The one list of fuzzers. `canary` is not in it: it has a bug on purpose, and a fuzzer that does not find it proves nothing. */
import assert from "node:assert/strict";
import { lcsLength } from "../reference/lcs.ts";
import { byteFuzzers } from "./byte-fuzzers.ts";
import { below, type OpenFuzzer, pick } from "./fuzzer.ts";
import { kernelFuzzers } from "./kernel-fuzzers.ts";

export const fuzzers: readonly OpenFuzzer[] = [...kernelFuzzers, ...byteFuzzers];

/** Bit-parallel in one 64-bit word, and wrong by its last bit: only sequences of exactly 64 elements or more whose last one matters show it. */
function lcsWithBug(query: readonly number[], candidate: readonly number[]): number {
  if (query.length > 64) return lcsLength(query, candidate);
  const mask = 2n ** 64n - 1n;
  let open = mask;
  for (const id of candidate) {
    let positions = 0n;
    query.forEach((other, position) => {
      // The planted bug: position 63 is forgotten.
      if (other === id && position < 63) positions |= 1n << BigInt(position);
    });
    const u = open & positions;
    open = ((open + u) | (open - u)) & mask;
  }
  let length = 0;
  for (let bits = ~open & mask; bits > 0n; bits &= bits - 1n) length++;
  return length;
}

export const openCanary: OpenFuzzer = () => ({
  name: "canary",
  round(random) {
    const ids = (): number[] => Array.from({ length: pick(random, [0, 1, 63, 64, 65]) }, () => below(random, 4));
    const [query, candidate] = [ids(), ids()];
    assert.equal(lcsWithBug(query, candidate), lcsLength(query, candidate));
  },
});
