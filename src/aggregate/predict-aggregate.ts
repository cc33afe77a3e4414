/**
 * From the winners of a scan to the answer: align each, sum over the ensemble, fill in every metric, rank, cut. Runs on the main thread in
 * slices of a few milliseconds, since 10,000 predictions asked are 30,000 winners. Sums run in the order of names, so the answer does not
 * depend on the order in which winners come. Cost: about ten microseconds a winner of a dozen symbols. Source: reference semantics §5, §8, §9.
 */
import type { FuturePotential, Prediction } from "../engine-types.ts";
import { flatten } from "../model/event.ts";
import type { AggregateInput } from "./aggregate-input.ts";
import { EnsembleFigures } from "./ensemble-figures.ts";
import { Futures } from "./future-potentials.ts";
import { type EnsembleMetrics, type Member, makeMember, toPrediction, weighMember } from "./member.ts";
import { affinityWeight, potential, type WeightedRatios } from "./metrics.ts";
import { compareRanked, effectiveMetric, rankValue } from "./rank.ts";
import { type SliceOptions, sortInSlices, TimeSlices } from "./time-slices.ts";

export interface Aggregated {
  /** At most `max_predictions`, best first. */
  readonly predictions: readonly Prediction[];
  /** Over the whole ensemble, before the cut. */
  readonly futurePotentials: readonly FuturePotential[];
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
  const scored = [];
  for (const member of members) {
    const { frequency, ratios, alignment, winner } = member;
    const probability = frequency / figures.frequency;
    const own = figures.metricsOf(member);
    const weighted = weigh?.(member);
    const { evidence, confidence, snr } = weighted === undefined ? ratios : unprefixed(weighted);
    posteriorSum += winner.similarity * probability;
    scored.push({
      member,
      own,
      weighted,
      probability,
      group: futures.add(alignment.future, frequency, winner.similarity),
      potential: potential(evidence, confidence, snr, own.itfdf_similarity, ratios.fragmentation),
    });
    if (slices.over) await slices.next();
  }

  const metric = effectiveMetric(config.rank_sort_algo, weigh !== undefined);
  const unranked = [];
  for (const { member, own, weighted, probability, group, potential } of scored) {
    const { similarity, name } = member.winner;
    const metrics: EnsembleMetrics = {
      ...own,
      potential,
      pattern_probability: probability,
      weighted_strength: similarity * probability,
      predictive_information: futures.predictiveInformation(group, similarity * probability),
      bayesian_prior: probability,
      bayesian_likelihood: similarity,
      bayesian_posterior: posteriorSum === 0 ? 0 : (similarity * probability) / posteriorSum,
    };
    const all = { ...member.ratios, ...metrics, ...weighted, similarity, frequency: member.frequency };
    const value = (all as Partial<Record<typeof metric, number | null>>)[metric] ?? 0;
    unranked.push({ name, value: rankValue(value), member, metrics, weighted });
    if (slices.over) await slices.next();
  }

  const ranked = await sortInSlices(unranked, compareRanked, slices);
  const predictions: Prediction[] = [];
  for (const { member, metrics, weighted } of ranked.slice(0, config.max_predictions)) {
    predictions.push(toPrediction(member, input.state, metrics, weighted));
    if (slices.over) await slices.next();
  }
  return { predictions, futurePotentials: futures.potentials(), cut: ranked.length - predictions.length };
}

const unprefixed = (weighted: WeightedRatios) => ({
  evidence: weighted.weighted_evidence,
  confidence: weighted.weighted_confidence,
  snr: weighted.weighted_snr,
});

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
