/**
 * Questions for the demo: words of a pronouncing dictionary as they are, cut short, and misheard. Pure and seeded, so that a run can be
 * repeated. The dictionary: CMU Pronouncing Dictionary (npm `cmu-pronouncing-dictionary`), sounds in ARPAbet.
 */

/**
 * A word's sounds; marks of stress are left off, so that words that sound alike are one pattern, and so are remarks behind a `#` ("name,
 * irish").
 */
export const soundsOf = (pronunciation: string): string[] =>
  pronunciation
    .replace(/#.*$|\d/g, "")
    .trim()
    .split(" ");

/** `bank(2)`, a second pronunciation, is still the word `bank`. */
export const wordOf = (entry: string): string => entry.replace(/\(\d+\)$/, "");

export interface Question {
  readonly kind: "exact" | "cut short" | "misheard";
  readonly word: string;
  /** The sounds asked. */
  readonly sounds: readonly string[];
  /** The word's true sounds. */
  readonly truth: readonly string[];
}

export type Dictionary = Readonly<Record<string, string>>;

/** Words by their sounds with spaces between, to name what was recalled. */
export function wordsBySounds(dictionary: Dictionary): ReadonlyMap<string, readonly string[]> {
  const index = new Map<string, string[]>();
  for (const [entry, pronunciation] of Object.entries(dictionary)) {
    const key = soundsOf(pronunciation).join(" ");
    const words = index.get(key);
    const word = wordOf(entry);
    if (words === undefined) index.set(key, [word]);
    else if (!words.includes(word)) words.push(word);
  }
  return index;
}

/** Random numbers in [0, 1) from a 32-bit seed: a linear congruence (multiplier of Numerical Recipes) with its high bits mixed down. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) >>> 0;
    return ((mixed ^ (mixed >>> 12)) >>> 0) / 2 ** 32;
  };
}

/** About the first two thirds of the sounds. */
export const cutShort = (sounds: readonly string[]): string[] => sounds.slice(0, Math.max(2, Math.ceil((sounds.length * 2) / 3)));

/** One sound, not the first, replaced by another of `inventory`. */
export function mishear(sounds: readonly string[], inventory: readonly string[], random: () => number): string[] {
  const at = 1 + Math.floor(random() * (sounds.length - 1));
  const others = inventory.filter((sound) => sound !== sounds[at]);
  return sounds.map((sound, i) => (i === at ? others[Math.floor(random() * others.length)]! : sound));
}

/** Fixed questions that read well, whatever the seed. */
const FIXED: readonly (readonly [Question["kind"], string])[] = [
  ["exact", "philosophy"],
  ["cut short", "encyclopedia"],
  ["cut short", "mississippi"],
  ["misheard", "umbrella"],
  ["misheard", "education"],
];

/** The shortest word worth asking for: of fewer sounds too many words resemble each other. */
const SOUNDS_MIN = 6;

/** The fixed questions, then `random` more, a third of each kind. */
export function questionsOf(dictionary: Dictionary, random: number, seed: number): Question[] {
  const next = seeded(seed);
  const entries = Object.keys(dictionary);
  const inventory = [...new Set(Object.values(dictionary).flatMap(soundsOf))].sort();
  const ask = (kind: Question["kind"], entry: string): Question => {
    const truth = soundsOf(dictionary[entry]!);
    const sounds = kind === "exact" ? truth : kind === "cut short" ? cutShort(truth) : mishear(truth, inventory, next);
    return { kind, word: wordOf(entry), sounds, truth };
  };
  const questions = FIXED.filter(([, word]) => dictionary[word] !== undefined).map(([kind, word]) => ask(kind, word));
  const kinds = ["exact", "cut short", "misheard"] as const;
  const long = entries.filter((entry) => soundsOf(dictionary[entry]!).length >= SOUNDS_MIN);
  for (let i = 0; i < random && long.length > 0; i++) questions.push(ask(kinds[i % 3]!, long[Math.floor(next() * long.length)]!));
  return questions;
}
