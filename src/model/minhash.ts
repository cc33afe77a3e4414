/**
 * What a knowledge base can ask for: that its patterns are signed by MinHash and can be found by the bands of their signatures. Few settings are
 * offered, because a setting is kept for good: rows of another one would say nothing.
 */

/** Schemes of signing: datasketch's, bit for bit, and two that cost a fraction of it (docs/kernels.md). */
export const MINHASH_SCHEMES = ["datasketch", "multiply-add", "one-permutation"] as const;
export type MinhashScheme = (typeof MINHASH_SCHEMES)[number];

export interface MinhashSetting {
  /** Groups of consecutive values; two patterns that have one in common are candidates for each other. */
  readonly bands: number;
  /** Values a band. */
  readonly rows: number;
  /** Values of a signature. */
  readonly permutations: number;
  readonly scheme: MinhashScheme;
}

/** KATO's, and that of the stage minhash. */
export const MINHASH_DEFAULT: MinhashSetting = { bands: 20, rows: 5, permutations: 100, scheme: "datasketch" };
/** Finds more: half of what agrees in 38 % of its values, where 20 x 5 needs 51 %. */
const MINHASH_WIDE = { bands: 32, rows: 4, permutations: 128 } as const;

/** Why a setting is not offered; undefined when it is. */
export function minhashFault({
  bands,
  rows,
  permutations,
  scheme,
}: Omit<MinhashSetting, "scheme"> & { scheme: string }): string | undefined {
  if (!(MINHASH_SCHEMES as readonly string[]).includes(scheme)) return `scheme is one of ${MINHASH_SCHEMES.join(", ")}.`;
  const is = (offered: Omit<MinhashSetting, "scheme">): boolean =>
    bands === offered.bands && rows === offered.rows && permutations === offered.permutations;
  if (is(MINHASH_WIDE)) return undefined;
  if (!is(MINHASH_DEFAULT)) {
    return "Offered are 20 bands of 5 rows with 100 permutations, and 32 bands of 4 rows with 128: other numbers would be signatures that nobody has tested.";
  }
  if (scheme === "datasketch") return undefined;
  return `The scheme ${scheme} signs 16 values at a time: ask for 32 bands of 4 rows with 128 permutations.`;
}

/** The setting as text: names its rows' mark. Never change how it is written. */
export const minhashKey = ({ bands, rows, permutations, scheme }: MinhashSetting): string => `${bands}x${rows}x${permutations} ${scheme}`;
