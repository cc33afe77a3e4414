/** Observing and learning over HTTP: answers, what reaches the engine, what is refused at the door. */
import { describe, expect, it } from "vitest";
import type { Observation } from "../../../src/engine-types.ts";
import { call, fakeApp, newSession } from "../../support/http-app.ts";

async function observing(limits?: Parameters<typeof fakeApp>[0]) {
  const fake = fakeApp(limits);
  const id = await newSession(fake, { node_id: "node" });
  const observe = (payload: unknown, headers?: Record<string, string>) => call(fake, "POST", `/sessions/${id}/observe`, payload, headers);
  const sequence = (payload: unknown) => call(fake, "POST", `/sessions/${id}/observe-sequence`, payload);
  const seen = () => fake.engine.last("observe")[1] as Observation;
  return { fake, id, observe, sequence, seen };
}

describe("observe", () => {
  it("answers with the session, its node and its clock", async () => {
    const { id, observe } = await observing();
    const { status, body, headers } = await observe({ strings: ["b", "a"] });
    expect(status).toBe(200);
    expect(body).toEqual({
      status: "okay",
      session_id: id,
      processor_id: "node",
      stm_length: 1,
      time: 1,
      unique_id: "obs-1",
      auto_learned_pattern: null,
    });
    expect(headers["x-session-id"]).toBe(id);
  });

  it("finds the node of a session that another process made", async () => {
    const { fake, id } = await observing();
    const { buildApp } = await import("../../../src/http/app.ts");
    const { silentLogger } = await import("../../../src/log.ts");
    const other = { engine: fake.engine, app: buildApp({ engine: fake.engine, log: silentLogger, serviceName: "kato", version: "1" }) };
    const peeks = () => fake.engine.calls.filter((made) => made.name === "peekSession").length;
    for (let round = 0; round < 3; round++) {
      expect((await call(other, "POST", `/sessions/${id}/observe`, { strings: ["a"] })).body.processor_id).toBe("node");
    }
    expect(peeks()).toBe(1);
  });

  it("passes on what was sent, and nothing for what was not", async () => {
    const { observe, seen } = await observing();
    await observe({ strings: ["", "é", "a a"], vectors: [[1, 2.5]], emotives: { joy: 0.5 }, metadata: { k: [1, null] }, unknown: 1 });
    expect(seen()).toEqual({ strings: ["", "é", "a a"], vectors: [[1, 2.5]], emotives: { joy: 0.5 }, metadata: { k: [1, null] } });
    await observe({});
    expect(seen()).toEqual({ strings: [], vectors: [], emotives: {}, metadata: {} });
  });

  it("coerces numbers as KATO does", async () => {
    const { observe, seen } = await observing();
    const payload = { vectors: [["1", true, " 2.5e1 ", 3, ".5", "+7."]], emotives: { a: "0.5", b: false, c: 4 } };
    expect((await observe(payload)).status).toBe(200);
    expect(seen().vectors).toEqual([[1, 1, 25, 3, 0.5, 7]]);
    expect({ ...seen().emotives }).toEqual({ a: 0.5, b: 0, c: 4 });
  });

  it("takes any name for a name", async () => {
    const { fake, observe, seen } = await observing();
    const text =
      '{"emotives":{"__proto__":"2","constructor":1,"toString":3},"metadata":{"__proto__":{"x":1},"constructor":{"prototype":2}},"__proto__":{"strings":["no"]}}';
    expect((await observe(text)).status).toBe(200);
    expect(Object.entries(seen().emotives)).toEqual([
      ["__proto__", 2],
      ["constructor", 1],
      ["toString", 3],
    ]);
    expect(JSON.stringify(seen().metadata)).toBe('{"__proto__":{"x":1},"constructor":{"prototype":2}}');
    expect(seen().strings).toEqual([]);
    expect(({} as { x?: number }).x).toBeUndefined();
    const percept = await call(fake, "GET", `/sessions/${fake.engine.last("observe")[0]}/percept-data`);
    expect(percept.text).toContain('"emotives":{"__proto__":2.0,"constructor":1.0,"toString":3.0}');
    expect(percept.text).toContain('"metadata":{"__proto__":{"x":1},"constructor":{"prototype":2}}');
  });

  it.each([
    ['{"strings":null}', ["strings"], "list_type"],
    ['{"strings":"ab"}', ["strings"], "list_type"],
    ['{"strings":["a",null]}', ["strings", 1], "string_type"],
    ['{"strings":[1]}', ["strings", 0], "string_type"],
    ['{"strings":["\\ud800"]}', ["strings", 0], "string_unicode"],
    ['{"strings":["\\udc00\\ud800"]}', ["strings", 0], "string_unicode"],
    ['{"vectors":"x"}', ["vectors"], "list_type"],
    ['{"vectors":[1]}', ["vectors", 0], "list_type"],
    ['{"vectors":[[1,"x"]]}', ["vectors", 0, 1], "float_parsing"],
    ['{"vectors":[["NaN"]]}', ["vectors", 0, 0], "finite_number"],
    ['{"vectors":[["-Infinity"]]}', ["vectors", 0, 0], "finite_number"],
    ['{"vectors":[[1e999]]}', ["vectors", 0, 0], "finite_number"],
    ['{"vectors":[[null]]}', ["vectors", 0, 0], "float_type"],
    ['{"vectors":[["0x10"]]}', ["vectors", 0, 0], "float_parsing"],
    ['{"vectors":[[""]]}', ["vectors", 0, 0], "float_parsing"],
    ['{"emotives":"x"}', ["emotives"], "dict_type"],
    ['{"emotives":[]}', ["emotives"], "dict_type"],
    ['{"emotives":{"joy":"much"}}', ["emotives", "joy"], "float_parsing"],
    ['{"emotives":{"joy":{}}}', ["emotives", "joy"], "float_type"],
    ['{"emotives":{"joy":null}}', ["emotives", "joy"], "float_type"],
    ['{"emotives":{"\\ud800":1}}', ["emotives", "emotive name"], "string_unicode"],
    ['{"metadata":[]}', ["metadata"], "dict_type"],
    ['{"metadata":null}', ["metadata"], "dict_type"],
    ['{"metadata":{"a":["\\ud800"]}}', ["metadata"], "string_unicode"],
    ['{"metadata":{"\\udfff":1}}', ["metadata"], "string_unicode"],
    [`{"metadata":${'{"a":'.repeat(101)}1${"}".repeat(101)}}`, ["metadata"], "value_error"],
    [`{"metadata":{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}}`, ["metadata"], "value_error"],
    ["[]", [], "model_attributes_type"],
    ["NaN", [expect.any(Number)], "json_invalid"],
    ['{"strings":[}', [expect.any(Number)], "json_invalid"],
  ])("refuses wrong body %#", async (payload, loc, type) => {
    const { fake, id, observe } = await observing();
    const { status, body, headers } = await observe(payload);
    expect(status).toBe(422);
    expect(body.detail).toHaveLength(1);
    expect(body.detail[0]).toMatchObject({ type, loc: ["body", ...loc] });
    expect(headers["x-session-id"]).toBe(id);
    expect(fake.engine.calls.some((made) => made.name === "observe")).toBe(false);
  });

  it("lists everything that is wrong, with what was sent, but not without end", async () => {
    const { observe } = await observing();
    const two = await observe({ strings: ["a", 2], emotives: { joy: "x" } });
    expect(two.body.detail).toEqual([
      { type: "string_type", loc: ["body", "strings", 1], msg: "Input should be a valid string", input: 2 },
      {
        type: "float_parsing",
        loc: ["body", "emotives", "joy"],
        msg: "Input should be a valid number, unable to parse string as a number",
        input: "x",
      },
    ]);
    const many = await observe({ strings: new Array(4_000).fill({ deep: { deeper: { deepest: ["x".repeat(1_000)] } } }) });
    expect(many.body.detail).toHaveLength(100);
    expect(many.text.length).toBeLessThan(30_000);
  });

  it("keeps its limits, and names them", async () => {
    const { observe } = await observing();
    const refusal = async (payload: unknown) => {
      const { status, body } = await observe(payload);
      return [status, body.detail?.[0].msg];
    };
    const strings = new Array(4_096).fill("s");
    expect((await observe({ strings })).status).toBe(200);
    expect(await refusal({ strings: [...strings, "s"] })).toEqual([422, "At most 4096 strings in one observation, not 4097"]);
    expect((await observe({ strings: ["é".repeat(32_768)] })).status).toBe(200);
    expect(await refusal({ strings: ["é".repeat(32_769)] })).toEqual([422, "At most 65536 bytes of UTF-8 in a string, not 65538"]);
    expect((await observe({ vectors: [new Array(65_536).fill(0)] })).status).toBe(200);
    expect(await refusal({ vectors: [new Array(65_536).fill(0), [1]] })).toEqual([
      422,
      "At most 65536 numbers in the vectors of one observation, not 65537",
    ]);
    expect(await refusal({ vectors: new Array(257).fill([1]) })).toEqual([422, "At most 256 vectors in one observation, not 257"]);
    const emotives = Object.fromEntries(new Array(1_001).fill(0).map((_, i) => [`e${i}`, i]));
    expect(await refusal({ emotives })).toEqual([422, "At most 1000 emotives in one observation, not 1001"]);
    const { e0: _, ...thousand } = emotives;
    expect((await observe({ emotives: thousand })).status).toBe(200);
    expect((await observe({ metadata: { a: "x".repeat(1_048_576 - 8) } })).status).toBe(200);
    expect(await refusal({ metadata: { a: "x".repeat(1_048_576 - 7) } })).toEqual([
      422,
      "At most 1048576 bytes of metadata as JSON, not 1048577",
    ]);
  });

  it("reads JSON under other media types of JSON, under none, and text as text", async () => {
    const { observe, seen } = await observing();
    for (const type of ["application/vnd.kato+json", "application/json; charset=utf-8", "Application/JSON"]) {
      expect((await observe('{"strings":["x"]}', { "content-type": type })).status).toBe(200);
      expect(seen().strings).toEqual(["x"]);
    }
    const { body } = await observe('{"strings":["x"]}', { "content-type": "text/plain" });
    expect(body.detail[0]).toMatchObject({ type: "model_attributes_type", input: '{"strings":["x"]}' });
    expect((await observe('\ufeff{"strings":["bom"]}')).status).toBe(200);
    expect(seen().strings).toEqual(["bom"]);
  });

  it("refuses bytes that are no text", async () => {
    const { fake, id } = await observing();
    const response = await fake.app.inject({
      method: "POST",
      url: `/sessions/${id}/observe`,
      headers: { "content-type": "application/json" },
      payload: Buffer.from([...Buffer.from('{"strings":["'), 0xff, ...Buffer.from('"]}')]),
    });
    expect([response.statusCode, response.json().detail[0].ctx]).toEqual([422, { error: "The body is not UTF-8" }]);
  });

  it("hands on the idempotency key, of bounded length", async () => {
    const { fake, observe } = await observing();
    await observe({ strings: ["a"] });
    expect(fake.engine.last("observe")[2]).toEqual({});
    await observe({ strings: ["a"] }, { "idempotency-key": "k".repeat(200) });
    expect(fake.engine.last("observe")[2]).toEqual({ idempotencyKey: "k".repeat(200) });
    const { status, body } = await observe({ strings: ["a"] }, { "idempotency-key": "k".repeat(201) });
    expect([status, body.detail[0].loc]).toEqual([422, ["header", "idempotency-key"]]);
  });
});

