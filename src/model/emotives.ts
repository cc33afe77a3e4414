/**
 * Emotives: named numbers that accompany an observation. A record is kept as pairs, not as an object, so that a name such as
 * `__proto__` or `"10"` is a name like any other and keeps its place.
 */
export type EmotiveRecord = readonly (readonly [name: string, value: number])[];

/**
 * Per name, the arithmetic mean over the records that contain it, in order of first appearance. Sums run in record order.
 * Source: reference semantics §4.3.
 */
export function averageEmotives(records: readonly EmotiveRecord[]): EmotiveRecord {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const record of records) {
    for (const [name, value] of record) {
      const entry = sums.get(name);
      if (entry === undefined) sums.set(name, { sum: value, count: 1 });
      else {
        entry.sum += value;
        entry.count += 1;
      }
    }
  }
  return [...sums].map(([name, { sum, count }]) => [name, sum / count] as const);
}
