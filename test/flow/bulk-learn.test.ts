/** Bulk learning over HTTP: lines that another thread reads and packs become what the same lines become when they are read here. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildApp } from "../../src/http/app.ts";
import { silentLogger } from "../../src/log.ts";
import { seeded } from "../durability/rounds.ts";
import { type OpenedEngine, openTestEngine, type StateBackEnd } from "../support/engines.ts";
import { redisAvailable } from "../support/redis-server.ts";

const LINES = { "content-type": "application/x-ndjson" };

describe.each<StateBackEnd>(redisAvailable() ? ["lmdb", "redis"] : ["lmdb"])("bulk learning on %s", (backEnd) => {
  let opened: OpenedEngine;
  let app: ReturnType<typeof buildApp>;
  beforeEach(async () => {
    opened = await openTestEngine(backEnd);
    app = buildApp({ engine: opened.engine, log: silentLogger, serviceName: "kato", version: "0" });
  });
  afterEach(async () => {
    await app.close();
    await opened.close();
  });

  const post = async (node: string, lines: readonly string[], key?: string): Promise<Record<string, unknown>[]> => {
    const headers = key === undefined ? LINES : { ...LINES, "idempotency-key": key };
    const payload = `${lines.join("\n")}\n`;
    const reply = await app.inject({ method: "POST", url: `/v1/kbs/${node}/patterns`, headers, payload });
    expect(reply.statusCode).toBe(200);
    return reply.body
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  };
  const shown = async (node: string): Promise<unknown> => {
    const { engine } = opened;
    const kb = engine.kbOf(node);
    const symbols: unknown[] = [];
    for await (const rows of engine.symbolRows(kb)) symbols.push(...rows);
    const { patterns } = await engine.listPatterns(kb, {}, 1_000);
    const answers = [];
    for (const state of [
      [["s1"], ["s2"]],
      [["s3", "s4"], ["s5"]],
    ])
      answers.push((await engine.predictState(kb, state)).predictions);
    return { totals: await engine.kbTotals(kb), symbols, patterns, answers };
  };

  it("is the same for large requests and small ones, once a key", async () => {
    const random = seeded(31);
    const lines = Array.from({ length: 2_300 }, (_, i) => {
      if (i % 97 === 5) return "not json";
      if (i % 89 === 7) return '[["alone"]]';
      const events = Array.from({ length: 2 + Math.floor(random() * 6) }, () => [`s${Math.floor(random() * 40)}`, `é${i % 60}`]);
      return JSON.stringify(i % 5 === 0 ? { events, emotives: { joy: i / 7 }, metadata: { book: `b${i % 3}` } } : events);
    });
    const large = await post("large", lines, "one load");
    expect(await post("large", lines, "one load")).toEqual(large);
    const small: Record<string, unknown>[] = [];
    const done = { done: true, stored: 0, created: 0, too_short: 0, failed: 0 };
    for (let from = 0; from < lines.length; from += 50) {
      const part = await post("small", lines.slice(from, from + 50));
      const { stored, created, too_short, failed } = part.pop() as typeof done;
      done.stored += stored;
      done.created += created;
      done.too_short += too_short;
      done.failed += failed;
      small.push(...part.map((item) => ({ ...item, line: (item.line as number) + from })));
    }
    expect(large).toEqual([...small, done]);
    expect(done.failed).toBe(24);
    const before = await shown("large");
    expect(before).toEqual(await shown("small"));
    // After the flush, whose rows the thread wrote, and in a kb that is in memory already.
    await opened.engine.flush();
    expect(await shown("large")).toEqual(before);
    await post("large", lines.slice(0, 1_100));
    for (let from = 0; from < 1_100; from += 50) await post("small", lines.slice(from, Math.min(1_100, from + 50)));
    expect(await shown("large")).toEqual(await shown("small"));
  });
});
