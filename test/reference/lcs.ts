/**
 * Reference twin of the LCS kernel: length of the longest common subsequence by the textbook table, O(a * b) time, two rows of memory.
 * Slow and obvious; for tests and benches only.
 */
export function lcsLength<T>(a: readonly T[], b: readonly T[]): number {
  let above: number[] = new Array<number>(b.length + 1).fill(0);
  for (const symbol of a) {
    const row: number[] = [0];
    for (let j = 0; j < b.length; j++) {
      row.push(symbol === b[j] ? above[j]! + 1 : Math.max(above[j + 1]!, row[j]!));
    }
    above = row;
  }
  return above[b.length]!;
}
