/** What the aggregate is told: the winners of a scan with their counters, and what the kb knows of the symbols in them. Values only. */
import type { EmotiveRecord } from "../model/emotives.ts";
import type { Event } from "../model/event.ts";
import type { EffectiveConfig } from "../model/session-config.ts";

/** A match of the ensemble, with symbols as text and the pattern's counters. */
export interface Winner {
  /** Bare name: 40 hex digits. */
  readonly name: string;
  readonly patternId: number;
  readonly similarity: number;
  readonly events: readonly Event[];
  /** Matching blocks without terminator, three numbers each: start in the pattern, start in the state, size. */
  readonly blocks: ArrayLike<number>;
  /** As stored; 0 is read as 1. */
  readonly frequency: number;
  /** Stored emotive records, newest last. */
  readonly emotives: readonly EmotiveRecord[];
}

/** A candidate of the one-symbol path: a pattern that begins with the symbol. */
export type OneSymbolCandidate = Omit<Winner, "patternId" | "similarity" | "blocks">;

/** Counters of one symbol of the kb. */
export interface SymbolFigures {
  readonly frequency: number;
  /** pmf: in how many distinct patterns it stands. */
  readonly patternMemberFrequency: number;
  /** pmf at the last finalize-training; 0 where there was none, or the symbol came later. */
  readonly finalizedMemberFrequency: number;
  /** Summed affinity for the chosen emotive; 0 where there is none, or none was chosen. */
  readonly affinity: number;
}

/** The counters of a kb that metrics divide by. */
interface KbFigures {
  /** U: patterns known. */
  readonly total_unique_patterns: number;
  /** T: learns that brought a new pattern (Q9). */
  readonly total_pattern_frequencies: number;
}

/** Observed symbol → symbol of a pattern → their character ratio, where it reaches the fuzzy threshold (1 for the identical symbol). */
export type PartnerRatios = ReadonlyMap<string, ReadonlyMap<string, number>>;

type AggregateConfig = Pick<EffectiveConfig, "max_predictions" | "rank_sort_algo" | "affinity_emotive">;

export interface AggregateInput {
  /** The short-term memory: two symbols at least. */
  readonly state: readonly Event[];
  /** The ensemble, in any order, each pattern once. */
  readonly winners: readonly Winner[];
  /**
   * Every symbol of the winners, and those of the state that the kb knows. Affinity is needed for the state's symbols alone (Q15).
   */
  readonly symbols: ReadonlyMap<string, SymbolFigures>;
  readonly totals: KbFigures;
  /** V: distinct symbols the kb knows. */
  readonly symbolCount: number;
  /** The last finalize-training: patterns with an id below `below` have entropies and term frequencies of that moment. */
  readonly finalized: { readonly below: number; readonly totals: KbFigures; readonly symbolCount: number } | undefined;
  /** null when fuzzy tokens are off. */
  readonly partners: PartnerRatios | null;
  readonly config: AggregateConfig;
}

export interface OneSymbolInput {
  readonly symbol: string;
  /** Every pattern whose very first symbol it is, in any order, each once. */
  readonly candidates: readonly OneSymbolCandidate[];
  /** Every symbol of the candidates, with affinity where an emotive is chosen. Not read otherwise. */
  readonly symbols: ReadonlyMap<string, SymbolFigures>;
  readonly config: Pick<EffectiveConfig, "max_predictions" | "affinity_emotive" | "use_token_matching">;
}
