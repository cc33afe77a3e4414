/**
 * The public door: an engine from settings, its types, its errors. The kernels alone come from `engram/kernels`.
 *
 * An engine over embedded stores needs its data folder to itself: take the folder's lock first (`lockDataFolder`), as the command line does.
 */
export { type Config, type ConfigInput, type ConfigSources, configOf, type LoadedConfig, readConfig } from "./config.ts";
export { openEngine } from "./engine.ts";
export type {
  Anomaly,
  CallOptions,
  Engine,
  FuturePotential,
  Observation,
  ObserveResult,
  ObserveSequenceResult,
  OneSymbolPrediction,
  PatternFate,
  PatternView,
  PlanEntry,
  Prediction,
  PredictionTrace,
  PredictOptions,
  PredictResult,
  ScoreAllRequest,
  ScoredPattern,
  ScoredState,
} from "./engine-types.ts";
export { EngineError, ERROR_TABLE, type ErrorCode, type ErrorKind } from "./errors.ts";
export { type Logger, silentLogger } from "./log.ts";
export type { EmotiveRecord } from "./model/emotives.ts";
export type { Event } from "./model/event.ts";
export type { Session } from "./model/session.ts";
export type { EffectiveConfig, SessionConfig } from "./model/session-config.ts";
export type { SourceName } from "./model/source-name.ts";
export { type RebuildOptions, type RebuildResult, rebuildState } from "./rebuild.ts";
export { type DataLock, lockDataFolder } from "./store/data-lock.ts";
export type { KbHead, KbTotals, SymbolRow } from "./store/state-store.ts";
