/**
 * Reference twin of matching one pattern against a state (semantics §7), written from the text: LCS table, difflib blocks, diff of present
 * against state, event alignment. Slow and obvious; for tests only.
 */
import { matchingBlocks } from "./blocks.ts";
import type { Events } from "./brute-kb.ts";
import { lcsLength } from "./lcs.ts";
import { indelRatio } from "./ratio.ts";

export interface BruteMatch {
  readonly similarity: number;
  readonly blocks: [number, number, number][];
  readonly flat: {
    readonly matches: string[];
    readonly past: string[];
    readonly present: string[];
    readonly missing: string[];
    readonly extras: string[];
  };
  readonly anomalies: { observed: string; expected: string; similarity: number }[];
  readonly past: Events;
  readonly present: Events;
  readonly future: Events;
  readonly missing: Events;
  readonly extras: Events;
  readonly evidence: number;
  readonly confidence: number;
  readonly snr: number;
  readonly fragmentation: number;
}

const EPSILON = 1e-9;

/** §7.1 */
export function bruteSimilarity(pattern: readonly string[], state: readonly string[], tokenLevel: boolean): number {
  if (!tokenLevel) return indelRatio(pattern.join(" "), state.join(" "));
  return (2 * lcsLength(pattern, state)) / (pattern.length + state.length);
}

/** §7.2–7.5; "belowThreshold" or "withoutBlocks" says why the pattern is no match. `fuzzy`: 0 is off. */
export function bruteMatch(
  events: Events,
  stm: Events,
  settings: { readonly tokenLevel: boolean; readonly recallThreshold: number; readonly fuzzy: number },
): BruteMatch | "belowThreshold" | "withoutBlocks" {
  const pattern = events.flat();
  const state = stm.flat();
  const similarity = bruteSimilarity(pattern, state, settings.tokenLevel);
  if (similarity < settings.recallThreshold - EPSILON) return "belowThreshold";
  const blocks = matchingBlocks(pattern, state);
  const first = blocks[0];
  const last = blocks.at(-1);
  if ((first === undefined || last === undefined) && settings.recallThreshold > 0) return "withoutBlocks";

  const flatPast = first === undefined ? [] : pattern.slice(0, first[0]);
  const flatPresent = first === undefined || last === undefined ? pattern : pattern.slice(first[0], last[0] + last[2]);
  let matches = blocks.flatMap(([, j, n]) => state.slice(j, j + n));
  let { missing, extras } = diff(flatPresent, state);
  const anomalies: BruteMatch["anomalies"] = [];
  if (settings.fuzzy > 0 && blocks.length > 0) {
    const partners = state.map((symbol) => partnerOf(symbol, pattern, settings.fuzzy));
    matches = state.filter((_, i) => partners[i] !== undefined);
    extras = state.filter((_, i) => partners[i] === undefined);
    const taken = new Set(partners.map((partner) => partner?.symbol));
    missing = flatPresent.filter((symbol) => !taken.has(symbol));
    state.forEach((observed, i) => {
      const partner = partners[i];
      if (partner !== undefined && partner.symbol !== observed) {
        anomalies.push({ observed, expected: partner.symbol, similarity: partner.ratio });
      }
    });
  }

  // §7.4: an event is past when it begins before the end of flat past, present when it begins before the end of flat present.
  const begins = events.map((_, i) => events.slice(0, i).flat().length);
  let past = events.filter((_, i) => begins[i]! < flatPast.length);
  let present = events.filter((_, i) => begins[i]! >= flatPast.length && begins[i]! < flatPast.length + flatPresent.length);
  const future = events.slice(past.length + present.length);
  const lastPast = past.at(-1);
  if (lastPast !== undefined && matches.length > 0 && lastPast.includes(matches[0]!)) {
    past = past.slice(0, -1);
    present = [lastPast, ...present];
  }

  const m = matches.length;
  const x = extras.length;
  const r = present.flat().length;
  return {
    similarity,
    blocks,
    flat: { matches, past: flatPast, present: flatPresent, missing, extras },
    anomalies,
    past,
    present,
    future,
    missing: present.map((event) => event.filter((symbol) => !matches.includes(symbol))),
    extras: stm.map((event) => event.filter((symbol) => !present.flat().includes(symbol))),
    evidence: m / pattern.length,
    confidence: r > 0 ? m / r : 0,
    snr: 2 * m + x > 0 ? (2 * m - x) / (2 * m + x) : 0,
    fragmentation: blocks.length - 1,
  };
}

/** Symbols on one side only, in order. */
function diff(present: readonly string[], state: readonly string[]): { missing: string[]; extras: string[] } {
  const blocks = matchingBlocks(present, state);
  return {
    missing: present.filter((_, at) => !blocks.some(([i, , n]) => at >= i && at < i + n)),
    extras: state.filter((_, at) => !blocks.some(([, j, n]) => at >= j && at < j + n)),
  };
}

function partnerOf(symbol: string, pattern: readonly string[], threshold: number): { symbol: string; ratio: number } | undefined {
  const rated = pattern.map((other) => ({ symbol: other, ratio: other === symbol ? 1 : indelRatio(symbol, other) }));
  const best = Math.max(...rated.map(({ ratio }) => ratio));
  return best >= threshold - EPSILON ? rated.find(({ ratio }) => ratio === best) : undefined;
}
