/**
 * Which entries go into the next flush batch. Every kb that waits gets an equal share; what small ones leave over goes to the others,
 * in turn. Since a kb's entries leave its outbox only from the front, a count per kb names the same entries for ever.
 * `redis-scripts.ts` computes the same in Lua.
 */
export interface FlushShare<K> {
  readonly kb: K;
  readonly count: number;
}

/** Shares of at most `limit` entries over the kbs waiting, given in the order of their turn. O(kbs). */
export function shareFlush<K>(waiting: readonly FlushShare<K>[], limit: number): FlushShare<K>[] {
  let left = limit;
  const counts = waiting.map(({ count }, i) => {
    const share = Math.min(count, Math.ceil(left / (waiting.length - i)));
    left -= share;
    return share;
  });
  const shares = waiting.map(({ kb, count }, i) => {
    const more = Math.min(left, count - (counts[i] as number));
    left -= more;
    return { kb, count: (counts[i] as number) + more };
  });
  return shares.filter(({ count }) => count > 0);
}
