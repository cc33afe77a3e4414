/**
 * Counters of a resident kb in memory, so that an answer needs no read of the state store: frequencies and emotives of patterns, counters of
 * symbols, totals. Nothing is read at loading: a counter is asked for once, when an answer first needs it, and kept up by the same learns
 * that changed it in the store; what a change makes uncertain is forgotten and asked again. All values are of sequence number `seq`.
 * Memory: 4 bytes a pattern, 24 a symbol, and the emotives of patterns that have some.
 */
import type { EmotiveRecord } from "../model/emotives.ts";
import type { CounterSnapshot, KbHead, OutboxEntry, SymbolCounters } from "../store/state-store.ts";

type Learn = Extract<OutboxEntry, { kind: "learn" }>;

/** A learn as far as counters care: as it stands in the outbox, or as its commit answered. */
export type LearnedCounts = Pick<Learn, "seq" | "patternId" | "isNew" | "symbolIds" | "emotives"> & {
  readonly pattern: Pick<Learn["pattern"], "flat">;
};

/** What an answer asks: patterns by id with their names, symbols by id. */
export interface CounterQuestion {
  readonly patternIds: readonly number[];
  readonly names: readonly string[];
  readonly symbolIds: readonly number[];
}

export type Counters = Pick<CounterSnapshot, "symbols" | "finalized"> & {
  readonly head: Pick<KbHead, "generation" | "deletedCount" | "totals" | "symbolCount" | "goneSymbols" | "finalizedBelow">;
  readonly patterns: readonly ({ readonly frequency: number; readonly emotives: readonly EmotiveRecord[] } | undefined)[];
};

const NO_EMOTIVES: readonly EmotiveRecord[] = [];
/** Marks a counter that was not asked for yet; counters are never negative. */
const UNASKED = -1;

class Column {
  #values = new Float64Array(1024).fill(UNASKED);

  get(index: number): number {
    return this.#values[index] ?? UNASKED;
  }

