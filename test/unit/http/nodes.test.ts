/** Node-level calls, the calls under /v1/kbs, and what the server says about itself. */
import { describe, expect, it } from "vitest";
import { call, fakeApp } from "../../support/http-app.ts";

async function taught() {
  const fake = fakeApp();
  const url = "/v1/kbs/n/learn";
  const learned = await call(fake, "POST", url, { sequences: [[["a", "b"], ["c"]], [["a"]], [[], ["a"], ["é/€"]]] });
  return { fake, learned };
}

describe("/v1/kbs/{node}", () => {
  it("learns in bulk", async () => {
    const { fake, learned } = await taught();
    expect([learned.status, learned.body]).toEqual([200, { stored: 2, too_short: 1 }]);
    expect(fake.engine.last("learnSequences")).toEqual(["n_kato", [[["a", "b"], ["c"]], [["a"]], [["a"], ["é/€"]]]]);
  });

  it("counts", async () => {
    const { fake } = await taught();
    expect((await call(fake, "GET", "/v1/kbs/n/stats")).body).toEqual({
      node_id: "n",
      kb_id: "n_kato",
      patterns: 2,
      symbols: 4,
      totals: { total_symbols_in_patterns_frequencies: 5, total_pattern_frequencies: 2, total_unique_patterns: 2 },
    });
  });

  it.each([
    [undefined, [], "missing"],
    [{}, ["sequences"], "missing"],
    [{ sequences: {} }, ["sequences"], "list_type"],
    [{ sequences: ["ab"] }, ["sequences", 0], "list_type"],
    [{ sequences: [["ab"]] }, ["sequences", 0, 0], "list_type"],
    [{ sequences: [[["a", null]]] }, ["sequences", 0, 0, 1], "string_type"],
    [{ sequences: [new Array(2).fill(new Array(2_049).fill("a"))] }, ["sequences", 0], "too_long"],
    [{ sequences: new Array(10_001).fill([["a", "b"]]) }, ["sequences"], "too_long"],
  ])("refuses wrong sequences %#", async (payload, loc, type) => {
    const fake = fakeApp();
    const { status, body } = await call(fake, "POST", "/v1/kbs/n/learn", payload);
    expect([status, body.error.details.issues]).toEqual([422, [expect.objectContaining({ type, loc: ["body", ...loc] })]]);
    expect(fake.engine.calls).toEqual([]);
  });
});

