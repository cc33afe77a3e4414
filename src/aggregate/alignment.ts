/**
 * Lays a pattern against a state: what matched, which of the pattern's events are past, present and future, what is missing and surplus.
 * The blocks come from the kernels; similarity does not come from here (Q10). Pure, O(pattern + state), with fuzzy tokens O(pattern · state).
 * Source: reference semantics §7.2–7.5.
 */
import type { Anomaly } from "../engine-types.ts";
import { type Event, flatten } from "../model/event.ts";
import type { PartnerRatios } from "./aggregate-input.ts";

export interface Alignment {
  /** Observed symbols that found their place, in order, with repeats. */
  readonly matches: readonly string[];
  readonly past: readonly Event[];
  readonly present: readonly Event[];
  readonly future: readonly Event[];
  /** Per present event, its symbols whose value is not among the matches. */
  readonly missing: readonly Event[];
  /** Fuzzy pairs that are not identical. */
  readonly anomalies: readonly Anomaly[];
  readonly blockCount: number;
  /** Surplus symbols of the state by position, as snr counts them; the published extras go by value (Q14). */
  readonly flatExtrasCount: number;
}

export interface BasicRatios {
  readonly evidence: number;
  readonly confidence: number;
  readonly snr: number;
  readonly fragmentation: number;
}

/** `blocks`: matching blocks without terminator, three numbers each. `partners`: null without fuzzy tokens. */
export function align(
  events: readonly Event[],
  state: readonly string[],
  blocks: ArrayLike<number>,
  partners: PartnerRatios | null,
): Alignment {
  const { matches, anomalies } = matchesOf(events, state, blocks, partners);
  const [pastCount, presentEnd] = splitEvents(events, blocks, matches);
  const present = events.slice(pastCount, presentEnd);
  return {
    matches,
    anomalies,
    past: events.slice(0, pastCount),
    present,
    future: events.slice(presentEnd),
    missing: without(present, matches),
    blockCount: blocks.length / 3,
    flatExtrasCount: state.length - matches.length,
  };
}

/** Per event of the state, its symbols whose value occurs nowhere in the present. */
export function extrasOf(state: readonly Event[], present: readonly Event[]): readonly Event[] {
  return without(state, flatten(present));
}

const NO_SYMBOLS: Event = Object.freeze([]);
/** Up to so many symbols looking through them costs less than a set of them. */
const FEW = 16;

/** Per event, its symbols that are not among `symbols`. Events of which all or nothing is left are not copied. */
function without(events: readonly Event[], symbols: readonly string[]): readonly Event[] {
  const set = symbols.length > FEW ? new Set(symbols) : undefined;
  const isLeft = (symbol: string): boolean => !(set === undefined ? symbols.includes(symbol) : set.has(symbol));
  return events.map((event) => {
    if (event.length === 1) return isLeft(event[0]!) ? event : NO_SYMBOLS;
    return event.filter(isLeft);
  });
}

/** Ratios of one alignment: `patternLength` and `presentLength` in symbols. */
export function basicRatios(
  { matches, flatExtrasCount, blockCount }: Pick<Alignment, "matches" | "flatExtrasCount" | "blockCount">,
  patternLength: number,
  presentLength: number,
): BasicRatios {
  const twice = 2 * matches.length;
  return {
    evidence: matches.length / patternLength,
    confidence: presentLength === 0 ? 0 : matches.length / presentLength,
    snr: twice + flatExtrasCount === 0 ? 0 : (twice - flatExtrasCount) / (twice + flatExtrasCount),
    fragmentation: blockCount - 1,
  };
}

function matchesOf(
  events: readonly Event[],
  state: readonly string[],
  blocks: ArrayLike<number>,
  partners: PartnerRatios | null,
): { matches: string[]; anomalies: Anomaly[] } {
  const matches: string[] = [];
  const anomalies: Anomaly[] = [];
  // Without a block nothing matches, with fuzzy tokens neither.
  if (partners === null || blocks.length === 0) {
    for (let b = 0; b < blocks.length; b += 3) {
      const from = blocks[b + 1]!;
      for (let at = from; at < from + blocks[b + 2]!; at++) matches.push(state[at]!);
    }
    return { matches, anomalies };
  }
  // Many observed symbols may have the same partner, in any order (Q11).
  const distinct = new Set(flatten(events));
  for (const observed of state) {
    const partner = bestPartner(distinct, partners.get(observed));
    if (partner === undefined) continue;
    matches.push(observed);
    if (partner.expected !== observed) anomalies.push({ observed, ...partner });
  }
  return { matches, anomalies };
}

/** The symbol with the highest ratio, the first in the pattern on ties. */
function bestPartner(
  distinct: ReadonlySet<string>,
  ratios: ReadonlyMap<string, number> | undefined,
): { expected: string; similarity: number } | undefined {
  if (ratios === undefined) return undefined;
  let best: { expected: string; similarity: number } | undefined;
  for (const expected of distinct) {
    const similarity = ratios.get(expected);
    if (similarity !== undefined && (best === undefined || similarity > best.similarity)) best = { expected, similarity };
  }
  return best;
}

/** Index of the first present event, and of the first future one. */
function splitEvents(events: readonly Event[], blocks: ArrayLike<number>, matches: readonly string[]): [present: number, future: number] {
  // Without a block the whole pattern is present.
  if (blocks.length === 0) return [0, events.length];
  const matchFrom = blocks[0]!;
  const matchTo = blocks[blocks.length - 3]! + blocks[blocks.length - 1]!;
  let index = 0;
  let passed = 0;
  while (passed < matchFrom) passed += events[index++]!.length;
  let present = index;
  while (passed < matchTo) passed += events[index++]!.length;
  // A match that begins inside an event: that event is present, not past. Tested by value, so it also happens by coincidence (Q13).
  if (present > 0 && matches.length > 0 && events[present - 1]!.includes(matches[0]!)) present--;
  return [present, index];
}
