/** Section 1 of KATO's interface: what holds for every call. */
import { expect, it } from "vitest";
import { onEveryServer } from "./servers.ts";

const HEX32 = /^kato-[0-9a-f]{32}$/;

onEveryServer("conventions", (kato) => {
  it("[T] numbers typed float leave as 1.0, never 1", async () => {
    const id = await kato.session({ config: { recall_threshold: 1 } });
    await kato.learn(id, ["a"], ["b"]);
    await kato.observe(id, "a");
    await kato.observe(id, "b");
    const { text, body } = await kato.call("GET", `/sessions/${id}/predictions`);
    expect(body.predictions).toHaveLength(1);
    for (const field of ["evidence", "confidence", "similarity", "fragmentation", "snr", "potential", "bayesian_posterior"]) {
      expect(text, field).toMatch(new RegExp(`"${field}":-?\\d+(\\.\\d+|\\.\\d+e[+-]?\\d+|e[+-]?\\d+)[,}]`));
    }
    expect(text).toContain('"similarity":1.0');
    expect((await kato.call("GET", `/sessions/${id}/config`)).text).toContain('"recall_threshold":1.0');
  });

  it("takes over X-Trace-ID, makes one else, and echoes it always", async () => {
    expect((await kato.call("GET", "/health", undefined, { "X-Trace-ID": "my trace" })).headers.get("x-trace-id")).toBe("my trace");
    expect((await kato.call("GET", "/health")).headers.get("x-trace-id")).toMatch(HEX32);
    expect((await kato.call("GET", "/nowhere")).headers.get("x-trace-id")).toMatch(HEX32);
  });

  it("sends X-Session-ID with every answer of a living session but the two probes", async () => {
    const id = await kato.session();
    for (const [method, path] of [
      ["GET", "stm"],
      ["GET", "config"],
      ["POST", "observe"],
      ["POST", "clear-stm"],
      ["GET", "predictions"],
      ["GET", "percept-data"],
      ["GET", "cognition-data"],
      ["POST", "extend"],
    ] as const) {
      const { status, headers } = await kato.call(method, `/sessions/${id}/${path}`, method === "POST" ? {} : undefined);
      expect([path, status, headers.get("x-session-id")]).toEqual([path, 200, id]);
    }
    expect((await kato.call("GET", `/sessions/${id}`)).headers.get("x-session-id")).toBeNull();
    expect((await kato.call("GET", `/sessions/${id}/exists`)).headers.get("x-session-id")).toBeNull();
  });

  it("slides the session named outside /sessions, by header or cookie, and echoes its id", async () => {
    const id = await kato.session();
    expect((await kato.call("GET", "/health", undefined, { "X-Session-ID": id })).headers.get("x-session-id")).toBe(id);
    expect((await kato.call("GET", "/health", undefined, { cookie: `a=b; session_id=${id}` })).headers.get("x-session-id")).toBe(id);
    const gone = await kato.call("GET", "/health", undefined, { "X-Session-ID": "gone" });
    expect([gone.status, gone.headers.get("x-session-id")]).toEqual([200, null]);
  });

  it("ignores unknown keys of a body, and takes lax numbers and booleans", async () => {
    const id = await kato.session({ ttl_seconds: "90", unheard_of: 1 });
    const observed = await kato.call("POST", `/sessions/${id}/observe`, {
      strings: ["a"],
      emotives: { joy: "0.5", fear: true },
      other: {},
    });
    expect(observed.status).toBe(200);
    const percept = await kato.call("GET", `/sessions/${id}/percept-data`);
    expect(percept.body.percept_data.emotives).toEqual({ fear: 1, joy: 0.5 });
    const sequence = await kato.call("POST", `/sessions/${id}/observe-sequence`, {
      observations: [{ strings: ["b"] }, { strings: ["c"] }],
      learn_at_end: "true",
    });
    expect(sequence.body.final_learned_pattern).toMatch(/^PTRN\|/);
  });

  it("dates sessions in UTC with microseconds and Z, others with +00:00", async () => {
    const { body } = await kato.call("POST", "/sessions", { node_id: kato.node() });
    expect(body.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect((await kato.call("GET", "/concurrency")).body.timestamp).toMatch(/\.\d{6}\+00:00$/);
  });

  it("finds the node in the query, X-Test-ID (with test_ before it) or X-Node-ID, else default_node", async () => {
    const kb = async (query: string, headers: Record<string, string>) =>
      (await kato.call("GET", `/symbols/stats${query}`, undefined, headers)).body.node_id;
    expect(await kb("?node_id=q", { "X-Test-ID": "t", "X-Node-ID": "n" })).toBe("q_kato");
    expect(await kb("", { "X-Test-ID": "t", "X-Node-ID": "n" })).toBe("test_t_kato");
    expect(await kb("", { "X-Test-ID": "test_t" })).toBe("test_t_kato");
    expect(await kb("", { "X-Node-ID": "n" })).toBe("n_kato");
    expect(await kb("", {})).toBe("default_node_kato");
  });
});
