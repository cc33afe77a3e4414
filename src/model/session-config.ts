/**
 * Settings of a session: their type, their defaults, how an update is checked, and how it is laid over what was set before.
 * Reference semantics §1, wire names. A key left out means the default.
 */
export interface SessionConfig {
  readonly recall_threshold?: number;
  readonly persistence?: number;
  readonly max_pattern_length?: number;
  readonly max_predictions?: number;
  readonly indexer_type?: string;
  readonly stm_mode?: "CLEAR" | "ROLLING";
  readonly process_predictions?: boolean;
  readonly use_token_matching?: boolean;
  readonly rank_sort_algo?: RankMetric;
  readonly sort_symbols?: boolean;
  readonly fuzzy_token_threshold?: number;
  readonly affinity_emotive?: string;
  readonly filter_pipeline?: readonly StageName[];
  readonly length_min_ratio?: number;
  readonly length_max_ratio?: number;
  readonly jaccard_threshold?: number;
  readonly jaccard_min_overlap?: number;
  readonly minhash_threshold?: number;
  readonly minhash_bands?: number;
  readonly minhash_rows?: number;
  readonly minhash_num_hashes?: number;
  readonly bloom_false_positive_rate?: number;
  readonly max_candidates_per_stage?: number;
  readonly enable_filter_metrics?: boolean;
  /** Ours: which candidates form the ensemble. `kato`: the best by pre-potential; `ranked`: the best by the chosen ranking metric. */
  readonly ensemble?: "kato" | "ranked";
}

export const STAGE_NAMES = ["minhash", "length", "jaccard", "bloom", "rapidfuzz"] as const;
export type StageName = (typeof STAGE_NAMES)[number];

/** Ranking metrics in the order in which the wire lists them. */
export const RANK_METRICS = [
  "potential",
  "similarity",
  "evidence",
  "confidence",
  "snr",
  "fragmentation",
  "frequency",
  "normalized_entropy",
  "global_normalized_entropy",
  "itfdf_similarity",
  "confluence",
  "predictive_information",
  "bayesian_posterior",
  "bayesian_prior",
  "bayesian_likelihood",
  "tfidf_score",
  "weighted_similarity",
  "weighted_evidence",
  "weighted_confidence",
  "weighted_snr",
] as const;
export type RankMetric = (typeof RANK_METRICS)[number];

/** Defaults a session starts from (the process may set others); `fuzzy_token_threshold` and `affinity_emotive` have none. */
export const SESSION_DEFAULTS = {
  recall_threshold: 0.1,
  persistence: 5,
  max_pattern_length: 0,
  max_predictions: 100,
  indexer_type: "VI",
  stm_mode: "CLEAR",
  process_predictions: true,
  use_token_matching: true,
  rank_sort_algo: "potential",
  sort_symbols: true,
  filter_pipeline: [],
  length_min_ratio: 0.5,
  length_max_ratio: 2.0,
  jaccard_threshold: 0.3,
  jaccard_min_overlap: 2,
  minhash_threshold: 0.7,
  minhash_bands: 20,
  minhash_rows: 5,
  minhash_num_hashes: 100,
  bloom_false_positive_rate: 0.01,
  max_candidates_per_stage: 100_000,
  enable_filter_metrics: true,
} as const satisfies SessionConfig;

/** The session's settings over the defaults: what every computation uses. */
export type EffectiveConfig = Required<Omit<SessionConfig, "fuzzy_token_threshold" | "affinity_emotive" | "ensemble">> &
  Pick<SessionConfig, "fuzzy_token_threshold" | "affinity_emotive" | "ensemble">;

/** The process's defaults over the built-in ones, and the session's own settings over both. */
export function effectiveConfig(defaults: SessionConfig, own: SessionConfig): EffectiveConfig {
  return { ...SESSION_DEFAULTS, ...defaults, ...own };
}

/** A checked change of settings: a key with value null is unset, a key left out stays as it is. */
export type ConfigUpdate = { readonly [K in keyof SessionConfig]?: SessionConfig[K] | null };

/** `own` after the update. Key by key; no key ever holds undefined or null. */
export function mergeConfig(own: SessionConfig, update: ConfigUpdate): SessionConfig {
  const merged: Record<string, unknown> = { ...own };
  for (const [key, value] of Object.entries(update)) {
    if (value === null) delete merged[key];
    else if (value !== undefined) merged[key] = value;
  }
  return merged;
}

/** Stages a pipeline may list; a stage twice is harmless, a list without end is not. */
const PIPELINE_STAGES_MAX = 16;
/** Characters of an emotive's name in the settings; they are written with every save of the session. */
const EMOTIVE_NAME_CHARS_MAX = 1_024;
const INDEXER_TYPES = ["VI", "LSH", "ANNOY", "FAISS"];

