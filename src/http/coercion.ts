/**
 * Lax input: what KATO's clients may send where a number or a boolean is wanted. Numeric strings and booleans become numbers, an
 * integral float an integer, "yes" a boolean; a number never becomes a string. A refused value answers with the type of its issue.
 * Source: Pydantic's lax mode, docs/wire.md. NaN and infinities are refused in every spelling.
 */
import type { Issues, IssueType, Loc } from "./issues.ts";

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INTEGER = /^[+-]?\d+(?:\.0*)?$/;
const TRUE_WORDS = new Set(["1", "on", "t", "true", "y", "yes"]);
const FALSE_WORDS = new Set(["0", "off", "f", "false", "n", "no"]);

/** Digits a number may be written with in a string; longer ones are no numbers but text. */
const NUMBER_CHARS_MAX = 400;

/** A finite number, or why not. */
export function toFloat(value: unknown): number | IssueType {
  if (typeof value === "number") return Number.isFinite(value) ? value : "finite_number";
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value !== "string") return "float_type";
  const text = value.length > NUMBER_CHARS_MAX ? "" : value.trim();
  if (/^[+-]?(?:nan|inf|infinity)$/i.test(text)) return "finite_number";
  if (!DECIMAL.test(text)) return "float_parsing";
  const number = Number(text);
  return Number.isFinite(number) ? number : "finite_number";
}

/** An integer that a double holds exactly, or why not. */
export function toInteger(value: unknown): number | IssueType {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) return "finite_number";
    return Number.isSafeInteger(value) ? value + 0 : Number.isInteger(value) ? "int_parsing" : "int_from_float";
  }
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value !== "string") return "int_type";
  const text = value.length > NUMBER_CHARS_MAX ? "" : value.trim();
  if (!INTEGER.test(text)) return "int_parsing";
  const number = Number(text) + 0;
  return Number.isSafeInteger(number) ? number : "int_parsing";
}

/** A boolean, or why not. */
export function toBoolean(value: unknown): boolean | IssueType {
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return value === 1 ? true : value === 0 ? false : "bool_parsing";
  if (typeof value !== "string") return "bool_type";
  const word = value.length > 5 ? value : value.toLowerCase();
  return TRUE_WORDS.has(word) ? true : FALSE_WORDS.has(word) ? false : "bool_parsing";
}

/** A flag of a body: absent means false. */
export function readFlag(value: unknown, loc: Loc, issues: Issues): boolean {
  if (value === undefined) return false;
  const flag = toBoolean(value);
  if (typeof flag === "boolean") return flag;
  issues.add(flag, loc, value);
  return false;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