describe("observe-sequence", () => {
  it("answers per item and as a whole", async () => {
    const { id, observe, sequence } = await observing();
    await observe({ strings: ["z"] });
    const { body, headers } = await sequence({
      observations: [{ strings: ["a"], unique_id: "mine" }, { strings: ["b"], unique_id: null }, { emotives: { joy: "1" } }],
      learn_at_end: "yes",
      clear_stm_between: 0,
    });
    expect(body).toEqual({
      status: "completed",
      processor_id: "node",
      observations_processed: 3,
      initial_stm_length: 1,
      final_stm_length: 0,
      results: [
        { status: "okay", sequence_position: 0, stm_length: 2, time: 2, unique_id: "mine", auto_learned_pattern: null },
        { status: "okay", sequence_position: 1, stm_length: 3, time: 3, unique_id: "obs-3", auto_learned_pattern: null },
        { status: "okay", sequence_position: 2, stm_length: 3, time: 4, unique_id: "obs-4", auto_learned_pattern: null },
      ],
      auto_learned_patterns: [expect.stringMatching(/^PTRN\|[0-9a-f]{40}$/)],
      final_learned_pattern: expect.stringMatching(/^PTRN\|/),
      isolated: false,
    });
    expect(headers["x-session-id"]).toBe(id);
  });

  it("may be empty, and reads its flags", async () => {
    const { fake, sequence } = await observing();
    expect((await sequence({ observations: [], learn_after_each: 1, clear_stm_between: "TRUE" })).body).toMatchObject({
      observations_processed: 0,
      isolated: true,
    });
    expect(fake.engine.last("observeSequence")[2]).toEqual({ learnAfterEach: true, learnAtEnd: false, clearStmBetween: true });
  });

  it.each([
    [{}, ["observations"], "missing"],
    [{ observations: "x" }, ["observations"], "list_type"],
    [{ observations: null }, ["observations"], "list_type"],
    [{ observations: {} }, ["observations"], "list_type"],
    [{ observations: [3] }, ["observations", 0], "model_attributes_type"],
    [{ observations: [{}, { strings: [1] }] }, ["observations", 1, "strings", 0], "string_type"],
    [{ observations: [{ unique_id: 5 }] }, ["observations", 0, "unique_id"], "string_type"],
    [{ observations: [{ unique_id: "u".repeat(1_025) }] }, ["observations", 0, "unique_id"], "too_long"],
    [{ observations: [], learn_at_end: "maybe" }, ["learn_at_end"], "bool_parsing"],
    [{ observations: [], learn_at_end: 2 }, ["learn_at_end"], "bool_parsing"],
    [{ observations: [], learn_after_each: null }, ["learn_after_each"], "bool_type"],
    [{ observations: new Array(10_001).fill({}) }, ["observations"], "too_long"],
  ])("refuses wrong sequence %#", async (payload, loc, type) => {
    const { fake, sequence } = await observing();
    const { status, body } = await sequence(payload);
    expect([status, body.detail]).toEqual([422, [expect.objectContaining({ type, loc: ["body", ...loc] })]]);
    expect(fake.engine.calls.some((made) => made.name === "observeSequence")).toBe(false);
  });
});