/** What a rule answers when it takes a value: the value as it is kept, or null for "unset". `undefined` means refused. */
type Verdict = boolean | number | string | readonly string[] | null | undefined;

interface Rule {
  readonly text: string;
  readonly accept: (value: unknown) => Verdict;
  /** KATO checks this key in updates too, and there null is a wrong value and not a way to unset. */
  readonly nullRefused?: true;
}

/** A boolean passes for a number, as in Python: `true` is 1. */
const asNumber = (value: unknown): number => (typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : Number.NaN);

const numberBetween =
  (low: number, high: number) =>
  (value: unknown): Verdict => {
    const given = asNumber(value);
    return given >= low && given <= high ? given : undefined;
  };
const integerBetween =
  (low: number, high: number) =>
  (value: unknown): Verdict => {
    const given = asNumber(value);
    return Number.isSafeInteger(given) && given >= low && given <= high ? given : undefined;
  };
const exactly =
  (wanted: number) =>
  (value: unknown): Verdict =>
    value === wanted ? wanted : undefined;
const oneOf =
  (allowed: readonly string[]) =>
  (value: unknown): Verdict =>
    typeof value === "string" && allowed.includes(value) ? value : undefined;
const boolean = (value: unknown): Verdict => (typeof value === "boolean" ? value : undefined);

const acceptPipeline = (value: unknown): Verdict => {
  if (!Array.isArray(value) || value.length > PIPELINE_STAGES_MAX) return undefined;
  return value.every((name) => STAGE_NAMES.includes(name)) ? value : undefined;
};
/** The empty name is KATO's "no emotive": it unsets. */
const acceptEmotive = (value: unknown): Verdict => {
  if (typeof value !== "string" || value.length > EMOTIVE_NAME_CHARS_MAX || /\p{Surrogate}/u.test(value)) return undefined;
  return value === "" ? null : value;
};

const FRACTION = "Must be a number between 0.0 and 1.0";
const BOOLEAN = "Must be a boolean (true/false)";
const KB_SIGNATURE = "patterns are indexed with 20 bands of 5 rows, 100 hashes";

/** Per key what it accepts and what a refusal says. Texts of keys that KATO checks are KATO's; refusals are listed in this order. */
const RULES: Readonly<Record<keyof SessionConfig | "sort", Rule>> = {
  recall_threshold: { text: FRACTION, accept: numberBetween(0, 1), nullRefused: true },
  persistence: { text: "Must be an integer between 1 and 100", accept: integerBetween(1, 100), nullRefused: true },
  max_pattern_length: {
    text: "Must be a non-negative integer",
    accept: integerBetween(0, Number.MAX_SAFE_INTEGER),
    nullRefused: true,
  },
  max_predictions: { text: "Must be an integer between 1 and 10000", accept: integerBetween(1, 10_000), nullRefused: true },
  indexer_type: { text: `Must be one of: ${INDEXER_TYPES.join(", ")}`, accept: oneOf(INDEXER_TYPES), nullRefused: true },
  // Any other string means CLEAR, and is kept as such.
  stm_mode: {
    text: "Must be a string",
    accept: (value) => (typeof value !== "string" ? undefined : value === "ROLLING" ? "ROLLING" : "CLEAR"),
    nullRefused: true,
  },
  process_predictions: { text: BOOLEAN, accept: boolean, nullRefused: true },
  use_token_matching: { text: BOOLEAN, accept: boolean, nullRefused: true },
  // An old name of KATO's: its value is checked and then has no effect.
  sort: { text: BOOLEAN, accept: boolean, nullRefused: true },
  rank_sort_algo: { text: `Must be one of: ${RANK_METRICS.join(", ")}`, accept: oneOf(RANK_METRICS), nullRefused: true },
  sort_symbols: { text: BOOLEAN, accept: boolean },
  fuzzy_token_threshold: { text: FRACTION, accept: numberBetween(0, 1) },
  affinity_emotive: { text: `Must be a string of at most ${EMOTIVE_NAME_CHARS_MAX} characters`, accept: acceptEmotive },
  filter_pipeline: {
    text: `Must be a list of at most ${PIPELINE_STAGES_MAX} of: ${STAGE_NAMES.join(", ")}`,
    accept: acceptPipeline,
  },
  length_min_ratio: { text: FRACTION, accept: numberBetween(0, 1) },
  length_max_ratio: { text: "Must be a number not below 1.0", accept: numberBetween(1, Number.MAX_VALUE) },
  jaccard_threshold: { text: FRACTION, accept: numberBetween(0, 1) },
  jaccard_min_overlap: { text: "Must be an integer not below 1", accept: integerBetween(1, Number.MAX_SAFE_INTEGER) },
  minhash_threshold: { text: FRACTION, accept: numberBetween(0, 1) },
  minhash_bands: { text: `Must be 20: ${KB_SIGNATURE}`, accept: exactly(20) },
  minhash_rows: { text: `Must be 5: ${KB_SIGNATURE}`, accept: exactly(5) },
  minhash_num_hashes: { text: `Must be 100: ${KB_SIGNATURE}`, accept: exactly(100) },
  bloom_false_positive_rate: { text: "Must be a number between 0.0001 and 0.1", accept: numberBetween(0.0001, 0.1) },
  max_candidates_per_stage: { text: "Must be an integer not below 100", accept: integerBetween(100, Number.MAX_SAFE_INTEGER) },
  enable_filter_metrics: { text: BOOLEAN, accept: boolean },
  ensemble: { text: "Must be one of: kato, ranked", accept: oneOf(["kato", "ranked"]) },
};
const RULE_LIST = Object.entries(RULES);

