/**
 * Legal but hostile input through the whole path and back, illegal input refused with the wire's body and without a trace, and the two
 * faults of the place: a disk that is full and a data folder that somebody else has. Both state stores where they can differ.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildApp } from "../../src/http/app.ts";
import { silentLogger } from "../../src/log.ts";
import { type OpenedEngine, openTestEngine, type StateBackEnd } from "../support/engines.ts";
import { redisAvailable } from "../support/redis-server.ts";
import { startServer } from "../support/server-process.ts";

const HOSTILE = [
  "it's",
  'say "so"',
  "nul\0inside",
  "\u{1F600}\u{1F469}\u200D\u{1F680}",
  "'; DROP TABLE patterns; --",
  "') OR 1=1 --",
  "__proto__",
  "constructor",
  "toString",
  "10",
  "-0",
  "",
  " ",
  "tab\tline\nreturn\r",
  "\\",
  "{kb:String}",
  "\uE000",
  "\u{10000}",
  "é",
  "e\u0301",
  "PTRN|x",
  "VCTR|x",
  "x".repeat(60_000),
];

describe.each<StateBackEnd>(redisAvailable() ? ["lmdb", "redis"] : ["lmdb"])("hostile input on %s", (backEnd) => {
  let opened: OpenedEngine;
  let app: FastifyInstance;
  beforeAll(async () => {
    opened = await openTestEngine(backEnd);
    app = buildApp({ engine: opened.engine, log: silentLogger, serviceName: "kato", version: "0.0.0" });
  });
  afterAll(async () => {
    await app.close();
    await opened.close();
  });

  async function send(method: "GET" | "POST", url: string, body?: unknown) {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const answer = await app.inject({
      method,
      url,
      headers,
      ...(body !== undefined && { payload: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return { status: answer.statusCode, body: answer.json() };
  }
  const newSession = async (node: string, config: object = {}): Promise<string> =>
    (await send("POST", "/sessions", { node_id: node, config })).body.session_id;

  it.each(["waiting", "flushed"])("comes back as it was, %s", async (where) => {
    const node = `h'${where}`;
    const id = await newSession(node, { sort_symbols: false, recall_threshold: 0.5 });
    const emotives = Object.fromEntries([
      ["__proto__", 1.5],
      ["constructor", -2],
      ["10", 3],
      ["it's", 4],
    ]);
    const metadata = JSON.parse('{"__proto__": "p", "constructor": [1, null, true], "quote\'": "x"}');
    for (const [i, symbol] of HOSTILE.entries()) {
      const body = { strings: [symbol, `n${i}`], ...(i === 0 && { emotives, metadata }) };
      expect((await send("POST", `/sessions/${id}/observe`, body)).status).toBe(200);
    }
    const events = HOSTILE.map((symbol, i) => [symbol, `n${i}`]);
    expect((await send("GET", `/sessions/${id}/stm`)).body.stm).toEqual(events);
    const { pattern_name: name } = (await send("POST", `/sessions/${id}/learn`)).body;
    if (where === "flushed") await opened.engine.flush();
    const asked = `node_id=${encodeURIComponent(node)}`;
    const { pattern } = (await send("GET", `/pattern/${encodeURIComponent(name)}?${asked}`)).body.pattern;
    expect(pattern.pattern_data).toEqual(events);
    expect(Object.entries(pattern.emotives[0])).toEqual(expect.arrayContaining(Object.entries(emotives)));
    expect(Object.entries(pattern.metadata)).toEqual(
      expect.arrayContaining([
        ["__proto__", ["p"]],
        ["constructor", ["[1, None, True]"]],
        ["quote'", ["x"]],
      ]),
    );
    const { symbols } = (await send("GET", `/symbols/stats?${asked}`)).body;
    for (const symbol of HOSTILE) {
      expect(Object.getOwnPropertyDescriptor(symbols, symbol)?.value).toEqual({ name: symbol, frequency: 1, pattern_member_frequency: 1 });
    }
    for (const symbol of ["it's", "__proto__", "10", "'; DROP TABLE patterns; --"]) {
      const answer = await send("GET", `/symbols/${encodeURIComponent(symbol)}/affinity?${asked}`);
      expect(Object.entries(answer.body.affinity)).toContainEqual(["__proto__", 1.5]);
    }
    await send("POST", `/sessions/${id}/clear-stm`);
    for (const event of events.slice(0, -1)) await send("POST", `/sessions/${id}/observe`, { strings: event });
    const { predictions } = (await send("GET", `/sessions/${id}/predictions`)).body;
    expect(predictions).toHaveLength(1);
    expect(predictions[0].future).toEqual([events.at(-1)]);
    expect(Object.entries(predictions[0].emotives)).toContainEqual(["__proto__", 1.5]);
  });

  it("takes 1,000 events and thousands of symbols, and every pipeline and mode on them", async () => {
    const id = await newSession("large", { recall_threshold: 0.5, max_predictions: 3 });
    const events = Array.from({ length: 1_000 }, (_, i) => ({ strings: [`s${i}`, `t${i % 700}`, `u${i % 31}`, `v${i % 7}`] }));
    const sequence = await send("POST", `/sessions/${id}/observe-sequence`, { observations: events });
    expect(sequence.body.final_stm_length).toBe(1_000);
    const { pattern_name: name } = (await send("POST", `/sessions/${id}/learn`)).body;
    await send("POST", `/sessions/${id}/observe-sequence`, { observations: events.slice(0, 900) });
    for (const config of [
      {},
      { filter_pipeline: ["length", "jaccard", "minhash", "bloom", "rapidfuzz"] },
      { use_token_matching: false },
      { fuzzy_token_threshold: 0.9 },
    ]) {
      await send("POST", `/sessions/${id}/config`, { config });
      const { predictions } = (await send("GET", `/sessions/${id}/predictions`)).body;
      expect(predictions, JSON.stringify(config)).toHaveLength(1);
      expect(predictions[0].name).toBe(name.slice(5));
      // The last 100 events; a misspelt neighbour may move the boundary by what fuzzy matching calls a match.
      expect(predictions[0].past.length + predictions[0].present.length + predictions[0].future.length).toBe(1_000);
    }
  });

  it("refuses what is illegal with the wire's status and body, and changes nothing", async () => {
    const id = await newSession("illegal");
    await send("POST", `/sessions/${id}/observe`, { strings: ["a"] });
    const before = await opened.engine.peekSession(id);
    const illegal: [string, unknown, number, object][] = [
      ["observe", { strings: [1] }, 422, { detail: [{ loc: ["body", "strings", 0] }] }],
      ["observe", { strings: [null] }, 422, { detail: [{ loc: ["body", "strings", 0] }] }],
      ["observe", { strings: "a" }, 422, { detail: [{ loc: ["body", "strings"] }] }],
      ["observe", { vectors: "a" }, 422, { detail: [{ loc: ["body", "vectors"] }] }],
      ["observe", { vectors: [["x"]] }, 422, { detail: [{ loc: ["body", "vectors", 0, 0] }] }],
      ["observe", { emotives: "a" }, 422, { detail: [{ loc: ["body", "emotives"] }] }],
      ["observe", { strings: ["\ud800"] }, 422, { detail: [{}] }],
      ["observe", '{"strings": ["\\udfff"]}', 422, { detail: [{}] }],
      ["observe", "{broken", 422, { detail: [{ type: "json_invalid" }] }],
      ["observe", { strings: Array.from({ length: 4_097 }, () => "a") }, 422, { detail: [{}] }],
      ["observe", { strings: ["x".repeat(65_537)] }, 422, { detail: [{}] }],
      ["observe-sequence", {}, 422, { detail: [{ loc: ["body", "observations"] }] }],
      ["observe-sequence", { observations: "a" }, 422, { detail: [{ loc: ["body", "observations"] }] }],
      ["config", { config: { recall_threshold: 2 } }, 400, { detail: { error: "Configuration validation failed" } }],
    ];
    for (const [call, body, status, want] of illegal) {
      const answer = await send("POST", `/sessions/${id}/${call}`, body);
      expect({ call, body: JSON.stringify(body).slice(0, 60), status: answer.status }).toEqual({
        call,
        body: JSON.stringify(body).slice(0, 60),
        status,
      });
      expect(answer.body).toMatchObject(want);
    }
    const after = await opened.engine.peekSession(id);
    expect({ ...after, expiresAtMs: 0 }).toEqual({ ...before, expiresAtMs: 0 });
    const unknown = await send("POST", "/sessions/nobody/observe", { strings: ["a"] });
    expect(unknown).toEqual({
      status: 404,
      body: { error: { code: "SESSION_NOT_FOUND", message: "Session nobody not found or expired", session_id: "nobody" } },
    });
    const empty = await newSession("illegal");
    expect(await send("POST", `/sessions/${empty}/learn`)).toEqual({ status: 400, body: { detail: "Cannot learn from empty STM" } });
    expect((await opened.engine.kbHead(opened.engine.kbOf("illegal"))).seq).toBe(0);
  });

  it("keeps the STM when it is too long to be learned, and says so", async () => {
    const id = await newSession("long");
    const strings = Array.from({ length: 2_049 }, (_, i) => `s${i}`);
    await send("POST", `/sessions/${id}/observe`, { strings });
    await send("POST", `/sessions/${id}/observe`, { strings });
    const answer = await send("POST", `/sessions/${id}/learn`);
    expect(answer.status).toBe(422);
    expect(JSON.stringify(answer.body)).toContain("4096");
    expect((await send("GET", `/sessions/${id}/stm`)).body.length).toBe(2);
  });

  it("counts a call once however often it is sent under one key, and remembers the key with the session", async () => {
    const id = await newSession("once");
    const post = async (call: string, key: string, payload?: object) =>
      (
        await app.inject({
          method: "POST",
          url: `/sessions/${id}/${call}`,
          headers: { "idempotency-key": key },
          ...(payload && { payload }),
        })
      ).json();
    const first = await post("observe", "k1", { strings: ["a"] });
    expect(await post("observe", "k1", { strings: ["a"] })).toEqual(first);
    await post("observe", "k2", { strings: ["b"] });
    const learned = await post("learn", "k3");
    expect(await post("learn", "k3")).toEqual(learned);
    const observations = [{ strings: ["c"] }, { strings: ["d", "e"] }, { strings: ["f", "g"] }];
    const sequence = await post("observe-sequence", "k4", { observations, learn_after_each: true, learn_at_end: true });
    expect(await post("observe-sequence", "k4", { observations, learn_after_each: true, learn_at_end: true })).toEqual(sequence);
    const totals = await opened.engine.kbTotals(opened.engine.kbOf("once"));
    expect(totals).toEqual({ total_symbols_in_patterns_frequencies: 6, total_pattern_frequencies: 3, total_unique_patterns: 3 });
    expect((await opened.engine.peekSession(id))?.time).toBe(5);
  });
});

it("refuses a data folder that another process has, and names it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "engram-locked-"));
  const server = await startServer({ ENGRAM_DATA_DIR: folder });
  try {
    await expect(startServer({ ENGRAM_DATA_DIR: folder })).rejects.toThrow(
      new RegExp(`ENGRAM_DATA_LOCKED.*${server.pid}.*${server.url}`, "s"),
    );
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

/** A small file system of its own; undefined where this user may not mount one. */
function mountSmall(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "engram-small-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], { stdio: "pipe" });
    return folder;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    console.log(`skipped: disk full on a 64 MB tmpfs, because mounting one failed (${String(error).split("\n")[0]})`);
    return undefined;
  }
}

