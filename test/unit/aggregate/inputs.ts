/** Makes what the aggregate is told out of a kb of the reference twin: winners by the twins of the kernels, counters from the kb. */
import type { AggregateInput, OneSymbolInput, PartnerRatios, SymbolFigures, Winner } from "../../../src/aggregate/aggregate-input.ts";
import { align, basicRatios } from "../../../src/aggregate/alignment.ts";
import { ensembleKeyOf, ensembleLimit, type KernelKey, keepByFrequency } from "../../../src/aggregate/ensemble-key.ts";
import { prePotential } from "../../../src/aggregate/metrics.ts";
import { effectiveConfig, type SessionConfig } from "../../../src/model/session-config.ts";
import { matchingBlocks } from "../../reference/blocks.ts";
import type { BruteKb, Events } from "../../reference/brute-kb.ts";
import { bruteSimilarity } from "../../reference/brute-match.ts";
import { indelRatio } from "../../reference/ratio.ts";

const EPSILON = 1e-9;

function figuresOf(kb: BruteKb, emotive: string | undefined): Map<string, SymbolFigures> {
  return new Map(
    [...kb.symbols].map(([symbol, counters]) => [
      symbol,
      {
        frequency: counters.frequency,
        patternMemberFrequency: counters.patternMemberFrequency,
        finalizedMemberFrequency: kb.finalized?.memberFrequencies.get(symbol) ?? 0,
        affinity: emotive === undefined ? 0 : (counters.affinity.get(emotive) ?? 0),
      },
    ]),
  );
}

/** Every pair of an observed symbol and a symbol of the other list whose ratio reaches the threshold. */
export function partnersOf(observed: readonly string[], known: readonly string[], threshold: number): PartnerRatios | null {
  if (threshold === 0) return null;
  return new Map(
    observed.map((symbol) => [
      symbol,
      new Map(known.map((other) => [other, indelRatio(symbol, other)] as const).filter(([, ratio]) => ratio >= threshold - EPSILON)),
    ]),
  );
}

/** Matches of a state of two symbols or more over the whole kb (no pipeline), cut to the session's ensemble. */
export function inputOf(kb: BruteKb, stm: Events, settings: SessionConfig): AggregateInput {
  const config = effectiveConfig({}, settings);
  const state = stm.flat();
  const partners = partnersOf(state, [...kb.symbols.keys()], config.fuzzy_token_threshold ?? 0);
  const matches: (Winner & { keys: Record<KernelKey, number> })[] = [];
  for (const { name, patternId, events, frequency, emotives } of kb.patterns) {
    const pattern = events.flat();
    const similarity = bruteSimilarity(pattern, state, config.use_token_matching);
    const blocks = matchingBlocks(pattern, state).flat();
    if (similarity < config.recall_threshold - EPSILON || (blocks.length === 0 && config.recall_threshold > 0)) continue;
    const alignment = align(events, state, blocks, partners);
    const { evidence, confidence, snr, fragmentation } = basicRatios(alignment, pattern.length, alignment.present.flat().length);
    const keys = {
      similarity,
      evidence,
      confidence,
      snr,
      fragmentation,
      prePotential: prePotential(evidence, confidence, snr, fragmentation),
    };
    matches.push({ name, patternId, similarity, events, blocks, frequency, emotives, keys });
  }
  const ensemble = ensembleKeyOf(config);
  const limit = ensembleLimit(config.max_predictions);
  let winners = matches;
  if (ensemble.kind === "kernel") {
    const { key } = ensemble;
    winners = matches.sort((a, b) => b.keys[key] - a.keys[key] || (a.name < b.name ? -1 : 1)).slice(0, limit);
  } else if (ensemble.kind !== "all") winners = keepByFrequency(matches, ensemble.kind, limit);
  return {
    state: stm,
    winners: winners.map(({ keys: _, ...winner }) => winner),
    symbols: figuresOf(kb, config.affinity_emotive),
    totals: kb.totals,
    symbolCount: kb.symbols.size,
    finalized: kb.finalized,
    partners,
    config,
  };
}

export function oneSymbolInputOf(kb: BruteKb, symbol: string, settings: SessionConfig): OneSymbolInput {
  const config = effectiveConfig({}, settings);
  return {
    symbol,
    candidates: kb.patterns.filter(({ events }) => events.flat()[0] === symbol),
    symbols: figuresOf(kb, config.affinity_emotive),
    config,
  };
}
