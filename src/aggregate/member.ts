/**
 * One match of the ensemble on its way to a prediction: its alignment, and the metrics as they become known. Passed around only inside the
 * aggregate; most members never become predictions, so nothing here is made that only an answer needs.
 */
import type { Prediction } from "../engine-types.ts";
import { averageEmotives } from "../model/emotives.ts";
import { type Event, flatten } from "../model/event.ts";
import type { RankMetric } from "../model/session-config.ts";
import type { AggregateInput, Winner } from "./aggregate-input.ts";
import { type Alignment, align, type BasicRatios, basicRatios, extrasOf } from "./alignment.ts";
import { type WeightedRatios, weightedRatios } from "./metrics.ts";

export interface Member {
  readonly winner: Winner;
  readonly frequency: number;
  readonly alignment: Alignment;
  /** Published present, flattened. */
  readonly present: readonly string[];
  readonly pattern: readonly string[];
  readonly ratios: BasicRatios;
}

/** Every number of a prediction; names as on the wire, so that a ranking metric is a key of it. */
export type Metrics = Pick<Prediction, RankMetric | "entropy" | "pattern_probability" | "weighted_strength">;

export function makeMember(winner: Winner, state: readonly string[], partners: AggregateInput["partners"]): Member {
  const pattern = flatten(winner.events);
  const alignment = align(winner.events, state, winner.blocks, partners);
  const present = flatten(alignment.present);
  return {
    winner,
    frequency: Math.max(1, winner.frequency),
    alignment,
    present,
    pattern,
    ratios: basicRatios(alignment, pattern.length, present.length),
  };
}

/** `weight` is a symbol's weight under the chosen emotive; `stateWeight` that of the whole state. */
export function weighMember(
  { alignment, present, pattern }: Member,
  state: readonly Event[],
  stateWeight: number,
  weight: (symbol: string) => number,
): WeightedRatios {
  const sum = (symbols: readonly string[]): number => symbols.reduce((total, symbol) => total + weight(symbol), 0);
  return weightedRatios({
    matches: sum(alignment.matches),
    state: stateWeight,
    pattern: sum(pattern),
    present: sum(present),
    extras: sum(flatten(extrasOf(state, alignment.present))),
  });
}

/** The published object, fields in the wire's order. Spelled out: spreading objects together costs several times as much. */
export function toPrediction({ winner, alignment }: Member, state: readonly Event[], metrics: Metrics): Prediction {
  return {
    type: "prototypical",
    name: winner.name,
    frequency: metrics.frequency,
    emotives: averageEmotives(winner.emotives),
    matches: alignment.matches,
    past: alignment.past,
    present: alignment.present,
    future: alignment.future,
    missing: alignment.missing,
    extras: extrasOf(state, alignment.present),
    anomalies: alignment.anomalies,
    sequence: winner.events,
    evidence: metrics.evidence,
    confidence: metrics.confidence,
    similarity: metrics.similarity,
    fragmentation: metrics.fragmentation,
    snr: metrics.snr,
    confluence: metrics.confluence,
    potential: metrics.potential,
    predictive_information: metrics.predictive_information,
    entropy: metrics.entropy,
    normalized_entropy: metrics.normalized_entropy,
    global_normalized_entropy: metrics.global_normalized_entropy,
    itfdf_similarity: metrics.itfdf_similarity,
    tfidf_score: metrics.tfidf_score,
    pattern_probability: metrics.pattern_probability,
    weighted_strength: metrics.weighted_strength,
    bayesian_posterior: metrics.bayesian_posterior,
    bayesian_prior: metrics.bayesian_prior,
    bayesian_likelihood: metrics.bayesian_likelihood,
    weighted_similarity: metrics.weighted_similarity,
    weighted_evidence: metrics.weighted_evidence,
    weighted_confidence: metrics.weighted_confidence,
    weighted_snr: metrics.weighted_snr,
  };
}
