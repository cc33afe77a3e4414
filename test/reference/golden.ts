/** Reads the recorded input and output pairs of test/data/golden, and compares as their README says: numbers within 1e-9, all else exactly. */
import { readFileSync } from "node:fs";

export function golden<T>(name: string): readonly T[] {
  return (JSON.parse(readFileSync(new URL(`../data/golden/${name}.json`, import.meta.url), "utf8")) as { cases: T[] }).cases;
}

const close = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));

/** The first difference as text, or "" when there is none. Keys of `got` that `want` does not have are ignored. */
export function difference(want: unknown, got: unknown, at = "value"): string {
  if (typeof want === "number") return typeof got === "number" && close(want, got) ? "" : `${at}: want ${want}, got ${JSON.stringify(got)}`;
  if (want === null || typeof want !== "object")
    return want === got ? "" : `${at}: want ${JSON.stringify(want)}, got ${JSON.stringify(got)}`;
  if (got === null || typeof got !== "object") return `${at}: want ${JSON.stringify(want)}, got ${JSON.stringify(got)}`;
  if (Array.isArray(want)) {
    if (!Array.isArray(got) || got.length !== want.length) return `${at}: want ${JSON.stringify(want)}, got ${JSON.stringify(got)}`;
  }
  for (const [key, value] of Object.entries(want)) {
    const found = difference(value, (got as Record<string, unknown>)[key], `${at}.${key}`);
    if (found !== "") return found;
  }
  return "";
}

/** Options of a property: `FC_SEED` in the environment repeats a run. */
export function runs(numRuns: number): { numRuns: number; seed?: number } {
  const seed = process.env.FC_SEED;
  return seed === undefined ? { numRuns } : { numRuns, seed: Number(seed) };
}
