/** The shapes of refusals, the headers every answer carries, and what happens when the house is full. */

import type { AddressInfo } from "node:net";
import { createConnection } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { EngineError, type ErrorCode } from "../../../src/errors.ts";
import { buildApp } from "../../../src/http/app.ts";
import { silentLogger } from "../../../src/log.ts";
import { FakeEngine } from "../../support/fake-engine.ts";
import { call, type FakeApp, fakeApp, newSession, openGate } from "../../support/http-app.ts";

const notFound = (id: string) => ({
  error: { code: "SESSION_NOT_FOUND", message: `Session ${id} not found or expired`, session_id: id },
});

describe("an unknown session", () => {
  it.each([
    ["POST", "observe", { strings: ["a"] }],
    ["POST", "observe", { strings: 3 }],
    ["POST", "observe", "{broken"],
    ["POST", "observe", undefined],
    ["POST", "observe-sequence", { observations: [] }],
    ["POST", "observe-sequence", {}],
    ["GET", "stm", undefined],
    ["POST", "learn", undefined],
    ["POST", "clear-stm", undefined],
    ["POST", "clear-all", undefined],
    ["POST", "finalize-training", undefined],
    ["POST", "extend", undefined],
    ["POST", "extend?ttl_seconds=x", undefined],
    ["GET", "config", undefined],
    ["POST", "config", {}],
    ["POST", "config", { persistence: 0 }],
    ["GET", "percept-data", undefined],
    ["GET", "cognition-data", undefined],
    ["GET", "predictions", undefined],
    ["GET", "observe", undefined],
    ["GET", "no-such-call", undefined],
  ] as const)("%s %s has the shape of KATO's session check", async (method, path, payload) => {
    const { status, body, headers } = await call(fakeApp(), method, `/sessions/no%20pe/${path}`, payload);
    expect([status, body]).toEqual([404, notFound("no pe")]);
    expect(headers["x-session-id"]).toBeUndefined();
  });

  it("has that shape for a delete, and the plain one for a read", async () => {
    const fake = fakeApp();
    expect((await call(fake, "DELETE", "/sessions/nope")).body).toEqual(notFound("nope"));
    const read = await call(fake, "GET", "/sessions/nope");
    expect([read.status, read.body]).toEqual([404, { detail: "Session nope not found or expired" }]);
  });
});

describe("unknown paths and methods", () => {
  it("answers as KATO does, and in its own form under /v1", async () => {
    const fake = fakeApp();
    const id = await newSession(fake);
    for (const path of ["/nope", "/gene", "/v2", `/sessions/${id}/nope`, "/symbols"]) {
      const { status, body } = await call(fake, "GET", path);
      expect([path, status, body]).toEqual([path, 404, { detail: "Not Found" }]);
    }
    expect((await call(fake, "GET", "/v1/nope")).body).toEqual({
      error: { code: "ENGRAM_PATH_UNKNOWN", message: "Not Found", details: {} },
    });
  });

  it("names the methods of a path", async () => {
    const fake = fakeApp();
    const id = await newSession(fake);
    const refused = async (method: "GET" | "POST" | "PUT" | "OPTIONS", path: string) => {
      const { status, body, headers } = await call(fake, method, path);
      return [status, body, headers.allow];
    };
    const detail = { detail: "Method Not Allowed" };
    expect(await refused("GET", "/sessions")).toEqual([405, detail, "POST"]);
    expect(await refused("POST", "/health")).toEqual([405, detail, "GET, HEAD"]);
    expect(await refused("PUT", `/sessions/${id}`)).toEqual([405, detail, "GET, HEAD, DELETE"]);
    expect(await refused("GET", `/sessions/${id}/observe`)).toEqual([405, detail, "POST"]);
    expect(await refused("PUT", `/sessions/${id}/config`)).toEqual([405, detail, "GET, HEAD, POST"]);
    expect(await refused("OPTIONS", "/")).toEqual([405, detail, "GET, HEAD"]);
    const own = await call(fake, "GET", "/v1/kbs/n/learn");
    expect([own.status, own.body.error.code, own.headers.allow]).toEqual([405, "ENGRAM_METHOD_NOT_ALLOWED", "POST"]);
  });

  it("refuses a path whose escapes are broken", async () => {
    const { status, headers } = await call(fakeApp(), "GET", "/pattern/%E0%A4%A");
    expect(status).toBe(422);
    expect(headers["x-trace-id"]).toMatch(/^kato-/);
  });
});