it("says that the disk is full, goes on reading, and works again when there is room", async (context) => {
  const folder = mountSmall();
  if (folder === undefined) return context.skip();
  const server = await startServer({ ENGRAM_DATA_DIR: join(folder, "data") });
  const post = async (path: string, body: object) => {
    const answer = await fetch(server.url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: answer.status, retry: answer.headers.get("retry-after"), text: await answer.text() };
  };
  try {
    mkdirSync(join(folder, "other"));
    expect((await post("/v1/kbs/full/learn", { sequences: [[["a"], ["b"], ["c"]]] })).status).toBe(200);
    writeFileSync(join(folder, "other", "ballast"), Buffer.alloc(40 * 1024 * 1024, 1));
    let full: { status: number; text: string; retry: string | null } | undefined;
    let learned = 1;
    for (let i = 0; full === undefined && i < 2_000; i++) {
      const sequences = Array.from({ length: 200 }, (_, k) => [[`long symbol number ${i} ${k} ${"x".repeat(200)}`], [`b${i}`], [`c${k}`]]);
      const answer = await post("/v1/kbs/full/learn", { sequences });
      if (answer.status === 200) learned += 200;
      else full = answer;
    }
    expect(full?.status).toBe(503);
    expect(full?.text).toMatch(/ENGRAM_(DISK_FULL|OUTBOX_FULL)/);
    expect(full?.text).toMatch(/space|disk/i);
    const stats = async () => (await (await fetch(`${server.url}/v1/kbs/full/stats`)).json()) as { patterns: number };
    expect((await stats()).patterns).toBeGreaterThanOrEqual(learned);
    rmSync(join(folder, "other", "ballast"));
    const before = (await stats()).patterns;
    let again = await post("/v1/kbs/full/learn", { sequences: [[["after"], ["the"], ["fault"]]] });
    for (let tries = 0; again.status === 503 && tries < 50; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      again = await post("/v1/kbs/full/learn", { sequences: [[["after"], ["the"], ["fault"]]] });
    }
    expect(again.status).toBe(200);
    expect((await stats()).patterns).toBe(before + 1);
    const asked = await post("/v1/kbs/full/predict", { state: [["after"], ["the"]] });
    expect(JSON.parse(asked.text).predictions[0].future).toEqual([["fault"]]);
  } finally {
    await server.kill9();
    execFileSync("umount", [folder]);
    rmSync(folder, { recursive: true, force: true });
  }
}, 180_000);
