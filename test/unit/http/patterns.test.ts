/** Calls on single patterns: what is read from query and body, what is refused, and the form of the answers. */
import { describe, expect, it } from "vitest";
import { call, fakeApp } from "../../support/http-app.ts";

const BASE = "/v1/kbs/n/patterns";

function taught() {
  const fake = fakeApp();
  const name = `PTRN|${"a".repeat(40)}`;
  const pattern = {
    name,
    patternData: [["x", "y"], ["z"]],
    length: 3,
    frequency: 2,
    emotives: [[["joy", 1] as const], [["__proto__", 0.5] as const]],
    metadata: [["book", ["B", "C"]] as const],
  };
  fake.engine.kb("n_kato").patterns.set(name, pattern);
  const shown =
    '{"name":"PTRN|aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","events":[["x","y"],["z"]],"length":3,"frequency":2,"emotives":[{"joy":1.0},{"__proto__":0.5}],"metadata":{"book":["B","C"]}}';
  return { fake, name, shown };
}

describe("patterns", () => {
  it("lists with filters and a cursor", async () => {
    const { fake, shown } = taught();
    const query =
      "length_min=2&length_max=9&frequency_min=1&frequency_max=5&contains=x%26&learned_since=2026-01-31T12:00:00Z&limit=1&cursor=c";
    const reply = await call(fake, "GET", `${BASE}?${query}`);
    expect([reply.status, reply.text]).toEqual([200, `{"patterns":[${shown}],"cursor":"next"}`]);
    expect(fake.engine.last("listPatterns")).toEqual([
      "n_kato",
      { lengthMin: 2, lengthMax: 9, frequencyMin: 1, frequencyMax: 5, contains: "x&", learnedSinceMs: Date.UTC(2026, 0, 31, 12) },
      1,
      "c",
    ]);
    expect((await call(fake, "GET", BASE)).body.cursor).toBeNull();
  });

  it.each([
    ["limit=0", "limit"],
    ["limit=1001", "limit"],
    ["lenght_min=3", "lenght_min"],
    ["length_min=-1", "length_min"],
    ["learned_since=yesterday", "learned_since"],
  ])("refuses the query %s", async (query, field) => {
    const { fake } = taught();
    const reply = await call(fake, "GET", `${BASE}?${query}`);
    expect([reply.status, reply.body.error.details.issues[0].loc]).toEqual([422, ["query", field]]);
    expect(fake.engine.calls.some(({ name }) => name === "listPatterns")).toBe(false);
  });

  it("gets one and many", async () => {
    const { fake, name, shown } = taught();
    expect((await call(fake, "GET", `${BASE}/${encodeURIComponent(name)}`)).text).toBe(shown);
    const missing = await call(fake, "GET", `${BASE}/nobody`);
    expect([missing.status, missing.body.error.code]).toEqual([404, "ENGRAM_PATTERN_UNKNOWN"]);
    expect((await call(fake, "POST", `${BASE}/get`, { names: ["nobody", name] })).text).toBe(
      `{"patterns":[${shown}],"unknown":["nobody"]}`,
    );
    for (const body of [{}, { names: "x" }, { names: [1] }, { names: new Array(1_001).fill("x") }])
      expect((await call(fake, "POST", `${BASE}/get`, body)).status).toBe(422);
  });

  it("updates", async () => {
    const { fake, name, shown } = taught();
    const change = { frequency: 4, emotives: [{ joy: 1 }], metadata: { book: ["C", "B"], n: 1 }, events: [["a"], [], ["b"]] };
    const reply = await call(fake, "PUT", `${BASE}/${encodeURIComponent(name)}`, change, { "idempotency-key": "k" });
    expect([reply.status, reply.text]).toEqual([200, shown]);
    expect(fake.engine.last("updatePattern")).toEqual([
      "n_kato",
      name,
      {
        frequency: 4,
        emotives: [[["joy", 1]]],
        metadata: [
          ["book", ["B", "C"]],
          ["n", ["1"]],
        ],
        events: [["a"], ["b"]],
      },
      { idempotencyKey: "k" },
    ]);
    expect((await call(fake, "PUT", `${BASE}/nobody`, { frequency: 1 })).status).toBe(404);
    for (const body of [{}, { frequency: 0 }, { frequency: 1.5 }, { emotives: {} }, { freq: 1 }, { events: "x" }])
      expect((await call(fake, "PUT", `${BASE}/x`, body)).status).toBe(422);
  });

  it("deletes by name, by names and by filter, and shows first what it would do", async () => {
    const { fake, name } = taught();
    const dry = await call(fake, "POST", `${BASE}/delete`, { filter: { contains: "x" }, dry_run: true });
    expect(dry.body).toEqual({ dry_run: true, matched: 1, deleted: 0, names: [name], unknown: [] });
    expect(fake.engine.last("deletePatterns")).toEqual(["n_kato", { query: { contains: "x" } }, { dryRun: true }]);
    expect((await call(fake, "POST", `${BASE}/delete`, { names: [name] })).body).toMatchObject({ dry_run: false, deleted: 1 });
    for (const body of [{}, { names: [], filter: {} }, { filter: {} }, { filter: { all: true } }, { filter: [] }])
      expect((await call(fake, "POST", `${BASE}/delete`, body)).status).toBe(422);
    const again = await call(fake, "DELETE", `${BASE}/${encodeURIComponent(name)}`);
    expect([again.status, again.body.error.code]).toEqual([404, "ENGRAM_PATTERN_UNKNOWN"]);
    const { fake: other } = taught();
    expect((await call(other, "DELETE", `${BASE}/${encodeURIComponent(name)}`)).body).toEqual({ deleted: name });
  });
});