describe("node-level calls", () => {
  it("takes the node from the query, then from X-Test-ID, then from X-Node-ID", async () => {
    const fake = fakeApp();
    const kbFor = async (query: string, headers: Record<string, string> = {}) =>
      (await call(fake, "GET", `/symbols/stats${query}`, undefined, headers)).body.node_id;
    const both = { "x-test-id": "t", "x-node-id": "h" };
    expect(await kbFor("")).toBe("default_node_kato");
    expect(await kbFor("?node_id=")).toBe("default_node_kato");
    expect(await kbFor("", { "x-node-id": "h" })).toBe("h_kato");
    expect(await kbFor("", both)).toBe("test_t_kato");
    expect(await kbFor("", { "x-test-id": "test_t" })).toBe("test_t_kato");
    expect(await kbFor("?node_id=q", both)).toBe("q_kato");
    expect(await kbFor("?node_id=q&node_id=r")).toBe("r_kato");
  });

  it("shows a pattern by either name, and a missing one without a 404", async () => {
    const { fake } = await taught();
    const [name] = fake.engine.kb("n_kato").patterns.keys();
    fake.engine.kb("n_kato").patterns.set(name!, {
      ...fake.engine.kb("n_kato").patterns.get(name!)!,
      emotives: [[["joy", 1]], [["__proto__", 2]]],
      metadata: [["book", ["x", "y"]]],
    });
    for (const id of [encodeURIComponent(name!), name!.slice(5)]) {
      const { status, text } = await call(fake, "GET", `/pattern/${id}?node_id=n`);
      expect(status).toBe(200);
      expect(text).toBe(
        `{"pattern":{"status":"okay","pattern":{"name":"${name}","pattern_data":[["a","b"],["c"]],"length":3,"frequency":1,"emotives":[{"joy":1.0},{"__proto__":2.0}],"metadata":{"book":["x","y"]}}},"node_id":"n_kato"}`,
      );
    }
    const missing = await call(fake, "GET", "/pattern/PTRN%7Cnope?node_id=n");
    expect([missing.status, missing.body]).toEqual([
      200,
      { pattern: { status: "error", message: "Pattern PTRN|nope not found" }, node_id: "n_kato" },
    ]);
  });

  it("lists symbols with their counters", async () => {
    const { fake } = await taught();
    fake.engine.kb("n_kato").symbols.set("__proto__", { frequency: 7, patternMemberFrequency: 1 });
    const { body } = await call(fake, "GET", "/symbols/stats?node_id=n");
    expect(Object.keys(body.symbols)).toEqual(["a", "b", "c", "é/€", "__proto__"]);
    expect(body.symbols["é/€"]).toEqual({ name: "é/€", frequency: 1, pattern_member_frequency: 0 });
    expect((await call(fake, "GET", "/symbols/stats?node_id=other")).body).toEqual({ symbols: {}, node_id: "other_kato" });
  });

  it("lists affinities, and one symbol's", async () => {
    const fake = fakeApp();
    const { affinities } = fake.engine.kb("n_kato");
    const long = "€/".repeat(1_000);
    affinities.set("a", [["joy", 2]]).set("b", [["fear", -0.5]]);
    affinities.set(long, [["joy", 1]]);
    const all = await call(fake, "GET", "/symbols/affinity?node_id=n");
    expect(all.body).toEqual({ affinities: { a: { joy: 2 }, b: { fear: -0.5 }, [long]: { joy: 1 } }, node_id: "n_kato" });
    expect(all.text).toContain('"joy":2.0');
    expect((await call(fake, "GET", "/symbols/a/affinity?node_id=n")).text).toBe(
      '{"symbol":"a","affinity":{"joy":2.0},"node_id":"n_kato"}',
    );
    expect((await call(fake, "GET", "/symbols/nope/affinity?node_id=n")).body).toEqual({ symbol: "nope", affinity: {}, node_id: "n_kato" });
    const { body } = await call(fake, "GET", `/symbols/${encodeURIComponent(long)}/affinity?node_id=n`);
    expect([body.symbol, body.affinity]).toEqual([long, { joy: 1 }]);
  });

  it("answers an error of a list before its first part as any other", async () => {
    const fake = fakeApp();
    fake.engine.failure = new Error("lost");
    const { status, body } = await call(fake, "GET", "/symbols/stats?node_id=n");
    expect([status, body]).toEqual([500, { detail: "Internal Server Error" }]);
  });

  it("keeps the two calls whose meaning moved into sessions", async () => {
    const fake = fakeApp();
    const percept = await call(fake, "GET", "/percept-data?node_id=n");
    expect(percept.body).toEqual({ percept_data: {}, node_id: "n_kato", warning: expect.any(String) });
    const cognition = await call(fake, "GET", "/cognition-data?node_id=n");
    expect(Object.keys(cognition.body.cognition_data)).toHaveLength(9);
    expect(cognition.body.node_id).toBe("n_kato");
  });
});

describe("the server about itself", () => {
  it("names itself", async () => {
    const { body, text } = await call(fakeApp(), "GET", "/");
    expect(body).toMatchObject({ service: "KATO API", version: "0.0.0-test", status: "running", session_support: true, health: "/health" });
    expect(text).toMatch(/"uptime_seconds":\d+\.\d+/);
    const head = await call(fakeApp(), "HEAD", "/");
    expect([head.status, head.text]).toEqual([200, ""]);
  });

  it("is healthy, degraded without patterns, unhealthy without state, and always answers 200", async () => {
    const fake = fakeApp();
    const healthy = await call(fake, "GET", "/health");
    expect(healthy.body).toMatchObject({
      status: "healthy",
      processor_status: "healthy",
      service_name: "kato",
      issues: [],
      metrics_collected: 0,
      active_sessions: 0,
      outbox: 0,
      threads: 2,
    });
    expect(healthy.body.timestamp).toMatch(/\+00:00$/);
    fake.engine.patternStoreUp = false;
    expect((await call(fake, "GET", "/health")).body).toMatchObject({ status: "degraded", issues: [expect.any(String)] });
    fake.engine.stateStoreUp = false;
    const unhealthy = await call(fake, "GET", "/health");
    expect([unhealthy.status, unhealthy.body.status, unhealthy.body.issues.length]).toEqual([200, "unhealthy", 2]);
    fake.engine.failure = new Error("gone");
    const failed = await call(fake, "GET", "/health");
    expect([failed.status, failed.body.status, failed.body.issues]).toEqual([200, "unhealthy", ["Health check failed: gone"]]);
  });
});
