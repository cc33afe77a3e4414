/**
 * What answers hold, as the documents show it. A test compares the answers of a running server with them; they cost a request nothing.
 * Floats leave with their point, so `number` means float and `integer` integer. docs/wire.md.
 */
import Type from "typebox";
import { nullable, optional } from "./kinds.ts";

const text = Type.String();
const number = Type.Number();
const whole = Type.Integer();
const bool = Type.Boolean();
const date = Type.String({ format: "date-time" });
const numbers = Type.Record(Type.String(), Type.Number());
const anyJson = Type.Record(Type.String(), Type.Unknown());
const symbols = Type.Array(Type.String());
const events = Type.Array(Type.Array(Type.String()));
const nothing = Type.Null();
const patternName = Type.String({ description: "`PTRN|` and 40 hex digits." });

// ── errors ──
export const detailError = Type.Object({ detail: Type.Union([text, anyJson]) });
export const sessionError = Type.Object({
  error: Type.Object({ code: Type.Literal("SESSION_NOT_FOUND"), message: text, session_id: text }),
});
export const issuesError = Type.Object({
  detail: Type.Array(Type.Object({ type: text, loc: Type.Array(Type.Union([text, whole])), msg: text, input: Type.Unknown() })),
});
export const ownError = Type.Object({ error: Type.Object({ code: text, message: text, details: anyJson }) });

// ── sessions ──
const effectiveConfig = Type.Object({
  recall_threshold: number,
  persistence: whole,
  max_pattern_length: whole,
  max_predictions: whole,
  indexer_type: text,
  stm_mode: Type.Union([Type.Literal("CLEAR"), Type.Literal("ROLLING")]),
  process_predictions: bool,
  use_token_matching: bool,
  rank_sort_algo: text,
  sort_symbols: bool,
  filter_pipeline: symbols,
  length_min_ratio: number,
  length_max_ratio: number,
  jaccard_threshold: number,
  jaccard_min_overlap: whole,
  minhash_threshold: number,
  minhash_bands: whole,
  minhash_rows: whole,
  minhash_num_hashes: whole,
  bloom_false_positive_rate: number,
  max_candidates_per_stage: whole,
  enable_filter_metrics: bool,
  fuzzy_token_threshold: optional(number),
  affinity_emotive: optional(text),
  ensemble: optional(text),
});
export const session = Type.Object({
  session_id: text,
  node_id: text,
  created_at: date,
  expires_at: date,
  ttl_seconds: whole,
  metadata: anyJson,
  session_config: effectiveConfig,
});
const sessionMembers = {
  session_id: text,
  node_id: text,
  kb_id: text,
  created_at: date,
  expires_at: date,
  ttl_seconds: whole,
  time: whole,
  stm_length: whole,
  saves: whole,
  metadata: anyJson,
};
export const sessionSummary = Type.Object(sessionMembers);
export const sessionPage = Type.Object({ sessions: Type.Array(sessionSummary), cursor: nullable(text) });
export const wholeSession = Type.Object({
  ...sessionMembers,
  session_config: effectiveConfig,
  stm: events,
  emotives: Type.Array(numbers),
  observed_metadata: Type.Array(anyJson),
  percept: nullable(Type.Object({ strings: symbols, vectors: Type.Array(Type.Array(number)), emotives: numbers, metadata: anyJson })),
  vectors_to_learn: whole,
});
export const sessionsDeleted = Type.Object({ dry_run: bool, matched: whole, deleted: whole, sessions: symbols, unknown: symbols });
export const sessionCount = Type.Object({ active_session_count: whole });
export const sessionExists = Type.Object({ exists: bool, expired: bool, session_id: text });
export const sessionDeleted = Type.Object({ status: Type.Literal("deleted"), session_id: text });
export const sessionExtended = Type.Object({ status: Type.Literal("extended"), session_id: text, ttl_seconds: whole });
export const sessionConfig = Type.Object({ session_id: text, config: effectiveConfig });
export const configUpdated = Type.Object({ status: Type.Literal("okay"), message: text, session_id: text });

