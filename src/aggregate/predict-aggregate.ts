/**
 * From the winners of a scan to the answer: align each, sum over the ensemble, fill in every metric, rank, cut. Runs on the main thread in
 * slices of a few milliseconds, since 10,000 predictions asked are 30,000 winners. Sums run in the order of names, so the answer does not
 * depend on the order in which winners come. Of a winner that is not answered only the metric that ranks is computed. Cost: about 25 µs a
 * winner of a dozen symbols that is also answered (0.5 s for 20,000), a third of it for one that is not.
 * Source: reference semantics §5, §8, §9.
 */
import type { FuturePotential, Prediction } from "../engine-types.ts";
import { flatten } from "../model/event.ts";
import type { AggregateInput } from "./aggregate-input.ts";
import { EnsembleFigures } from "./ensemble-figures.ts";
import { Futures } from "./future-potentials.ts";
import { type Member, makeMember, toPrediction, weighMember } from "./member.ts";
import { MemberMetrics, type Scored } from "./member-metrics.ts";
import { affinityWeight, type WeightedRatios } from "./metrics.ts";
import { compareRanked, effectiveMetric, rankValue } from "./rank.ts";
import { sortInSlices, type TimeSlices } from "./time-slices.ts";

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
export async function aggregate(input: AggregateInput, slices: TimeSlices): Promise<Aggregated> {
  const { config } = input;
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
  const scored: Scored[] = [];
  for (const member of members) {
    const { frequency, alignment, winner } = member;
    posteriorSum += winner.similarity * (frequency / figures.frequency);
    scored.push({ member, group: futures.add(alignment.future, frequency, winner.similarity) });
    if (slices.over) await slices.next();
  }

  const metric = effectiveMetric(config.rank_sort_algo, weigh !== undefined);
  const metrics = new MemberMetrics(figures, futures, posteriorSum, weigh);
  const unranked: { name: string; value: number; scored: Scored }[] = [];
  for (const one of scored) {
    unranked.push({ name: one.member.winner.name, value: rankValue(metrics.one(metric, one)), scored: one });
    if (slices.over) await slices.next();
  }

  const ranked = await sortInSlices(unranked, compareRanked, slices);
  const predictions: Prediction[] = [];
  for (const { scored: one } of ranked.slice(0, config.max_predictions)) {
    predictions.push(toPrediction(one.member, input.state, metrics.all(one)));
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
