/**
 * The metrics of a member once the whole ensemble has been seen: all of them for one that is answered, one alone for ranking the others. Source:
 * reference semantics §8.
 */
import type { RankMetric } from "../model/session-config.ts";
import type { EnsembleFigures } from "./ensemble-figures.ts";
import type { FutureGroup, Futures } from "./future-potentials.ts";
import type { Member, Metrics } from "./member.ts";
import { potential, type WeightedRatios } from "./metrics.ts";

/** A member and the group of its future; none without a future. */
export interface Scored {
  readonly member: Member;
  readonly group: FutureGroup | undefined;
}

export class MemberMetrics {
  readonly #figures: EnsembleFigures;
  readonly #futures: Futures;
  readonly #posteriorSum: number;
  readonly #weigh: ((member: Member) => WeightedRatios) | undefined;

  /** `posteriorSum`: similarity times probability over the ensemble. `weigh`: where an emotive is chosen. */
  constructor(figures: EnsembleFigures, futures: Futures, posteriorSum: number, weigh: ((member: Member) => WeightedRatios) | undefined) {
    this.#figures = figures;
    this.#futures = futures;
    this.#posteriorSum = posteriorSum;
    this.#weigh = weigh;
  }

  /** One metric, 0 where it has no value. What does not need the symbols of the member does not look at them. */
  one(metric: RankMetric, scored: Scored): number {
    const { member } = scored;
    const { ratios, winner, frequency } = member;
    switch (metric) {
      case "frequency":
        return frequency;
      case "similarity":
      case "bayesian_likelihood":
        return winner.similarity;
      case "evidence":
      case "confidence":
      case "snr":
      case "fragmentation":
        return ratios[metric];
      case "potential":
        return this.#potential(member, this.#figures.itfdfOf(member), this.#weigh?.(member));
      case "itfdf_similarity":
        return this.#figures.itfdfOf(member);
      default:
        return this.all(scored)[metric] ?? 0;
    }
  }

  all({ member, group }: Scored): Metrics {
    const { winner, frequency, ratios } = member;
    const { similarity } = winner;
    const figures = this.#figures;
    const own = figures.metricsOf(member);
    const itfdf = figures.itfdfOf(member);
    const probability = frequency / figures.frequency;
    const weighted = this.#weigh?.(member);
    return {
      frequency,
      similarity,
      evidence: ratios.evidence,
      confidence: ratios.confidence,
      snr: ratios.snr,
      fragmentation: ratios.fragmentation,
      potential: this.#potential(member, itfdf, weighted),
      itfdf_similarity: itfdf,
      confluence: own.confluence,
      entropy: own.entropy,
      normalized_entropy: own.normalized_entropy,
      global_normalized_entropy: own.global_normalized_entropy,
      tfidf_score: own.tfidf_score,
      pattern_probability: probability,
      weighted_strength: similarity * probability,
      predictive_information: this.#futures.predictiveInformation(group, similarity * probability),
      bayesian_prior: probability,
      bayesian_likelihood: similarity,
      bayesian_posterior: this.#posteriorSum === 0 ? 0 : (similarity * probability) / this.#posteriorSum,
      weighted_similarity: weighted === undefined ? null : weighted.weighted_similarity,
      weighted_evidence: weighted === undefined ? null : weighted.weighted_evidence,
      weighted_confidence: weighted === undefined ? null : weighted.weighted_confidence,
      weighted_snr: weighted === undefined ? null : weighted.weighted_snr,
    };
  }

  #potential({ ratios }: Member, itfdf: number, weighted: WeightedRatios | undefined): number {
    const { evidence, confidence, snr, fragmentation } = ratios;
    if (weighted === undefined) return potential(evidence, confidence, snr, itfdf, fragmentation);
    return potential(weighted.weighted_evidence, weighted.weighted_confidence, weighted.weighted_snr, itfdf, fragmentation);
  }
}
