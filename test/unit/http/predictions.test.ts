/** Predictions over HTTP: of a session, of a bare state, and inside the cognition data; small, large, aborted. */
import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { NO_TRACE } from "../../support/fake-engine.ts";
import { call, type FakeApp, fakeApp, newSession, openGate } from "../../support/http-app.ts";
import { GENERAL, ONE_SYMBOL } from "../../support/predictions.ts";

let open: FakeApp | undefined;
afterEach(async () => {
  await open?.app.close();
  open = undefined;
});

describe("GET predictions", () => {
  it("answers with predictions, their futures and a count", async () => {
    const fake = fakeApp();
    const id = await newSession(fake);
    const potential = { future: [["c"]], aggregate_potential: 1, supporting_patterns: 1, total_weighted_frequency: 2 };
    fake.engine.answer = { predictions: [GENERAL], futurePotentials: [potential], trace: NO_TRACE };
    const { status, body, text, headers } = await call(fake, "GET", `/sessions/${id}/predictions?unique_id=ignored`);
    expect(status).toBe(200);
    expect(body).toEqual({
      predictions: [{ ...GENERAL, emotives: { joy: 1 } }],
      future_potentials: [potential],
      session_id: id,
      processor_id: null,
      count: 1,
      time: null,
      unique_id: null,
    });
    expect(text).toContain('"potential":2.5,');
    expect(text).toContain('"fragmentation":0.0,');
    expect(text).toContain('"total_weighted_frequency":2.0');
    expect(headers["x-session-id"]).toBe(id);
    expect(headers["content-length"]).toBe(String(Buffer.byteLength(text)));
  });

  it("answers with nothing, and with the other kind", async () => {
    const fake = fakeApp();
    const id = await newSession(fake);
    expect((await call(fake, "GET", `/sessions/${id}/predictions`)).body).toMatchObject({
      predictions: [],
      future_potentials: [],
      count: 0,
    });
    fake.engine.answer = { predictions: [ONE_SYMBOL], futurePotentials: [], trace: NO_TRACE };
    const { body } = await call(fake, "GET", `/sessions/${id}/predictions`);
    expect(body.predictions).toEqual([{ ...ONE_SYMBOL, emotives: {} }]);
  });

  it("sends a large answer in parts, whole", async () => {
    const fake = fakeApp();
    const id = await newSession(fake);
    const large = { ...GENERAL, matches: new Array(1_000).fill("symbol €") };
    fake.engine.answer = { predictions: new Array(300).fill(large), futurePotentials: [], trace: NO_TRACE };
    const { status, body, headers } = await call(fake, "GET", `/sessions/${id}/predictions`);
    expect([status, headers["content-length"]]).toEqual([200, undefined]);
    expect(body.count).toBe(300);
    expect(body.predictions).toHaveLength(300);
    expect(body.predictions[299].matches).toEqual(large.matches);
  });

  it("fails whole when a number is none", async () => {
    const fake = fakeApp();
    const id = await newSession(fake);
    fake.engine.answer = { predictions: [{ ...GENERAL, entropy: Number.NaN }], futurePotentials: [], trace: NO_TRACE };
    const { status, body } = await call(fake, "GET", `/sessions/${id}/predictions`);
    expect([status, body]).toEqual([500, { detail: "Internal Server Error" }]);
  });

  it("tells the engine when the client has gone, and not when it was served", async () => {
    const fake = fakeApp();
    open = fake;
    const id = await newSession(fake);
    await fake.app.listen({ host: "127.0.0.1", port: 0 });
    const { port } = fake.app.server.address() as AddressInfo;
    const path = `/sessions/${id}/predictions`;

    await (await fetch(`http://127.0.0.1:${port}${path}`)).json();
    expect(fake.engine.signals[0]!.aborted).toBe(false);

    const gate = openGate();
    fake.engine.gate = gate.promise;
    const client = httpRequest({ host: "127.0.0.1", port, path });
    client.on("error", () => {});
    client.end();
    while (fake.engine.signals.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    const aborted = new Promise((resolve) => fake.engine.signals[1]!.addEventListener("abort", resolve));
    client.destroy();
    await aborted;
    gate.resolve();
    expect(fake.engine.signals[0]!.aborted).toBe(false);
  });
});

describe("GET cognition-data", () => {
  const EMPTY = { command: "", metadata: {}, path: [], strings: [], vectors: [] };

  it("computes predictions when they are read", async () => {
    const fake = fakeApp();
    const id = await newSession(fake, { node_id: "node" });
    const url = `/sessions/${id}/cognition-data`;
    fake.engine.answer = { predictions: [GENERAL], futurePotentials: [], trace: NO_TRACE };
    expect((await call(fake, "GET", url)).body).toEqual({
      cognition_data: { predictions: [], emotives: {}, symbols: [], ...EMPTY, short_term_memory: [], time: 0 },
      session_id: id,
      node_id: "node",
    });
    await call(fake, "POST", `/sessions/${id}/observe`, { strings: ["b", "a"], emotives: { joy: 1 } });
    await call(fake, "POST", `/sessions/${id}/observe`, { strings: ["c"], emotives: { fear: 2 } });
    const { body, text, headers } = await call(fake, "GET", url);
    expect(body.cognition_data).toEqual({
      predictions: [{ ...GENERAL, emotives: { joy: 1 } }],
      emotives: { fear: 2 },
      symbols: ["a", "b", "c"],
      ...EMPTY,
      short_term_memory: [["a", "b"], ["c"]],
      time: 2,
    });
    expect(text).toContain('"fear":2.0');
    expect(headers["x-session-id"]).toBe(id);
  });

  it("computes none where the session wants none", async () => {
    const fake = fakeApp();
    const id = await newSession(fake, { config: { process_predictions: false } });
    fake.engine.answer = { predictions: [GENERAL], futurePotentials: [], trace: NO_TRACE };
    await call(fake, "POST", `/sessions/${id}/observe`, { strings: ["a"] });
    expect((await call(fake, "GET", `/sessions/${id}/cognition-data`)).body.cognition_data.predictions).toEqual([]);
    expect(fake.engine.calls.some((made) => made.name === "predict")).toBe(false);
  });
});

describe("how an answer came about", () => {
  it("is told when it is asked for, with the fate of a pattern where one is named, by a source where one is", async () => {
    const fake = fakeApp();
    const id = await newSession(fake);
    const name = "0f".repeat(20);
    const pattern = { name, outcome: "belowThreshold", reason: "Because.", stage: "match", similarity: 0.25 } as const;
    const trace = { ...NO_TRACE, source: "resident", plan: [{ source: "resident", microseconds: 99.6 }], rowsRead: 7, pattern } as const;
    fake.engine.answer = { predictions: [], futurePotentials: [], trace };
    expect((await call(fake, "GET", `/sessions/${id}/predictions`)).body).not.toHaveProperty("explain");
    for (const spelt of [name, `PTRN%7C${name}`]) {
      const { status, body } = await call(fake, "GET", `/sessions/${id}/predictions?explain=${spelt}&source=resident`);
      expect(status).toBe(200);
      expect(body.explain).toMatchObject({
        source: "resident",
        plan: [{ source: "resident", expected_microseconds: 100 }],
        certified: true,
        rows_read: 7,
        pattern: { ...pattern, outcome: "below_threshold" },
      });
      expect(fake.engine.last("predict")[1]).toMatchObject({ fateOf: name, source: "resident" });
    }
    const refused = await call(fake, "GET", `/sessions/${id}/predictions?source=nowhere`);
    expect(refused.status).toBe(422);
  });
});

describe("POST /v1/kbs/{node}/predict", () => {
  it("asks for a state and says how the answer came about", async () => {
    const fake = fakeApp();
    fake.engine.answer = { predictions: [GENERAL], futurePotentials: [], trace: NO_TRACE };
    const { status, body } = await call(fake, "POST", "/v1/kbs/my%20node/predict", {
      state: [["a"], [], ["b"]],
      config: { recall_threshold: 0.5, max_predictions: null },
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      predictions: [{ ...GENERAL, emotives: { joy: 1 } }],
      future_potentials: [],
      node_id: "my node",
      kb_id: "my node_kato",
      count: 1,
      trace: NO_TRACE,
    });
    const [kb, state, config, options] = fake.engine.last("predictState");
    expect([kb, state, config]).toEqual(["my node_kato", [["a"], ["b"]], { recall_threshold: 0.5 }]);
    expect((options as { signal: AbortSignal }).signal).toBeInstanceOf(AbortSignal);
  });

  it.each([
    [{}, ["state"], "missing"],
    [{ state: "x" }, ["state"], "list_type"],
    [{ state: ["x"] }, ["state", 0], "list_type"],
    [{ state: [["a", 1]] }, ["state", 0, 1], "string_type"],
    [{ state: new Array(1_001).fill(["a"]) }, ["state"], "too_long"],
    [{ state: [new Array(4_097).fill("a")] }, ["state", 0], "too_long"],
    [{ state: [], config: "x" }, ["config"], "dict_type"],
  ])("refuses wrong body %#, in the form of /v1", async (payload, loc, type) => {
    const { status, body } = await call(fakeApp(), "POST", "/v1/kbs/n/predict", payload);
    expect(status).toBe(422);
    expect(body.error.code).toBe(type === "too_long" ? "ENGRAM_LIMIT_EXCEEDED" : "ENGRAM_BAD_REQUEST");
    expect(body.error.message).toContain(["body", ...loc].join("."));
    expect(body.error.details.issues).toEqual([expect.objectContaining({ type, loc: ["body", ...loc] })]);
  });

  it("refuses bad settings", async () => {
    const { status, body } = await call(fakeApp(), "POST", "/v1/kbs/n/predict", { state: [], config: { persistence: 0 } });
    expect([status, body.error.code]).toEqual([400, "ENGRAM_CONFIG_INVALID"]);
    expect(body.error.details).toEqual({ validation_errors: { persistence: "Must be an integer between 1 and 100" } });
  });
});
