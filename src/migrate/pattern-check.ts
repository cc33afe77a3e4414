/**
 * From loosely typed values of a foreign store to a pattern, with every doubt told: the one place where all sources are checked, so that a
 * document of MongoDB and a row of KATO are judged alike. Pure; cost: one pass over the symbols and the hash of the name.
 */
import type { ImportedPattern } from "../engine-types.ts";
import type { EmotiveRecord } from "../model/emotives.ts";
import { compareSymbols, type Event } from "../model/event.ts";
import { pythonText } from "../model/metadata.ts";
import { toLearnPattern } from "../model/pattern.ts";
import type { Problem, ProblemKind } from "./source.ts";

export interface ForeignPattern {
  /** How reports name the entry. */
  readonly entry: string;
  readonly name: unknown;
  readonly events: unknown;
  readonly frequency: unknown;
  /** A list of objects, or nothing: undefined, null, or an empty object (what KATO 2 writes when a pattern has none). */
  readonly emotives: unknown;
  readonly metadata: unknown;
}

export interface CheckLimits {
  readonly symbolsPerPatternMax: number;
  readonly symbolBytesMax: number;
  /** What a pattern without a counter is taken to have been learned; undefined: it is left out and reported. */
  readonly assumedFrequency: number | undefined;
}

export interface Checked {
  readonly pattern: ImportedPattern | undefined;
  readonly problems: readonly Problem[];
}

/** Judges one entry. A problem that leaves the pattern out comes last. */
export function checkPattern(foreign: ForeignPattern, limits: CheckLimits): Checked {
  const problems: Problem[] = [];
  const tell = (kind: ProblemKind, detail: string, leftOut: boolean): void =>
    void problems.push({ kind, entry: foreign.entry, leftOut, detail });
  const leaveOut = (kind: ProblemKind, detail: string): Checked => {
    tell(kind, detail, true);
    return { pattern: undefined, problems };
  };

  const events = eventsOf(foreign.events, limits.symbolBytesMax);
  if (typeof events === "string") return leaveOut("unreadable", events);
  const length = events.reduce((sum, event) => sum + event.length, 0);
  if (length < 2) return leaveOut("too_short", `${length} symbols`);
  if (length > limits.symbolsPerPatternMax)
    return leaveOut("too_long", `${length} symbols; a pattern may hold ${limits.symbolsPerPatternMax}`);
  const pattern = toLearnPattern(events);
  if (foreign.name !== undefined) {
    const stored = typeof foreign.name === "string" ? foreign.name.replace(/^PTRN\|/, "") : String(foreign.name);
    if (stored !== pattern.name) return leaveOut("name_mismatch", `stored as ${stored.slice(0, 80)}, its events hash to ${pattern.name}`);
  }

  let frequency = integerOf(foreign.frequency);
  if (frequency === undefined || frequency < 1) {
    if (limits.assumedFrequency === undefined) return leaveOut("no_frequency", `found ${shown(foreign.frequency)}`);
    tell("no_frequency", `found ${shown(foreign.frequency)}, taken as ${limits.assumedFrequency}`, false);
    frequency = limits.assumedFrequency;
  }
  const emotives = emotivesOf(foreign.emotives);
  if (emotives === undefined) tell("bad_emotives", `found ${shown(foreign.emotives)}; the pattern comes without`, false);
  const metadata = metadataOf(foreign.metadata);
  if (metadata === undefined) tell("bad_metadata", `found ${shown(foreign.metadata)}; the pattern comes without`, false);
  return { pattern: { pattern, frequency, emotives: emotives ?? [], metadata: metadata ?? [] }, problems };
}

const shown = (value: unknown): string => (JSON.stringify(value) ?? "nothing").slice(0, 120);

/** Non-empty events of well-formed symbols, or why they are none. */
function eventsOf(value: unknown, symbolBytesMax: number): readonly Event[] | string {
  if (!Array.isArray(value)) return `the events are ${shown(value)}, not a list`;
  const events: string[][] = [];
  for (const event of value) {
    if (!Array.isArray(event)) return `an event is ${shown(event)}, not a list of symbols`;
    for (const symbol of event) {
      if (typeof symbol !== "string") return `a symbol is ${shown(symbol)}, not a text`;
      if (!symbol.isWellFormed()) return "a symbol holds a lone surrogate, which has no UTF-8 form";
      if (symbol.length * 3 > symbolBytesMax && Buffer.byteLength(symbol) > symbolBytesMax)
        return "a symbol is longer than a symbol may be";
    }
    if (event.length > 0) events.push(event as string[]);
  }
  return events;
}

/** Whole numbers as every driver gives them: number, bigint, digits, `{ value }` and `Long`-like objects with `toString`. */
export function integerOf(value: unknown): number | undefined {
  if (value === null || value === undefined || typeof value === "boolean" || value === "") return undefined;
  const number = typeof value === "number" ? value : Number(String(value));
  return Number.isSafeInteger(number) ? number : undefined;
}

/** A finite number as a driver gives it. */
function realOf(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  const number = Number(String(value));
  return Number.isFinite(number) ? number : undefined;
}

/** One record of emotives, or undefined when it is none. */
export function emotiveRecord(value: unknown): EmotiveRecord | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const record: [string, number][] = [];
  for (const [name, raw] of Object.entries(value)) {
    const number = realOf(raw);
    if (number === undefined || !name.isWellFormed()) return undefined;
    record.push([name, number]);
  }
  return record;
}

function emotivesOf(value: unknown): EmotiveRecord[] | undefined {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return emotiveRecord(value)?.length === 0 ? [] : undefined;
  const records: EmotiveRecord[] = [];
  for (const item of value) {
    const record = emotiveRecord(item);
    if (record === undefined) return undefined;
    if (record.length > 0) records.push(record);
  }
  return records;
}

/** Per name its values as text, sorted by code point, each once; undefined when it is no object of lists. */
function metadataOf(value: unknown): [string, string[]][] | undefined {
  if (value === undefined || value === null) return [];
  if (typeof value !== "object" || Array.isArray(value)) return undefined;
  const metadata: [string, string[]][] = [];
  for (const [name, values] of Object.entries(value)) {
    if (!Array.isArray(values) || !name.isWellFormed()) return undefined;
    const texts = [...new Set(values.map(pythonText))];
    if (!texts.every((text) => text.isWellFormed())) return undefined;
    metadata.push([name, texts.sort(compareSymbols)]);
  }
  return metadata;
}
