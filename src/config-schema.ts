/**
 * The one table of settings: key, type, default, limits, names in the environment, meaning. `Config`, the checks and `docs/config.md`
 * all come from it; a setting is added here and nowhere else.
 *
 * Settings of a session stand under `sessionDefaults` with their wire names: they are what a session has until it sets its own.
 */
import { availableParallelism, totalmem } from "node:os";
import process from "node:process";
import { boolean, choice, type Environment, integer, real, type Setting, text, words } from "./config-kinds.ts";
import { RANK_METRICS, SESSION_DEFAULTS, STAGE_NAMES } from "./model/session-config.ts";

/** KATO names the parts of the address; it speaks HTTP on 8123. */
function clickhouseUrlOfKato(env: Environment): string | undefined {
  if (!env.CLICKHOUSE_HOST) return undefined;
  const scheme = /^(true|1|yes|on)$/i.test(env.CLICKHOUSE_SECURE ?? "") ? "https" : "http";
  return `${scheme}://${env.CLICKHOUSE_HOST}:${env.CLICKHOUSE_PORT || 8123}`;
}

/** The address, or its older parts; KATO's older switch turns either off. */
function redisUrlOfKato(env: Environment): string | undefined {
  if (/^(false|0|no|off)$/i.test(env.REDIS_ENABLED ?? "")) return undefined;
  const url = env.REDIS_URL || (env.REDIS_HOST && `redis://${env.REDIS_HOST}:${env.REDIS_PORT || 6379}`);
  if (!url) return undefined;
  return /^(true|1|yes|on)$/i.test(env.REDIS_TLS ?? "") ? url.replace(/^redis:/, "rediss:") : url;
}

const LOG_LEVELS = ["debug", "info", "warn", "error", "fatal", "silent"] as const;

/** Python's names of log levels, which KATO takes. */
const logLevelOf = (word: string): string =>
  new Map([
    ["warning", "warn"],
    ["critical", "fatal"],
  ]).get(word.toLowerCase()) ?? word.toLowerCase();

/** Bytes of memory this process may use: the machine's, or what its container leaves it. */
function machineMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

