/**
 * The answer to a state of exactly one symbol: every pattern that begins with it, shortest first (by potential, which is 2 + 1/N without
 * affinity). No threshold, no pipeline, no ensemble metrics, flat lists. Source: reference semantics §10.
 */
import type { OneSymbolPrediction } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { averageEmotives } from "../model/emotives.ts";
import { flatten } from "../model/event.ts";
import type { OneSymbolCandidate, OneSymbolInput } from "./aggregate-input.ts";
import { affinityWeight, prePotential, type WeightedRatios, weightedRatios } from "./metrics.ts";
import { compareRanked, rankValue } from "./rank.ts";
import { sortInSlices, type TimeSlices } from "./time-slices.ts";

export interface OneSymbolAggregated {
  /** At most `max_predictions`, best first. */
  readonly predictions: readonly OneSymbolPrediction[];
  readonly cut: number;
}

const UNWEIGHTED = { weighted_similarity: null, weighted_evidence: null, weighted_confidence: null, weighted_snr: null };

/** Errors: ENGRAM_ABORTED, ENGRAM_DEADLINE (between slices), ENGRAM_INTERNAL for counters left out. */
export async function aggregateOneSymbol(input: OneSymbolInput, slices: TimeSlices): Promise<OneSymbolAggregated> {
  const unranked = [];
  for (const candidate of input.candidates) {
    const length = candidate.events.reduce((sum, event) => sum + event.length, 0);
    const weighted = input.config.affinity_emotive === undefined ? undefined : weigh(input, candidate);
    const potential =
      weighted === undefined
        ? prePotential(1 / length, 1, 1, 0)
        : prePotential(weighted.weighted_evidence, weighted.weighted_confidence, weighted.weighted_snr, 0);
    unranked.push({ name: candidate.name, value: rankValue(potential), candidate, weighted, potential });
    if (slices.over) await slices.next();
  }
  const ranked = await sortInSlices(unranked, compareRanked, slices);
  const predictions: OneSymbolPrediction[] = [];
  for (const { candidate, weighted, potential } of ranked.slice(0, input.config.max_predictions)) {
    predictions.push(toPrediction(input, candidate, weighted, potential));
    if (slices.over) await slices.next();
  }
  return { predictions, cut: ranked.length - predictions.length };
}

/** Here every symbol of the pattern has its weight, the floor at least; nothing is surplus. */
function weigh({ symbol, symbols }: OneSymbolInput, candidate: OneSymbolCandidate): WeightedRatios {
  const weight = (of: string): number => {
    const figures = symbols.get(of);
    if (figures === undefined) throw new EngineError("ENGRAM_INTERNAL", "A pattern holds a symbol whose counters were not read.");
    return affinityWeight(figures.affinity, figures.frequency);
  };
  const own = weight(symbol);
  const pattern = flatten(candidate.events).reduce((sum, of) => sum + weight(of), 0);
  return weightedRatios({ matches: own, state: own, pattern, present: own, extras: 0 });
}

function toPrediction(
  { symbol, config }: OneSymbolInput,
  candidate: OneSymbolCandidate,
  weighted: WeightedRatios | undefined,
  potential: number,
): OneSymbolPrediction {
  const pattern = flatten(candidate.events);
  return {
    name: candidate.name,
    frequency: Math.max(1, candidate.frequency),
    emotives: averageEmotives(candidate.emotives),
    pattern_data: candidate.events,
    length: pattern.length,
    matches: [symbol],
    past: [],
    present: [symbol],
    future: pattern.slice(1),
    missing: [],
    extras: [],
    anomalies: [],
    evidence: 1 / pattern.length,
    confidence: 1,
    similarity: config.use_token_matching ? 2 / (1 + pattern.length) : characterSimilarity(symbol, pattern.join(" ")),
    fragmentation: 0,
    snr: 1,
    potential,
    ...(weighted ?? UNWEIGHTED),
  };
}

/** 2 · LCS / total code points of a text and its own beginning: the whole beginning is common. */
function characterSimilarity(beginning: string, text: string): number {
  const common = [...beginning].length;
  const total = common + [...text].length;
  return total === 0 ? 1 : (2 * common) / total;
}