  set(index: number, value: number): void {
    if (index >= this.#values.length) {
      const longer = new Float64Array(Math.max(index + 1, this.#values.length * 2)).fill(UNASKED);
      longer.set(this.#values);
      this.#values = longer;
    }
    this.#values[index] = value;
  }

  forget(): void {
    this.#values.fill(UNASKED);
  }
}

export class KbCounters {
  readonly #frequencies = new Column();
  readonly #emotives = new Map<number, readonly EmotiveRecord[]>();
  readonly #symbols = new Column();
  readonly #members = new Column();
  readonly #finalizedMembers = new Column();
  #finalized: Pick<NonNullable<CounterSnapshot["finalized"]>, "totals" | "symbolCount"> | undefined;
  head: KbHead;

  /** `head`: the kb as it stands; its `seq` is ours. */
  constructor(head: KbHead) {
    this.head = head;
  }

  get seq(): number {
    return this.head.seq;
  }

  /** The next learn: its `seq` is ours plus one. False: it cannot be followed here, and nothing was changed; read the head again. */
  learned(learn: LearnedCounts): boolean {
    const { head } = this;
    const { patternId, isNew, symbolIds } = learn;
    // A symbol that was in no pattern any more may be in one again, and perhaps its counter is not known here.
    if (isNew && head.goneSymbols > 0) return false;
    const frequency = isNew ? 0 : this.#frequencies.get(patternId);
    // The emotives of a pattern are a window whose length belongs to each learn: read again rather than computed twice.
    const isKnown = frequency !== UNASKED && learn.emotives.length === 0;
    this.#frequencies.set(patternId, isKnown ? frequency + 1 : UNASKED);
    const occurrences = new Float64Array(symbolIds.length);
    for (const at of learn.pattern.flat) occurrences[at]!++;
    let symbolCount = head.symbolCount;
    symbolIds.forEach((id, at) => {
      const isNewSymbol = id >= head.symbolCount;
      if (isNewSymbol) {
        symbolCount = Math.max(symbolCount, id + 1);
        this.#finalizedMembers.set(id, 0);
      }
      const before = isNewSymbol ? 0 : this.#symbols.get(id);
      if (before === UNASKED) return;
      this.#symbols.set(id, before + occurrences[at]!);
      this.#members.set(id, (isNewSymbol ? 0 : this.#members.get(id)) + Number(isNew));
    });
    const { totals } = head;
    this.head = {
      ...head,
      seq: learn.seq,
      symbolCount,
      patternCount: head.patternCount + Number(isNew),
      totals: {
        total_symbols_in_patterns_frequencies: totals.total_symbols_in_patterns_frequencies + learn.pattern.flat.length,
        total_pattern_frequencies: totals.total_pattern_frequencies + Number(isNew),
        total_unique_patterns: totals.total_unique_patterns + Number(isNew),
      },
    };
    return true;
  }

  /** Forgets every counter: something changed that is not followed here. `head`: the kb as it stands. */
  reset(head: KbHead): void {
    this.head = head;
    this.#finalized = undefined;
    this.#emotives.clear();
    for (const column of [this.#frequencies, this.#symbols, this.#members, this.#finalizedMembers]) column.forget();
  }

  /** What of the question is not known here. */
  missing({ patternIds, names, symbolIds }: CounterQuestion): CounterQuestion {
    // Nearly always nothing: no list is made on the way to that.
    const patterns: number[] = [];
    for (let at = 0; at < patternIds.length; at++) if (this.#frequencies.get(patternIds[at]!) === UNASKED) patterns.push(at);
    const isFinalizedMissing = this.head.finalizedBelow > 0 && this.#finalized === undefined;
    const isUnasked = (id: number): boolean =>
      this.#symbols.get(id) === UNASKED || (this.head.finalizedBelow > 0 && this.#finalizedMembers.get(id) === UNASKED);
    return {
      patternIds: patterns.map((at) => patternIds[at]!),
      names: patterns.map((at) => names[at]!),
      symbolIds: isFinalizedMissing ? symbolIds : symbolIds.filter(isUnasked),
    };
  }

  /** Takes an answer of the state store to a part of a question, read at exactly our sequence number. */
  keep(asked: CounterQuestion, snapshot: CounterSnapshot): void {
    asked.patternIds.forEach((id, at) => {
      const record = snapshot.patterns[at];
      if (record === undefined) return;
      this.#frequencies.set(id, record.frequency);
      if (record.emotives.length > 0) this.#emotives.set(id, record.emotives);
      else this.#emotives.delete(id);
    });
    const { finalized } = snapshot;
    this.#finalized = finalized && { totals: finalized.totals, symbolCount: finalized.symbolCount };
    asked.symbolIds.forEach((id, at) => {
      const counters = snapshot.symbols[at];
      if (counters === undefined) return;
      this.#symbols.set(id, counters.frequency);
      this.#members.set(id, counters.patternMemberFrequency);
      this.#finalizedMembers.set(id, finalized?.memberFrequencies[at] ?? 0);
    });
  }

  /** The whole answer; what is not known is undefined. */
  answer({ patternIds, symbolIds }: CounterQuestion): Counters {
    const symbols = symbolIds.map((id): SymbolCounters | undefined => {
      const frequency = this.#symbols.get(id);
      return frequency === UNASKED ? undefined : { frequency, patternMemberFrequency: this.#members.get(id) };
    });
    return {
      head: this.head,
      patterns: patternIds.map((id) => {
        const frequency = this.#frequencies.get(id);
        return frequency === UNASKED ? undefined : { frequency, emotives: this.#emotives.get(id) ?? NO_EMOTIVES };
      }),
      symbols,
      finalized: this.#finalized && { ...this.#finalized, memberFrequencies: symbolIds.map((id) => this.#finalizedMembers.get(id)) },
    };
  }
}
