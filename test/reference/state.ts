/**
 * The plain twin of a state store's kb half: maps and loops, written from reference semantics §4 and the contract alone. No I/O, no bytes,
 * one thread. Everything is recomputed the obvious way; speed does not matter.
 */
import type { EmotiveRecord } from "../../src/model/emotives.ts";
import { compareSymbols } from "../../src/model/event.ts";
import type { PendingVector } from "../../src/model/session.ts";
import type {
  CounterSnapshot,
  KbHead,
  LearnCommit,
  LearnResult,
  OutboxEntry,
  PatternRecord,
  SymbolCounters,
  SymbolRow,
} from "../../src/store/state-store.ts";

const EPOCH = 2 ** 40;

interface TwinPattern {
  id: number;
  frequency: number;
  emotives: EmotiveRecord[];
  metadata: Map<string, Set<string>>;
}

interface TwinSymbol {
  id: number;
  symbol: string;
  frequency: number;
  member: number;
  affinity: Map<string, number>;
}

class TwinGeneration {
  readonly patterns = new Map<string, TwinPattern>();
  readonly symbols = new Map<string, TwinSymbol>();
  readonly vectors: PendingVector[] = [];
  symbolTotal = 0;
  patternTotal = 0;
  dimension = 0;
  finalized: { below: number; totals: KbHead["totals"]; members: Map<number, number> } | undefined;

  totals(): KbHead["totals"] {
    return {
      total_symbols_in_patterns_frequencies: this.symbolTotal,
      total_pattern_frequencies: this.patternTotal,
      total_unique_patterns: this.patterns.size,
    };
  }
}

export class TwinKb {
  readonly kb: string;
  number = 1;
  seq = 0;
  now = new TwinGeneration();
  outbox: OutboxEntry[] = [];

  constructor(kb: string) {
    this.kb = kb;
  }

  head(): KbHead {
    const { kb, now } = this;
    return {
      kb,
      generation: this.number,
      seq: this.seq,
      patternCount: now.patterns.size,
      symbolCount: now.symbols.size,
      totals: now.totals(),
      vectorDimension: now.dimension,
      finalizedBelow: now.finalized?.below ?? 0,
    };
  }

  learn(learn: LearnCommit): LearnResult {
    const { now } = this;
    const flat = learn.pattern.flat.map((i) => learn.pattern.distinct[i] as string);
    const isNew = !now.patterns.has(learn.pattern.name);
    const firstNewSymbol = now.symbols.size;

    const fresh: TwinPattern = { id: now.patterns.size, frequency: 0, emotives: [], metadata: new Map() };
    const pattern = now.patterns.get(learn.pattern.name) ?? fresh;
    now.patterns.set(learn.pattern.name, pattern);
    pattern.frequency += 1;
    if (learn.emotives.length > 0) {
      pattern.emotives.push(...learn.emotives);
      while (pattern.emotives.length > learn.persistence) pattern.emotives.shift();
    }
    for (const [name, values] of learn.metadata) {
      const set = pattern.metadata.get(name) ?? new Set();
      for (const value of values) set.add(value);
      pattern.metadata.set(name, set);
    }

    const symbolIds: number[] = [];
    for (const symbol of learn.pattern.distinct) {
      const unseen: TwinSymbol = { id: now.symbols.size, symbol, frequency: 0, member: 0, affinity: new Map() };
      const row = now.symbols.get(symbol) ?? unseen;
      now.symbols.set(symbol, row);
      symbolIds.push(row.id);
      row.frequency += flat.filter((other) => other === symbol).length;
      if (isNew) row.member += 1;
      for (const name of new Set(learn.emotives.flatMap((record) => record.map(([emotive]) => emotive)))) {
        const values = learn.emotives.flatMap((record) => record.filter(([emotive]) => emotive === name).map(([, value]) => value));
        const mean = values.slice(1).reduce((sum, value) => sum + value, values[0] as number) / values.length;
        row.affinity.set(name, (row.affinity.get(name) ?? 0) + mean);
      }
    }

    const indexed: PendingVector[] = [];
    for (const vector of learn.vectors) {
      const fits = vector.values.length > 0 && (now.dimension === 0 || now.dimension === vector.values.length);
      if (!fits || now.vectors.some((other) => other.symbol === vector.symbol)) continue;
      now.dimension = vector.values.length;
      now.vectors.push(vector);
      indexed.push(vector);
    }

    now.symbolTotal += flat.length;
    if (isNew) now.patternTotal += 1;
    this.seq += 1;
    const { persistence, emotives, metadata, atMs } = learn;
    const base = { kb: this.kb, generation: this.number, seq: this.seq, atMs };
    const what = { kind: "learn" as const, patternId: pattern.id, isNew, symbolIds, firstNewSymbol, pattern: learn.pattern };
    this.outbox.push({ ...base, ...what, emotives, metadata, vectors: indexed, persistence });
    return { seq: this.seq, generation: this.number, patternId: pattern.id, isNew, frequency: pattern.frequency, symbolIds };
  }

  clear(atMs: number): KbHead {
    this.number += 1;
    this.seq += 1;
    this.now = new TwinGeneration();
    this.outbox.push({ kb: this.kb, generation: this.number, seq: this.seq, atMs, kind: "clear" });
    return this.head();
  }

  finalize(atMs: number): KbHead {
    const { now } = this;
    this.seq += 1;
    const below = now.patterns.size;
    now.finalized = { below, totals: now.totals(), members: new Map([...now.symbols.values()].map(({ id, member }) => [id, member])) };
    this.outbox.push({ kb: this.kb, generation: this.number, seq: this.seq, atMs, kind: "finalize", below });
    return this.head();
  }

  raiseEpoch(): void {
    this.seq = (Math.floor(this.seq / EPOCH) + 1) * EPOCH;
  }

  symbolRows(): SymbolRow[] {
    return [...this.now.symbols.values()].map(({ id, symbol, frequency, member }) => ({
      id,
      symbol,
      frequency,
      patternMemberFrequency: member,
    }));
  }

  counters(names: readonly string[], ids: readonly number[]): CounterSnapshot {
    const rows = [...this.now.symbols.values()];
    const { finalized } = this.now;
    return {
      head: this.head(),
      patterns: names.map((name): PatternRecord | undefined => {
        const pattern = this.now.patterns.get(name);
        if (pattern === undefined) return undefined;
        const metadata = [...pattern.metadata].map(([key, set]) => [key, [...set].sort(compareSymbols)] as const);
        return { patternId: pattern.id, frequency: pattern.frequency, emotives: pattern.emotives, metadata };
      }),
      symbols: ids.map((id): SymbolCounters | undefined => {
        const row = rows.find((other) => other.id === id);
        return row === undefined ? undefined : { frequency: row.frequency, patternMemberFrequency: row.member };
      }),
      finalized:
        finalized === undefined
          ? undefined
          : {
              totals: finalized.totals,
              symbolCount: finalized.members.size,
              memberFrequencies: ids.map((id) => finalized.members.get(id) ?? 0),
            },
    };
  }

  affinities(ids: readonly number[]): EmotiveRecord[] {
    const rows = [...this.now.symbols.values()];
    return ids.map((id) => [...(rows.find((other) => other.id === id)?.affinity ?? [])]);
  }
}