/** Names of KATO's early drafts, and the settings that a value under one stands for. Undefined: it means nothing and is refused. */
const DRAFT_NAMES: Readonly<Record<string, { readonly text: string; readonly stands: (value: number) => ConfigUpdate | undefined }>> = {
  minhash_jaccard_threshold: { text: FRACTION, stands: (value) => (isFraction(value) ? { minhash_threshold: value } : undefined) },
  jaccard_min_similarity: { text: FRACTION, stands: (value) => (isFraction(value) ? { jaccard_threshold: value } : undefined) },
  // So much shorter or longer than the state, as a share of its length.
  length_max_deviation: {
    text: "Must be a number not below 0.0",
    stands: (value) => (value >= 0 ? { length_min_ratio: Math.max(0, 1 - value), length_max_ratio: 1 + value } : undefined),
  },
  // Its stage keeps what reaches the recall threshold. Scores of that library go to 100.
  rapidfuzz_min_score: {
    text: "Must be a number between 0 and 100",
    stands: (value) => (value >= 0 && value <= 100 ? { recall_threshold: value > 1 ? value / 100 : value } : undefined),
  },
};
const isFraction = (value: number): boolean => value >= 0 && value <= 1;

export type ConfigCheck =
  /** `notices`: what the caller should know though nothing was wrong. */
  | { readonly ok: true; readonly update: ConfigUpdate; readonly notices: readonly string[] }
  /** Per refused key its text. Nothing of the update may be applied. */
  | { readonly ok: false; readonly errors: Readonly<Record<string, string>> };

/**
 * Checks settings as they come from outside: ranges, names, and that `use_token_matching` alone also sets `sort_symbols`. Keys that are
 * no settings are ignored; names of KATO's early drafts are taken for what they meant, with a notice. In an update null is a wrong value for the keys that KATO checks there, and unsets the others; at creation
 * null means "not set" for every key.
 */
export function checkConfig(input: Readonly<Record<string, unknown>>, occasion: "create" | "update"): ConfigCheck {
  const update: Record<string, Verdict> = {};
  let errors: Record<string, string> | undefined;
  for (const [key, rule] of RULE_LIST) {
    if (!Object.hasOwn(input, key)) continue;
    const value = input[key];
    const unsets = value === null && (occasion === "create" || rule.nullRefused !== true);
    const verdict = unsets ? null : rule.accept(value);
    if (verdict === undefined) (errors ??= {})[key] = rule.text;
    else if (key !== "sort") update[key] = verdict;
  }
  const notices: string[] = [];
  for (const [name, { text, stands }] of Object.entries(DRAFT_NAMES)) {
    if (!Object.hasOwn(input, name) || input[name] === null) continue;
    const meant = stands(asNumber(input[name]));
    if (meant === undefined) {
      (errors ??= {})[name] = text;
      continue;
    }
    // The name of today wins where both are given.
    for (const [key, value] of Object.entries(meant)) if (!Object.hasOwn(input, key)) update[key] = value;
    notices.push(`${name} is an early name of ${Object.keys(meant).join(" and ")}: use that`);
  }
  if (errors !== undefined) return { ok: false, errors };
  if (typeof update.use_token_matching === "boolean" && !Object.hasOwn(input, "sort_symbols")) {
    update.sort_symbols = update.use_token_matching;
  }
  return { ok: true, update: update as ConfigUpdate, notices };
}
