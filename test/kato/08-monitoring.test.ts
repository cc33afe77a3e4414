/** Section 8 of KATO's interface: health, figures, monitoring. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { onEveryServer } from "./servers.ts";

const PERCENT = (value: unknown): boolean => typeof value === "number" && value >= 0 && value <= 100;

onEveryServer("monitoring", (kato) => {
  const get = async (path: string) => {
    const { status, body, text } = await kato.call("GET", path);
    expect(status, path).toBe(200);
    return { body, text };
  };

  it("names itself at /", async () => {
    const { body } = await get("/");
    expect(Object.keys(body)).toEqual([
      "service",
      "version",
      "description",
      "docs",
      "health",
      "status",
      "uptime_seconds",
      "architecture",
      "session_support",
    ]);
    expect(body).toMatchObject({
      service: "KATO API",
      status: "running",
      architecture: "modular",
      session_support: true,
      health: "/health",
    });
  });

  it("[T] is healthy, whatever the load of the machine", async () => {
    const { body } = await get("/health");
    expect(body).toMatchObject({ status: "healthy", processor_status: "healthy", service_name: "kato", issues: [] });
    expect(body.uptime_seconds).toBeGreaterThan(0);
    expect(body.active_sessions).toBeTypeOf("number");
    expect(body.timestamp).toMatch(/\+00:00$/);
  });

  it("tells in /status of sessions and of the nodes in use, and no password", async () => {
    const node = kato.node();
    const id = await kato.session({ node_id: node });
    await kato.observe(id, "a");
    const { body, text } = await get("/status");
    expect(Object.keys(body)).toEqual(["status", "base_processor_id", "uptime_seconds", "sessions", "processors", "version"]);
    expect(Object.keys(body.sessions)).toEqual(["total_sessions", "active_sessions", "expired_sessions", "backend", "redis_url"]);
    expect(body.sessions.active_sessions).toBeGreaterThan(0);
    const used = body.processors.processors.find((processor: { node_id: string }) => processor.node_id === node);
    expect(used).toMatchObject({ processor_id: `${node}_kato`, access_count: 1 });
    expect(Object.keys(used)).toEqual(["processor_id", "node_id", "created_at", "last_accessed", "access_count", "idle_seconds"]);
    expect(body.processors).toMatchObject({ max_processors: 100, eviction_ttl_seconds: 3600 });
    expect(text).not.toMatch(/:[^/@"]*@/);
  });

  it("[T] gives /metrics as JSON, percentages between 0 and 100, a response time above 0", async () => {
    const { body, text } = await get("/metrics");
    expect(Object.keys(body)).toEqual([
      "timestamp",
      "sessions",
      "performance",
      "resources",
      "databases",
      "rates",
      "processor_manager",
      "uptime_seconds",
      "active_sessions",
      "error",
    ]);
    expect(body.timestamp).toBeCloseTo(Date.now() / 1000, -1);
    for (const key of ["cpu_percent", "memory_percent", "disk_percent"]) expect(body.resources[key], key).toSatisfy(PERCENT);
    expect(body.performance.average_response_time).toBeGreaterThan(0);
    for (const name of ["clickhouse", "qdrant", "redis"]) {
      expect(Object.keys(body.databases[name])).toEqual(["operations", "errors", "avg_response_time"]);
    }
    expect(text).toMatch(/"cpu_percent":\d+\.\d/);
  });

  it("[T] counts new requests in total_requests within a second", async () => {
    const before = (await get("/metrics")).body.performance.total_requests;
    for (let i = 0; i < 5; i++) await get("/health");
    const after = (await get("/metrics")).body.performance.total_requests;
    expect(after - before).toBe(6);
  });

  it("counts sessions, their operations and the stores' calls", async () => {
    const before = (await get("/metrics")).body;
    const id = await kato.session();
    await kato.learn(id, ["a"], ["b"]);
    await kato.call("DELETE", `/sessions/${id}`);
    const after = (await get("/metrics")).body;
    expect(after.sessions.total_created - before.sessions.total_created).toBe(1);
    expect(after.sessions.total_deleted - before.sessions.total_deleted).toBe(1);
    // Two observes, a learn, a deletion.
    expect(after.sessions.operations_total - before.sessions.operations_total).toBe(4);
    expect(after.databases.redis.operations - before.databases.redis.operations).toBeGreaterThanOrEqual(4);
    expect(after.databases.redis.avg_response_time).toBeGreaterThan(0);
  });

  it("gives one series with its statistics", async () => {
    await get("/stats");
    const { body, text } = await get("/metrics/kato_requests_total?minutes=5");
    expect(Object.keys(body)).toEqual(["metric_name", "time_range_minutes", "timestamp", "statistics", "data_points"]);
    expect(body).toMatchObject({ metric_name: "kato_requests_total", time_range_minutes: 5 });
    expect(body.statistics.count).toBe(body.data_points.length);
    expect(body.statistics.min).toBeLessThanOrEqual(body.statistics.avg);
    expect(body.statistics.max).toBe(body.data_points.at(-1).value);
    expect(Object.keys(body.data_points[0])).toEqual(["timestamp", "value", "labels"]);
    expect(text).toMatch(/"avg":\d+\.\d/);
  });

  it("[T] answers 404 with `No data available` for an unknown series", async () => {
    const { status, body } = await kato.call("GET", "/metrics/nonexistent_metric?minutes=7");
    expect(status).toBe(404);
    expect(body.detail).toBe("No data available for metric 'nonexistent_metric' in the last 7 minutes");
  });

  it("refuses minutes that are none", async () => {
    for (const minutes of ["soon", "0", "-1", "1e9", "1.5"]) {
      expect((await kato.call("GET", `/stats?minutes=${minutes}`)).status, minutes).toBe(422);
    }
  });

  it("[T] lists in /stats the series of processor, memory, requests and their duration", async () => {
    await sleep(10);
    const { body } = await get("/stats?minutes=10");
    expect(Object.keys(body)).toEqual([
      "time_range_minutes",
      "timestamp",
      "processor_manager",
      "current_status",
      "time_series",
      "summary",
      "error",
    ]);
    expect(Object.keys(body.time_series)).toHaveLength(20);
    for (const name of ["kato_cpu_usage_percent", "kato_memory_usage_percent", "kato_requests_total", "kato_request_duration_seconds"]) {
      expect(body.time_series[name].length, name).toBeGreaterThan(0);
    }
    expect(Object.keys(body.summary)).toEqual(["sessions", "performance", "resources", "databases"]);
  });

  it("tells how many requests are under way and how many may be", async () => {
    const { body } = await get("/concurrency");
    expect(Object.keys(body)).toEqual(["status", "current", "peak", "limits", "configuration", "recommendations", "timestamp"]);
    expect(body).toMatchObject({ status: "healthy", recommendations: [] });
    expect(body.current.concurrent_requests).toBeGreaterThanOrEqual(1);
    expect(body.peak.concurrent_requests).toBeGreaterThanOrEqual(body.current.concurrent_requests);
    expect(body.limits).toEqual({ per_worker: 1024, warning_threshold: 819, critical_threshold: 972, total_capacity: 1024 });
  });

  it("tells of its caches, and forgets them when asked", async () => {
    const id = await kato.session({ config: { recall_threshold: 0 } });
    await kato.learn(id, ["a"], ["b"]);
    await kato.observe(id, "a");
    await kato.observe(id, "b");
    const first = await kato.call("GET", `/sessions/${id}/predictions`);
    expect(first.body.predictions).toHaveLength(1);
    const { body } = await get("/cache/stats");
    expect(Object.keys(body)).toEqual(["cache_performance", "cache_health", "timestamp"]);
    expect(body.cache_performance.hit_rate_percent).toSatisfy(PERCENT);
    expect(body.cache_performance.symbols_in_cache).toBeGreaterThan(0);

    const invalid = await kato.call("POST", `/cache/invalidate?session_id=${id}`);
    expect(invalid.status).toBe(200);
    expect(invalid.body).toMatchObject({ status: "success", session_id: id, reason: null });
    expect(invalid.body.symbols_invalidated).toBeGreaterThan(0);
    expect((await kato.call("GET", `/sessions/${id}/predictions`)).body).toEqual(first.body);

    const all = await kato.call("POST", "/cache/invalidate");
    expect(all.body).toMatchObject({ status: "success", session_id: null });
    const lost = await kato.call("POST", "/cache/invalidate?session_id=gone");
    expect(lost.body).toMatchObject({ patterns_invalidated: 0, symbols_invalidated: 0, session_id: "gone" });
  });

  it("tells whether short-term memory is shared by processes", async () => {
    const { body } = await get("/distributed-stm/stats");
    expect(["active", "disabled"]).toContain(body.status);
    expect(body.distributed_stm_enabled).toBe(body.status === "active");
    expect(Object.keys(body)).toEqual([
      "status",
      "distributed_stm_enabled",
      "performance_stats",
      "processor_info",
      "expected_improvements",
      "reason",
      "error",
      "timestamp",
    ]);
  });

  it("tells how its stores answer", async () => {
    const { body } = await get("/connection-pools");
    expect(body.status).toBe("healthy");
    for (const name of ["clickhouse", "redis", "qdrant"]) {
      expect(Object.keys(body.health[name])).toEqual(["healthy", "last_check", "error_count", "last_error", "response_time_ms"]);
      expect(body.health[name].healthy).toBe(true);
    }
  });
});
