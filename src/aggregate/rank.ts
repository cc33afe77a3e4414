/**
 * The one order of answers: greatest metric first, values compared after rounding to nine decimals so that the last digits of a sum do not
 * decide, ties by name ascending. Source: reference semantics §9, Q20.
 */
import type { RankMetric } from "../model/session-config.ts";

const DECIMALS_FACTOR = 1e9;

export interface Ranked {
  /** Breaks ties, ascending. Unique, and of characters whose order is that of their UTF-16 units. */
  readonly name: string;
  /** From `rankValue`. */
  readonly value: number;
}

/** A metric as it is compared. */
export function rankValue(metric: number): number {
  return Math.round(metric * DECIMALS_FACTOR);
}

export function compareRanked(a: Ranked, b: Ranked): number {
  return b.value - a.value || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

const UNWEIGHTED = {
  weighted_similarity: "similarity",
  weighted_evidence: "evidence",
  weighted_confidence: "confidence",
  weighted_snr: "snr",
} as const;

type WeightedMetric = keyof typeof UNWEIGHTED;
const isWeighted = (metric: RankMetric): metric is WeightedMetric => Object.hasOwn(UNWEIGHTED, metric);

/** What is ranked by: without an affinity emotive a weighted metric has no values and its unweighted one stands in (Q17). */
export function effectiveMetric(metric: RankMetric, affinity: boolean): RankMetric {
  return !affinity && isWeighted(metric) ? UNWEIGHTED[metric] : metric;
}
