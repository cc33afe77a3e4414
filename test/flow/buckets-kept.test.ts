/** Buckets through faults: a fill that is stopped or killed, a state store that is lost, an import that is taken back. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, vi } from "vitest";
import { configOf } from "../../src/config.ts";
import { openEngine } from "../../src/engine.ts";
import type { Engine } from "../../src/engine-types.ts";
import { silentLogger } from "../../src/log.ts";
import type { SessionConfig } from "../../src/model/session-config.ts";
import { openInlinePool } from "../../src/pool/inline-pool.ts";
import { rebuildState } from "../../src/rebuild.ts";
import { openStores, type Stores } from "../../src/store/open.ts";
import { openTestEngine } from "../support/engines.ts";
import { eventsOf, patternsOf, STEP } from "../support/minhash-families.ts";
import { startServer } from "../support/server-process.ts";

it("goes on with a fill that was stopped anywhere, and no answer is wrong meanwhile", async () => {
  const folder = mkdtempSync(join(tmpdir(), "engram-buckets-"));
  const KB = "stopped";
  const config = configOf({ dataDir: folder, threads: 1, indexStep: STEP, residentBytes: 16 * 2 ** 20 });
  const pipeline: SessionConfig = { filter_pipeline: ["minhash"], recall_threshold: 0.1 };
  let failing = "";
  /** Whatever is called from the named call on fails, as if the process had been killed there. */
  const killedAt = (stores: Stores): Stores => {
    const die = (call: string): void => {
      if (failing === call) throw new Error("killed here");
    };
    const { patterns } = stores;
    return {
      ...stores,
      patterns: {
        ...patterns,
        index: {
          ...patterns.index,
          raise: async (kb, generation, name, below) => {
            if (name.startsWith("minhash")) die(below === 0 ? "first mark" : "mark");
            return patterns.index.raise(kb, generation, name, below);
          },
        },
        buckets: {
          ...patterns.buckets,
          add: async (kb, generation, rows) => {
            die("rows");
            // Half of them are there when it ends.
            const half = rows.patternIds.length >> 1;
            if (failing === "half") {
              await patterns.buckets.add(kb, generation, {
                ...rows,
                patternIds: rows.patternIds.slice(0, half),
                keys: rows.keys.slice(0, half * rows.bands),
              });
              die("half");
            }
            return patterns.buckets.add(kb, generation, rows);
          },
        },
      },
    };
  };
  try {
    let indexed = 0;
    for (const stop of ["first mark", "rows", "half", "mark", ""]) {
      failing = stop;
      const stores = killedAt(await openStores(config, silentLogger));
      const engine = await openEngine(config, silentLogger, {
        stores,
        pool: await openInlinePool({ residentBytes: config.residentBytes }),
      });
      await engine.setMinhash(KB, {});
      await engine.learnSequences(KB, patternsOf(indexed, (indexed += 2 * STEP)));
      await engine.flush();
      expect((await engine.minhash(KB))!.indexedBelow).toBe(stop === "" ? indexed : 0);
      for (const n of [1, indexed - 2]) {
        const [stream, buckets] = await Promise.all(
          (["stream", "buckets"] as const).map((source) => engine.predictState(KB, eventsOf(n), pipeline, { source })),
        );
        expect(buckets!.trace.certified).toBe(true);
        expect(buckets!.predictions).toEqual(stream!.predictions);
        expect(stream!.predictions.length).toBeGreaterThan(0);
      }
      if (stop === "") expect((await engine.verifyKb(KB, false)).findings).toEqual([]);
      await engine.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);

it("is there after the state store was lost and rebuilt, and goes with an import that is taken back", async () => {
  const opened = await openTestEngine("lmdb", { indexStep: STEP });
  const KB = "rebuilt";
  const config: SessionConfig = { filter_pipeline: ["minhash"], minhash_threshold: 0.2, recall_threshold: 0.1 };
  const ask = (engine: Engine) => engine.predictState(KB, eventsOf(6), config, { source: "buckets" });
  try {
    await opened.engine.setMinhash(KB, {});
    await opened.engine.learnSequences(KB, patternsOf(0, 3 * STEP));
    await opened.engine.flush();
    const before = await ask(opened.engine);
    expect(before.trace).toMatchObject({ certified: true, source: "buckets" });
    expect(before.predictions.length).toBeGreaterThan(1);
    await opened.engine.close();
    rmSync(join(opened.config.dataDir, "state"), { recursive: true });
    await rebuildState(opened.config, silentLogger);
    const engine = await openEngine(opened.config, silentLogger, { pool: await openInlinePool({ residentBytes: 16 * 2 ** 20 }) });
    try {
      const after = await ask(engine);
      expect(after.predictions).toEqual(before.predictions);
      expect(after.trace.stages[0]).toMatchObject({ name: "buckets", candidatesIn: 3 * STEP });
      expect((await engine.verifyKb(KB, false)).findings).toEqual([]);
      // A copy is an import: taken back, its kb is empty, and so are its buckets.
      const { id } = await engine.copyKb(KB, "copy");
      await engine.flush();
      expect((await engine.minhash("copy"))!.indexedBelow).toBe(3 * STEP);
      await engine.rollbackImport(id, false);
      await engine.flush();
      expect((await engine.minhash("copy"))!.indexedBelow).toBe(0);
      expect((await engine.predictState("copy", eventsOf(6), config, { source: "buckets" })).predictions).toEqual([]);
      expect((await engine.verifyKb("copy", false)).findings).toEqual([]);
    } finally {
      await engine.close();
    }
  } finally {
    await opened.close();
  }
}, 60_000);

it("goes on with a fill whose process was killed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "engram-buckets-kill-"));
  const env = { ENGRAM_DATA_DIR: folder, ENGRAM_INDEX_STEP: String(STEP), ENGRAM_THREADS: "1" };
  const count = 20 * STEP;
  const call = async (url: string, method: string, path: string, body?: object) => {
    const headers = { "content-type": "application/json" };
    const reply = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    return (await reply.json()) as Record<string, unknown>;
  };
  let server = await startServer(env);
  try {
    await call(server.url, "POST", "/v1/kbs/killed/learn", { sequences: patternsOf(0, count) });
    await call(server.url, "PUT", "/v1/kbs/killed/minhash", {});
    for (let kill = 0; kill < 3; kill++) {
      // Each time a little later: before, within or behind the fill, as it comes.
      await sleep(10 + 40 * kill);
      await server.kill9();
      server = await startServer(env);
    }
    const indexed = async () => (await call(server.url, "GET", "/v1/kbs/killed/minhash")).indexed_below;
    await vi.waitFor(async () => expect(await indexed()).toBe(count), { timeout: 30_000, interval: 100 });
    expect(await call(server.url, "POST", "/v1/verify", { node_id: "killed" })).toMatchObject({ patterns: count, findings: [] });
    const asked = { state: eventsOf(7), config: { filter_pipeline: ["minhash"], recall_threshold: 0.1 } };
    const [stream, buckets] = [
      await call(server.url, "POST", "/v1/kbs/killed/predict?source=stream", asked),
      await call(server.url, "POST", "/v1/kbs/killed/predict?source=buckets", asked),
    ];
    expect(buckets.predictions).toEqual(stream.predictions);
    expect(buckets.trace).toMatchObject({ source: "buckets", certified: true });
  } finally {
    await server.kill9();
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
