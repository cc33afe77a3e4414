/**
 * What the ensemble as a whole says about symbols: the table of symbol probabilities, and the metrics of one member that need no sum over
 * other members. The table holds the symbols of every member's matches and published missing, no others: a symbol of the state that
 * appears in neither counts as probability 0 (§8), and one of a finalized pattern's past or future as standing in one pattern (Q30).
 * Source: reference semantics §8.
 */
import { EngineError } from "../errors.ts";
import type { AggregateInput, Winner } from "./aggregate-input.ts";
import type { Member } from "./member.ts";
import {
  confluence,
  cosine,
  countSymbols,
  documentCount,
  entropy,
  globalNormalizedEntropy,
  itfdfSimilarity,
  normalizedEntropy,
  type SymbolCounts,
  squaredLength,
  tfidfScore,
} from "./metrics.ts";

/** Metrics that need the table and the sum of frequencies, and nothing of other members. */
export interface SymbolMetrics {
  readonly confluence: number;
  readonly entropy: number;
  readonly normalized_entropy: number;
  readonly global_normalized_entropy: number;
  readonly tfidf_score: number;
}

export class EnsembleFigures {
  readonly #input: AggregateInput;
  readonly #stateCounts: SymbolCounts;
  /** pr of the symbols of the ensemble. */
  readonly #table = new Map<string, number>();
  #stateSquaredLength = 0;
  /** F: sum of frequencies. */
  frequency = 0;

  constructor(input: AggregateInput, state: readonly string[]) {
    this.#input = input;
    this.#stateCounts = countSymbols(state);
  }

  /** First pass: every member, before any of the questions below. */
  add(member: Member): void {
    this.frequency += member.frequency;
    for (const symbol of member.alignment.matches) this.#enter(symbol);
    for (const event of member.alignment.missing) for (const symbol of event) this.#enter(symbol);
  }

  #enter(symbol: string): void {
    if (this.#table.has(symbol)) return;
    const figures = this.#input.symbols.get(symbol);
    // A symbol that was observed may be unknown to the kb (a fuzzy match); one of a pattern may not.
    if (figures === undefined && !this.#stateCounts.has(symbol)) {
      throw new EngineError("ENGRAM_INTERNAL", "A pattern holds a symbol whose counters were not read.");
    }
    const { total_unique_patterns: patternCount } = this.#input.totals;
    this.#table.set(symbol, figures === undefined || patternCount === 0 ? 0 : figures.patternMemberFrequency / patternCount);
  }

  /** Between the passes. */
  seal(): void {
    this.#stateSquaredLength = squaredLength(this.#stateCounts, this.#probability);
  }

  readonly #probability = (symbol: string): number => this.#table.get(symbol) ?? 0;

  readonly #documents = (symbol: string): number => {
    const probability = this.#table.get(symbol);
    return probability === undefined ? 1 : documentCount(probability, this.#input.totals.total_unique_patterns);
  };

  /** Second pass: likeness of the state and the present, weighted by how rare the member is. */
  itfdfOf(member: Member): number {
    const cos = cosine(this.#stateCounts, this.#stateSquaredLength, countSymbols(member.present), this.#probability);
    return itfdfSimilarity(cos, member.frequency, this.frequency);
  }

  /** Second pass: the others. */
  metricsOf(member: Member): SymbolMetrics {
    const { totals, symbolCount } = this.#input;
    const present = countSymbols(member.present);
    const then = this.#finalizedFor(member.winner);
    // For a pattern that finalize-training covered: over the whole pattern, with the counters of that moment; idf alone is of now. §8.9
    const counts = then === undefined ? present : countSymbols(member.pattern);
    const length = then === undefined ? member.present.length : member.pattern.length;
    const base = then === undefined ? symbolCount : then.symbolCount;
    const probability = then === undefined ? this.#probability : then.probability;
    return {
      confluence: confluence(member.frequency, totals.total_pattern_frequencies, member.present, this.#probability),
      entropy: entropy(counts, length),
      normalized_entropy: normalizedEntropy(counts, length, base),
      global_normalized_entropy: globalNormalizedEntropy(counts.keys(), probability, base),
      tfidf_score: tfidfScore(counts, length, totals.total_unique_patterns, this.#documents),
    };
  }

  #finalizedFor(winner: Winner): { symbolCount: number; probability: (symbol: string) => number } | undefined {
    const { finalized, symbols } = this.#input;
    if (finalized === undefined || winner.patternId >= finalized.below) return undefined;
    const probability = (symbol: string): number => {
      const figures = symbols.get(symbol);
      if (figures === undefined) throw new EngineError("ENGRAM_INTERNAL", "A pattern holds a symbol whose counters were not read.");
      return figures.finalizedMemberFrequency / finalized.totals.total_unique_patterns;
    };
    return { symbolCount: finalized.symbolCount, probability };
  }
}
