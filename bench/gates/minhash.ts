/**
 * MinHash signing on the frozen corpus' sets (mean 33 ids): datasketch's values, checked against their definition, beside the tuned twin; the fast
 * scheme beside the npm packages; and hashing words beside xxhash-wasm. An item is a hash that is signed, or a word that is hashed. An
 * answer is the sum over every seventh value.
 *
 * The packages' functions are drawn from seeds of their own, so their answers cannot be known beforehand: every run must repeat the first.
 */
import bloomFilters from "bloom-filters";
import { Minhash } from "minhash";
import xxhash from "xxhash-wasm";
import { Kernels, SIGNATURE_VALUES, symbolHash } from "../../src/kernels/index.ts";
import { recordedPermutations, signatureOfHashes } from "../../test/reference/minhash.ts";
import { multiplyAdd, tokenHash } from "../../test/reference/minhash-fast.ts";
import { flatten, frozenCorpus } from "../corpus.ts";
import { type BenchMode, param, sumOf } from "../harness.ts";
import type { Contest, Side } from "../rounds.ts";
import { ShortcutSigningTwin, SigningTwin } from "../twins/minhash.ts";
import { sampleOf, stepSum } from "./answers.ts";

/** Values of the fast schemes and of the packages; datasketch's recorded ones are 100. */
const VALUES = 128;

function setsOf(mode: BenchMode): { readonly words: string[][]; readonly hashes: Uint32Array[] } {
  const words = sampleOf(frozenCorpus().long.candidates, param(mode, 3, 1_000)).map((text) => [...new Set(text.split(" "))]);
  return { words, hashes: words.map((set) => Uint32Array.from(set, symbolHash)) };
}

/** The first run says what the others must answer. */
function repeating(name: string, items: number, run: () => number): Side {
  return { name, items, run, expected: run() };
}

export function openMinhash(mode: BenchMode): Contest {
  const { words, hashes } = setsOf(mode);
  const { flat, offsets } = flatten(hashes);
  const items = flat.length;
  const few = words.slice(0, param(mode, 2, 40));
  const fewItems = sumOf(few.map(({ length }) => length));
  const kernels = new Kernels({ idLimit: 1024 });
  const column = kernels.hashes(flat, offsets);
  const signing = (name: string, scheme: "datasketch" | "multiply-add", values: number, expected: number): Side => {
    const signer = kernels.signer(scheme, values);
    return {
      name,
      items,
      expected,
      run: () => signer.withSignatures(column, stepSum),
    };
  };
  const lists = hashes.map((set) => [...set]);
  const exact = stepSum(lists.flatMap((set) => [...signatureOfHashes(set)]));
  const fast = stepSum(lists.flatMap((set) => [...multiplyAdd(set, VALUES)]));
  const { multipliers, offsets: added } = recordedPermutations();
  const twinOut = new Uint32Array(hashes.length * SIGNATURE_VALUES);
  const twinSide = (name: string, twin: SigningTwin | ShortcutSigningTwin): Side => ({
    name,
    items,
    expected: exact,
    run: () => {
      for (let set = 0; set < hashes.length; set++) twin.signInto(flat, offsets[set]!, offsets[set + 1]!, twinOut, set * SIGNATURE_VALUES);
      return stepSum(twinOut);
    },
  });
  const factory = new bloomFilters.MinHashFactory(VALUES, 2 ** 31);
  const fewHashes = few.map((set) => set.map((word) => symbolHash(word) >>> 1));
  return {
    name: "MinHash signing, 33 hashes a set",
    unit: "hash",
    sides: [
      signing("datasketch, 100 values", "datasketch", SIGNATURE_VALUES, exact),
      signing("multiply-add, 128 values", "multiply-add", VALUES, fast),
      twinSide("tuned twin, 100 values", new SigningTwin(multipliers, added)),
      twinSide("twin with the shortcut, 100 values", new ShortcutSigningTwin(multipliers, added)),
      repeating("bloom-filters, 128 values", fewItems, () => {
        let sum = 0;
        for (const set of fewHashes) {
          const minhash = factory.create();
          minhash.bulkLoad(set);
          sum += sumOf(minhash._signature);
        }
        return sum;
      }),
      repeating("minhash, 128 values", fewItems, () => {
        let sum = 0;
        for (const set of few) {
          const minhash = new Minhash({ numPerm: VALUES });
          for (const word of set) minhash.update(word);
          sum += sumOf(minhash.hashvalues);
        }
        return sum;
      }),
    ],
    gates: [
      {
        line: "3",
        what: "datasketch signing beside the tuned twin",
        slow: "tuned twin, 100 values",
        fast: "datasketch, 100 values",
        required: 30,
        ambitious: 38,
      },
      {
        line: "3",
        what: "fast MinHash beside bloom-filters",
        slow: "bloom-filters, 128 values",
        fast: "multiply-add, 128 values",
        required: 200,
        ambitious: 290,
      },
      {
        line: "3",
        what: "fast MinHash beside minhash",
        slow: "minhash, 128 values",
        fast: "multiply-add, 128 values",
        required: 200,
        ambitious: 500,
      },
    ],
    close: () => kernels.clear(),
  };
}

export async function openTokenHash(mode: BenchMode): Promise<Contest> {
  const words = setsOf(mode).words.flat();
  const kernels = new Kernels({ idLimit: 1024 });
  const { h64 } = await xxhash();
  return {
    name: "hashing words of 5 letters",
    unit: "word",
    sides: [
      { name: "token hash", items: words.length, run: () => sumOf(kernels.tokenHashes(words)), expected: sumOf(words.map(tokenHash)) },
      repeating("xxhash-wasm, h64", words.length, () => {
        let sum = 0;
        for (const word of words) sum += Number(h64(word) & 0xffffffffn);
        return sum;
      }),
    ],
    gates: [
      {
        line: "-",
        what: "token hash beside xxhash-wasm, one call a word",
        slow: "xxhash-wasm, h64",
        fast: "token hash",
        required: 1,
        ambitious: 10,
      },
    ],
  };
}
