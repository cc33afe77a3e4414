/**
 * Vectors of an observation: their sum, the symbol that names it, and the nearest among indexed ones. A symbol is `VCTR|` and the SHA-1 of
 * the text that NumPy prints for the sum, so that names agree with those KATO stored (Q24: beyond eight fractional digits, or between the
 * first and last three of more than 1,000 elements, different vectors share a name). Source: reference semantics §11.
 */
import { createHash } from "node:crypto";
import { EngineError } from "../errors.ts";
import { vectorText } from "./vector-text.ts";

/**
 * Element-wise sum in the order given; a vector of length 1 is added to every element of the others. Needs at least one vector.
 * Errors: ENGRAM_VECTOR_SHAPE for unequal lengths or a sum beyond the range of a float64.
 */
export function sumVectors(vectors: readonly (readonly number[])[]): number[] {
  const [first, ...others] = vectors;
  if (first === undefined) throw new EngineError("ENGRAM_VECTOR_SHAPE", "At least one vector is needed for a sum.");
  let sum = [...first];
  for (const vector of others) {
    if (vector.length === sum.length) sum = sum.map((value, i) => value + vector[i]!);
    else if (vector.length === 1) sum = sum.map((value) => value + vector[0]!);
    else if (sum.length === 1) sum = vector.map((value) => sum[0]! + value);
    else {
      throw new EngineError(
        "ENGRAM_VECTOR_SHAPE",
        `Vectors of one observation are added up: lengths ${sum.length} and ${vector.length} do not go together.`,
      );
    }
  }
  if (!sum.every(Number.isFinite))
    throw new EngineError("ENGRAM_VECTOR_SHAPE", "The sum of the vectors is not a finite number everywhere.");
  return sum;
}

/** The symbol of a summed vector of finite numbers. */
export function vectorSymbol(values: readonly number[]): string {
  return `VCTR|${createHash("sha1").update(vectorText(values), "utf8").digest("hex")}`;
}

/**
 * The `count` nearest of `vectors` to `query` by Euclidean distance, nearest first, ties to the earlier. Exact: one pass, O(vectors · length).
 * All must have the query's length (asserted by the caller, which knows the kb's dimension).
 */
export function nearestVectors<T extends { readonly values: readonly number[] }>(
  query: readonly number[],
  vectors: readonly T[],
  count: number,
): T[] {
  const nearest: { vector: T; distance: number }[] = [];
  for (const vector of vectors) {
    // Squared distances order alike and need no root.
    let distance = 0;
    for (let i = 0; i < query.length; i++) {
      const difference = query[i]! - vector.values[i]!;
      distance += difference * difference;
    }
    if (nearest.length === count && distance >= nearest[count - 1]!.distance) continue;
    let at = nearest.length;
    while (at > 0 && nearest[at - 1]!.distance > distance) at--;
    nearest.splice(at, 0, { vector, distance });
    if (nearest.length > count) nearest.pop();
  }
  return nearest.map((entry) => entry.vector);
}
