/**
 * What a fuzzer is, and how a list of them is run. A round is a function of its seed alone, so a crash is told by two words: the fuzzer's name and the
 * seed; `npm run fuzz` writes them to test/data/regressions, and the tests run every one of those again.
 */
export type Random = () => number;

export interface Fuzzer {
  readonly name: string;
  /** One case: draws it, runs it, compares it. Throws for anything that should not be. */
  round(random: Random): void | Promise<void>;
  close?(): void | Promise<void>;
}

export type OpenFuzzer = () => Fuzzer | Promise<Fuzzer>;

export interface Crash {
  readonly fuzzer: string;
  readonly seed: number;
  readonly message: string;
}

/** mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const below = (random: Random, count: number): number => Math.floor(random() * count);
export const pick = <T>(random: Random, items: readonly T[]): T => items[below(random, items.length)]!;

/** Runs rounds from `seed` on until the time is over, or `rounds` are; answers how many, and the first crash. */
export async function fuzz(
  open: OpenFuzzer,
  options: { readonly seed: number; readonly seconds: number; readonly rounds?: number },
): Promise<{ readonly rounds: number; readonly crash: Crash | undefined }> {
  const fuzzer = await open();
  try {
    const end = performance.now() + options.seconds * 1000;
    const most = options.rounds ?? Number.POSITIVE_INFINITY;
    let rounds = 0;
    for (; rounds < most && (rounds === 0 || performance.now() < end); rounds++) {
      const seed = (options.seed + rounds) >>> 0;
      try {
        await fuzzer.round(randomFrom(seed));
      } catch (error) {
        const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
        return { rounds: rounds + 1, crash: { fuzzer: fuzzer.name, seed, message } };
      }
    }
    return { rounds, crash: undefined };
  } finally {
    await fuzzer.close?.();
  }
}