// ── observing and learning ──
export const observed = Type.Object({
  status: Type.Literal("okay"),
  session_id: text,
  processor_id: text,
  stm_length: whole,
  time: whole,
  unique_id: text,
  auto_learned_pattern: nullable(patternName),
});
export const sequenceObserved = Type.Object({
  status: Type.Literal("completed"),
  processor_id: text,
  observations_processed: whole,
  initial_stm_length: whole,
  final_stm_length: whole,
  results: Type.Array(
    Type.Object({
      status: Type.Literal("okay"),
      sequence_position: whole,
      stm_length: whole,
      time: whole,
      unique_id: text,
      auto_learned_pattern: nullable(patternName),
    }),
  ),
  auto_learned_patterns: symbols,
  final_learned_pattern: nullable(text),
  isolated: bool,
});
export const stm = Type.Object({ stm: events, session_id: text, length: whole });
export const learned = Type.Object({
  status: Type.Literal("learned"),
  pattern_name: Type.String({ description: "`PTRN|` and 40 hex digits; empty when a single symbol made no pattern." }),
  session_id: text,
  processor_id: nothing,
  message: text,
});
export const cleared = Type.Object({ status: Type.Literal("cleared"), session_id: text });
export const allCleared = Type.Object({ status: Type.Literal("cleared"), session_id: text, scope: Type.Literal("all") });
export const finalized = Type.Object({
  status: Type.Literal("completed"),
  patterns_processed: whole,
  time_ms: number,
  session_id: text,
  node_id: text,
  message: text,
});
export const perceptData = Type.Object({
  percept_data: Type.Object(
    {
      strings: optional(symbols),
      vectors: optional(Type.Array(Type.Array(Type.Number()))),
      emotives: optional(numbers),
      path: optional(symbols),
      metadata: optional(anyJson),
    },
    { description: "Empty before the first observation." },
  ),
  session_id: text,
  node_id: text,
});

// ── predictions ──
const weighted = {
  weighted_similarity: nullable(number),
  weighted_evidence: nullable(number),
  weighted_confidence: nullable(number),
  weighted_snr: nullable(number),
};
const anomalies = Type.Array(Type.Object({ observed: text, expected: text, similarity: number }));
const prediction = Type.Object(
  {
    type: Type.Literal("prototypical"),
    name: Type.String({ description: "40 hex digits, without `PTRN|`." }),
    frequency: whole,
    emotives: numbers,
    matches: symbols,
    past: events,
    present: events,
    future: events,
    missing: events,
    extras: events,
    anomalies,
    sequence: events,
    evidence: number,
    confidence: number,
    similarity: number,
    fragmentation: number,
    snr: number,
    confluence: number,
    potential: number,
    predictive_information: number,
    entropy: number,
    normalized_entropy: number,
    global_normalized_entropy: number,
    itfdf_similarity: number,
    tfidf_score: number,
    pattern_probability: number,
    weighted_strength: number,
    bayesian_posterior: number,
    bayesian_prior: number,
    bayesian_likelihood: number,
    ...weighted,
  },
  { description: "From a state of two symbols or more." },
);
const oneSymbolPrediction = Type.Object(
  {
    name: text,
    frequency: whole,
    emotives: numbers,
    pattern_data: events,
    length: whole,
    matches: symbols,
    past: symbols,
    present: symbols,
    future: symbols,
    missing: symbols,
    extras: symbols,
    anomalies,
    evidence: number,
    confidence: number,
    similarity: number,
    fragmentation: number,
    snr: number,
    potential: number,
    ...weighted,
  },
  { description: "From a state of a single symbol: the patterns that begin with it." },
);
const predictionList = Type.Array(Type.Union([prediction, oneSymbolPrediction]));
const futurePotentials = Type.Array(
  Type.Object({ future: events, aggregate_potential: number, supporting_patterns: whole, total_weighted_frequency: number }),
);
export const predictions = Type.Object({
  predictions: predictionList,
  future_potentials: futurePotentials,
  session_id: text,
  processor_id: nothing,
  count: whole,
  time: nothing,
  unique_id: nothing,
  explain: optional(anyJson),
});
export const cognitionData = Type.Object({
  cognition_data: Type.Object({
    predictions: predictionList,
    emotives: numbers,
    symbols,
    command: text,
    metadata: anyJson,
    path: symbols,
    strings: symbols,
    vectors: Type.Array(Type.Unknown()),
    short_term_memory: events,
    time: whole,
  }),
  session_id: text,
  node_id: text,
});