describe("what the engine cannot do", () => {
  const failing = async (code: ErrorCode, url = "learn") => {
    const fake = fakeApp();
    const id = await newSession(fake);
    fake.engine.failure = new EngineError(code, "why", { details: { expected_dimension: 3 } });
    return call(fake, "POST", url.startsWith("/") ? url : `/sessions/${id}/${url}`, url.startsWith("/") ? { sequences: [] } : undefined);
  };

  it.each([
    "ENGRAM_POOL_FULL",
    "ENGRAM_OVERLOADED",
    "ENGRAM_DEADLINE",
    "ENGRAM_OUTBOX_FULL",
    "ENGRAM_CONFLICT",
    "ENGRAM_STORE_UNREACHABLE",
  ] as const)("%s asks to come back", async (code) => {
    const { status, body, headers } = await failing(code);
    expect([status, body, headers["retry-after"]]).toEqual([503, { detail: "why" }, "1"]);
    const own = await failing(code, "/v1/kbs/n/learn");
    expect([own.status, own.body, own.headers["retry-after"]]).toEqual([
      503,
      { error: { code, message: "why", details: { expected_dimension: 3 } } },
      "1",
    ]);
  });

  it("has a body for each other kind", async () => {
    expect(await failing("ENGRAM_STORE_REPLY")).toMatchObject({ status: 502, body: { detail: "why" } });
    expect(await failing("ENGRAM_KERNEL_TRAP")).toMatchObject({ status: 500, body: { detail: "why" } });
    expect(await failing("ENGRAM_VECTOR_SHAPE")).toMatchObject({
      status: 400,
      body: { detail: { error: "VectorDimensionError", message: "why", expected_dimension: 3 } },
    });
    expect(await failing("ENGRAM_LIMIT_EXCEEDED")).toMatchObject({
      status: 422,
      body: { detail: [{ type: "value_error", loc: ["body"], msg: "why", input: null }] },
    });
  });

  it("says nothing about what it did not expect, and logs it", async () => {
    const engine = new FakeEngine();
    const logged: [fields: object, message: string][] = [];
    const log = { ...silentLogger, fatal: (fields: object, message: string) => void logged.push([fields, message]) };
    const fake: FakeApp = { engine, app: buildApp({ engine, log, serviceName: "kato", version: "1" }) };
    const secret = new TypeError("password of 10.0.0.1");
    engine.failure = secret;
    const { status, text } = await call(fake, "GET", "/sessions/count");
    expect([status, text]).toEqual([500, '{"detail":"Internal Server Error"}']);
    expect(logged).toEqual([
      [expect.objectContaining({ err: secret, code: "ENGRAM_INTERNAL", route: "/sessions/count" }), expect.any(String)],
    ]);
  });

  it("keeps the error at hand when the store cannot say whether the session lives", async () => {
    const fake = fakeApp();
    fake.engine.peekSession = () => Promise.reject(new EngineError("ENGRAM_STORE_UNREACHABLE", "away"));
    const { status, body } = await call(fake, "POST", "/sessions/x/config", { persistence: 0 });
    expect([status, body.detail.error]).toEqual([400, "Configuration validation failed"]);
  });
});

describe("trace ids and named sessions", () => {
  it("echoes a trace id or makes one, on every answer", async () => {
    const fake = fakeApp();
    expect((await call(fake, "GET", "/health", undefined, { "x-trace-id": "mine" })).headers["x-trace-id"]).toBe("mine");
    expect((await call(fake, "GET", "/health")).headers["x-trace-id"]).toMatch(/^kato-[0-9a-f]{32}$/);
    expect((await call(fake, "GET", "/nope", undefined, { "x-trace-id": "t2" })).headers["x-trace-id"]).toBe("t2");
    expect((await call(fake, "POST", "/sessions", "{", { "x-trace-id": "t3" })).headers["x-trace-id"]).toBe("t3");
  });

  it("slides and echoes a living session that a header or cookie names", async () => {
    const fake = fakeApp();
    const id = await newSession(fake);
    const named = async (url: string, headers: Record<string, string>) =>
      (await call(fake, "GET", url, undefined, headers)).headers["x-session-id"];
    expect(await named("/health", { "x-session-id": id })).toBe(id);
    expect(await named("/health", { cookie: `a=b; session_id=${id}; c=d` })).toBe(id);
    expect(fake.engine.calls.filter((made) => made.name === "session")).toHaveLength(2);
    expect(await named("/health", { "x-session-id": "nope" })).toBeUndefined();
    expect(await named("/health", { cookie: "other_session_id=x" })).toBeUndefined();
    expect(await named("/sessions/count", { "x-session-id": id })).toBeUndefined();
    fake.engine.session = () => Promise.reject(new EngineError("ENGRAM_STORE_UNREACHABLE", "away"));
    const { status } = await call(fake, "GET", "/symbols/stats", undefined, { "x-session-id": id });
    expect(status).toBe(200);
  });

  it("names no other origin as welcome", async () => {
    const { headers } = await call(fakeApp(), "GET", "/health", undefined, { origin: "https://example.org" });
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
  });
});

