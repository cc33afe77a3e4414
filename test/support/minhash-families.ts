/** Patterns for tests of MinHash buckets: families of near copies, where some share all bands, some a few, most none. */

/** The kb's indexing step in these tests: small, so that a fill takes many. */
export const STEP = 64;

export const eventsOf = (n: number): string[][] => {
  const own = 1 + ((n * 7) % 6);
  return Array.from({ length: 10 }, (_, i) => [i < own ? `own-${n}-${i}` : `family-${n % 17}-${i}`]);
};

export const patternsOf = (from: number, to: number): string[][][] => Array.from({ length: to - from }, (_, i) => eventsOf(from + i));