// ── nodes ──
export const pattern = Type.Object({
  pattern: Type.Union([
    Type.Object({
      status: Type.Literal("okay"),
      pattern: Type.Object({
        name: patternName,
        pattern_data: events,
        length: whole,
        frequency: whole,
        emotives: Type.Array(numbers),
        metadata: Type.Record(Type.String(), symbols),
      }),
    }),
    Type.Object({ status: Type.Literal("error"), message: text }),
  ]),
  node_id: text,
});
export const nodePercept = Type.Object({ percept_data: anyJson, node_id: text, warning: text });
export const nodeCognition = Type.Object({ cognition_data: anyJson, node_id: text, warning: text });
export const symbolStats = Type.Object({
  symbols: Type.Record(Type.String(), Type.Object({ name: text, frequency: whole, pattern_member_frequency: whole })),
  node_id: text,
});
export const affinities = Type.Object({ affinities: Type.Record(Type.String(), numbers), node_id: text });
export const symbolAffinity = Type.Object({ symbol: text, affinity: numbers, node_id: text });

// ── the server ──
export const root = Type.Object({
  service: text,
  version: text,
  description: text,
  docs: nullable(text),
  health: text,
  status: text,
  uptime_seconds: number,
  architecture: text,
  session_support: bool,
});
export const health = Type.Object({
  status: Type.Union([Type.Literal("healthy"), Type.Literal("degraded"), Type.Literal("unhealthy")]),
  processor_status: text,
  service_name: text,
  uptime_seconds: number,
  issues: symbols,
  metrics_collected: whole,
  last_collection: number,
  active_sessions: whole,
  timestamp: date,
  outbox: whole,
  threads: whole,
});
const processors = Type.Object({
  total_processors: whole,
  max_processors: whole,
  eviction_ttl_seconds: whole,
  processors: Type.Array(
    Type.Object({ processor_id: text, node_id: text, created_at: date, last_accessed: date, access_count: whole, idle_seconds: number }),
  ),
});
export const status = Type.Object({
  status: text,
  base_processor_id: text,
  uptime_seconds: number,
  sessions: Type.Object({
    total_sessions: whole,
    active_sessions: whole,
    expired_sessions: whole,
    backend: text,
    redis_url: nullable(text),
  }),
  processors,
  version: text,
});
const figures = {
  sessions: Type.Object({ total_created: whole, total_deleted: whole, active: whole, operations_total: whole }),
  performance: Type.Object({ total_requests: whole, total_errors: whole, error_rate: number, average_response_time: number }),
  resources: Type.Object({ cpu_percent: number, memory_percent: number, disk_percent: number }),
  databases: Type.Record(Type.String(), Type.Object({ operations: whole, errors: whole, avg_response_time: number })),
};
export const metrics = Type.Object({
  timestamp: number,
  ...figures,
  rates: numbers,
  processor_manager: processors,
  uptime_seconds: nothing,
  active_sessions: nothing,
  error: nullable(text),
});
const points = Type.Array(Type.Object({ timestamp: number, value: number, labels: anyJson }));
export const series = Type.Object({
  metric_name: text,
  time_range_minutes: whole,
  timestamp: number,
  statistics: Type.Object({ count: whole, min: number, max: number, avg: number }),
  data_points: points,
});
export const stats = Type.Object({
  time_range_minutes: whole,
  timestamp: number,
  processor_manager: processors,
  current_status: text,
  time_series: Type.Record(Type.String(), points),
  summary: Type.Object(figures),
  error: nullable(text),
});
const load = Type.Object({ concurrent_requests: whole, utilization_percent: number });
export const concurrency = Type.Object({
  status: text,
  current: load,
  peak: load,
  limits: Type.Object({ per_worker: whole, warning_threshold: whole, critical_threshold: whole, total_capacity: whole }),
  configuration: Type.Object({ workers: whole, backlog: whole, max_requests: nullable(whole) }),
  recommendations: Type.Array(Type.Object({ level: text, message: text })),
  timestamp: date,
});
export const cacheStats = Type.Object({
  cache_performance: Type.Object({
    status: text,
    hit_rate_percent: number,
    cache_hits: whole,
    cache_misses: whole,
    patterns_in_cache: whole,
    pattern_bytes: whole,
    pattern_bytes_max: whole,
    symbols_in_cache: whole,
    symbol_hit_rate_percent: number,
    symbol_hits: whole,
    symbol_misses: whole,
  }),
  cache_health: Type.Object({ status: text }),
  timestamp: date,
});
export const cacheInvalidated = Type.Object({
  status: text,
  patterns_invalidated: whole,
  symbols_invalidated: whole,
  session_id: nullable(text),
  reason: nullable(text),
  timestamp: date,
});
export const distributedStm = Type.Object({
  status: text,
  distributed_stm_enabled: bool,
  performance_stats: anyJson,
  processor_info: processors,
  expected_improvements: nothing,
  reason: nullable(text),
  error: nullable(text),
  timestamp: date,
});
export const connectionPools = Type.Object({
  status: text,
  health: Type.Record(
    Type.String(),
    Type.Object({
      healthy: bool,
      last_check: date,
      error_count: whole,
      last_error: nullable(text),
      response_time_ms: nullable(number),
    }),
  ),
  pool_statistics: anyJson,
  connection_optimization: nothing,
  performance_improvements: nothing,
  error: nullable(text),
  timestamp: date,
});

