/**
 * Which matches form the ensemble, over which sums run and from which the answer is taken. `kato`: the best 3 × `max_predictions` by
 * pre-potential, whatever the ranking. `ranked`: the best as many by the ranking metric itself, in the form that one match alone decides;
 * where a metric needs the ensemble to be known, every match is in it. Ties go to the smaller name. Source: reference semantics §5.4, Q31.
 */
import type { EffectiveConfig, RankMetric } from "../model/session-config.ts";

/** Keys that a scoring kernel computes by itself. */
export type KernelKey = "prePotential" | "similarity" | "evidence" | "confidence" | "snr" | "fragmentation";

export type EnsembleKey =
  | { readonly kind: "kernel"; readonly key: KernelKey }
  /** The pattern's frequency: known only after the counters of all matches were read. */
  | { readonly kind: "frequency" }
  /** similarity × frequency: as above. */
  | { readonly kind: "similarityTimesFrequency" }
  /** No match is left out. */
  | { readonly kind: "all" };

/** Matches in the ensemble, per prediction asked. KATO's figure. */
const ENSEMBLE_FACTOR = 3;

export function ensembleLimit(maxPredictions: number): number {
  return ENSEMBLE_FACTOR * maxPredictions;
}

/** The form of a ranking metric that needs no ensemble. */
export function ensembleKey(metric: RankMetric): EnsembleKey {
  switch (metric) {
    case "potential":
      return { kind: "kernel", key: "prePotential" };
    case "similarity":
    case "bayesian_likelihood":
      return { kind: "kernel", key: "similarity" };
    case "evidence":
    case "confidence":
    case "snr":
    case "fragmentation":
      return { kind: "kernel", key: metric };
    case "frequency":
    case "bayesian_prior":
      return { kind: "frequency" };
    case "bayesian_posterior":
      return { kind: "similarityTimesFrequency" };
    default:
      return { kind: "all" };
  }
}

/** The key of a session's ensemble: `kato` is the wire's default. */
export function ensembleKeyOf(config: Pick<EffectiveConfig, "ensemble" | "rank_sort_algo">): EnsembleKey {
  return config.ensemble === "ranked" ? ensembleKey(config.rank_sort_algo) : { kind: "kernel", key: "prePotential" };
}

/**
 * The best `limit` of matches whose frequencies had to be read first, best first: for the kinds `frequency` and `similarityTimesFrequency`.
 * A stored frequency of 0 is read as 1.
 */
export function keepByFrequency<T extends { readonly name: string; readonly similarity: number; readonly frequency: number }>(
  matches: readonly T[],
  kind: "frequency" | "similarityTimesFrequency",
  limit: number,
): T[] {
  const keyOf = (match: T): number => Math.max(1, match.frequency) * (kind === "frequency" ? 1 : match.similarity);
  return matches
    .map((match) => ({ match, key: keyOf(match) }))
    .sort((a, b) => b.key - a.key || (a.match.name < b.match.name ? -1 : 1))
    .slice(0, limit)
    .map(({ match }) => match);
}
