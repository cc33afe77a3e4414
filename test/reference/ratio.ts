/**
 * Reference twin of the ratio kernel: 2 * LCS / (length + length) over code points (semantics §7.1), what RapidFuzz calls `ratio`, on a
 * scale of 0..1. Two empty strings have ratio 1. Lone surrogates count as one code point each, as string iteration yields them.
 */
import { lcsLength } from "./lcs.ts";

export function indelRatio(a: string, b: string): number {
  const pointsA = [...a];
  const pointsB = [...b];
  const total = pointsA.length + pointsB.length;
  return total === 0 ? 1 : (2 * lcsLength(pointsA, pointsB)) / total;
}
