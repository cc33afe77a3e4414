/**
 * Figures in the forms in which KATO's clients and dashboard read them. Its names of stores stay: `clickhouse` is our pattern store, `redis` the
 * state store (Redis or LMDB), `qdrant` the index of vectors, which is part of ours. docs/wire.md.
 */
import type { CallFigures } from "../engine-types.ts";
import { KEPT_MINUTES, type Monitor, SERIES_NAMES, type Snapshot } from "../monitor/monitor.ts";
import { NODES_MAX } from "../monitor/nodes.ts";
import type { Reading } from "../monitor/series.ts";
import { Float, offsetDate } from "./json-text.ts";

export const unixSeconds = (ms: number): Float => new Float(ms / 1_000);
const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);

/** What `/status` and `/metrics` say of the nodes in use. */
export function processorsJson(monitor: Monitor, idleSecondsMax: number): object {
  const now = Date.now();
  const used = monitor.nodes.list(idleSecondsMax);
  return {
    total_processors: used.length,
    max_processors: NODES_MAX,
    eviction_ttl_seconds: idleSecondsMax,
    processors: used.map(({ nodeId, kb, firstMs, lastMs, count }) => ({
      processor_id: kb,
      node_id: nodeId,
      created_at: offsetDate(firstMs),
      last_accessed: offsetDate(lastMs),
      access_count: count,
      idle_seconds: new Float((now - lastMs) / 1_000),
    })),
  };
}

export function sessionsJson({ engine, activeSessions, requests }: Snapshot): object {
  return {
    total_created: engine.sessionsCreated,
    total_deleted: engine.sessionsDeleted,
    active: activeSessions,
    operations_total: requests.sessionCalls,
  };
}

/** `elapsedMs` is how long the asking request has taken: on a server that has answered nothing yet, the only figure there is. */
export function performanceJson({ requests }: Snapshot, elapsedMs: number): object {
  return {
    total_requests: requests.total,
    total_errors: requests.errors,
    error_rate: new Float(share(requests.errors, requests.answered)),
    average_response_time: new Float((requests.seconds + elapsedMs / 1_000) / (requests.answered + 1)),
  };
}

export function resourcesJson({ machine }: Snapshot): object {
  return {
    cpu_percent: new Float(machine.cpuPercent),
    memory_percent: new Float(machine.memoryPercent),
    disk_percent: new Float(machine.diskPercent),
  };
}

export function databasesJson({ engine }: Snapshot): object {
  return {
    clickhouse: databaseJson(engine.patternStore),
    qdrant: databaseJson(engine.vectorIndex),
    redis: databaseJson(engine.stateStore),
  };
}

function databaseJson({ operations, errors, seconds }: CallFigures): object {
  return { operations, errors, avg_response_time: new Float(share(seconds, operations)) };
}

/** Per second over the readings of the last minute. */
export function ratesJson(monitor: Monitor): object {
  return {
    requests_per_second: rate(monitor, "kato_requests_total"),
    errors_per_second: rate(monitor, "kato_request_errors_total"),
    session_operations_per_second: rate(monitor, "kato_session_operations_total"),
    sessions_created_per_second: rate(monitor, "kato_sessions_created_total"),
  };
}

function rate(monitor: Monitor, name: string): Float {
  const readings = monitor.series(name, 1) ?? [];
  const [first, last] = [readings[0], readings.at(-1)];
  if (first === undefined || last === undefined) return new Float(0);
  return new Float(share(last.value - first.value, (last.atMs - first.atMs) / 1_000));
}

const pointsJson = (readings: readonly Reading[]): object[] =>
  readings.map(({ atMs, value }) => ({ timestamp: unixSeconds(atMs), value: new Float(value), labels: {} }));

/** All series, empty ones too. */
export function allSeriesJson(monitor: Monitor, minutes: number): object {
  return Object.fromEntries(SERIES_NAMES.map((name) => [name, pointsJson(monitor.series(name, minutes) ?? [])]));
}

/** One series with its statistics; undefined when there is no reading under that name in that time. */
export function seriesJson(monitor: Monitor, name: string, minutes: number): object | undefined {
  const readings = monitor.series(name, minutes);
  if (readings === undefined || readings.length === 0) return undefined;
  const values = readings.map((reading) => reading.value);
  return {
    metric_name: name,
    time_range_minutes: minutes,
    timestamp: unixSeconds(Date.now()),
    statistics: {
      count: values.length,
      min: new Float(Math.min(...values)),
      max: new Float(Math.max(...values)),
      avg: new Float(values.reduce((sum, value) => sum + value, 0) / values.length),
    },
    data_points: pointsJson(readings),
  };
}

/** How far back a question may go: further there is nothing. */
export const MINUTES_MAX = 24 * KEPT_MINUTES;

/** Hits among look-ups, in percent; 100 where nothing was looked up yet, as nothing was missed. */
export const hitRate = ({ hits, misses }: { readonly hits: number; readonly misses: number }): Float =>
  new Float(hits + misses > 0 ? (100 * hits) / (hits + misses) : 100);
