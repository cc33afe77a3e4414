/**
 * Strings from outside: of bounded size and without lone surrogates, which have no UTF-8 form, so that two different ones would become
 * one symbol in a store. Cost: one scan of each string, none for strings that V8 keeps as Latin-1.
 */
import type { Issues, Loc } from "./issues.ts";

declare global {
  interface String {
    /** In Node 20, but not in the ES2023 library. */
    isWellFormed(): boolean;
  }
}

/** UTF-16 units become at most three bytes each. */
const UTF8_BYTES_PER_UNIT_MAX = 3;

/** Why a value cannot be a symbol (or name), or undefined when it can. */
export function symbolFault(value: unknown, bytesMax: number): "string_type" | "string_unicode" | "too_long" | undefined {
  if (typeof value !== "string") return "string_type";
  if (value.length * UTF8_BYTES_PER_UNIT_MAX > bytesMax && Buffer.byteLength(value) > bytesMax) return "too_long";
  return value.isWellFormed() ? undefined : "string_unicode";
}

/** Adds an issue for what `symbolFault` found. */
export function addSymbolFault(
  fault: "string_type" | "string_unicode" | "too_long",
  value: unknown,
  bytesMax: number,
  loc: Loc,
  issues: Issues,
): void {
  if (fault === "too_long") issues.addLimit(loc, "bytes of UTF-8 in a string", bytesMax, Buffer.byteLength(value as string));
  else issues.add(fault, loc, value);
}

/** A list of symbols as it was sent (not copied); adds an issue for every item that is none. */
export function readSymbols(
  value: unknown,
  loc: Loc,
  what: string,
  limits: { readonly symbolBytesMax: number; readonly symbolsPerObservationMax: number },
  issues: Issues,
): readonly string[] {
  if (!Array.isArray(value)) {
    issues.add("list_type", loc, value);
    return [];
  }
  if (value.length > limits.symbolsPerObservationMax) {
    issues.addLimit(loc, what, limits.symbolsPerObservationMax, value.length);
    return [];
  }
  for (let i = 0; i < value.length; i++) {
    const fault = symbolFault(value[i], limits.symbolBytesMax);
    if (fault === undefined) continue;
    addSymbolFault(fault, value[i], limits.symbolBytesMax, [...loc, i], issues);
    if (issues.full) break;
  }
  return value as string[];
}