describe("the other calls on a session", () => {
  it("shows the STM", async () => {
    const { fake, id, observe } = await observing();
    await observe({ strings: ["b", "a"] });
    expect((await call(fake, "GET", `/sessions/${id}/stm`)).body).toEqual({ stm: [["a", "b"]], session_id: id, length: 1 });
  });

  it("learns, with and without a body", async () => {
    const { fake, id, observe } = await observing();
    for (const payload of [undefined, "", "{}", "not json at all"]) {
      await observe({ strings: ["b", "a"] });
      const { status, body, headers } = await call(fake, "POST", `/sessions/${id}/learn`, payload);
      expect(status).toBe(200);
      expect(body).toEqual({
        status: "learned",
        pattern_name: expect.stringMatching(/^PTRN\|[0-9a-f]{40}$/),
        session_id: id,
        processor_id: null,
        message: expect.stringContaining("Learned pattern PTRN|"),
      });
      expect(headers["x-session-id"]).toBe(id);
    }
    await observe({ strings: ["a"] });
    expect((await call(fake, "POST", `/sessions/${id}/learn`)).body).toMatchObject({ status: "learned", pattern_name: "" });
  });

  it("refuses to learn nothing in the words clients look for", async () => {
    const { fake, id } = await observing();
    const { status, body, headers } = await call(fake, "POST", `/sessions/${id}/learn`);
    expect([status, body]).toEqual([400, { detail: "Cannot learn from empty STM" }]);
    expect(headers["x-session-id"]).toBe(id);
  });

  it("clears the STM, clears all, finalizes: all with an empty JSON body", async () => {
    const { fake, id, observe } = await observing();
    await observe({ strings: ["a", "b"] });
    expect((await call(fake, "POST", `/sessions/${id}/clear-stm`, "")).body).toEqual({ status: "cleared", session_id: id });
    expect((await call(fake, "GET", `/sessions/${id}/stm`)).body.stm).toEqual([]);
    await observe({ strings: ["a", "b"] });
    await call(fake, "POST", `/sessions/${id}/learn`);
    const finalized = await call(fake, "POST", `/sessions/${id}/finalize-training`, "");
    expect(finalized.body).toEqual({
      status: "completed",
      patterns_processed: 1,
      time_ms: 2,
      session_id: id,
      node_id: "node",
      message: "Finalized 1 patterns",
    });
    expect((await call(fake, "POST", `/sessions/${id}/clear-all`, "")).body).toEqual({ status: "cleared", session_id: id, scope: "all" });
    expect(fake.engine.kbs.size).toBe(0);
  });

  it("shows the percept: nothing before an observe, then strings in order and numbers as floats", async () => {
    const { fake, id, observe } = await observing();
    const url = `/sessions/${id}/percept-data`;
    expect((await call(fake, "GET", url)).body).toEqual({ percept_data: {}, session_id: id, node_id: "node" });
    await observe({ strings: ["b", "a"], vectors: [[1, 2.5]], emotives: { joy: 3 }, metadata: { k: "v" } });
    const { text, body } = await call(fake, "GET", url);
    expect(body.percept_data).toEqual({ strings: ["a", "b"], vectors: [[1, 2.5]], emotives: { joy: 3 }, path: [], metadata: { k: "v" } });
    expect(text).toContain('"vectors":[[1.0,2.5]]');
    expect(text).toContain('"joy":3.0');
  });
});
