/**
 * Reference twin of what a knowledge base remembers: counters after a list of learns, worked out from scratch (semantics §4.2, §4.3, §8.9).
 * Slow and obvious; for tests only. Nothing here comes from src but types and names, and names are judged by records of their own.
 */
import type { EmotiveRecord } from "../../src/model/emotives.ts";
import { patternName } from "../../src/model/pattern.ts";

export type Events = readonly (readonly string[])[];

export interface BruteLearn {
  readonly events: Events;
  /** Emotive records handed to this learn, oldest first. */
  readonly emotives?: readonly EmotiveRecord[];
}

export interface BrutePattern {
  readonly name: string;
  /** Position among the kb's patterns in order of their first learn. */
  readonly patternId: number;
  readonly events: Events;
  frequency: number;
  /** The window of stored records. */
  emotives: EmotiveRecord[];
}

interface BruteTotals {
  total_symbols_in_patterns_frequencies: number;
  total_pattern_frequencies: number;
  total_unique_patterns: number;
}

export interface BruteKb {
  readonly patterns: BrutePattern[];
  /** Symbol → counters; `affinity` per emotive. */
  readonly symbols: Map<string, { frequency: number; patternMemberFrequency: number; affinity: Map<string, number> }>;
  readonly totals: BruteTotals;
  /** What finalize-training stored: patterns before `below` use it. */
  finalized?: { below: number; totals: BruteTotals; symbolCount: number; memberFrequencies: Map<string, number> };
}

export interface BruteKbOptions {
  /** Records a pattern keeps. */
  readonly persistence?: number;
  /** finalize-training runs after this many learns. */
  readonly finalizedAfter?: number;
}

/** Names are the engine's own: ties go by them, and records judge them elsewhere. */
export const bruteName: (events: Events) => string = patternName;

export function bruteAverage(records: readonly EmotiveRecord[]): Map<string, number> {
  const names = new Set(records.flatMap((record) => record.map(([name]) => name)));
  const average = new Map<string, number>();
  for (const name of names) {
    const values = records.flatMap((record) => record.filter(([key]) => key === name).map(([, value]) => value));
    average.set(name, values.reduce((sum, value) => sum + value, 0) / values.length);
  }
  return average;
}

export function bruteKb(learns: readonly BruteLearn[], options: BruteKbOptions = {}): BruteKb {
  const kb: BruteKb = {
    patterns: [],
    symbols: new Map(),
    totals: { total_symbols_in_patterns_frequencies: 0, total_pattern_frequencies: 0, total_unique_patterns: 0 },
  };
  const finalize = (): void => {
    kb.finalized = {
      below: kb.patterns.length,
      totals: { ...kb.totals },
      symbolCount: kb.symbols.size,
      memberFrequencies: new Map([...kb.symbols].map(([symbol, counters]) => [symbol, counters.patternMemberFrequency])),
    };
  };
  learns.forEach((learn, index) => {
    if (index === options.finalizedAfter) finalize();
    learnOne(kb, learn, options.persistence ?? 5);
  });
  if (options.finalizedAfter === learns.length) finalize();
  return kb;
}

function learnOne(kb: BruteKb, { events, emotives = [] }: BruteLearn, persistence: number): void {
  const flat = events.flat();
  if (flat.length < 2) return;
  const name = bruteName(events);
  let pattern = kb.patterns.find((known) => known.name === name);
  const isNew = pattern === undefined;
  if (pattern === undefined) {
    pattern = { name, patternId: kb.patterns.length, events, frequency: 0, emotives: [] };
    kb.patterns.push(pattern);
    kb.totals.total_pattern_frequencies += 1;
    kb.totals.total_unique_patterns += 1;
  }
  pattern.frequency += 1;
  pattern.emotives = [...pattern.emotives, ...emotives].slice(-persistence);
  kb.totals.total_symbols_in_patterns_frequencies += flat.length;
  for (const symbol of new Set(flat)) {
    const counters = kb.symbols.get(symbol) ?? { frequency: 0, patternMemberFrequency: 0, affinity: new Map<string, number>() };
    kb.symbols.set(symbol, counters);
    counters.frequency += flat.filter((other) => other === symbol).length;
    if (isNew) counters.patternMemberFrequency += 1;
    for (const [emotive, average] of bruteAverage(emotives)) {
      counters.affinity.set(emotive, (counters.affinity.get(emotive) ?? 0) + average);
    }
  }
}
