/**
 * What the ensemble expects next: predictions grouped by their future, each group's share of the weighted frequency, and how much of its
 * group a prediction carries. Two futures are the same when equal after sorting the symbols inside each event. Source: semantics §8.6.
 */
import type { FuturePotential } from "../engine-types.ts";
import { compareSymbols, type Event } from "../model/event.ts";
import { compareRanked, rankValue } from "./rank.ts";
import { sortInSlices, type TimeSlices } from "./time-slices.ts";

/** Symbols of these characters alone are their own JSON text: printable ASCII without the double quote and the backslash. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** A future as ASCII JSON with every event sorted: equal for equal futures. Its SHA-1 is what KATO calls the future's key. */
export function futureText(future: readonly Event[]): string {
  let text = "[";
  for (const event of future) {
    const sorted = event.length > 1 ? [...event].sort(compareSymbols) : event;
    text += text === "[" ? "[" : ", [";
    for (let i = 0; i < sorted.length; i++) text += i === 0 ? asciiString(sorted[i]!) : `, ${asciiString(sorted[i]!)}`;
    text += "]";
  }
  return `${text}]`;
}

/** A JSON string in ASCII alone. JSON.stringify writes short escapes as Python does; what it leaves beyond the tilde is escaped here. */
function asciiString(symbol: string): string {
  if (PLAIN.test(symbol)) return `"${symbol}"`;
  return JSON.stringify(symbol).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export interface FutureGroup {
  readonly text: string;
  readonly future: readonly Event[];
  /** G: sum of frequency × similarity. */
  weight: number;
  members: number;
}

/** Collects an ensemble's futures; sums run in the order of `add`. */
export class Futures {
  readonly #groups = new Map<string, FutureGroup>();
  /** W: sum of G over groups. */
  #total = 0;
  /** F: sum of frequencies, of predictions without a future too. */
  #frequency = 0;

  /** Adds a prediction and answers its group; undefined for an empty future, which belongs to none. */
  add(future: readonly Event[], frequency: number, similarity: number): FutureGroup | undefined {
    this.#frequency += frequency;
    if (future.length === 0) return undefined;
    const text = futureText(future);
    let group = this.#groups.get(text);
    if (group === undefined) {
      group = { text, future, weight: 0, members: 0 };
      this.#groups.set(text, group);
    }
    group.weight += frequency * similarity;
    group.members++;
    this.#total += frequency * similarity;
    return group;
  }

  /** The share of a prediction's weighted strength in its group's potential; after all were added. 0 without a future. */
  predictiveInformation(group: FutureGroup | undefined, weightedStrength: number): number {
    if (group === undefined || group.weight === 0) return 0;
    return weightedStrength / (group.weight / this.#total);
  }

  /** Greatest potential first (compared to nine decimals), then by the text of the future. Potentials are 0 where nothing is similar. */
  async potentials(slices: TimeSlices): Promise<FuturePotential[]> {
    if (this.#frequency === 0) return [];
    const ranked = [];
    for (const group of this.#groups.values()) {
      const potential = this.#total === 0 ? 0 : group.weight / this.#total;
      ranked.push({ group, potential, name: group.text, value: rankValue(potential) });
    }
    const sorted = await sortInSlices(ranked, compareRanked, slices);
    return sorted.map(({ group, potential }) => ({
      future: group.future,
      aggregate_potential: potential,
      supporting_patterns: group.members,
      total_weighted_frequency: group.weight,
    }));
  }
}
