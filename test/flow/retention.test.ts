/** Retention: what is not learned again goes after its time, everywhere, and nothing else; the setting outlives a clear and goes with the kb. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildApp } from "../../src/http/app.ts";
import { silentLogger } from "../../src/log.ts";
import { type OpenedEngine, openTestEngine, type StateBackEnd } from "../support/engines.ts";
import { redisAvailable } from "../support/redis-server.ts";

describe.each<StateBackEnd>(redisAvailable() ? ["lmdb", "redis"] : ["lmdb"])("retention over %s", (backEnd) => {
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
  const call = async (method: "GET" | "PUT" | "POST" | "DELETE", url: string, payload?: object) => {
    const reply = await app.inject({ method, url, ...(payload && { payload }) });
    return { status: reply.statusCode, body: reply.json() };
  };

  it("deletes what was not learned since, in slices, with its counters, and keeps what was learned again", async () => {
    const { engine } = opened;
    const kb = engine.kbOf("old");
    const pattern = (n: number): string[][] => [["begin"], [`s${n}`], ["end"]];
    const count = 6_000;
    const start = Date.now();
    await engine.learnSequences(
      kb,
      Array.from({ length: count }, (_, n) => pattern(n)),
    );
    await engine.flush();
    const between = Date.now() + 1;
    while (Date.now() <= between);
    // Learned again later, one of them not flushed when it is asked for.
    await engine.learnSequences(kb, [pattern(1), pattern(2)]);
    expect(await engine.applyRetention(kb, between + 1e9)).toBe(0);
    expect((await call("PUT", "/v1/kbs/old/retention", { seconds: 100 })).body).toEqual({ node_id: "old", kb_id: kb, seconds: 100 });
    const ask = () => engine.predictState(kb, pattern(1), { recall_threshold: 0.1, max_predictions: 10_000 });
    expect((await ask()).predictions).toHaveLength(count);
    expect(await engine.applyRetention(kb, start + 100_000)).toBe(0);
    expect(await engine.applyRetention(kb, between + 100_000)).toBe(count - 2);
    const { predictions } = await ask();
    expect(predictions.map(({ frequency }) => frequency)).toEqual([2, 2]);
    expect((await engine.kbHead(kb)).totals.total_unique_patterns).toBe(2);
    expect((await engine.listPatterns(kb, {}, 100)).patterns.map(({ patternData }) => patternData[1]![0]).sort()).toEqual(["s1", "s2"]);
    const { findings } = await engine.verifyKb(kb, false);
    expect(findings).toEqual([]);
    expect(await engine.applyRetention(kb, between + 100_000)).toBe(0);
  });

  it("is a filter of lists and deletes too", async () => {
    const { engine } = opened;
    const kb = engine.kbOf("dated");
    await engine.learnSequences(kb, [[["a"], ["b"]]]);
    await engine.flush();
    const listed = async (query: string) => (await call("GET", `/v1/kbs/dated/patterns?${query}`)).body.patterns.length as number;
    expect(await listed(`learned_before=${new Date(Date.now() + 60_000).toISOString()}`)).toBe(1);
    expect(await listed("learned_before=2020-01-01T00:00:00Z")).toBe(0);
    expect((await call("GET", "/v1/kbs/dated/patterns?learned_before=soon")).status).toBe(422);
  });

  it("outlives a clear, goes along with a rename and with a deleted kb, and is refused beyond its bounds", async () => {
    const { engine } = opened;
    const seconds = async (node: string) => (await call("GET", `/v1/kbs/${node}/retention`)).body.seconds as number | null;
    expect(await seconds("kept")).toBeNull();
    for (const wrong of [{ seconds: 59 }, { seconds: 1e12 }, { seconds: "soon" }, {}])
      expect((await call("PUT", "/v1/kbs/kept/retention", wrong)).status).toBe(422);
    await call("PUT", "/v1/kbs/kept/retention", { seconds: 60 });
    await call("PUT", "/v1/kbs/kept/retention", { seconds: 61 });
    await engine.learnSequences(engine.kbOf("kept"), [[["a"], ["b"]]]);
    const { session_id: id } = (await call("POST", "/sessions", { node_id: "kept" })).body;
    await call("POST", `/sessions/${id}/clear-all`);
    expect(await seconds("kept")).toBe(61);
    await engine.learnSequences(engine.kbOf("kept"), [[["a"], ["b"]]]);
    expect((await call("POST", "/v1/kbs/kept/rename", { to: "moved" })).status).toBe(200);
    expect([await seconds("kept"), await seconds("moved")]).toEqual([null, 61]);
    await call("DELETE", "/v1/kbs/moved?confirm=moved");
    expect(await seconds("moved")).toBeNull();
    await call("PUT", "/v1/kbs/kept/retention", { seconds: 60 });
    expect((await call("DELETE", "/v1/kbs/kept/retention")).body.seconds).toBeNull();
  });
});