// ── /v1 ──
export const kbStats = Type.Object({
  node_id: text,
  kb_id: text,
  patterns: whole,
  symbols: whole,
  totals: Type.Record(Type.String(), whole),
});
export const kbLearned = Type.Object({ stored: whole, too_short: whole });
export const kbPredictions = Type.Object({
  predictions: predictionList,
  future_potentials: futurePotentials,
  node_id: text,
  kb_id: text,
  count: whole,
  trace: anyJson,
});
export const kbScores = Type.Object({
  node_id: text,
  kb_id: text,
  results: Type.Array(
    Type.Object({ index: whole, patterns: whole, matched: whole, matches: Type.Array(Type.Object({ name: text, similarity: number })) }),
  ),
});
/** One line of the answer to a bulk learn; the last one sums up. */
export const learnedLine = Type.Union([
  Type.Object({ line: whole, name: text, new: bool, frequency: whole }),
  Type.Object({ line: whole, too_short: bool }),
  Type.Object({ line: whole, error: Type.Object({ code: text, message: text }) }),
  Type.Object({ done: Type.Literal(true), stored: whole, created: whole, too_short: whole, failed: whole }),
  Type.Object({ done: Type.Literal(false), error: Type.Object({ code: text, message: text }) }),
]);

export const storedPattern = Type.Object({
  name: patternName,
  events,
  length: whole,
  frequency: whole,
  emotives: Type.Array(numbers),
  metadata: Type.Record(Type.String(), symbols),
});
export const retention = Type.Object({ node_id: text, kb_id: text, seconds: nullable(whole) });
export const minhash = Type.Object({
  node_id: text,
  kb_id: text,
  minhash: nullable(Type.Object({ bands: whole, rows: whole, permutations: whole, scheme: text })),
  indexed_below: whole,
});
export const patternPage = Type.Object({ patterns: Type.Array(storedPattern), cursor: nullable(text) });
export const patternsFound = Type.Object({ patterns: Type.Array(storedPattern), unknown: symbols });
export const patternDeleted = Type.Object({ deleted: text });
export const patternsDeleted = Type.Object({ dry_run: bool, matched: whole, deleted: whole, names: symbols, unknown: symbols });
