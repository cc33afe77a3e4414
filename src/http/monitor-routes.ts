/**
 * What the server is asked about itself, under KATO's names: `/status`, `/metrics`, `/stats`, `/concurrency`, `/cache/*`, `/connection-pools`,
 * `/distributed-stm/stats`. Every figure is counted or measured, and of this moment; what has no counterpart here says so. docs/wire.md.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { CallFigures, EngineFigures } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import type { Admission } from "./admission.ts";
import { toInteger } from "./coercion.ts";
import { BODYLESS, type RouteContext } from "./context.ts";
import { examine } from "./health.ts";
import { Issues } from "./issues.ts";
import { Float, jsonText, offsetDate } from "./json-text.ts";
import {
  allSeriesJson,
  databasesJson,
  hitRate,
  MINUTES_MAX,
  performanceJson,
  processorsJson,
  ratesJson,
  resourcesJson,
  seriesJson,
  sessionsJson,
  unixSeconds,
} from "./monitor-json.ts";
import { sendText } from "./send.ts";

const ALWAYS = { config: { alwaysAdmitted: true } } as const;
const MINUTES_DEFAULT = 10;
/** Shares of the limit at which `/concurrency` warns, in percent: KATO's. */
const WARNING_PERCENT = 80;
const CRITICAL_PERCENT = 95;
/** Node's own, `server.listen`. */
const BACKLOG = 511;

export function addMonitorRoutes(app: FastifyInstance, context: RouteContext, admission: Admission): void {
  const { engine, limits, monitor, about } = context;
  const now = (): string => offsetDate(Date.now());
  const send = (reply: FastifyReply, body: object): FastifyReply => sendText(reply, jsonText(body));
  const processors = (): object => processorsJson(monitor, about.sessionTtlSeconds);

  app.get("/status", ALWAYS, async (_request, reply) => {
    const { status } = await examine(engine, context.log);
    const { activeSessions, engine: figures } = await monitor.now();
    return send(reply, {
      status,
      base_processor_id: context.serviceName,
      uptime_seconds: new Float((Date.now() - context.startedAtMs) / 1_000),
      sessions: {
        total_sessions: activeSessions,
        active_sessions: activeSessions,
        // One that ran out is forgotten at once.
        expired_sessions: 0,
        backend: figures.stateStore.backEnd,
        redis_url: about.redisAddress,
      },
      processors: processors(),
      version: context.version,
    });
  });

  app.get("/metrics", ALWAYS, async (_request, reply) => {
    const snapshot = await monitor.now();
    return send(reply, {
      timestamp: unixSeconds(snapshot.atMs),
      sessions: sessionsJson(snapshot),
      performance: performanceJson(snapshot, reply.elapsedTime),
      resources: resourcesJson(snapshot),
      databases: databasesJson(snapshot),
      rates: ratesJson(monitor),
      processor_manager: processors(),
      uptime_seconds: null,
      active_sessions: null,
      error: snapshot.error,
    });
  });

  app.get<{ Params: { name: string } }>("/metrics/:name", ALWAYS, async (request, reply) => {
    const minutes = minutesOf(request);
    const { name } = request.params;
    await monitor.now();
    const series = seriesJson(monitor, name, minutes);
    if (series === undefined) {
      throw new EngineError("ENGRAM_PATH_UNKNOWN", `No data available for metric '${name}' in the last ${minutes} minutes`);
    }
    return send(reply, series);
  });

  app.get("/stats", ALWAYS, async (request, reply) => {
    const minutes = minutesOf(request);
    const { status } = await examine(engine, context.log);
    const snapshot = await monitor.now();
    return send(reply, {
      time_range_minutes: minutes,
      timestamp: unixSeconds(snapshot.atMs),
      processor_manager: processors(),
      current_status: status,
      time_series: allSeriesJson(monitor, minutes),
      summary: {
        sessions: sessionsJson(snapshot),
        performance: performanceJson(snapshot, reply.elapsedTime),
        resources: resourcesJson(snapshot),
        databases: databasesJson(snapshot),
      },
      error: snapshot.error,
    });
  });

  app.get("/concurrency", ALWAYS, async (_request, reply) => {
    const { current, peak } = admission.load();
    const max = limits.requestsInFlightMax;
    const percent = (100 * current) / max;
    const level = percent >= CRITICAL_PERCENT ? "critical" : percent >= WARNING_PERCENT ? "warning" : "healthy";
    const recommendations =
      level === "healthy"
        ? []
        : [
            {
              level,
              message: `${current} of ${max} requests are under way: beyond it requests are refused with 503. Start another process.`,
            },
          ];
    return send(reply, {
      status: level,
      current: { concurrent_requests: current, utilization_percent: new Float(percent) },
      peak: { concurrent_requests: peak, utilization_percent: new Float((100 * peak) / max) },
      limits: {
        per_worker: max,
        warning_threshold: Math.floor((max * WARNING_PERCENT) / 100),
        critical_threshold: Math.floor((max * CRITICAL_PERCENT) / 100),
        total_capacity: max,
      },
      configuration: { workers: 1, backlog: BACKLOG, max_requests: null },
      recommendations,
      timestamp: now(),
    });
  });

  app.get("/cache/stats", ALWAYS, async (_request, reply) => {
    const { patterns, symbols } = engine.figures();
    return send(reply, {
      cache_performance: {
        status: patterns.bytesMax > 0 ? "enabled" : "disabled",
        hit_rate_percent: hitRate(patterns),
        cache_hits: patterns.hits,
        cache_misses: patterns.misses,
        patterns_in_cache: patterns.kept,
        pattern_bytes: patterns.bytes,
        pattern_bytes_max: patterns.bytesMax,
        symbols_in_cache: symbols.kept,
        symbol_hit_rate_percent: hitRate(symbols),
        symbol_hits: symbols.hits,
        symbol_misses: symbols.misses,
      },
      cache_health: { status: "healthy" },
      timestamp: now(),
    });
  });

  app.post<{ Querystring: { session_id?: string | string[] } }>("/cache/invalidate", BODYLESS, async (request, reply) => {
    const asked = request.query.session_id;
    const id = (Array.isArray(asked) ? asked.at(-1) : asked) || null;
    const session = id === null ? undefined : await engine.peekSession(id);
    // What is kept belongs to knowledge bases; a session that is over names none, so there is nothing to forget.
    const forgotten = id !== null && session === undefined ? { patterns: 0, symbols: 0 } : engine.dropCaches(session?.kb);
    return send(reply, {
      status: "success",
      patterns_invalidated: forgotten.patterns,
      symbols_invalidated: forgotten.symbols,
      session_id: id,
      reason: id !== null && session === undefined ? `Session ${id} not found or expired` : null,
      timestamp: now(),
    });
  });

  app.get("/distributed-stm/stats", ALWAYS, async (_request, reply) => {
    const { stateStore } = engine.figures();
    const shared = stateStore.backEnd === "redis";
    return send(reply, {
      status: shared ? "active" : "disabled",
      distributed_stm_enabled: shared,
      performance_stats: callsJson(stateStore),
      processor_info: processors(),
      expected_improvements: null,
      reason: shared ? null : "Sessions are kept by this process alone (embedded store). With Redis all processes share them.",
      error: null,
      timestamp: now(),
    });
  });

  app.get("/connection-pools", ALWAYS, async (_request, reply) => {
    const timestamp = now();
    const health = await engine.health().catch((error: unknown) => error as Error);
    const figures = engine.figures();
    const failed = health instanceof Error;
    const services = {
      clickhouse: serviceJson(!failed && health.patternStore, failed ? null : health.patternStoreMs, figures.patternStore, timestamp),
      qdrant: serviceJson(!failed && health.stateStore, failed ? null : health.stateStoreMs, figures.vectorIndex, timestamp),
      redis: serviceJson(!failed && health.stateStore, failed ? null : health.stateStoreMs, figures.stateStore, timestamp),
    };
    return send(reply, {
      status: failed ? "error" : Object.values(services).every((service) => service.healthy) ? "healthy" : "degraded",
      health: services,
      pool_statistics: poolsJson(figures, failed ? 0 : health.threads, failed ? 0 : health.outbox),
      connection_optimization: null,
      performance_improvements: null,
      error: failed ? health.message : null,
      timestamp,
    });
  });
}

