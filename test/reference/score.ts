/**
 * Reference twin of the scoring kernels: stages, similarity, threshold, matching blocks, basic ratios and key of every pattern against a
 * state, written along semantics §6 and §7, with lists and sets where the kernels have bits. Slow; for tests only.
 */
import { matchingBlocks } from "./blocks.ts";
import { jaccardCounts } from "./jaccard.ts";
import { lcsLength } from "./lcs.ts";
import { agreement, equalBands, signature } from "./minhash.ts";
import { indelRatio } from "./ratio.ts";

const EPSILON = 1e-9;

export type ReferenceStage =
  | { readonly name: "length"; readonly minRatio: number; readonly maxRatio: number }
  | { readonly name: "jaccard"; readonly threshold: number; readonly minOverlap: number }
  | { readonly name: "minhash"; readonly threshold: number }
  | { readonly name: "bloom" }
  | { readonly name: "rapidfuzz" };

export interface ReferenceQuery {
  readonly state: readonly string[];
  readonly similarity: "token" | "character";
  readonly recallThreshold: number;
  /** 0: off. */
  readonly fuzzyThreshold: number;
  readonly stages: readonly ReferenceStage[];
  readonly keepBy: "prePotential" | "similarity" | "evidence" | "confidence" | "snr" | "fragmentation";
}

export interface ReferencePattern {
  readonly name: string;
  readonly events: readonly (readonly string[])[];
}

export interface ReferenceMatch<P> {
  readonly pattern: P;
  readonly similarity: number;
  readonly blocks: readonly (readonly [number, number, number])[];
  readonly evidence: number;
  readonly confidence: number;
  readonly snr: number;
  readonly fragmentation: number;
  readonly key: number;
}

export interface ReferenceScores<P> {
  /** How many are left after each stage. */
  readonly stagesOut: readonly number[];
  readonly belowThreshold: number;
  readonly withoutBlocks: number;
  /** Greatest key first, then smaller name. */
  readonly matches: readonly ReferenceMatch<P>[];
}

export function scoreReference<P extends ReferencePattern>(query: ReferenceQuery, patterns: readonly P[]): ReferenceScores<P> {
  let candidates = patterns;
  const stagesOut = query.stages.map((stage) => {
    candidates = candidates.filter((pattern) => passesStage(stage, query, pattern.events.flat()));
    return candidates.length;
  });
  let belowThreshold = 0;
  let withoutBlocks = 0;
  const matches: ReferenceMatch<P>[] = [];
  for (const pattern of candidates) {
    const symbols = pattern.events.flat();
    const similarity = similarityOf(query, symbols);
    const blocks = matchingBlocks(symbols, query.state);
    if (similarity < query.recallThreshold - EPSILON) belowThreshold++;
    else if (blocks.length === 0 && query.recallThreshold > 0) withoutBlocks++;
    else {
      const ratios = ratiosOf(query, pattern.events, blocks);
      const frag = ratios.fragmentation === -1 ? 0 : 1 / (ratios.fragmentation + 1);
      const prePotential = (ratios.evidence + ratios.confidence) * ratios.snr + frag;
      const key = { similarity, prePotential, ...ratios }[query.keepBy];
      matches.push({ pattern, similarity, blocks, ...ratios, key });
    }
  }
  matches.sort((a, b) => b.key - a.key || (a.pattern.name < b.pattern.name ? -1 : 1));
  return { stagesOut, belowThreshold, withoutBlocks, matches };
}

/** Whether a pattern of these symbols passes a stage (semantics §6). */
function passesStage(stage: ReferenceStage, query: ReferenceQuery, symbols: readonly string[]): boolean {
  const { state } = query;
  switch (stage.name) {
    case "length":
      return (
        symbols.length >= Math.max(1, Math.trunc(state.length * stage.minRatio)) &&
        symbols.length <= Math.trunc(state.length * stage.maxRatio)
      );
    case "jaccard": {
      const { intersection, union } = jaccardCounts(symbols, state);
      return intersection >= stage.minOverlap && intersection / union >= stage.threshold - EPSILON;
    }
    case "minhash": {
      const a = signature([...new Set(symbols)]);
      const b = signature([...new Set(state)]);
      return equalBands(a, b).length > 0 && agreement(a, b) / 100 >= stage.threshold - EPSILON;
    }
    case "bloom":
      return symbols.some((symbol) => state.includes(symbol));
    case "rapidfuzz":
      return similarityOf(query, symbols) >= query.recallThreshold - EPSILON && symbols.some((symbol) => state.includes(symbol));
  }
}

function similarityOf({ state, similarity }: ReferenceQuery, symbols: readonly string[]): number {
  if (similarity === "character") return indelRatio(symbols.join(" "), state.join(" "));
  return (2 * lcsLength(symbols, state)) / (symbols.length + state.length);
}

type Ratios = Pick<ReferenceMatch<unknown>, "evidence" | "confidence" | "snr" | "fragmentation">;

function ratiosOf(
  { state, fuzzyThreshold }: ReferenceQuery,
  events: readonly (readonly string[])[],
  blocks: readonly (readonly [number, number, number])[],
): Ratios {
  if (blocks.length === 0) return { evidence: 0, confidence: 0, snr: -1, fragmentation: -1 };
  const symbols = events.flat();
  const [from] = blocks[0]!;
  const [lastStart, , lastSize] = blocks.at(-1)!;
  const to = lastStart + lastSize;

  let matches = blocks.flatMap(([, j, size]) => state.slice(j, j + size));
  let extras = unmatched(symbols.slice(from, to), state);
  if (fuzzyThreshold > 0) {
    const hasPartner = (symbol: string): boolean => symbols.some((other) => indelRatio(symbol, other) >= fuzzyThreshold - EPSILON);
    matches = state.filter(hasPartner);
    extras = state.filter((symbol) => !hasPartner(symbol));
  }
  const present = presentEvents(events, from, to, matches[0]!).flat();
  const m = matches.length;
  const x = extras.length;
  return {
    evidence: m / symbols.length,
    confidence: present.length === 0 ? 0 : m / present.length,
    snr: 2 * m + x === 0 ? 0 : (2 * m - x) / (2 * m + x),
    fragmentation: blocks.length - 1,
  };
}

/** Symbols of `state` in no block of the diff of `present` and `state`. */
function unmatched(present: readonly string[], state: readonly string[]): string[] {
  const inBlock = new Set(matchingBlocks(present, state).flatMap(([, j, size]) => Array.from({ length: size }, (_, n) => j + n)));
  return state.filter((_, j) => !inBlock.has(j));
}

/** Semantics §7.4. */
function presentEvents(events: readonly (readonly string[])[], from: number, to: number, firstMatched: string): (readonly string[])[] {
  const past: (readonly string[])[] = [];
  const present: (readonly string[])[] = [];
  let passed = 0;
  for (const event of events) {
    if (passed < from) past.push(event);
    else if (passed < to) present.push(event);
    else break;
    passed += event.length;
  }
  const lastPast = past.at(-1);
  return lastPast?.includes(firstMatched) ? [lastPast, ...present] : present;
}
