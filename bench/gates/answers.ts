/**
 * Known answers of the contests, by the textbook table over typed arrays: as plain as the twins in test/reference, and quick enough for
 * hundreds of thousands of pairs. Sums are of whole numbers, so their order does not matter.
 */

let above = new Uint16Array(1);

/** Length of the longest common subsequence: the table, one row at a time. */
function tableLcs(a: Uint32Array, b: Uint32Array): number {
  if (above.length <= b.length) above = new Uint16Array(b.length * 2);
  const row = above;
  row.fill(0, 0, b.length + 1);
  for (let i = 0; i < a.length; i++) {
    const symbol = a[i]!;
    let diagonal = 0;
    let left = 0;
    for (let j = 1; j <= b.length; j++) {
      const up = row[j]!;
      left = symbol === b[j - 1] ? diagonal + 1 : Math.max(up, left);
      diagonal = up;
      row[j] = left;
    }
  }
  return row[b.length]!;
}

/** A ratio as a whole number: equal ratios give equal numbers, and sums of them are exact in any order. */
export const wholeRatio = (ratio: number): number => Math.floor(ratio * 2 ** 20);

/** What a contest's side must return when it compares each query with each candidate and adds up whole ratios that reach the cutoff. */
export function ratioSum(
  lengths: readonly Uint16Array[],
  queries: readonly Uint32Array[],
  of: readonly Uint32Array[],
  cutoff: number,
): number {
  let sum = 0;
  queries.forEach((query, q) => {
    of.forEach((candidate, c) => {
      const ratio = (2 * lengths[q]![c]!) / (query.length + candidate.length);
      if (ratio >= cutoff - 1e-9) sum += wholeRatio(ratio);
    });
  });
  return sum;
}

/** Likewise, adding up LCS lengths whose ratio reaches the cutoff, of every `step`-th candidate. */
export function lengthSum(
  lengths: readonly Uint16Array[],
  queries: readonly Uint32Array[],
  of: readonly Uint32Array[],
  cutoff: number,
  step: number,
): number {
  let sum = 0;
  queries.forEach((query, q) => {
    of.forEach((candidate, c) => {
      const length = lengths[q]![c]!;
      if (c % step === 0 && (2 * length) / (query.length + candidate.length) >= cutoff - 1e-9) sum += length;
    });
  });
  return sum;
}

/** Candidates between one that is looked at after a run and the next: prime to the lanes, so that all of them are met, and next to no time. */
export const CHECK_STEP = 7;

/** Sum over every CHECK_STEP-th value. */
export function stepSum(values: ArrayLike<number>): number {
  // As in `sumOf`: a loop that has met one kind of list only is several times as fast.
  if (values instanceof Uint32Array) return stepSumOfWords(values);
  let sum = 0;
  for (let i = 0; i < values.length; i += CHECK_STEP) sum += values[i]!;
  return sum;
}

function stepSumOfWords(values: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i += CHECK_STEP) sum += values[i]!;
  return sum;
}

/**
 * What one query found, as a number: how many matches, and every CHECK_STEP-th ratio of them (`stepSum` over candidates does not serve where a
 * cutoff leaves some out).
 */
export function foundSum(ratios: ArrayLike<number>): number {
  let sum = ratios.length;
  for (let i = 0; i < ratios.length; i += CHECK_STEP) sum += wholeRatio(ratios[i]!);
  return sum;
}

/** `foundSum` over the queries, with the matches in order of the candidates. */
export function foundSums(
  lengths: readonly Uint16Array[],
  queries: readonly Uint32Array[],
  of: readonly Uint32Array[],
  cutoff: number,
): number {
  const found = (query: Uint32Array, q: number): number[] =>
    of.map((candidate, c) => (2 * lengths[q]![c]!) / (query.length + candidate.length)).filter((ratio) => ratio >= cutoff - 1e-9);
  return queries.reduce((sum, query, q) => sum + foundSum(found(query, q)), 0);
}

/** LCS lengths of all pairs. */
export function lcsTable(queries: readonly Uint32Array[], candidates: readonly Uint32Array[]): Uint16Array[] {
  return queries.map((query) => Uint16Array.from(candidates, (candidate) => tableLcs(query, candidate)));
}

/** Every `step`-th of a list sorted by length: a sample with the list's own mix of lengths. */
export function sampleOf<T extends { readonly length: number }>(items: readonly T[], count: number): T[] {
  const sorted = [...items].sort((a, b) => a.length - b.length);
  const step = Math.max(1, Math.floor(sorted.length / count));
  return sorted.filter((_, i) => i % step === Math.floor(step / 2)).slice(0, count);
}
