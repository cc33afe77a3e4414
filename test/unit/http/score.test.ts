import { describe, expect, it } from "vitest";
import { EngineError } from "../../../src/errors.ts";
import { call, fakeApp } from "../../support/http-app.ts";

describe("POST /v1/kbs/{node}/score", () => {
  it("answers each state, in order", async () => {
    const fake = fakeApp();
    await call(fake, "POST", "/v1/kbs/my%20node/learn", { sequences: [[["a"], ["b"]]] });
    const { status, body } = await call(fake, "POST", "/v1/kbs/my%20node/score", {
      queries: [[["a"], []], []],
      cutoff: "0.4",
      similarity: "character",
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      node_id: "my node",
      kb_id: "my node_kato",
      results: [0, 1].map((index) => ({ index, patterns: 1, matched: 1, matches: [expect.objectContaining({ similarity: 0.5 })] })),
    });
    const [request] = fake.engine.last("scoreAll");
    expect(request).toMatchObject({ kb: "my node_kato", queries: [[["a"]], []], cutoff: 0.4, keep: 100, similarity: "character" });
  });

  it.each([
    [{}, ["queries"], "missing"],
    [{ queries: "x" }, ["queries"], "list_type"],
    [{ queries: ["x"] }, ["queries", 0], "list_type"],
    [{ queries: [[["a", 1]]] }, ["queries", 0, 0, 1], "string_type"],
    [{ queries: new Array(513).fill([]) }, ["queries"], "too_long"],
    [{ queries: [new Array(1_001).fill(["a"])] }, ["queries", 0], "too_long"],
    [{ queries: [], cutoff: "x" }, ["cutoff"], "float_parsing"],
    [{ queries: [], cutoff: 1.1 }, ["cutoff"], "value_error"],
    [{ queries: [], keep: 0 }, ["keep"], "value_error"],
    [{ queries: new Array(500).fill([]), keep: 3_000 }, ["keep"], "too_long"],
    [{ queries: [], similarity: "bytes" }, ["similarity"], "value_error"],
  ])("refuses wrong body %#", async (payload, loc, type) => {
    const { status, body } = await call(fakeApp(), "POST", "/v1/kbs/n/score", payload);
    expect(status).toBe(422);
    expect(body.error.details.issues).toEqual([expect.objectContaining({ type, loc: ["body", ...loc] })]);
  });

  it("says what failed before the first answer", async () => {
    const fake = fakeApp();
    fake.engine.scoreAll = async function* () {
      yield* [];
      throw new EngineError("ENGRAM_POOL_FULL", "full");
    };
    const { status, body } = await call(fake, "POST", "/v1/kbs/n/score", { queries: [[["a"]]] });
    expect([status, body.error.code]).toEqual([503, "ENGRAM_POOL_FULL"]);
  });
});
