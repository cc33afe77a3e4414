/**
 * Reference twin of the metrics over an ensemble (semantics §8), formula by formula in the order of the text, over plain lists and Sets.
 * Slow and obvious; for tests only.
 */
import type { FuturePotential, Prediction } from "../../src/engine-types.ts";
import type { BruteMember } from "./brute.ts";
import { type BruteKb, bruteAverage, type Events } from "./brute-kb.ts";

type Numbers = { -readonly [K in keyof Prediction]: Prediction[K] };

const occurrences = (list: readonly string[], symbol: string): number => list.filter((other) => other === symbol).length;
const distinct = (list: readonly string[]): string[] => [...new Set(list)];
const total = (numbers: readonly number[]): number => numbers.reduce((sum, value) => sum + value, 0);
const quotient = (a: number, b: number): number => (b === 0 ? 0 : a / b);

export function ensembleMetrics(
  kb: BruteKb,
  stm: Events,
  members: readonly BruteMember[],
  emotive: string | undefined,
): { predictions: Prediction[]; futurePotentials: FuturePotential[] } {
  const state = stm.flat();
  const U = kb.totals.total_unique_patterns;
  const T = kb.totals.total_pattern_frequencies;
  const V = kb.symbols.size;
  const frequency = ({ pattern }: BruteMember): number => Math.max(1, pattern.frequency);
  const F = total(members.map(frequency));
  const pr = (symbol: string): number => quotient(kb.symbols.get(symbol)?.patternMemberFrequency ?? 0, U);
  const table = new Set(members.flatMap(({ match }) => [...match.flat.matches, ...match.missing.flat()]));

  // §8.1
  const weight = (symbol: string): number => {
    if (!state.includes(symbol)) return 0;
    const counters = kb.symbols.get(symbol);
    const affinity = counters?.affinity.get(emotive ?? "") ?? 0;
    return counters !== undefined && affinity !== 0 ? Math.abs(affinity) / counters.frequency + 0.01 : 0.01;
  };
  const weigh = (list: readonly string[]): number => total(list.map(weight));

  const predictions = members.map((member): Numbers => {
    const { pattern, match } = member;
    const f = frequency(member);
    const P = pattern.events.flat();
    const PF = match.present.flat();
    const w = weigh(match.flat.matches);
    const extras = match.extras.flat();

    // §8.2
    const inTable = (list: readonly string[]): string[] => distinct(list).filter((symbol) => table.has(symbol));
    const length = (list: readonly string[]): number =>
      Math.sqrt(total(inTable(list).map((symbol) => (pr(symbol) * occurrences(list, symbol)) ** 2)));
    const dot = total(inTable(state).map((symbol) => pr(symbol) ** 2 * occurrences(state, symbol) * occurrences(PF, symbol)));
    const cos = quotient(dot, length(state) * length(PF));

    // §8.4, §8.5 over present, or over the whole pattern as finalize-training saw it
    const snapshot = kb.finalized !== undefined && pattern.patternId < kb.finalized.below ? kb.finalized : undefined;
    const list = snapshot === undefined ? PF : P;
    const base = snapshot === undefined ? V : snapshot.symbolCount;
    const prThen = (symbol: string): number =>
      snapshot === undefined ? pr(symbol) : (snapshot.memberFrequencies.get(symbol) ?? 0) / snapshot.totals.total_unique_patterns;
    const share = (symbol: string): number => occurrences(list, symbol) / list.length;
    const expect = (p: number, log: number): number => (p > 0 && log > 0 ? -p * (Math.log(p) / log) : 0);
    const documents = (symbol: string): number => (table.has(symbol) ? Math.max(1, Math.trunc(pr(symbol) * U)) : 1);

    const prediction: Numbers = {
      type: "prototypical",
      name: pattern.name,
      frequency: f,
      emotives: [...bruteAverage(pattern.emotives)],
      matches: match.flat.matches,
      past: match.past,
      present: match.present,
      future: match.future,
      missing: match.missing,
      extras: match.extras,
      anomalies: match.anomalies,
      sequence: pattern.events,
      evidence: match.evidence,
      confidence: match.confidence,
      similarity: match.similarity,
      fragmentation: match.fragmentation,
      snr: match.snr,
      itfdf_similarity: F === 0 ? 0 : 1 - (1 - cos) * (f / F),
      // §8.3
      confluence:
        PF.length === 0 ? 0 : quotient(f, T) * (1 - PF.reduce((product, symbol) => product * (pr(symbol) === 0 ? 1e-10 : pr(symbol)), 1)),
      entropy: total(distinct(list).map((symbol) => expect(share(symbol), Math.LN2))),
      normalized_entropy: base <= 1 ? 0 : total(distinct(list).map((symbol) => expect(share(symbol), Math.log(base)))),
      global_normalized_entropy: base <= 1 ? 0 : total(distinct(list).map((symbol) => expect(prThen(symbol), Math.log(base)))),
      tfidf_score:
        list.length === 0 || U === 0
          ? 0
          : total(distinct(list).map((symbol) => share(symbol) * (Math.log2(U / documents(symbol)) + 1))) / distinct(list).length,
      pattern_probability: quotient(f, F),
      weighted_strength: quotient(match.similarity * f, F),
      predictive_information: 0,
      bayesian_prior: quotient(f, F),
      bayesian_likelihood: match.similarity,
      bayesian_posterior: 0,
      weighted_similarity: emotive === undefined || weigh(state) + weigh(P) === 0 ? null : (2 * w) / (weigh(state) + weigh(P)),
      weighted_evidence: emotive === undefined ? null : quotient(w, weigh(P)),
      weighted_confidence: emotive === undefined ? null : quotient(w, weigh(PF)),
      weighted_snr: emotive === undefined ? null : quotient(w, w + weigh(extras)),
      potential: 0,
    };
    // §8.8
    const evidence = prediction.weighted_evidence ?? prediction.evidence;
    const confidence = prediction.weighted_confidence ?? prediction.confidence;
    const snr = prediction.weighted_snr ?? prediction.snr;
    const frag = prediction.fragmentation === -1 ? 0 : 1 / (prediction.fragmentation + 1);
    prediction.potential = (evidence + confidence) * snr + prediction.itfdf_similarity + frag;
    return prediction;
  });

  // §8.7
  const evidenceOfAll = total(predictions.map((p) => p.similarity * p.bayesian_prior));
  for (const p of predictions) p.bayesian_posterior = quotient(p.similarity * p.bayesian_prior, evidenceOfAll);

  // §8.6
  const keyOf = (future: Events): string =>
    JSON.stringify(future.map((event) => [...event].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))));
  const groups = new Map<string, Numbers[]>();
  for (const p of predictions) {
    if (p.future.length > 0) groups.set(keyOf(p.future), [...(groups.get(keyOf(p.future)) ?? []), p]);
  }
  const G = (group: readonly Numbers[]): number => total(group.map((p) => p.frequency * p.similarity));
  const W = total([...groups.values()].map(G));
  const futurePotentials: (FuturePotential & { key: string })[] = [];
  for (const [key, group] of groups) {
    const share = quotient(G(group), W);
    for (const p of group) p.predictive_information = quotient(p.weighted_strength, share);
    futurePotentials.push({
      key,
      future: group[0]!.future,
      aggregate_potential: share,
      supporting_patterns: group.length,
      total_weighted_frequency: G(group),
    });
  }
  futurePotentials.sort(
    (a, b) => Math.round(b.aggregate_potential * 1e9) - Math.round(a.aggregate_potential * 1e9) || (a.key < b.key ? -1 : 1),
  );
  return { predictions, futurePotentials: futurePotentials.map(({ key: _, ...rest }) => rest) };
}
