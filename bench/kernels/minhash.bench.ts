/** MinHash: signing sets of several sizes (an item is a hash), and comparing signatures; the definition in BigInt beside it. */
import { Kernels, SIGNATURE_VALUES } from "../../src/kernels/index.ts";
import { agreement, signatureOfHashes } from "../../test/reference/minhash.ts";
import { type BenchCase, type BenchSuite, type OpenSuite, param, sumOf } from "../harness.ts";
import { randomFrom } from "./inputs.ts";

/** Sets that are signed by the twin for the expected sum; the others repeat them. */
const DISTINCT_SETS = 10;

export const openMinhashBench: OpenSuite = (mode): BenchSuite => {
  const kernels = new Kernels();
  const cases: BenchCase[] = [];
  const random = randomFrom(1);
  const hashes = (size: number): number[] => Array.from({ length: size }, () => Math.floor(random() * 2 ** 32));

  for (const size of [1, 14, 32, 256]) {
    const sets = Array.from({ length: DISTINCT_SETS }, () => hashes(size));
    const rounds = param(mode, 1, Math.ceil(2_000 / size));
    const flat = Uint32Array.from(Array.from({ length: rounds }, () => sets.flat()).flat());
    const offsets = Uint32Array.from({ length: rounds * DISTINCT_SETS + 1 }, (_, i) => i * size);
    const expected = rounds * sumOf(sets.map((set) => sumOf(signatureOfHashes(set))));
    const name = size === 1 ? "minhash/one-symbol" : `minhash/${size} symbols`;
    cases.push({ name, unit: "hash", items: flat.length, expected, run: () => sumOf(kernels.signatures(flat, offsets)) });
    if (size !== 32) continue;
    const one = sets[0]!;
    const run = (): number => sumOf(signatureOfHashes(one));
    cases.push({ name: `${name}, twin`, unit: "hash", items: size, expected: sumOf(signatureOfHashes(one)), run });
  }

  // Every position agrees with probability one half.
  const count = param(mode, 20, 20_000);
  const one = Uint32Array.from({ length: SIGNATURE_VALUES }, () => 1);
  const many = Uint32Array.from({ length: count * SIGNATURE_VALUES }, () => Math.floor(random() * 2));
  const signatures = Array.from({ length: count }, (_, i) => [...many.subarray(i * SIGNATURE_VALUES, (i + 1) * SIGNATURE_VALUES)]);
  const expected = sumOf(signatures.map((signature) => agreement([...one], signature)));
  cases.push({
    name: "agreement/half, with copy-in",
    unit: "pair",
    items: count,
    expected,
    run: () => sumOf(kernels.agreements(one, many)),
  });
  return { cases, close: () => kernels.clear() };
};