const SETTINGS = {
  host: text({
    fallback: "127.0.0.1",
    pattern: /^\S+$/,
    allowed: "an address or host name",
    about: "Address to listen on. The default answers this machine only.",
  }),
  port: integer({ fallback: 8000, min: 0, max: 65_535, katoNames: ["PORT"], about: "Port to listen on; 0 takes any free one." }),
  documents: boolean({
    fallback: true,
    katoNames: ["DOCS_ENABLED"],
    about: "Whether /docs and /openapi.json are served.",
  }),
  corsOrigins: text({
    fallback: "",
    fallbackText: "none",
    pattern: /^(\*|https?:\/\/[^\s,/]+(\s*,\s*https?:\/\/[^\s,/]+)*|)$/,
    allowed: "origins such as https://example.org with commas between, or * for all",
    katoNames: ["CORS_ORIGINS"],
    fromKato: (env) => env.CORS_ORIGINS?.replace(/["'[\]]/g, ""),
    about: "Web origins whose pages may use the server from a browser. Others may not, since nothing is asked of callers.",
  }),
  dataDir: text({
    fallback: "./data",
    pattern: /\S/,
    allowed: "a folder's path",
    about: "Folder of everything that is kept: patterns, sessions, progress of loads. A relative path starts at the working directory.",
  }),
  serviceName: text({
    fallback: "kato",
    pattern: /^\S{1,40}$/,
    allowed: "a name without spaces, 40 characters at most",
    katoNames: ["SERVICE_NAME"],
    about: "Part of every knowledge base id: changing it hides what was learned under the old name.",
  }),
  logLevel: choice<(typeof LOG_LEVELS)[number]>(LOG_LEVELS, {
    fallback: "info",
    katoNames: ["LOG_LEVEL"],
    spell: logLevelOf,
    about: "Least severe log line that is written (JSON lines on standard error).",
  }),

  threads: integer({
    fallback: Math.max(1, availableParallelism()),
    fallbackText: "number of cores",
    min: 1,
    max: 256,
    about: "Threads that score candidates.",
  }),
  poolQueueMax: integer({
    fallback: 1_024,
    min: 1,
    max: 1_000_000,
    about: "Slices of work that may wait for a thread; beyond it a request is refused (503).",
  }),
  residentBytes: integer({
    fallback: Math.floor(machineMemory() / 4),
    fallbackText: "a quarter of the machine's memory",
    min: 0,
    max: 137_438_953_472,
    unit: "bytes",
    about:
      "Patterns kept in memory for predictions, over all knowledge bases (about 100 bytes each): those do not read the pattern store. Least recently used ones go first. 0 keeps none.",
  }),
  rowsReadMax: integer({
    fallback: 2_000_000,
    min: 1,
    unit: "patterns",
    about: "Most patterns that one prediction may read through an index; beyond it the answer is not certified.",
  }),
  deadlineMs: integer({ fallback: 30_000, min: 1, unit: "ms", about: "Longest time of one prediction; after it 503." }),
  requestsMax: integer({
    fallback: 1_024,
    min: 1,
    unit: "requests",
    katoNames: ["KATO_LIMIT_CONCURRENCY", "UVICORN_LIMIT_CONCURRENCY"],
    about: "HTTP requests answered at a time; beyond it 503 with Retry-After.",
  }),
  bodyBytesMax: integer({
    fallback: 104_857_600,
    min: 1_024,
    max: 536_870_912,
    unit: "bytes",
    about: "Largest body of a request; beyond it 413.",
  }),

  compressFromBytes: integer({
    fallback: 16_384,
    min: 0,
    unit: "bytes",
    about: "Answers of this size and above are compressed (brotli, gzip) where the client reads it; 0 compresses none.",
  }),

  sessionTtlSeconds: integer({
    fallback: 3_600,
    min: 1,
    max: 31_536_000,
    unit: "s",
    katoNames: ["SESSION_TTL"],
    about: "Life of a session that names none itself.",
  }),
  sessionAutoExtend: boolean({
    fallback: true,
    katoNames: ["SESSION_AUTO_EXTEND"],
    about: "Whether every use of a session starts its life anew.",
  }),

  symbolsPerPatternMax: integer({
    fallback: 4_096,
    min: 2,
    max: 4_096,
    unit: "symbols",
    about: "Longest pattern; a longer learn is refused (422) and keeps the short-term memory. The kernels hold no more.",
  }),
  stmSymbolsMax: integer({
    fallback: 16_384,
    min: 2,
    max: 16_384,
    unit: "symbols",
    about: "Longest state a prediction is asked for. The kernels hold no more.",
  }),
  symbolBytesMax: integer({ fallback: 65_536, min: 1, max: 1_048_576, unit: "bytes", about: "Longest symbol, in UTF-8." }),
  vectorsPerObservationMax: integer({ fallback: 256, min: 0, unit: "vectors", about: "Most vectors in one observation." }),
  vectorNumbersMax: integer({
    fallback: 65_536,
    min: 1,
    unit: "numbers",
    about: "Most numbers in all vectors of one observation together.",
  }),
  emotivesPerObservationMax: integer({ fallback: 1_000, min: 0, unit: "names", about: "Most emotives in one observation." }),
  metadataBytesMax: integer({ fallback: 1_048_576, min: 2, unit: "bytes", about: "Largest metadata of one observation, as JSON." }),
  observationsPerSequenceMax: integer({
    fallback: 10_000,
    min: 1,
    unit: "observations",
    about: "Most observations in one observe-sequence.",
  }),

  outboxMax: integer({
    fallback: 100_000,
    min: 1,
    max: 10_000_000,
    unit: "entries",
    about: "Learns that may wait to be written to ClickHouse; beyond it a learn is refused (503).",
  }),
  flushRowsMax: integer({
    fallback: 20_000,
    min: 1,
    max: 100_000,
    unit: "entries",
    about: "Most learns written to ClickHouse in one batch.",
  }),
  indexStep: integer({
    fallback: 16_384,
    min: 1,
    max: 1_000_000,
    unit: "patterns",
    about:
      "Patterns of a knowledge base that are put into its indexes (postings, first symbols, buckets) together; until then they are scanned, and a smaller knowledge base has no index.",
  }),
  flushIntervalMs: integer({ fallback: 100, min: 1, max: 60_000, unit: "ms", about: "Pause before a batch that is not full is written." }),

  clickhouse: {
    url: text<string | undefined>({
      fallback: undefined,
      fallbackText: "none: embedded in the process",
      pattern: /^https?:\/\/[^\s/]+/,
      allowed: "an http:// or https:// address",
      secret: true,
      katoNames: ["CLICKHOUSE_HOST", "CLICKHOUSE_PORT", "CLICKHOUSE_SECURE"],
      fromKato: clickhouseUrlOfKato,
      about: "ClickHouse server that keeps the patterns.",
    }),
    user: text({
      fallback: "default",
      pattern: /\S/,
      allowed: "a user's name",
      katoNames: ["CLICKHOUSE_USER"],
      about: "User of the ClickHouse server.",
    }),
    password: text({
      fallback: "",
      pattern: /^[^\0]*$/,
      allowed: "a text",
      secret: true,
      katoNames: ["CLICKHOUSE_PASSWORD"],
      about: "Password of that user. Better set by the environment than by a flag, which other users of the machine can see.",
    }),
    database: text({
      fallback: "engram",
      pattern: /^\w{1,64}$/,
      allowed: "letters, digits and underscores, 64 at most",
      katoNames: ["CLICKHOUSE_DB"],
      about: "Database of the ClickHouse server; it is created if absent.",
    }),
    connectionsMax: integer({
      fallback: 16,
      min: 1,
      max: 1_024,
      unit: "connections",
      about: "Connections to the ClickHouse server at a time; a query beyond waits for one.",
    }),
    requestTimeoutMs: integer({
      fallback: 30_000,
      min: 100,
      max: 600_000,
      unit: "ms",
      about: "A ClickHouse server that gives no byte for this long has failed the request.",
    }),
    compression: boolean({ fallback: false, about: "gzip to and from the ClickHouse server: for a slow network." }),
    tlsCaFile: text<string | undefined>({
      fallback: undefined,
      fallbackText: "the system's",
      pattern: /\S/,
      allowed: "a file's path",
      about: "Certificates (PEM) of the authority that signed the ClickHouse server's.",
    }),
    tlsCertFile: text<string | undefined>({
      fallback: undefined,
      fallbackText: "none",
      pattern: /\S/,
      allowed: "a file's path",
      about: "Certificate (PEM) to show to the ClickHouse server; with tlsKeyFile and tlsCaFile.",
    }),
    tlsKeyFile: text<string | undefined>({
      fallback: undefined,
      fallbackText: "none",
      pattern: /\S/,
      allowed: "a file's path",
      about: "Key (PEM) of that certificate.",
    }),
  },
  redis: {
    url: text<string | undefined>({
      fallback: undefined,
      fallbackText: "none: embedded in the process",
      pattern: /^rediss?(\+(sentinel|cluster))?:\/\/[^\s/]+/,
      allowed: "a redis:// or rediss:// address (redis+sentinel://, redis+cluster://)",
      secret: true,
      katoNames: ["REDIS_URL", "REDIS_TLS", "REDIS_HOST", "REDIS_PORT", "REDIS_ENABLED"],
      fromKato: redisUrlOfKato,
      about:
        "Redis that keeps sessions and counters: redis://host:port/database, redis+sentinel://host:port,host:port/master-name or redis+cluster://host:port,host:port; rediss for TLS; user:password@ before the hosts.",
    }),
    user: text<string | undefined>({
      fallback: undefined,
      fallbackText: "none",
      pattern: /\S/,
      allowed: "a user's name",
      about: "Redis user, where the address names none.",
    }),
    password: text<string | undefined>({
      fallback: undefined,
      fallbackText: "none",
      pattern: /^[^\0]+$/,
      allowed: "a text",
      secret: true,
      about: "Password of that user, where the address names none.",
    }),
    sentinelPassword: text<string | undefined>({
      fallback: undefined,
      fallbackText: "none",
      pattern: /^[^\0]+$/,
      allowed: "a text",
      secret: true,
      about: "Password of the Sentinels themselves.",
    }),
    tlsCaFile: text<string | undefined>({
      fallback: undefined,
      fallbackText: "the system's",
      pattern: /\S/,
      allowed: "a file's path",
      about: "Certificates (PEM) of the authority that signed the Redis servers'.",
    }),
    layout: choice<"kato" | "compact" | undefined>(["kato", "compact"], {
      fallback: undefined,
      fallbackText: "kato; in a cluster compact",
      about:
        "Keys in Redis: with KATO's names beside our own records, for dashboards that read them, or compact. Fixed when the store is made.",
    }),
    katoPatternsMax: integer({
      fallback: 2_000_000,
      min: 1,
      unit: "patterns",
      about: "Patterns that the layout kato takes, over all knowledge bases; beyond it a learn of a new one is refused (503).",
    }),
  },

  sessionDefaults: {
    recall_threshold: real({
      fallback: SESSION_DEFAULTS.recall_threshold,
      min: 0,
      max: 1,
      katoNames: ["RECALL_THRESHOLD"],
      about: "Lowest similarity of a prediction.",
    }),
    persistence: integer({
      fallback: SESSION_DEFAULTS.persistence,
      min: 1,
      max: 100,
      unit: "records",
      katoNames: ["PERSISTENCE"],
      about: "Emotive records a pattern keeps.",
    }),
    max_pattern_length: integer({
      fallback: SESSION_DEFAULTS.max_pattern_length,
      min: 0,
      unit: "events",
      katoNames: ["MAX_PATTERN_LENGTH"],
      about: "Length of short-term memory that makes it learn by itself; 0 never.",
    }),
    max_predictions: integer({
      fallback: SESSION_DEFAULTS.max_predictions,
      min: 1,
      max: 10_000,
      katoNames: ["MAX_PREDICTIONS"],
      about: "Predictions in an answer.",
    }),
    indexer_type: choice<string>(["VI", "LSH", "ANNOY", "FAISS"], {
      fallback: SESSION_DEFAULTS.indexer_type,
      katoNames: ["INDEXER_TYPE"],
      about: "Taken and shown; vectors are always compared exactly.",
    }),
    stm_mode: choice<"CLEAR" | "ROLLING">(["CLEAR", "ROLLING"], {
      fallback: SESSION_DEFAULTS.stm_mode,
      katoNames: ["STM_MODE"],
      spell: (word) => word.toUpperCase(),
      about: "What stays of short-term memory after it learned by itself: nothing, or the newest events.",
    }),
    process_predictions: boolean({
      fallback: SESSION_DEFAULTS.process_predictions,
      katoNames: ["PROCESS_PREDICTIONS"],
      about: "Whether cognition data shows the predictions of an observation.",
    }),
    use_token_matching: boolean({
      fallback: SESSION_DEFAULTS.use_token_matching,
      katoNames: ["USE_TOKEN_MATCHING", "KATO_USE_TOKEN_MATCHING"],
      about: "Similarity by whole symbols (true) or by characters.",
    }),
    rank_sort_algo: choice(RANK_METRICS, {
      fallback: SESSION_DEFAULTS.rank_sort_algo as (typeof RANK_METRICS)[number],
      katoNames: ["RANK_SORT_ALGO"],
      about: "Metric by which predictions are ranked, greatest first.",
    }),
    sort_symbols: boolean({
      fallback: SESSION_DEFAULTS.sort_symbols,
      katoNames: ["SORT_SYMBOLS"],
      about: "Whether the symbols of an event are put in order.",
    }),
    fuzzy_token_threshold: real<number | undefined>({
      fallback: undefined,
      fallbackText: "off",
      min: 0,
      max: 1,
      katoNames: ["FUZZY_TOKEN_THRESHOLD", "KATO_FUZZY_TOKEN_THRESHOLD"],
      about: "Likeness at which two symbols count as partners; 0 is off.",
    }),
    affinity_emotive: text<string | undefined>({
      fallback: undefined,
      fallbackText: "off",
      pattern: /^[^\0]+$/,
      allowed: "an emotive's name",
      about: "Emotive whose affinity weighs the symbols.",
    }),
    filter_pipeline: words(STAGE_NAMES, {
      fallback: SESSION_DEFAULTS.filter_pipeline,
      about: "Stages that candidates must pass, in order.",
    }),
    length_min_ratio: real({
      fallback: SESSION_DEFAULTS.length_min_ratio,
      min: 0,
      max: 1,
      about: "Stage length: shortest pattern, as a share of the state's length.",
    }),
    length_max_ratio: real({
      fallback: SESSION_DEFAULTS.length_max_ratio,
      min: 1,
      about: "Stage length: longest pattern, as a multiple of the state's length.",
    }),
    jaccard_threshold: real({
      fallback: SESSION_DEFAULTS.jaccard_threshold,
      min: 0,
      max: 1,
      about: "Stage jaccard: least share of common symbols.",
    }),
    jaccard_min_overlap: integer({
      fallback: SESSION_DEFAULTS.jaccard_min_overlap,
      min: 1,
      unit: "symbols",
      about: "Stage jaccard: fewest common symbols.",
    }),
    minhash_threshold: real({
      fallback: SESSION_DEFAULTS.minhash_threshold,
      min: 0,
      max: 1,
      about: "Stage minhash: least share of equal signature values.",
    }),
    bloom_false_positive_rate: real({
      fallback: SESSION_DEFAULTS.bloom_false_positive_rate,
      min: 0.0001,
      max: 0.1,
      about: "Taken and shown; the stage bloom compares symbols exactly.",
    }),
    max_candidates_per_stage: integer({
      fallback: SESSION_DEFAULTS.max_candidates_per_stage,
      min: 100,
      about: "Taken and shown; no stage drops candidates for their number.",
    }),
    enable_filter_metrics: boolean({ fallback: SESSION_DEFAULTS.enable_filter_metrics, about: "Taken and shown." }),
    ensemble: choice<"kato" | "ranked" | undefined>(["kato", "ranked"], {
      fallback: undefined,
      fallbackText: "kato",
      about: "Which candidates are weighed together: the best by pre-potential, or the best by the chosen ranking metric.",
    }),
  },
};

export type Settings = typeof SETTINGS;

/** A setting's dotted key with its row. */
export interface SettingRow {
  readonly key: string;
  readonly setting: Setting<unknown>;
}

const isSetting = (value: object): value is Setting<unknown> => "accepts" in value;

/** All settings in the table's order, with dotted keys (`clickhouse.url`). */
export function settingRows(): SettingRow[] {
  return Object.entries(SETTINGS).flatMap(([name, entry]) =>
    isSetting(entry)
      ? [{ key: name, setting: entry }]
      : Object.entries(entry).map(([inner, setting]) => ({ key: `${name}.${inner}`, setting: setting as Setting<unknown> })),
  );
}

/** `clickhouse.url` → `ENGRAM_CLICKHOUSE_URL`; session defaults go without their group: `ENGRAM_RECALL_THRESHOLD`. */
export function environmentName(key: string): string {
  const words = key.replace(/^sessionDefaults\./, "").replace(/([a-z])([A-Z])/g, "$1_$2");
  return `ENGRAM_${words.replaceAll(".", "_").toUpperCase()}`;
}
