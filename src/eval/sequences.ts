/**
 * A file of sequences made ready for evaluation: one sequence a line, symbols between blanks. The steps and their order are those of the
 * CPT+ evaluation: keep the first `limit` sequences of at least `min` symbols, collapse runs of a symbol if asked, shuffle by seed.
 * Holds the whole file in memory; for test sets, not for bulk loads.
 */
import { readFileSync } from "node:fs";
import { EngineError } from "../errors.ts";

export interface Preparation {
  /** Shortest sequence kept, counted before runs are collapsed. */
  readonly min: number;
  /** Most sequences kept, from the file's start. */
  readonly limit: number;
  /** Make one symbol of a run of the same symbol. */
  readonly collapse: boolean;
  readonly seed: number;
}

export interface SequenceSet {
  /** In shuffled order, as symbol ids. */
  readonly sequences: readonly Uint32Array[];
  /** Text of each symbol id. */
  readonly symbols: readonly string[];
}

/** Random numbers in [0, 1) from a 32-bit seed; the mulberry32 generator (public domain, T. Ettinger). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Shuffles in place (Fisher and Yates). */
export function shuffle<T>(items: T[], random: () => number): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [items[last], items[other]] = [items[other]!, items[last]!];
  }
  return items;
}

export function prepareSequences(text: string, { min, limit, collapse, seed }: Preparation): SequenceSet {
  const kept: string[][] = [];
  for (const line of text.split("\n")) {
    if (kept.length === limit) break;
    const symbols = line.split(/\s+/).filter((symbol) => symbol !== "");
    if (symbols.length >= Math.max(1, min)) kept.push(collapse ? symbols.filter((symbol, at) => symbol !== symbols[at - 1]) : symbols);
  }
  shuffle(kept, seededRandom(seed));
  const ids = new Map<string, number>();
  const idOf = (symbol: string): number => {
    let id = ids.get(symbol);
    if (id === undefined) ids.set(symbol, (id = ids.size));
    return id;
  };
  return { sequences: kept.map((symbols) => Uint32Array.from(symbols, idOf)), symbols: [...ids.keys()] };
}

/** Errors: ENGRAM_FILE_UNREADABLE. */
export function readSequences(path: string, preparation: Preparation): SequenceSet {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new EngineError("ENGRAM_FILE_UNREADABLE", `The file ${path} cannot be read.`, { cause: error });
  }
  return prepareSequences(text, preparation);
}
