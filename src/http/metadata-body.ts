/**
 * Metadata: any JSON object, within bounds of size and depth, and without lone surrogates. One walk that never goes deeper than the
 * limit; the exact size is only measured when a cheap upper bound does not already show that it fits.
 */
import { isObject } from "./coercion.ts";
import type { Issues, Loc } from "./issues.ts";
import type { HttpLimits } from "./limits.ts";

const NO_METADATA: Readonly<Record<string, unknown>> = Object.freeze({});

/** The longest text of a number: sign, 17 digits, point, exponent with sign and three digits, and what padding JSON.stringify adds. */
const NUMBER_CHARS_MAX = 26;
/** A UTF-16 unit in JSON text: `\u0000`. */
const JSON_BYTES_PER_UNIT_MAX = 6;

type Fault = "depth" | "unicode";

/** Upper bound of the JSON text in bytes, or what is wrong. */
function bound(value: unknown, depth: number): number | Fault {
  if (typeof value === "string") return value.isWellFormed() ? value.length * JSON_BYTES_PER_UNIT_MAX + 2 : "unicode";
  if (typeof value !== "object" || value === null) return NUMBER_CHARS_MAX;
  if (depth === 0) return "depth";
  let sum = 2;
  if (Array.isArray(value)) {
    for (const item of value) {
      const size = bound(item, depth - 1);
      if (typeof size === "string") return size;
      sum += size + 1;
    }
    return sum;
  }
  for (const key of Object.keys(value)) {
    if (!key.isWellFormed()) return "unicode";
    const size = bound((value as Record<string, unknown>)[key], depth - 1);
    if (typeof size === "string") return size;
    sum += size + key.length * JSON_BYTES_PER_UNIT_MAX + 4;
  }
  return sum;
}

export function readMetadata(
  value: unknown,
  loc: Loc,
  limits: Pick<HttpLimits, "metadataBytesMax" | "metadataDepthMax">,
  issues: Issues,
): Readonly<Record<string, unknown>> {
  if (value === undefined) return NO_METADATA;
  if (!isObject(value)) {
    issues.add("dict_type", loc, value);
    return NO_METADATA;
  }
  const size = bound(value, limits.metadataDepthMax);
  if (size === "depth") issues.addValue(loc, `Metadata may be nested ${limits.metadataDepthMax} levels deep, not deeper`, null);
  else if (size === "unicode") issues.add("string_unicode", loc, null);
  else if (size > limits.metadataBytesMax) {
    const exact = Buffer.byteLength(JSON.stringify(value));
    if (exact > limits.metadataBytesMax) issues.addLimit(loc, "bytes of metadata as JSON", limits.metadataBytesMax, exact);
  }
  return value;
}
