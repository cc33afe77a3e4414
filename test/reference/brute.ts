/**
 * Reference twin of prediction: the plain engine over all patterns of a kb, straight from semantics §5–§10. Every candidate is counted.
 * Quadratic and worse; for tests of a few dozen patterns. Independent of src/aggregate: only types are shared.
 */
import type { FuturePotential, OneSymbolPrediction, Prediction } from "../../src/engine-types.ts";
import { effectiveConfig, type RankMetric, type SessionConfig } from "../../src/model/session-config.ts";
import { type BruteKb, type BrutePattern, bruteAverage, type Events } from "./brute-kb.ts";
import { type BruteMatch, bruteMatch, bruteSimilarity } from "./brute-match.ts";
import { ensembleMetrics } from "./brute-metrics.ts";
import { brutePasses } from "./brute-stages.ts";

export { bruteKb } from "./brute-kb.ts";

export interface BruteAnswer {
  readonly predictions: readonly Prediction[] | readonly OneSymbolPrediction[];
  readonly futurePotentials: readonly FuturePotential[];
  readonly candidates: number;
  readonly dropped: { filtered: number; belowThreshold: number; withoutBlocks: number; pruned: number; cut: number };
}

export interface BruteMember {
  readonly pattern: BrutePattern;
  readonly match: BruteMatch;
}

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
const nine = (value: number): number => Math.round(value * 1e9);

export function brutePredict(request: { readonly kb: BruteKb; readonly stm: Events; readonly config?: SessionConfig }): BruteAnswer {
  const { kb, stm } = request;
  const config = effectiveConfig({}, request.config ?? {});
  const state = stm.flat();
  const dropped = { filtered: 0, belowThreshold: 0, withoutBlocks: 0, pruned: 0, cut: 0 };
  if (state.length === 0) return { predictions: [], futurePotentials: [], candidates: 0, dropped };
  if (state.length === 1) return oneSymbol(kb, state[0]!, config);

  let members: BruteMember[] = [];
  for (const pattern of kb.patterns) {
    if (!config.filter_pipeline.every((stage) => brutePasses(stage, pattern.events, stm, config))) {
      dropped.filtered += 1;
      continue;
    }
    const match = bruteMatch(pattern.events, stm, {
      tokenLevel: config.use_token_matching,
      recallThreshold: config.recall_threshold,
      fuzzy: config.fuzzy_token_threshold ?? 0,
    });
    if (typeof match === "string") dropped[match] += 1;
    else members.push({ pattern, match });
  }

  const key = ensembleKey(config.ensemble === "ranked" ? config.rank_sort_algo : "potential");
  const matched = members.length;
  if (key !== undefined) {
    members = members.sort((a, b) => key(b) - key(a) || byName(a.pattern, b.pattern)).slice(0, 3 * config.max_predictions);
  }
  dropped.pruned = matched - members.length;
  members.sort((a, b) => byName(a.pattern, b.pattern));

  const { predictions, futurePotentials } = ensembleMetrics(kb, stm, members, config.affinity_emotive);
  const metric =
    config.affinity_emotive === undefined ? (config.rank_sort_algo.replace("weighted_", "") as RankMetric) : config.rank_sort_algo;
  const value = (prediction: Prediction): number => nine(Number(prediction[metric]));
  const ranked = predictions.sort((a, b) => value(b) - value(a) || byName(a, b));
  dropped.cut = Math.max(0, ranked.length - config.max_predictions);
  return { predictions: ranked.slice(0, config.max_predictions), futurePotentials, candidates: kb.patterns.length, dropped };
}

/** What the ensemble is chosen by; undefined: everything is in it. */
function ensembleKey(metric: RankMetric): ((member: BruteMember) => number) | undefined {
  const frequency = ({ pattern }: BruteMember): number => Math.max(1, pattern.frequency);
  switch (metric) {
    case "potential":
      return ({ match: { evidence, confidence, snr, fragmentation } }) =>
        (evidence + confidence) * snr + (fragmentation === -1 ? 0 : 1 / (fragmentation + 1));
    case "similarity":
    case "bayesian_likelihood":
      return ({ match }) => match.similarity;
    case "evidence":
    case "confidence":
    case "snr":
    case "fragmentation":
      return ({ match }) => match[metric];
    case "frequency":
    case "bayesian_prior":
      return frequency;
    case "bayesian_posterior":
      return (member) => frequency(member) * member.match.similarity;
    default:
      return undefined;
  }
}

/** §10 */
function oneSymbol(kb: BruteKb, symbol: string, config: ReturnType<typeof effectiveConfig>): BruteAnswer {
  const emotive = config.affinity_emotive;
  const weight = (of: string): number => {
    const counters = kb.symbols.get(of);
    const affinity = counters?.affinity.get(emotive ?? "") ?? 0;
    return counters !== undefined && affinity !== 0 ? Math.abs(affinity) / counters.frequency + 0.01 : 0.01;
  };
  const found = kb.patterns.filter(({ events }) => events.flat()[0] === symbol);
  const predictions = found.map((pattern): OneSymbolPrediction => {
    const flat = pattern.events.flat();
    const total = flat.reduce((sum, of) => sum + weight(of), 0);
    const evidence = 1 / flat.length;
    const weighted = {
      weighted_similarity: (2 * weight(symbol)) / (weight(symbol) + total),
      weighted_evidence: weight(symbol) / total,
      weighted_confidence: 1,
      weighted_snr: 1,
    };
    const none = { weighted_similarity: null, weighted_evidence: null, weighted_confidence: null, weighted_snr: null };
    return {
      name: pattern.name,
      frequency: Math.max(1, pattern.frequency),
      emotives: [...bruteAverage(pattern.emotives)],
      pattern_data: pattern.events,
      length: flat.length,
      matches: [symbol],
      past: [],
      present: [symbol],
      future: flat.slice(1),
      missing: [],
      extras: [],
      anomalies: [],
      evidence,
      confidence: 1,
      similarity: bruteSimilarity(flat, [symbol], config.use_token_matching),
      fragmentation: 0,
      snr: 1,
      potential: (emotive === undefined ? evidence : weighted.weighted_evidence) + 2,
      ...(emotive === undefined ? none : weighted),
    };
  });
  predictions.sort((a, b) => nine(b.potential) - nine(a.potential) || byName(a, b));
  const cut = Math.max(0, predictions.length - config.max_predictions);
  return {
    predictions: predictions.slice(0, config.max_predictions),
    futurePotentials: [],
    candidates: found.length,
    dropped: { filtered: 0, belowThreshold: 0, withoutBlocks: 0, pruned: 0, cut },
  };
}
