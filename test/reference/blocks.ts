/**
 * Reference twin of the blocks kernel: Ratcliff/Obershelp matching blocks of pattern and state (semantics §7.2). The longest common run
 * by trying every pair of starts (ties: smallest start in the pattern, then in the state), then the same left and right of it; sorted, and
 * runs adjacent in both joined. Blocks are [start in pattern, start in state, size], without a terminator. Cubic per level: tests only.
 */
export function matchingBlocks<T>(pattern: readonly T[], state: readonly T[]): [number, number, number][] {
  const found: [number, number, number][] = [];

  const search = (patternFrom: number, patternTo: number, stateFrom: number, stateTo: number): void => {
    let best: [number, number, number] = [0, 0, 0];
    for (let i = patternFrom; i < patternTo; i++) {
      for (let j = stateFrom; j < stateTo; j++) {
        let size = 0;
        while (i + size < patternTo && j + size < stateTo && pattern[i + size] === state[j + size]) size++;
        // Only a longer run replaces: the first found is the smallest start in the pattern, then in the state.
        if (size > best[2]) best = [i, j, size];
      }
    }
    const [i, j, size] = best;
    if (size === 0) return;
    search(patternFrom, i, stateFrom, j);
    found.push(best);
    search(i + size, patternTo, j + size, stateTo);
  };
  search(0, pattern.length, 0, state.length);

  const joined: [number, number, number][] = [];
  for (const block of found) {
    const last = joined.at(-1);
    if (last !== undefined && last[0] + last[2] === block[0] && last[1] + last[2] === block[1]) last[2] += block[2];
    else joined.push([...block]);
  }
  return joined;
}
