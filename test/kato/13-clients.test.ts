/** Section 13 of KATO's interface: what its clients do, call for call; and our own typed client, which does the same with keys. */
import { Compile } from "typebox/schema";
import { describe, expect, it } from "vitest";
import { EngramClient, EngramError } from "../../src/client/index.ts";
import { SampleClient } from "./sample-client.ts";
import { type Kato, onEveryServer } from "./servers.ts";

/**
 * A network that loses answers: the call is carried out, and `lost` says what the client is told instead, call by call. Where it says nothing the
 * answer comes through.
 */
function lossy(lost: (method: string, path: string) => number | undefined): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    const status = lost(init?.method ?? "GET", new URL(String(input)).pathname);
    if (status === undefined) return response;
    await response.arrayBuffer();
    return new Response('{"detail": "lost"}', { status, headers: { "retry-after": "0" } });
  };
}

/** Loses the first answer of each call whose path ends so. */
function losingOnce(ending: string, status: number): typeof fetch {
  let lost = false;
  return lossy((_method, path) => {
    if (lost || !path.endsWith(ending)) return undefined;
    lost = true;
    return status;
  });
}

async function frequency(kato: Kato, node: string, name: string): Promise<number> {
  const { body } = await kato.call("GET", `/pattern/${encodeURIComponent(name)}?node_id=${node}`);
  return body.pattern.pattern.frequency;
}

onEveryServer("KATO's sample client", (kato) => {
  it("creates, configures, observes, learns and predicts, call for call", async () => {
    const node = kato.node();
    const client = new SampleClient(kato.url, node, { recall_threshold: 0.3 });
    await client.create();
    expect((await client.session("POST", "/observe", { strings: ["a"], vectors: [], emotives: {}, metadata: {} })).body.stm_length).toBe(1);
    const sequence = await client.session("POST", "/observe-sequence", {
      observations: [{ strings: ["b"] }, { strings: ["c"] }],
      learn_after_each: false,
      learn_at_end: false,
      clear_stm_between: false,
    });
    expect(sequence.body.final_stm_length).toBe(3);
    const learned = await client.session("POST", "/learn");
    await client.session("POST", "/observe", { strings: ["a"] });
    await client.session("POST", "/observe", { strings: ["b"] });
    expect((await client.session("GET", "/stm")).body.stm).toEqual([["a"], ["b"]]);
    const { body } = await client.session("GET", "/predictions");
    expect(body.predictions.map((p: { name: string }) => `PTRN|${p.name}`)).toEqual([learned.body.pattern_name]);
    expect((await client.session("POST", "/extend?ttl_seconds=7200")).body.ttl_seconds).toBe(7200);
    expect((await client.session("GET", "/exists")).body.exists).toBe(true);
    expect((await client.session("POST", "/finalize-training")).body.patterns_processed).toBe(1);
    expect((await client.session("POST", "/clear-stm")).status).toBe(200);
    expect((await client.session("GET", "/config")).body.config.recall_threshold).toBe(0.3);
    const pattern = await client.get(`/pattern/${encodeURIComponent(learned.body.pattern_name)}?node_id=${node}`);
    expect(pattern.body.pattern.pattern.frequency).toBe(1);
    for (const path of [
      `/percept-data?node_id=${node}`,
      `/cognition-data?node_id=${node}`,
      "/cache/stats",
      "/distributed-stm/stats",
      "/metrics",
      "/metrics/kato_requests_total?minutes=10",
      "/stats?minutes=10",
      "/connection-pools",
      "/health",
      "/status",
      "/",
    ]) {
      expect([path, (await client.get(path)).status]).toEqual([path, 200]);
    }
    expect((await client.post("/cache/invalidate")).body.status).toBe("success");
    expect((await client.session("GET", "")).body.session_id).toBe(client.sessionId);
    expect((await client.session("DELETE", "")).body.status).toBe("deleted");
    // Nothing was taken for a lost session on the way.
    expect(client.sent.filter((call) => call === "POST /sessions")).toHaveLength(1);
    expect(client.sent.slice(0, 3)).toEqual(["POST /sessions", "POST /sessions/{id}/config", "POST /sessions/{id}/observe"]);
  });

  it("makes a new session after a 404, with its settings, and repeats the call", async () => {
    const client = new SampleClient(kato.url, kato.node(), { max_predictions: 7 });
    await client.create();
    const first = client.sessionId;
    await kato.call("DELETE", `/sessions/${first}`);
    expect((await client.session("POST", "/observe", { strings: ["a"] })).status).toBe(200);
    expect(client.sessionId).not.toBe(first);
    expect((await client.session("GET", "/config")).body.config.max_predictions).toBe(7);
  });

  it.each([502, 503, 504])("retries after %d, and a learn whose answer was lost counts once", async (status) => {
    const node = kato.node();
    const client = new SampleClient(kato.url, node, {}, losingOnce("/learn", status));
    await client.create();
    await client.session("POST", "/observe-sequence", { observations: [{ strings: ["a"] }, { strings: ["b"] }] });
    const learned = await client.session("POST", "/learn");
    // Without a key the second try finds nothing left to learn, and says so.
    expect([learned.status, learned.body.detail]).toEqual([400, "Cannot learn from empty STM"]);
    const { body } = await kato.call("GET", `/symbols/stats?node_id=${node}`);
    expect(body.symbols.a).toMatchObject({ frequency: 1, pattern_member_frequency: 1 });
  });
});

