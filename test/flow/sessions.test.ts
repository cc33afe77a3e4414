/** Sessions as wholes over every back end and HTTP: listed page by page, inspected, cloned, ended in numbers; none is prolonged by it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildApp } from "../../src/http/app.ts";
import { silentLogger } from "../../src/log.ts";
import { type OpenedEngine, openTestEngine, type StateBackEnd } from "../support/engines.ts";
import { redisAvailable } from "../support/redis-server.ts";

describe.each<StateBackEnd>(redisAvailable() ? ["lmdb", "redis"] : ["lmdb"])("sessions over %s", (backEnd) => {
  let opened: OpenedEngine;
  let app: ReturnType<typeof buildApp>;
  beforeAll(async () => {
    opened = await openTestEngine(backEnd);
    app = buildApp({ engine: opened.engine, log: silentLogger, serviceName: "kato", version: "0" });
  });
  afterAll(async () => {
    await app?.close();
    await opened?.close();
  });
  const call = async (method: "GET" | "POST" | "DELETE", url: string, payload?: object) => {
    const reply = await app.inject({ method, url, ...(payload && { payload }) });
    return { status: reply.statusCode, body: reply.json() };
  };
  const make = async (node: string) =>
    (await call("POST", "/sessions", { node_id: node, metadata: { of: node } })).body.session_id as string;

  it("are listed page by page, of all nodes or of one", async () => {
    const [ours, others] = [[] as string[], [] as string[]];
    for (let n = 0; n < 12; n++) (n % 3 === 0 ? others : ours).push(await make(n % 3 === 0 ? "theirs" : "ours"));
    const pages = async (query: string): Promise<string[]> => {
      const ids: string[] = [];
      let cursor: string | null = "";
      for (let page = 0; cursor !== null; page++) {
        expect(page).toBeLessThan(30);
        const { status, body } = await call("GET", `/v1/sessions?limit=5${query}${cursor === "" ? "" : `&cursor=${cursor}`}`);
        expect(status).toBe(200);
        expect(body.sessions.length).toBeLessThanOrEqual(5);
        ids.push(...body.sessions.map((session: { session_id: string }) => session.session_id));
        cursor = body.cursor;
      }
      return ids.sort();
    };
    expect(await pages("")).toEqual([...ours, ...others].sort());
    expect(await pages("&node_id=ours")).toEqual([...ours].sort());
    expect(await pages("&node_id=nobody")).toEqual([]);
    for (const query of ["limit=0", "limit=100000", "limit=x", "cursor=nonsense"])
      expect((await call("GET", `/v1/sessions?${query}`)).status).toBeGreaterThanOrEqual(400);
  });

  it("show all they hold, and are not prolonged by that", async () => {
    const id = await make("shown");
    await call("POST", `/sessions/${id}/observe`, { strings: ["b", "a"], vectors: [], emotives: { joy: 0.5 }, metadata: { source: "x" } });
    const before = await opened.engine.peekSession(id);
    const { status, body } = await call("GET", `/v1/sessions/${id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      session_id: id,
      node_id: "shown",
      kb_id: "shown_kato",
      metadata: { of: "shown" },
      stm: [["a", "b"]],
      stm_length: 1,
      time: 1,
      emotives: [{ joy: 0.5 }],
      observed_metadata: [{ source: "x" }],
      percept: { strings: ["a", "b"], emotives: { joy: 0.5 }, metadata: { source: "x" } },
    });
    expect((await opened.engine.peekSession(id))?.expiresAtMs).toBe(before?.expiresAtMs);
    const gone = await call("GET", "/v1/sessions/gone");
    expect([gone.status, gone.body.error.code]).toEqual([404, "ENGRAM_SESSION_UNKNOWN"]);
  });

  it("are cloned: the same memory, a life of its own", async () => {
    const id = await make("origin");
    const observe = (session: string, symbol: string) =>
      call("POST", `/sessions/${session}/observe`, { strings: [symbol], vectors: [], emotives: {} });
    await observe(id, "one");
    const clone = (await call("POST", `/v1/sessions/${id}/clone`)).body;
    expect(clone).toMatchObject({ node_id: "origin", stm_length: 1, time: 1, saves: 1 });
    expect(clone.session_id).not.toBe(id);
    await observe(clone.session_id, "two");
    expect((await call("GET", `/sessions/${id}/stm`)).body.stm).toEqual([["one"]]);
    expect((await call("GET", `/sessions/${clone.session_id}/stm`)).body.stm).toEqual([["one"], ["two"]]);
    const elsewhere = (await call("POST", `/v1/sessions/${id}/clone`, { node_id: "elsewhere", ttl_seconds: 77 })).body;
    expect(elsewhere).toMatchObject({ node_id: "elsewhere", kb_id: "elsewhere_kato", ttl_seconds: 77 });
    await observe(elsewhere.session_id, "three");
    await call("POST", `/sessions/${elsewhere.session_id}/learn`);
    expect((await opened.engine.kbHead("elsewhere_kato")).patternCount).toBe(1);
    expect((await opened.engine.kbHead("origin_kato")).patternCount).toBe(0);
    expect((await call("POST", "/v1/sessions/gone/clone")).status).toBe(404);
    expect((await call("POST", `/v1/sessions/${id}/clone`, { ttl_seconds: -1 })).status).toBe(422);
  });

  it("are ended by id or by node, after a look at what would go", async () => {
    const ids = [await make("ended"), await make("ended"), await make("kept")];
    const dry = await call("POST", "/v1/sessions/delete", { node_id: "ended", dry_run: true });
    expect(dry.body).toMatchObject({ dry_run: true, matched: 2, deleted: 0, unknown: [] });
    expect([...dry.body.sessions].sort()).toEqual(ids.slice(0, 2).sort());
    expect((await call("GET", `/sessions/${ids[0]}/exists`)).body.exists).toBe(true);
    expect((await call("POST", "/v1/sessions/delete", { session_ids: [ids[0], ids[0], "gone"] })).body).toMatchObject({
      matched: 1,
      deleted: 1,
      unknown: ["gone"],
    });
    expect((await call("POST", "/v1/sessions/delete", { node_id: "ended" })).body).toMatchObject({ matched: 1, deleted: 1 });
    expect(await Promise.all(ids.map(async (id) => (await call("GET", `/sessions/${id}/exists`)).body.exists))).toEqual([
      false,
      false,
      true,
    ]);
    // Nothing named would be everything.
    for (const body of [{}, { session_ids: ["x"], node_id: "y" }, { session_ids: "x" }])
      expect((await call("POST", "/v1/sessions/delete", body)).status).toBe(422);
  });
});
