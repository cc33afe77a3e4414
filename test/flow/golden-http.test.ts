/** The recorded end-to-end scripts through the HTTP face, on both state stores. */
import type { InjectOptions } from "fastify";
import { describe, expect, it } from "vitest";
import { buildApp } from "../../src/http/app.ts";
import { silentLogger } from "../../src/log.ts";
import { openTestEngine, type StateBackEnd } from "../support/engines.ts";
import { readScripts, replay, type Send } from "../support/golden-scripts.ts";
import { redisAvailable } from "../support/redis-server.ts";

const scripts = readScripts();

describe.each<StateBackEnd>(redisAvailable() ? ["lmdb", "redis"] : ["lmdb"])("recorded scripts on %s", (backEnd) => {
  it(`all ${scripts.length} agree`, async () => {
    expect(scripts).toHaveLength(54);
    const opened = await openTestEngine(backEnd);
    const app = buildApp({ engine: opened.engine, log: silentLogger, serviceName: opened.config.serviceName, version: "0.0.0" });
    const send: Send = async (method, path, body) => {
      const request: InjectOptions = { method, url: path, ...(body !== undefined && { payload: body as object }) };
      const answer = await app.inject(request);
      return { status: answer.statusCode, body: answer.json() };
    };
    const failures: string[] = [];
    try {
      for (const [at, script] of scripts.entries()) failures.push(...(await replay(script, `golden${at}`, send)));
    } finally {
      await app.close();
      await opened.close();
    }
    expect(failures).toEqual([]);
  }, 120_000);
});
