/** Cross-validation: which sequences are tested in which fold, and what of a sequence is shown and what hidden. */

export interface Fold {
  /** Indices of the sequences that are learned. */
  readonly training: readonly number[];
  /** Indices of the sequences that are asked; each sequence is asked in exactly one fold. */
  readonly test: readonly number[];
}

/** `count` folds of `total` sequences in their order, all of the same size but the last, which takes the rest too. */
export function foldsOf(total: number, count: number): Fold[] {
  const size = Math.floor(total / count);
  return Array.from({ length: count }, (_, fold) => {
    const from = fold * size;
    const to = fold === count - 1 ? total : from + size;
    const training: number[] = [];
    const test: number[] = [];
    for (let index = 0; index < total; index++) (index >= from && index < to ? test : training).push(index);
    return { training, test };
  });
}

export interface Question {
  /** What the predictor sees: up to `window` symbols. */
  readonly shown: Uint32Array;
  /** The symbols that came next; a prediction is right when it is one of them. */
  readonly hidden: ReadonlySet<number>;
}

/** Hides the last `consequent` symbols and shows the `window` before them; undefined when nothing would be left to show. */
export function questionOf(sequence: Uint32Array, window: number, consequent: number): Question | undefined {
  const end = sequence.length - consequent;
  if (end < 1) return undefined;
  return { shown: sequence.subarray(Math.max(0, end - window), end), hidden: new Set(sequence.subarray(end)) };
}
