/**
 * JSON text by hand, where JSON.stringify would lose something: floats that keep their point (`1.0`, as Python's clients read a float),
 * pair lists that become objects (`__proto__` is a name like any other, and names keep their order), dates with microseconds.
 */
import type { EmotiveRecord } from "../model/emotives.ts";
import { type EffectiveConfig, SESSION_DEFAULTS } from "../model/session-config.ts";

/** From here on JavaScript writes an exponent, which marks a float by itself. */
const EXPONENT_FROM = 1e21;

/** A float's text: always with a point or an exponent. Throws on NaN and infinities, which JSON cannot carry. */
export function float(value: number): string {
  if (!Number.isInteger(value)) {
    if (Number.isFinite(value)) return `${value}`;
    throw new Error(`${value} has no place in JSON`);
  }
  if (value >= EXPONENT_FROM || value <= -EXPONENT_FROM) return `${value}`;
  return Object.is(value, -0) ? "-0.0" : `${value}.0`;
}

export const floatOrNull = (value: number | null): string => (value === null ? "null" : float(value));

/** Named floats as an object. */
export function emotivesText(pairs: EmotiveRecord): string {
  if (pairs.length === 0) return "{}";
  let text = "{";
  for (const [name, value] of pairs) text += `${text.length > 1 ? "," : ""}${JSON.stringify(name)}:${float(value)}`;
  return `${text}}`;
}

export const vectorsText = (vectors: readonly (readonly number[])[]): string =>
  `[${vectors.map((vector) => `[${vector.map(float).join(",")}]`).join(",")}]`;

/** Pairs whose values JSON.stringify writes rightly, as an object. */
export function pairsText(pairs: readonly (readonly [name: string, value: unknown])[]): string {
  return `{${pairs.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`;
}

/** Settings that are floats on the wire even where their value is whole. */
const FLOAT_SETTINGS: ReadonlySet<string> = new Set([
  "recall_threshold",
  "fuzzy_token_threshold",
  "length_min_ratio",
  "length_max_ratio",
  "jaccard_threshold",
  "minhash_threshold",
  "bloom_false_positive_rate",
] satisfies (keyof EffectiveConfig)[]);
const SETTINGS = [
  ...Object.keys(SESSION_DEFAULTS),
  "fuzzy_token_threshold",
  "affinity_emotive",
  "ensemble",
] as readonly (keyof EffectiveConfig)[];

/** Effective settings: 22 keys, and those without a default once they are set. */
export function configText(config: EffectiveConfig): string {
  let text = "{";
  for (const key of SETTINGS) {
    const value = config[key];
    if (value === undefined) continue;
    text += `${text.length > 1 ? "," : ""}"${key}":${FLOAT_SETTINGS.has(key) ? float(value as number) : JSON.stringify(value)}`;
  }
  return `${text}}`;
}

/** Session dates: UTC with microseconds and Z. */
export const sessionDate = (ms: number): string => `${new Date(ms).toISOString().slice(0, -1)}000Z`;
/** Other dates: UTC with microseconds and an offset. */
export const offsetDate = (ms: number): string => `${new Date(ms).toISOString().slice(0, -1)}000+00:00`;

/** Marks a number that leaves with its point. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** Plain values as JSON.stringify writes them, `Float` with its point. For small answers: a call a value. */
export function jsonText(value: unknown): string {
  if (value instanceof Float) return float(value.value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  return `{${Object.entries(value)
    .map(([key, member]) => `${JSON.stringify(key)}:${jsonText(member)}`)
    .join(",")}}`;
}
