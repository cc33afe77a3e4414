/**
 * The plain twin of a state store's kb half: maps and loops, written from reference semantics §4 and the contract alone. No I/O, no bytes,
 * one thread. Everything is recomputed the obvious way; speed does not matter.
 */
import type { EmotiveRecord } from "../../src/model/emotives.ts";
import { compareSymbols } from "../../src/model/event.ts";
import type { PendingVector } from "../../src/model/session.ts";
import type {
  CounterSnapshot,
  EditOutcome,
  KbHead,
  LearnCommit,
  LearnResult,
  OutboxEntry,
  PatternEdit,
  PatternRecord,
  SymbolCounters,
  SymbolRow,
  SymbolSums,
} from "../../src/store/state-store.ts";

const EPOCH = 2 ** 40;

interface TwinPattern {
  id: number;
  frequency: number;
  emotives: EmotiveRecord[];
  metadata: Map<string, Set<string>>;
  /** What it added to the affinity of each of its symbols. */
  given: Map<string, number>;
}

interface TwinSymbol {
  id: number;
  symbol: string;
  frequency: number;
  member: number;
  affinity: Map<string, number>;
}

/** Per emotive the mean over the records that name it, in order of first appearance. */
function means(records: readonly EmotiveRecord[]): [name: string, mean: number][] {
  return [...new Set(records.flatMap((record) => record.map(([emotive]) => emotive)))].map((name) => {
    const values = records.flatMap((record) => record.filter(([emotive]) => emotive === name).map(([, value]) => value));
    return [name, values.slice(1).reduce((sum, value) => sum + value, values[0] as number) / values.length];
  });
}

class TwinGeneration {
  /** Everything ever learned, by id: what an edit is told of a pattern. */
  readonly content: { name: string; symbolIds: number[]; eventEnds: readonly number[] }[] = [];
  readonly deleted: number[] = [];
  readonly patterns = new Map<string, TwinPattern>();
  readonly symbols = new Map<string, TwinSymbol>();
  readonly vectors: PendingVector[] = [];
  symbolTotal = 0;
  patternTotal = 0;
  dimension = 0;
  finalized: { below: number; symbolCount: number; totals: KbHead["totals"]; members: Map<number, number> } | undefined;

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
      patternCount: now.content.length,
      deletedCount: now.deleted.length,
      symbolCount: now.symbols.size,
      goneSymbols: [...now.symbols.values()].filter(({ member }) => member === 0).length,
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

    const fresh: TwinPattern = {
      id: now.content.length,
      frequency: 0,
      emotives: [],
      metadata: new Map(),
      given: new Map(),
    };
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
      for (const [name, mean] of means(learn.emotives)) row.affinity.set(name, (row.affinity.get(name) ?? 0) + mean);
    }
    for (const [name, mean] of means(learn.emotives)) pattern.given.set(name, (pattern.given.get(name) ?? 0) + mean);
    if (isNew)
      now.content.push({
        name: learn.pattern.name,
        symbolIds: learn.pattern.flat.map((i) => symbolIds[i] as number),
        eventEnds: learn.pattern.eventEnds,
      });

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

  /** An edit of one of the patterns that are there, counted round; of one that is not where there is none. */
  editOf(at: number, change: PatternEdit["change"]): PatternEdit {
    const there = [...this.now.patterns.values()].map(({ id }) => id);
    const patternId = there.length === 0 ? 0 : (there[at % there.length] as number);
    const content = this.now.content[patternId] ?? { name: "0".repeat(40), symbolIds: [], eventEnds: [] };
    return { patternId, ...content, change };
  }

  edit(edit: PatternEdit, atMs: number): EditOutcome {
    const { now } = this;
    const pattern = now.patterns.get(edit.name);
    if (pattern === undefined || pattern.id !== edit.patternId) return "unknown";
    const { change } = edit;
    const frequency = change.kind === "delete" ? 0 : (change.frequency ?? pattern.frequency);
    const window = change.kind === "update" ? change.emotives?.slice(-change.persistence) : [];
    const symbols = [...now.symbols.values()];
    for (const id of new Set(edit.symbolIds)) {
      const row = symbols.find((symbol) => symbol.id === id) as TwinSymbol;
      row.frequency += edit.symbolIds.filter((other) => other === id).length * (frequency - pattern.frequency);
      if (change.kind === "delete") row.member -= 1;
      if (change.kind === "delete" && row.member === 0) row.affinity.clear();
      else if (window !== undefined) {
        if (row.affinity.size > 0) {
          for (const [name, value] of pattern.given) {
            const left = (row.affinity.get(name) ?? 0) - value;
            if (left === 0) row.affinity.delete(name);
            else row.affinity.set(name, left);
          }
        }
        for (const [name, mean] of means(window)) row.affinity.set(name, (row.affinity.get(name) ?? 0) + mean);
      }
    }
    now.symbolTotal += edit.symbolIds.length * (frequency - pattern.frequency);
    pattern.frequency = frequency;
    if (change.kind === "delete") {
      now.patterns.delete(edit.name);
      now.deleted.push(edit.patternId);
      now.patternTotal -= 1;
    } else {
      if (window !== undefined) {
        pattern.emotives = [...window];
        pattern.given = new Map(means(window));
      }
      if (change.metadata !== undefined) pattern.metadata = new Map(change.metadata.map(([name, values]) => [name, new Set(values)]));
    }
    this.seq += 1;
    const kept = change.kind === "update" && change.emotives !== undefined ? { ...change, emotives: window ?? [] } : change;
    this.outbox.push({ kb: this.kb, generation: this.number, seq: this.seq, atMs, kind: "edit", ...edit, change: kept });
    return "done";
  }

  /** Affinities of some of the known symbols, counted round. */
  sumsOf(sums: readonly (readonly [at: number, record: EmotiveRecord])[]): SymbolSums {
    const count = this.now.symbols.size;
    return count === 0 ? [] : sums.map(([at, record]) => [at % count, record] as const);
  }

  setAffinities(sums: SymbolSums, atMs: number): void {
    const symbols = [...this.now.symbols.values()];
    for (const [id, record] of sums) (symbols.find((symbol) => symbol.id === id) as TwinSymbol).affinity = new Map(record);
    this.seq += 1;
    this.outbox.push({ kb: this.kb, generation: this.number, seq: this.seq, atMs, kind: "affinity", sums });
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
    const below = now.content.length;
    const symbolCount = [...now.symbols.values()].filter(({ member }) => member > 0).length;
    now.finalized = {
      below,
      symbolCount,
      totals: now.totals(),
      members: new Map([...now.symbols.values()].map(({ id, member }) => [id, member])),
    };
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
              symbolCount: finalized.symbolCount,
              memberFrequencies: ids.map((id) => finalized.members.get(id) ?? 0),
            },
    };
  }

  affinities(ids: readonly number[]): EmotiveRecord[] {
    const rows = [...this.now.symbols.values()];
    return ids.map((id) => [...(rows.find((other) => other.id === id)?.affinity ?? [])]);
  }
}
