/**
 * The canonical form of a pattern and its name: SHA-1 over the text that Python prints for a list of lists of strings, so that names agree
 * byte for byte with those KATO stored. Event borders, order and repeats all count. Source: reference semantics §4.1.
 * Cost: one pass over the symbols and one hash; about a microsecond for ten short symbols.
 */
import { hash } from "node:crypto";
import type { Event } from "./event.ts";
import { isPrintable } from "./printable.ts";

/** A pattern as a learn brings it: distinct symbols in order of first appearance, and the flat sequence as indexes into them. */
export interface LearnPattern {
  /** Bare name: 40 hex digits. */
  readonly name: string;
  readonly distinct: readonly string[];
  /** For each flattened position, the index into `distinct`. */
  readonly flat: readonly number[];
  /** Cumulative count of symbols at the end of each event; the last equals `flat.length`. */
  readonly eventEnds: readonly number[];
}

/** Symbols of these characters alone are their own quoted text: printable ASCII without the single quote and the backslash. */
const PLAIN = /^[ -&(-[\]-~]*$/;
const NAMED_ESCAPES = new Map([
  ["\\", "\\\\"],
  ["\t", "\\t"],
  ["\n", "\\n"],
  ["\r", "\\r"],
]);

/** The text as Python's `repr` quotes it: double quotes where it holds a single quote and no double one, single quotes otherwise. */
export function quote(text: string): string {
  if (PLAIN.test(text)) return `'${text}'`;
  const delimiter = text.includes("'") && !text.includes('"') ? '"' : "'";
  let quoted = delimiter;
  for (const character of text) {
    quoted += character === delimiter ? `\\${character}` : (NAMED_ESCAPES.get(character) ?? escapeUnprintable(character));
  }
  return quoted + delimiter;
}

function escapeUnprintable(character: string): string {
  const code = character.codePointAt(0)!;
  if (isPrintable(code)) return character;
  const hex = code.toString(16);
  if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** The text that is hashed, for instance `[['a', 'b'], ['c']]`. */
export function patternText(events: readonly Event[]): string {
  return `[${events.map((event) => `[${event.map(quote).join(", ")}]`).join(", ")}]`;
}

/** The bare name: 40 lower-case hex digits, without `PTRN|`. */
export function patternName(events: readonly Event[]): string {
  return hash("sha1", patternText(events), "hex");
}

export function toLearnPattern(events: readonly Event[]): LearnPattern {
  const indexes = new Map<string, number>();
  const flat: number[] = [];
  const eventEnds: number[] = [];
  for (const event of events) {
    for (const symbol of event) {
      let index = indexes.get(symbol);
      if (index === undefined) {
        index = indexes.size;
        indexes.set(symbol, index);
      }
      flat.push(index);
    }
    eventEnds.push(flat.length);
  }
  return { name: patternName(events), distinct: [...indexes.keys()], flat, eventEnds };
}
