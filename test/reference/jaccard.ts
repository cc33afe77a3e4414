/** Reference twin of the Jaccard kernel: |A ∩ B|, |A ∪ B| and their quotient over the distinct elements of two lists (0 for two empty lists). */
export interface JaccardCounts {
  readonly intersection: number;
  readonly union: number;
}

export function jaccardCounts<T>(a: readonly T[], b: readonly T[]): JaccardCounts {
  const setA = new Set(a);
  const setB = new Set(b);
  let intersection = 0;
  for (const element of setA) if (setB.has(element)) intersection++;
  return { intersection, union: setA.size + setB.size - intersection };
}

export function jaccard<T>(a: readonly T[], b: readonly T[]): number {
  const { intersection, union } = jaccardCounts(a, b);
  return union === 0 ? 0 : intersection / union;
}
