/**
 * The corpus of the HTTP and predict benches: patterns of 2–60 symbols (mean about 14) over a Zipf vocabulary, a third of them mutated
 * members of clusters, and queries cut from stored patterns with a part replaced. Seeded: the same numbers give the same corpus.
 */

/** mulberry32: small, seeded, good enough to draw a corpus. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Corpus {
  readonly patterns: readonly (readonly string[])[];
  /** Windows of 2–24 symbols, median about 8, 0–40 % of them replaced. */
  readonly queries: readonly (readonly string[])[];
}

const VOCABULARY = 50_000;
const CLUSTER = 20;

export function zipfCorpus(count: number, queryCount: number, seed: number): Corpus {
  const random = seeded(seed);
  // Inverse of the Zipf (s = 1) distribution function by its continuous form: rank = V^u.
  const symbol = (): string => `w${Math.floor(VOCABULARY ** random()) - 1}`;
  // Log-normal lengths: median 12, mean about 14, cut to 2..60.
  const length = (): number => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.min(60, Math.max(2, Math.round(12 * Math.exp(0.55 * normal))));
  };
  const fresh = (): string[] => Array.from({ length: length() }, symbol);
  const mutated = (base: readonly string[]): string[] => {
    const next = base.filter(() => random() > 0.1).map((old) => (random() < 0.15 ? symbol() : old));
    while (next.length < 2) next.push(symbol());
    return next;
  };
  const patterns: string[][] = [];
  const seen = new Set<string>();
  let base: readonly string[] = fresh();
  while (patterns.length < count) {
    if (patterns.length % CLUSTER === 0) base = fresh();
    const pattern = random() < 0.3 ? mutated(base) : fresh();
    const key = pattern.join(" ");
    if (seen.has(key)) continue;
    seen.add(key);
    patterns.push(pattern);
  }
  const queries = Array.from({ length: queryCount }, () => {
    const source = patterns[Math.floor(random() * count)]!;
    const wanted = Math.min(24, Math.max(2, Math.round(8 * Math.exp(0.5 * (random() + random() + random() - 1.5) * 2))));
    const size = Math.min(source.length, wanted);
    const from = Math.floor(random() * (source.length - size + 1));
    const replaced = random() * 0.4;
    return source.slice(from, from + size).map((old) => (random() < replaced ? symbol() : old));
  });
  return { patterns, queries };
}