/** Minutes of the past that are asked for. Errors: RequestRefused. */
function minutesOf(request: FastifyRequest): number {
  const { minutes: asked } = request.query as Readonly<Record<string, string | string[] | undefined>>;
  const given = Array.isArray(asked) ? asked.at(-1) : asked;
  const issues = new Issues();
  const minutes = toInteger(given ?? MINUTES_DEFAULT);
  if (typeof minutes === "string") issues.add(minutes, ["query", "minutes"], given);
  else if (minutes < 1 || minutes > MINUTES_MAX)
    issues.addValue(["query", "minutes"], `Input should be between 1 and ${MINUTES_MAX}`, given);
  issues.assertNone();
  return minutes as number;
}

function callsJson({ operations, errors, seconds }: CallFigures): object {
  return { operations, errors, avg_response_time_ms: new Float(operations > 0 ? (1_000 * seconds) / operations : 0) };
}

function serviceJson(
  healthy: boolean,
  ms: number | null,
  { errors, lastError }: CallFigures,
  timestamp: string,
): { readonly healthy: boolean; readonly [figure: string]: unknown } {
  return {
    healthy,
    last_check: timestamp,
    error_count: errors,
    last_error: lastError?.code ?? null,
    response_time_ms: ms === null ? null : new Float(ms),
  };
}

function poolsJson({ patternStore, stateStore }: EngineFigures, threads: number, outbox: number): object {
  return {
    clickhouse: { back_end: patternStore.backEnd, ...callsJson(patternStore), waiting_to_be_written: outbox },
    redis: { back_end: stateStore.backEnd, ...callsJson(stateStore) },
    scoring: { threads },
  };
}
