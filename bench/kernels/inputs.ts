/** Inputs of the kernel benches: made from a seed, so that two runs compare the same bytes. */

/** mulberry32: a small seeded generator of numbers in 0..1. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface IdColumn {
  readonly sequences: readonly Uint32Array[];
  readonly flat: Uint32Array;
  readonly offsets: Uint32Array;
}

/**
 * `count` sequences of `shortest` to `longest` ids, sorted by length as a store would deliver them. Ids are log-uniform over the
 * vocabulary (near Zipf's law, the first ids common), or uniform when `uniform`.
 */
export function idColumn(options: {
  count: number;
  shortest: number;
  longest: number;
  vocabulary: number;
  seed: number;
  uniform?: boolean;
}): IdColumn {
  const random = randomFrom(options.seed);
  const draw = options.uniform
    ? () => Math.floor(random() * options.vocabulary)
    : () => Math.floor(options.vocabulary ** random()) % options.vocabulary;
  const sequences = Array.from({ length: options.count }, () => {
    const length = options.shortest + Math.floor(random() * (options.longest - options.shortest + 1));
    return Uint32Array.from({ length }, draw);
  });
  sequences.sort((a, b) => a.length - b.length);
  return columnOf(sequences);
}

export function columnOf(sequences: readonly Uint32Array[]): IdColumn {
  const offsets = new Uint32Array(sequences.length + 1);
  sequences.forEach((sequence, i) => {
    offsets[i + 1] = offsets[i]! + sequence.length;
  });
  const flat = new Uint32Array(offsets[sequences.length]!);
  sequences.forEach((sequence, i) => {
    flat.set(sequence, offsets[i]!);
  });
  return { sequences, flat, offsets };
}

/** Copies of a sequence with one id in `every` replaced by one outside `vocabulary`. */
export function noisyCopies(sequence: Uint32Array, count: number, every: number, vocabulary: number, seed: number): IdColumn {
  const random = randomFrom(seed);
  return columnOf(
    Array.from({ length: count }, () => sequence.map((id) => (random() * every < 1 ? vocabulary + Math.floor(random() * 1_000) : id))),
  );
}

const SYLLABLES = ["ka", "to", "men", "ra", "shi", "vel", "on", "der", "ly", "qui", "bra", "est", "io", "nu", "ph", "th"];

/** Words of one to five syllables. */
export function words(count: number, seed: number): string[] {
  const random = randomFrom(seed);
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + Math.floor(random() * 5) }, () => SYLLABLES[Math.floor(random() * SYLLABLES.length)]!).join(""),
  );
}
