/** Session calls: their answers, field by field, and the settings that come with them. */
import { describe, expect, it } from "vitest";
import { call, fakeApp, newSession } from "../../support/http-app.ts";

const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

describe("creating a session", () => {
  it("answers with everything about it", async () => {
    const fake = fakeApp();
    const { status, body, text, headers } = await call(fake, "POST", "/sessions", {
      node_id: "n",
      ttl_seconds: 60,
      metadata: { who: "me", __proto__x: 1 },
      config: { recall_threshold: 1, unheard_of: 3 },
    });
    expect(status).toBe(200);
    expect(headers["content-type"]).toMatch(/^application\/json/);
    expect(Object.keys(body)).toEqual(["session_id", "node_id", "created_at", "expires_at", "ttl_seconds", "metadata", "session_config"]);
    expect(body).toMatchObject({ node_id: "n", ttl_seconds: 60, metadata: { who: "me" } });
    expect(body.created_at).toMatch(DATE);
    expect(Date.parse(body.expires_at) - Date.parse(body.created_at)).toBe(60_000);
    expect(Object.keys(body.session_config)).toHaveLength(22);
    expect(text).toContain('"recall_threshold":1.0');
    expect(fake.engine.last("createSession")[0]).toMatchObject({ nodeId: "n", ttlSeconds: 60, config: { recall_threshold: 1 } });
  });

  it("takes nulls, zero and numeric text as KATO does", async () => {
    const fake = fakeApp();
    for (const absent of [null, 0, "0", false]) {
      expect((await call(fake, "POST", "/sessions", { node_id: "", ttl_seconds: absent, metadata: null, config: null })).status).toBe(200);
      expect(fake.engine.last("createSession")[0]).toEqual({ nodeId: "", metadata: {} });
    }
    await call(fake, "POST", "/sessions", { node_id: "n", ttl_seconds: "90" });
    expect(fake.engine.last("createSession")[0]).toMatchObject({ ttlSeconds: 90 });
  });

  it.each([
    [{}, ["body", "node_id"], "missing"],
    [{ node_id: null }, ["body", "node_id"], "string_type"],
    [{ node_id: 7 }, ["body", "node_id"], "string_type"],
    [{ node_id: "\ud83d" }, ["body", "node_id"], "string_unicode"],
    [{ node_id: "n".repeat(4_097) }, ["body", "node_id"], "too_long"],
    [{ node_id: "n", ttl_seconds: -1 }, ["body", "ttl_seconds"], "value_error"],
    [{ node_id: "n", ttl_seconds: 1e12 }, ["body", "ttl_seconds"], "value_error"],
    [{ node_id: "n", ttl_seconds: 1.5 }, ["body", "ttl_seconds"], "int_from_float"],
    [{ node_id: "n", ttl_seconds: "soon" }, ["body", "ttl_seconds"], "int_parsing"],
    [{ node_id: "n", ttl_seconds: [] }, ["body", "ttl_seconds"], "int_type"],
    [{ node_id: "n", metadata: "x" }, ["body", "metadata"], "dict_type"],
    [{ node_id: "n", config: [] }, ["body", "config"], "dict_type"],
  ])("refuses %j", async (payload, loc, type) => {
    const { status, body } = await call(fakeApp(), "POST", "/sessions", payload);
    expect(status).toBe(422);
    expect(body.detail).toHaveLength(1);
    expect(body.detail[0]).toMatchObject({ loc, type, msg: expect.any(String) });
    expect(body.detail[0]).toHaveProperty("input");
  });

  it("refuses bad settings with the texts of an update", async () => {
    const fake = fakeApp();
    const { status, body } = await call(fake, "POST", "/sessions", { node_id: "n", config: { persistence: 0, minhash_bands: 10 } });
    expect(status).toBe(400);
    expect(body).toEqual({
      detail: {
        error: "Configuration validation failed",
        validation_errors: {
          persistence: "Must be an integer between 1 and 100",
          minhash_bands: "Must be 20: patterns are indexed with 20 bands of 5 rows, 100 hashes",
        },
      },
    });
    expect(fake.engine.sessions.size).toBe(0);
  });
});

