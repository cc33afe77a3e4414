/**
 * Metadata of observations as it is learned: per name the sorted set of its values as text, the text being what Python's `str` gives
 * (`True`, `None`, `1`, `0.5`, `['a', 1]`). Source: reference semantics §4.3.
 *
 * Two things are lost before this sees a value, because JSON.parse loses them: 1.0 and 1 are the same number (printed `1`), and an object's
 * integer-like keys come first.
 */
import { compareSymbols } from "./event.ts";
import { quote } from "./pattern.ts";

/** Below this, Python prints a float with an exponent; JavaScript only below 1e-6. Above, the two agree: JSON integers are printed whole up to 1e21. */
const PYTHON_EXPONENT_BELOW = 1e-4;

/** Python's `str` of a JSON value: a string is itself, anything else its `repr`. */
export function pythonText(value: unknown): string {
  return typeof value === "string" ? value : pythonRepr(value);
}

function pythonRepr(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "number") return numberText(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([key, item]) => `${quote(key)}: ${pythonRepr(item)}`)
      .join(", ")}}`;
  }
  return "None";
}

function numberText(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= PYTHON_EXPONENT_BELOW) return String(value);
  // Python writes an exponent with two digits at least.
  const [digits, exponent] = value.toExponential().split("e-") as [string, string];
  return `${digits}e-${exponent.padStart(2, "0")}`;
}

/** Metadata objects of observations, oldest first → per name (in order of first appearance) the values as text, sorted by code point, each once. */
export function accumulateMetadata(
  observed: readonly Readonly<Record<string, unknown>>[],
): readonly (readonly [name: string, values: readonly string[]])[] {
  const values = new Map<string, Set<string>>();
  for (const metadata of observed) {
    for (const [name, value] of Object.entries(metadata)) {
      const texts = values.get(name) ?? new Set();
      values.set(name, texts.add(pythonText(value)));
    }
  }
  return [...values].map(([name, texts]) => [name, [...texts].sort(compareSymbols)] as const);
}
