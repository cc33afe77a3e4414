/**
 * Kinds of settings: how each reads text, what it accepts and how that is said. The table itself is `config-schema.ts`.
 */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One setting. `T` is the type of its value in `Config`. */
export interface Setting<T> {
  /** Value where nobody sets one. */
  readonly fallback: T;
  /** How the documentation prints the default, where the value itself would be of this machine. */
  readonly fallbackText?: string;
  readonly unit: string;
  /** What is allowed, as a sentence's end: "an integer from 1 to 100". */
  readonly allowed: string;
  /** True when a value (from a file, or made of text by `fromText`) may stand. */
  readonly accepts: (value: unknown) => boolean;
  /** Text of the environment or a flag as a value; text that means nothing stays text and is refused by `accepts`. */
  readonly fromText: (text: string) => unknown;
  /** Never printed. */
  readonly secret: boolean;
  /** Names of KATO's (or the platform's) own environment that mean the same; ENGRAM_ names win over them. */
  readonly katoNames: readonly string[];
  /** Where the text is not simply the first set name of `katoNames`. */
  readonly fromKato?: (env: Environment) => string | undefined;
  readonly about: string;
}

interface Common<T> {
  readonly fallback: T;
  readonly fallbackText?: string;
  readonly about: string;
  readonly katoNames?: readonly string[];
  readonly fromKato?: (env: Environment) => string | undefined;
  readonly secret?: boolean;
}

const fill = <T>(common: Common<T>) => ({ secret: false, katoNames: [], ...common });

const numberOfText = (text: string): unknown => (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : text);

export function integer<T extends number | undefined = number>(
  common: Common<NoInfer<T>> & { min: number; max?: number; unit?: string },
): Setting<T> {
  const { min, max = Number.MAX_SAFE_INTEGER, unit = "", ...rest } = common;
  return {
    ...fill<T>(rest as Common<T>),
    unit,
    allowed: common.max === undefined ? `an integer, ${min} or more` : `an integer from ${min} to ${max}`,
    accepts: (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
    fromText: numberOfText,
  };
}

export function real<T extends number | undefined = number>(common: Common<NoInfer<T>> & { min: number; max?: number }): Setting<T> {
  const { min, max = Number.MAX_VALUE, ...rest } = common;
  return {
    ...fill<T>(rest as Common<T>),
    unit: "",
    allowed: common.max === undefined ? `a number, ${min} or more` : `a number from ${min} to ${max}`,
    accepts: (value) => typeof value === "number" && value >= min && value <= max,
    fromText: numberOfText,
  };
}

export function boolean(common: Common<boolean>): Setting<boolean> {
  const words = new Map([
    ...["true", "1", "yes", "on"].map((w) => [w, true] as const),
    ...["false", "0", "no", "off"].map((w) => [w, false] as const),
  ]);
  return {
    ...fill(common),
    unit: "",
    allowed: "true or false",
    accepts: (value) => typeof value === "boolean",
    fromText: (text) => words.get(text.toLowerCase()) ?? text,
  };
}

export function text<T extends string | undefined = string>(common: Common<NoInfer<T>> & { pattern: RegExp; allowed: string }): Setting<T> {
  const { pattern, allowed, ...rest } = common;
  return {
    ...fill<T>(rest as Common<T>),
    unit: "",
    allowed,
    accepts: (value) => typeof value === "string" && pattern.test(value),
    fromText: (value) => value,
  };
}

/** One of a list of words. `spell` maps what people write to the word meant. */
export function choice<T extends string | undefined>(
  words: readonly (T & string)[],
  common: Common<NoInfer<T>> & { spell?: (text: string) => string },
): Setting<T> {
  const { spell = (word: string) => word, ...rest } = common;
  return {
    ...fill<T>(rest as Common<T>),
    unit: "",
    allowed: `one of ${words.join(", ")}`,
    accepts: (value) => (words as readonly unknown[]).includes(value),
    fromText: spell,
  };
}

/** A list of words; as text, with commas between, or `none`. */
export function words<T extends string>(allowedWords: readonly T[], common: Common<readonly T[]>): Setting<readonly T[]> {
  return {
    ...fill(common),
    unit: "",
    allowed: `a list of ${allowedWords.join(", ")} (as text: with commas between, or none)`,
    accepts: (value) => Array.isArray(value) && value.every((word) => (allowedWords as readonly unknown[]).includes(word)),
    fromText: (list) => (list.trim() === "none" ? [] : list.split(",").map((word) => word.trim())),
  };
}
