/**
 * From the winners of a scan to the answer: align each, sum over the ensemble, fill in every metric, rank, cut. Runs on the main thread in
 * slices of a few milliseconds, since 10,000 predictions asked are 30,000 winners. Sums run in the order of names, so the answer does not
 * depend on the order in which winners come. Cost: about 25 µs a winner of a dozen symbols that is also answered (0.5 s for 20,000).
 * Source: reference semantics §5, §8, §9.
 */
import type { FuturePotential, Prediction } from "../engine-types.ts";
import { flatten } from "../model/event.ts";
import type { AggregateInput } from "./aggregate-input.ts";
import { EnsembleFigures, type SymbolMetrics } from "./ensemble-figures.ts";
import { type FutureGroup, Futures } from "./future-potentials.ts";
import { type Member, type Metrics, makeMember, toPrediction, weighMember } from "./member.ts";
import { affinityWeight, potential, type WeightedRatios } from "./metrics.ts";
import { compareRanked, effectiveMetric, rankValue } from "./rank.ts";
import { type SliceOptions, sortInSlices, TimeSlices } from "./time-slices.ts";

export interface Aggregated {
  /** At most `max_predictions`, best first. */
  readonly predictions: readonly Prediction[];
  /** Over the whole ensemble, before the cut. */
  readonly futurePotentials: readonly FuturePotential[];
  /** The whole ensemble, best first. */
  readonly ranked: readonly { readonly name: string }[];
  /** Members of the ensemble that are not among the predictions. */
  readonly cut: number;
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number => (a.name < b.name ? -1 : 1);

/** For a state of two symbols or more. Errors: ENGRAM_ABORTED, ENGRAM_DEADLINE (between slices), ENGRAM_INTERNAL for counters left out. */
export async function aggregate(input: AggregateInput, options: SliceOptions = {}): Promise<Aggregated> {
  const { config } = input;
  const slices = new TimeSlices(options);
  const state = flatten(input.state);
  const winners = await sortInSlices(input.winners, byName, slices);

  const figures = new EnsembleFigures(input, state);
  const members: Member[] = [];
  for (const winner of winners) {
    const member = makeMember(winner, state, input.partners);
    figures.add(member);
    members.push(member);
    if (slices.over) await slices.next();
  }
  figures.seal();

  const weigh = weigher(input, state);
  const futures = new Futures();
  let posteriorSum = 0;
  const scored: { member: Member; own: SymbolMetrics; group: FutureGroup | undefined }[] = [];
  for (const member of members) {
    const { frequency, alignment, winner } = member;
    posteriorSum += winner.similarity * (frequency / figures.frequency);
    const group = futures.add(alignment.future, frequency, winner.similarity);
    scored.push({ member, own: figures.metricsOf(member), group });
    if (slices.over) await slices.next();
  }

  const metric = effectiveMetric(config.rank_sort_algo, weigh !== undefined);
  const unranked: { name: string; value: number; member: Member; metrics: Metrics }[] = [];
  for (const { member, own, group } of scored) {
    const { winner, frequency, ratios } = member;
    const { similarity, name } = winner;
    const probability = frequency / figures.frequency;
    const weighted = weigh?.(member);
    const potentialOf =
      weighted === undefined
        ? potential(ratios.evidence, ratios.confidence, ratios.snr, own.itfdf_similarity, ratios.fragmentation)
        : potential(
            weighted.weighted_evidence,
            weighted.weighted_confidence,
            weighted.weighted_snr,
            own.itfdf_similarity,
            ratios.fragmentation,
          );
    const metrics: Metrics = {
      frequency,
      similarity,
      evidence: ratios.evidence,
      confidence: ratios.confidence,
      snr: ratios.snr,
      fragmentation: ratios.fragmentation,
      potential: potentialOf,
      itfdf_similarity: own.itfdf_similarity,
      confluence: own.confluence,
      entropy: own.entropy,
      normalized_entropy: own.normalized_entropy,
      global_normalized_entropy: own.global_normalized_entropy,
      tfidf_score: own.tfidf_score,
      pattern_probability: probability,
      weighted_strength: similarity * probability,
      predictive_information: futures.predictiveInformation(group, similarity * probability),
      bayesian_prior: probability,
      bayesian_likelihood: similarity,
      bayesian_posterior: posteriorSum === 0 ? 0 : (similarity * probability) / posteriorSum,
      weighted_similarity: weighted === undefined ? null : weighted.weighted_similarity,
      weighted_evidence: weighted === undefined ? null : weighted.weighted_evidence,
      weighted_confidence: weighted === undefined ? null : weighted.weighted_confidence,
      weighted_snr: weighted === undefined ? null : weighted.weighted_snr,
    };
    unranked.push({ name, value: rankValue(metrics[metric] ?? 0), member, metrics });
    if (slices.over) await slices.next();
  }

  const ranked = await sortInSlices(unranked, compareRanked, slices);
  const predictions: Prediction[] = [];
  for (const { member, metrics } of ranked.slice(0, config.max_predictions)) {
    predictions.push(toPrediction(member, input.state, metrics));
    if (slices.over) await slices.next();
  }
  return { predictions, futurePotentials: await futures.potentials(slices), ranked, cut: ranked.length - predictions.length };
}

/** Weighted ratios of a member, where an emotive is chosen. Symbols outside the state weigh nothing (Q15). */
function weigher(input: AggregateInput, state: readonly string[]): ((member: Member) => WeightedRatios) | undefined {
  if (input.config.affinity_emotive === undefined) return undefined;
  const weights = new Map<string, number>();
  for (const symbol of state) {
    const known = input.symbols.get(symbol);
    weights.set(symbol, known === undefined ? affinityWeight(0, 0) : affinityWeight(known.affinity, known.frequency));
  }
  const weight = (symbol: string): number => weights.get(symbol) ?? 0;
  const stateWeight = state.reduce((sum, symbol) => sum + weight(symbol), 0);
  return (member) => weighMember(member, input.state, stateWeight, weight);
}
