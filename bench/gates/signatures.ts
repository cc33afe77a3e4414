/**
 * Signatures of 128 values: agreement of one with many, as u32 and as bytes, in the caches and beyond them, beside the tuned twin and a plain stream over
 * the same bytes (how fast memory can be read at all). An answer is the sum over every 61st signature, so that checking costs next to nothing.
 */
import { Kernels } from "../../src/kernels/index.ts";
import { signatures } from "../corpus.ts";
import { type BenchMode, param } from "../harness.ts";
import type { Contest, Side } from "../rounds.ts";
import { agreementsTwin } from "../twins/minhash.ts";

const VALUES = 128;
/** As bytes 160 MiB, of which no cache of the machines we know keeps a part worth speaking of; as u32 four times that. */
const MANY = 1_310_720;
/** As bytes 256 KB. */
const FEW = 2_000;

/** Prime to the sixteen that are counted together, so that all of them are met. More often, it would show: a signature takes nanoseconds. */
const CHECK_STEP = 61;

/** By the definition. */
function expectedSum(one: Uint32Array, many: Uint32Array, same: (a: number, b: number) => boolean): number {
  let sum = 0;
  for (let i = 0; i * VALUES < many.length; i += CHECK_STEP) {
    for (let v = 0; v < VALUES; v++) if (same(one[v]!, many[i * VALUES + v]!)) sum++;
  }
  return sum;
}
function checkSum(counts: Uint32Array | Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i += CHECK_STEP) sum += counts[i]!;
  return sum;
}

const equal = (a: number, b: number): boolean => a === b;
const equalBytes = (a: number, b: number): boolean => (a & 255) === (b & 255);

export function openAgreement(mode: BenchMode): Contest {
  const kernels = new Kernels({ idLimit: 1024 });
  const sides: Side[] = [];
  for (const [where, count] of [
    ["in the caches", param(mode, 40, FEW)],
    ["beyond the caches", param(mode, 60, MANY)],
  ] as const) {
    const { one, many } = signatures(count, VALUES);
    const column = kernels.signatureColumn(many, VALUES);
    const words = new Uint32Array(count);
    sides.push(
      {
        name: `u32, ${where}`,
        items: count,
        expected: expectedSum(one, many, equal),
        run: () => {
          column.agreementsInto(one, words);
          return checkSum(words);
        },
      },
      {
        name: `bytes, ${where}`,
        items: count,
        expected: expectedSum(one, many, equalBytes),
        run: () => column.withByteAgreements(one, checkSum),
      },
      { name: `stream, ${where}`, items: count, expected: column.streamSum().sum, run: () => column.streamSum().sum },
    );
    if (where === "beyond the caches") continue;
    const twinOut = new Uint32Array(count);
    sides.push({
      name: "tuned twin, u32",
      items: count,
      expected: expectedSum(one, many, equal),
      run: () => {
        agreementsTwin(one, many, count, VALUES, twinOut);
        return checkSum(twinOut);
      },
    });
  }
  return {
    name: "signature agreement, 128 values",
    unit: "pair",
    sides,
    gates: [
      { line: "3", what: "agreement on bytes beside the tuned twin", slow: "tuned twin, u32", fast: "bytes, in the caches", required: 30 },
      {
        line: "3",
        what: "agreement on bytes: share of the stream's speed, beyond the caches",
        slow: "stream, beyond the caches",
        fast: "bytes, beyond the caches",
        required: 0.9,
      },
    ],
  };
}