describe("a full house", () => {
  let open: FakeApp | undefined;
  afterEach(async () => {
    await open?.app.close();
    open = undefined;
  });

  it("refuses bodies beyond their limit", async () => {
    const fake = fakeApp({ bodyBytesMax: 1_000 });
    const { status, body } = await call(fake, "POST", "/sessions", { node_id: "n".repeat(2_000) });
    expect([status, body]).toEqual([413, { detail: expect.stringContaining("larger than the server takes") }]);
    const own = await call(fake, "POST", "/v1/kbs/n/learn", { sequences: [[["n".repeat(2_000)]]] });
    expect([own.status, own.body.error.code]).toEqual([413, "ENGRAM_BODY_TOO_LARGE"]);
  });

  it("refuses more requests than it may hold, answers for its health, and recovers", async () => {
    const fake = fakeApp({ requestsInFlightMax: 2 });
    const id = await newSession(fake);
    const gate = openGate();
    fake.engine.gate = gate.promise;
    const url = `/sessions/${id}/predictions`;
    const held = [call(fake, "GET", url), call(fake, "GET", url)];
    while (fake.engine.signals.length < 2) await new Promise((resolve) => setImmediate(resolve));
    const refused = await call(fake, "GET", "/sessions/count");
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "1"]);
    expect(refused.body.detail).toContain("2 requests");
    expect((await call(fake, "GET", "/v1/kbs/n/stats")).body.error.code).toBe("ENGRAM_OVERLOADED");
    expect((await call(fake, "GET", "/health")).status).toBe(200);
    gate.resolve();
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200]);
    for (let round = 0; round < 5; round++) expect((await call(fake, "GET", "/sessions/count")).status).toBe(200);
  });

  it("counts bytes under way, and forgets those of a client that went away", async () => {
    const fake = fakeApp({ bodyBytesMax: 1_000, bodyBytesInFlightMax: 1_500 });
    open = fake;
    await fake.app.listen({ host: "127.0.0.1", port: 0 });
    const { port } = fake.app.server.address() as AddressInfo;
    const create = () => call(fake, "POST", "/sessions", { node_id: "n".repeat(600) });
    expect((await create()).status).toBe(200);
    // Announces 1,000 bytes and sends three.
    const slow = createConnection(port, "127.0.0.1");
    const arrived = new Promise<void>((resolve) => fake.app.server.once("request", () => resolve()));
    slow.write('POST /sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"n');
    await arrived;
    const { status, body } = await create();
    expect([status, body.detail]).toEqual([503, expect.stringContaining("bodies")]);
    slow.destroy();
    let last = 503;
    for (let tries = 0; tries < 200 && last === 503; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      last = (await create()).status;
    }
    expect(last).toBe(200);
  });

  it("takes nothing new while it closes, and lets what runs finish", async () => {
    const fake = fakeApp();
    const id = await newSession(fake);
    await fake.app.listen({ host: "127.0.0.1", port: 0 });
    const { port } = fake.app.server.address() as AddressInfo;
    const gate = openGate();
    fake.engine.gate = gate.promise;
    const running = fetch(`http://127.0.0.1:${port}/sessions/${id}/predictions`);
    while (fake.engine.signals.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    // A second client, whose next request comes while the first still runs: the answer under way is its last.
    const socket = createConnection(port, "127.0.0.1");
    let answers = "";
    socket.on("data", (data) => {
      answers += data;
    });
    const ended = new Promise((resolve) => socket.once("close", resolve));
    socket.write(`GET /sessions/${id}/predictions HTTP/1.1\r\nHost: x\r\n\r\n`);
    while (fake.engine.signals.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    const closing = fake.app.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write("GET /sessions/count HTTP/1.1\r\nHost: x\r\n\r\n");
    await new Promise((resolve) => setTimeout(resolve, 20));
    gate.resolve();
    expect((await running).status).toBe(200);
    await ended;
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200"]);
    // Well before an idle connection would time out.
    const started = Date.now();
    await closing;
    expect(Date.now() - started).toBeLessThan(5_000);
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow();
  });

  it("answers a request that was half sent when the closing began", async () => {
    const fake = fakeApp();
    await fake.app.listen({ host: "127.0.0.1", port: 0 });
    const { port } = fake.app.server.address() as AddressInfo;
    const socket = createConnection(port, "127.0.0.1");
    let answer = "";
    socket.on("data", (data) => {
      answer += data;
    });
    const ended = new Promise((resolve) => socket.once("close", resolve));
    const arrived = new Promise((resolve) => fake.app.server.once("connection", (peer) => peer.once("data", resolve)));
    socket.write("GET /sessions/count HTTP/1.1\r\nHost: x\r\n");
    await arrived;
    const closing = fake.app.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write("\r\n");
    await ended;
    await closing;
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toContain("retry-after: 1");
    expect(answer).toContain('{"detail":"The server is shutting down"}');
  });
});