describe("session calls", () => {
  it("reads what is left of a session, without naming it in a header", async () => {
    const fake = fakeApp();
    const id = await newSession(fake, { ttl_seconds: 100 });
    const session = fake.engine.sessions.get(id)!;
    const { status, body, headers } = await call(fake, "GET", `/sessions/${id}`);
    expect(status).toBe(200);
    expect(body.session_id).toBe(id);
    expect(body.ttl_seconds).toBeGreaterThanOrEqual(99);
    expect(body.ttl_seconds).toBeLessThanOrEqual(100);
    expect(headers["x-session-id"]).toBeUndefined();
    expect(session.ttlSeconds).toBe(100);
  });

  it("probes without an error and without sliding", async () => {
    const fake = fakeApp();
    const id = await newSession(fake);
    const before = fake.engine.sessions.get(id)!.expiresAtMs;
    expect((await call(fake, "GET", `/sessions/${id}/exists`)).body).toEqual({ exists: true, expired: false, session_id: id });
    expect(fake.engine.sessions.get(id)!.expiresAtMs).toBe(before);
    const unknown = await call(fake, "GET", "/sessions/nope/exists");
    expect([unknown.status, unknown.body]).toEqual([200, { exists: false, expired: false, session_id: "nope" }]);
  });

  it("counts, and finds its own name before a session called count", async () => {
    const fake = fakeApp();
    await newSession(fake);
    await newSession(fake);
    expect((await call(fake, "GET", "/sessions/count")).body).toEqual({ active_session_count: 2 });
  });

  it("deletes once", async () => {
    const fake = fakeApp();
    const id = await newSession(fake);
    const first = await call(fake, "DELETE", `/sessions/${id}`);
    expect(first.body).toEqual({ status: "deleted", session_id: id });
    expect(first.headers["x-session-id"]).toBe(id);
    expect((await call(fake, "DELETE", `/sessions/${id}`)).status).toBe(404);
  });

  it("extends by its query, an hour by default, with an empty JSON body", async () => {
    const fake = fakeApp();
    const id = await newSession(fake);
    const url = `/sessions/${id}/extend`;
    expect((await call(fake, "POST", url, "")).body).toEqual({ status: "extended", session_id: id, ttl_seconds: 3_600 });
    expect((await call(fake, "POST", `${url}?ttl_seconds=5&ttl_seconds=77`)).body.ttl_seconds).toBe(77);
    expect(fake.engine.last("extendSession")).toEqual([id, 77]);
    for (const wrong of ["0", "-3", "x", "1.5", "1e99", ""]) {
      const { status, body } = await call(fake, "POST", `${url}?ttl_seconds=${wrong}`);
      expect([status, body.detail[0].loc]).toEqual([422, ["query", "ttl_seconds"]]);
    }
  });

  it("shows and updates settings, wrapped or bare", async () => {
    const fake = fakeApp();
    const id = await newSession(fake);
    const url = `/sessions/${id}/config`;
    const updated = await call(fake, "POST", url, { config: { max_predictions: 7, no_such_key: 1 } });
    expect(updated.body).toEqual({ status: "okay", message: "Configuration updated", session_id: id });
    expect(updated.headers["x-session-id"]).toBe(id);
    await call(fake, "POST", url, { use_token_matching: false, stm_mode: "whatever", affinity_emotive: "joy" });
    const shown = await call(fake, "GET", url);
    expect(shown.body.session_id).toBe(id);
    expect(shown.body.config).toMatchObject({
      max_predictions: 7,
      use_token_matching: false,
      sort_symbols: false,
      stm_mode: "CLEAR",
      affinity_emotive: "joy",
    });
    expect(Object.keys(shown.body.config)).toHaveLength(23);
    await call(fake, "POST", url, { affinity_emotive: null });
    expect(Object.keys((await call(fake, "GET", url)).body.config)).toHaveLength(22);
  });

  it("applies nothing of a refused update", async () => {
    const fake = fakeApp();
    const id = await newSession(fake);
    const { status, body, headers } = await call(fake, "POST", `/sessions/${id}/config`, { max_predictions: 9, persistence: "x" });
    expect(status).toBe(400);
    expect(body.detail.validation_errors).toEqual({ persistence: "Must be an integer between 1 and 100" });
    expect(headers["x-session-id"]).toBe(id);
    expect((await call(fake, "GET", `/sessions/${id}/config`)).body.config.max_predictions).toBe(100);
  });

  it.each([
    ["[]", "model_attributes_type", ["body"]],
    ['"x"', "model_attributes_type", ["body"]],
    ["null", "missing", ["body"]],
    ["", "missing", ["body"]],
    ['{"config":3}', "dict_type", ["body", "config"]],
    ['{"config":null}', "dict_type", ["body", "config"]],
    ["{", "json_invalid", ["body", expect.any(Number)]],
  ])("refuses the settings body %s", async (payload, type, loc) => {
    const fake = fakeApp();
    const id = await newSession(fake);
    const { status, body } = await call(fake, "POST", `/sessions/${id}/config`, payload);
    expect([status, body.detail]).toEqual([422, [expect.objectContaining({ type, loc })]]);
  });
});