onEveryServer("the typed client", (kato) => {
  it("speaks every call that is documented, in the documented forms", async () => {
    const document = (await kato.call("GET", "/openapi.json")).body;
    const seen = new Set<string>();
    const complaints: string[] = [];
    const patterns = Object.entries<Record<string, Body>>(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        name: `${method.toUpperCase()} ${path}`,
        matches: (asked: string, at: string) =>
          asked === method.toUpperCase() && new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`).test(at),
        fixed: !path.includes("{"),
        operation,
      })),
    );
    const check = (what: string, content: Record<string, { schema: object }> | undefined, text: string): void => {
      if (content === undefined || content["application/octet-stream"] !== undefined) return;
      const [type, media] = Object.entries(content)[0]!;
      const values = type === "application/json" ? [text] : text.trim().split("\n");
      for (const value of values) if (!Compile(media.schema).Check(JSON.parse(value))) complaints.push(`${what}: ${value.slice(0, 300)}`);
    };
    const watched: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      const { pathname } = new URL(String(input));
      const found = patterns
        .filter((entry) => entry.matches(init?.method ?? "GET", pathname))
        .sort((a, b) => Number(b.fixed) - Number(a.fixed))[0];
      if (found === undefined) complaints.push(`${init?.method} ${pathname} is not documented`);
      else {
        seen.add(found.name);
        if (typeof init?.body === "string") check(`${found.name} body`, found.operation.requestBody?.content, init.body);
        check(`${found.name} ${response.status}`, found.operation.responses[response.status]?.content, await response.clone().text());
      }
      return response;
    };

    const client = new EngramClient({ baseUrl: `${kato.url}/`, fetch: watched });
    const node = kato.node();
    const session = await client.openSession({ node_id: node, metadata: { by: "test" }, config: { recall_threshold: 0.1 } });
    await session.configure({ max_predictions: 9, fuzzy_token_threshold: null });
    expect((await session.config()).max_predictions).toBe(9);
    await session.observe({ strings: ["a"], emotives: { joy: 1 }, metadata: { m: 1 } });
    await session.observeSequence([{ strings: ["b"] }, { strings: ["c"], unique_id: "mine" }]);
    expect(await session.stm()).toEqual([["a"], ["b"], ["c"]]);
    const { pattern_name } = await session.learn();
    await session.observe({ strings: ["a"] });
    await session.observe({ strings: ["b"] });
    const { predictions, explain } = await session.predictions({ explain: true });
    expect(predictions.map((prediction) => `PTRN|${prediction.name}`)).toEqual([pattern_name]);
    expect(explain).toBeDefined();
    expect((await session.cognitionData()).symbols).toEqual(["a", "b"]);
    expect((await session.perceptData()).strings).toEqual(["b"]);
    expect((await session.finalizeTraining()).patterns_processed).toBe(1);
    await session.extend(900);
    expect((await session.info()).ttl_seconds).toBeGreaterThan(890);
    expect((await client.session(session.id)).node_id).toBe(node);
    expect(await client.sessionCount()).toBeGreaterThan(0);
    expect((await client.sessionExists(session.id)).exists).toBe(true);
    expect((await client.pattern(pattern_name, node))?.frequency).toBe(1);
    expect(await client.pattern("0".repeat(40), node)).toBeUndefined();
    expect(Object.keys(await client.symbolStats(node))).toEqual(["a", "b", "c"]);
    expect(await client.affinities(node)).toMatchObject({ a: { joy: 1 } });
    expect(await client.symbolAffinity("a", node)).toEqual({ joy: 1 });
    await client.nodePerceptData(node);
    await client.nodeCognitionData(node);
    expect((await client.info()).service).toBe("KATO API");
    expect((await client.health()).status).toBe("healthy");
    await client.status();
    expect((await client.metrics()).performance.total_requests).toBeGreaterThan(0);
    expect(await client.series("kato_requests_total")).toBeDefined();
    expect(await client.series("nothing")).toBeUndefined();
    expect(Object.keys((await client.stats(5)).time_series)).toHaveLength(20);
    await client.concurrency();
    await client.cacheStats();
    await client.invalidateCache(session.id);
    await client.distributedStm();
    await client.connectionPools();
    expect(await client.learnSequences(node, [[["x"], ["y"]], [["z"]]])).toEqual({ stored: 1, too_short: 1 });
    const lines = [];
    for await (const line of client.learnPatterns(node, [[["p"], ["q"]], { events: [["p"], ["r"]], emotives: { joy: 1 } }]))
      lines.push(line);
    expect(lines).toHaveLength(3);
    expect((await client.kbStats(node)).patterns).toBe(4);
    expect((await client.predictState(node, [["x"], ["y"]], { recall_threshold: 0.9 })).count).toBe(1);
    expect((await client.scoreStates(node, [[["x"], ["y"]]], { cutoff: 0.9 })).results[0]?.matched).toBe(1);
    const page = await client.listPatterns(node, { length_min: 2, limit: 2 });
    expect(page.patterns).toHaveLength(2);
    const rest = await client.listPatterns(node, { length_min: 2, limit: 2, cursor: page.cursor as string });
    expect(rest.patterns).toHaveLength(2);
    const found = await client.getPatterns(node, [pattern_name, "0".repeat(40)]);
    expect([found.patterns.length, found.unknown.length]).toEqual([1, 1]);
    expect((await client.storedPattern(node, pattern_name)).events).toEqual([["a"], ["b"], ["c"]]);
    expect((await client.updatePattern(node, pattern_name, { frequency: 5, metadata: { by: "hand" } })).frequency).toBe(5);
    await client.deletePattern(node, pattern_name);
    await expect(client.storedPattern(node, pattern_name)).rejects.toMatchObject({ status: 404, code: "ENGRAM_PATTERN_UNKNOWN" });
    const dry = await client.deletePatterns(node, { filter: { contains: "x" } }, { dryRun: true });
    expect(dry).toMatchObject({ dry_run: true, matched: 1, deleted: 0 });
    expect(await client.deletePatterns(node, { filter: { contains: "x" } })).toMatchObject({ deleted: 1 });
    expect((await client.retention(node)).seconds).toBeNull();
    expect((await client.setRetention(node, 3_600)).seconds).toBe(3_600);
    expect((await client.setRetention(node, null)).seconds).toBeNull();
    expect((await client.minhash(node)).minhash).toBeNull();
    expect((await client.setMinhash(node)).minhash).toEqual({ bands: 20, rows: 5, permutations: 100, scheme: "datasketch" });
    await expect(client.setMinhash(node, { bands: 32, rows: 4, permutations: 128 })).rejects.toMatchObject({
      code: "ENGRAM_MINHASH_FIXED",
    });
    const ours = await client.listSessions({ node_id: node, limit: 10 });
    expect(ours.sessions.length).toBeGreaterThan(0);
    const { session_id: known } = ours.sessions[0]!;
    expect((await client.inspectSession(known)).node_id).toBe(node);
    const clone = await client.cloneSession(known, { ttl_seconds: 60 });
    expect(clone).toMatchObject({ node_id: node, ttl_seconds: 60 });
    const which = { session_ids: [clone.session_id, "gone"] };
    expect(await client.deleteSessions(which, { dryRun: true })).toMatchObject({ matched: 1, deleted: 0, unknown: ["gone"] });
    expect(await client.deleteSessions(which)).toMatchObject({ matched: 1, deleted: 1 });
    expect(client.eventsUrl).toBe(`${kato.url.replace("http", "ws")}/ws/events`);
    const { kbs } = client;
    const { generation, until } = await kbs.beginArchive(node);
    const [learnedNode, copiedNode, renamedNode] = [kato.node(), kato.node(), kato.node()];
    for (let after = 0, part = 0; after < until; part++) {
      const sent = (await kbs.archivePart(node, { generation, after, until }))!;
      expect([sent.first > after, sent.changes]).toEqual([true, sent.last - sent.first + 1]);
      after = sent.last;
      const whole = { id: learnedNode, part, last: after === until, merge: false };
      expect(await kbs.learnArchivePart(learnedNode, whole, sent.bytes)).toMatchObject({ changes: sent.changes, done: whole.last });
    }
    expect(await kbs.archivePart(node, { generation, after: until, until })).toBeUndefined();
    const { patterns: held } = await client.kbStats(node);
    const taken = kato.node();
    const pattern = { events: [["a"], ["b"]], frequency: 2, emotives: [[["joy", 1]]], metadata: [["m", ["1"]]] } as const;
    const once = { id: taken, part: 0, last: true, merge: false };
    expect(await client.importPatterns(taken, once, [pattern])).toEqual({ imported: 1 });
    expect(await client.setAffinities(taken, [["a", [["joy", 2]]]])).toEqual({ set: 1 });
    expect(await kbs.copy(learnedNode, copiedNode)).toMatchObject({ to: copiedNode, patterns: held });
    expect(await kbs.rename(copiedNode, renamedNode)).toMatchObject({ to: renamedNode, patterns: held });
    expect(await kbs.verify(renamedNode)).toMatchObject({ patterns: held, findings: [] });
    expect((await kbs.list()).map(({ node_id }) => node_id)).toEqual(expect.arrayContaining([node, learnedNode, renamedNode]));
    await expect(kbs.delete(renamedNode, node)).rejects.toMatchObject({ status: 409, code: "ENGRAM_NOT_CONFIRMED" });
    expect(await kbs.delete(renamedNode, renamedNode)).toMatchObject({ patterns: held });
    expect((await kbs.imports()).map(({ id }) => id)).toContain(learnedNode);
    expect(await kbs.rollback(learnedNode)).toMatchObject({ state: "rolledBack" });
    await session.clearStm();
    await session.clearAll();
    expect(await session.exists()).toBe(true);
    expect(await session.delete()).toBe(true);
    expect(await session.delete()).toBe(false);

    expect(complaints).toEqual([]);
    expect(patterns.filter(({ name }) => !seen.has(name)).map(({ name }) => name)).toEqual([]);
  });

  it("makes a lost session anew, with its settings and what was observed and not learned, and repeats the call", async () => {
    const client = new EngramClient({ baseUrl: kato.url });
    const node = kato.node();
    const session = await client.openSession({ node_id: node, config: { persistence: 7 } });
    await session.configure({ max_predictions: 9 });
    await session.observe({ strings: ["old"] });
    await session.observe({ strings: ["older"] });
    await session.learn();
    await session.observe({ strings: ["b", "a"], emotives: { joy: 1 } });
    await session.observe({ emotives: { joy: 2 } });
    await session.observe({ strings: ["c"] });
    const before = session.id;
    await kato.call("DELETE", `/sessions/${before}`);

    const [observed] = await Promise.all([session.observe({ strings: ["d"] }), session.stm(), session.config()]);
    expect(session.id).not.toBe(before);
    expect(observed.stm_length).toBe(3);
    expect(await session.stm()).toEqual([["a", "b"], ["c"], ["d"]]);
    expect(await session.config()).toMatchObject({ persistence: 7, max_predictions: 9 });
    // The calls that met the loss together made one session.
    const after = session.id;
    expect((await client.sessionExists(after)).exists).toBe(true);
    expect((await session.learn()).pattern_name).toMatch(/^PTRN\|/);
  });

  it("follows what the server learns by itself", async () => {
    const client = new EngramClient({ baseUrl: kato.url });
    const session = await client.openSession({ node_id: kato.node(), config: { max_pattern_length: 3, stm_mode: "ROLLING" } });
    for (const symbol of ["a", "b", "c"]) await session.observe({ strings: [symbol] });
    await kato.call("DELETE", `/sessions/${session.id}`);
    expect(await session.stm()).toEqual([["b"], ["c"]]);
  });

  it("leaves a lost session to the caller where it is told to, and takes no other 404 for one", async () => {
    const client = new EngramClient({ baseUrl: kato.url });
    const session = await client.openSession({ node_id: kato.node() }, { recreations: 0 });
    await kato.call("DELETE", `/sessions/${session.id}`);
    const refused = await session.learn().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(EngramError);
    expect(refused).toMatchObject({ status: 404, code: "SESSION_NOT_FOUND", traceId: expect.stringMatching(/^kato-/) });
  });

  describe("over a network that loses answers", () => {
    it.each([502, 503, 504])("counts every call once after %d", async (status) => {
      const node = kato.node();
      const losses = new Map<string, number>();
      // The first two answers of each path are lost, though the server has done its work.
      const send = lossy((method, path) => {
        if (method === "GET" || path === "/sessions") return undefined;
        const times = (losses.get(path) ?? 0) + 1;
        losses.set(path, times);
        return times % 3 === 0 ? undefined : status;
      });
      const client = new EngramClient({ baseUrl: kato.url, fetch: send, retryDelayMs: 1 });
      const session = await client.openSession({ node_id: node });
      expect((await session.observe({ strings: ["a"] })).stm_length).toBe(1);
      expect((await session.observeSequence([{ strings: ["b"] }, { strings: ["c"] }])).final_stm_length).toBe(3);
      const { pattern_name } = await session.learn();
      expect(pattern_name).toMatch(/^PTRN\|/);
      expect(await frequency(kato, node, pattern_name)).toBe(1);
      expect(await client.learnSequences(node, [[["a"], ["b"], ["c"]]])).toEqual({ stored: 1, too_short: 0 });
      expect(await frequency(kato, node, pattern_name)).toBe(2);
    });

    it("gives up after three more tries, with what the server said", async () => {
      let tries = 0;
      const send = lossy(() => {
        tries++;
        return 503;
      });
      const client = new EngramClient({ baseUrl: kato.url, fetch: send, retryDelayMs: 1 });
      await expect(client.health()).rejects.toMatchObject({ status: 503, message: "lost" });
      expect(tries).toBe(4);
    });

    it("says when nobody answers", async () => {
      const client = new EngramClient({ baseUrl: "http://127.0.0.1:9", retries: 1, retryDelayMs: 1 });
      await expect(client.health()).rejects.toMatchObject({ status: 0, message: expect.stringContaining("does not answer") });
    });

    it("stops when it is told to", async () => {
      const stop = new AbortController();
      const client = new EngramClient({ baseUrl: kato.url, fetch: lossy(() => 503), retryDelayMs: 60_000 });
      const waiting = client.health({ signal: stop.signal });
      stop.abort(new Error("enough"));
      await expect(waiting).rejects.toThrow("enough");
    });
  });
});

// biome-ignore lint/suspicious/noExplicitAny: documents and bodies of every form
type Body = any;
