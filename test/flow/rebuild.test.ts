/** A state store that is lost comes back from the pattern store: the same counters bit for bit, the same answers. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openEngine } from "../../src/engine.ts";
import type { Engine } from "../../src/engine-types.ts";
import { silentLogger } from "../../src/log.ts";
import { openInlinePool } from "../../src/pool/inline-pool.ts";
import { rebuildState } from "../../src/rebuild.ts";
import { seeded } from "../durability/rounds.ts";
import { openTestEngine, type StateBackEnd } from "../support/engines.ts";
import { redisAvailable } from "../support/redis-server.ts";

const NODES = ["one", "two", "cleared", "it's"];

/** Everything that can be asked about a kb: head without sequence number, symbols, affinities, patterns, answers. */
async function portrait(engine: Engine, node: string, names: ReadonlySet<string>): Promise<unknown> {
  const kb = engine.kbOf(node);
  const { seq: _, ...head } = await engine.kbHead(kb);
  const symbols: unknown[] = [];
  for await (const rows of engine.symbolRows(kb)) symbols.push(...rows);
  const affinities: unknown[] = [];
  for await (const rows of engine.affinities(kb)) affinities.push(...rows);
  const patterns: unknown[] = [];
  for (const name of names) patterns.push(await engine.pattern(kb, name));
  const answers: unknown[] = [];
  const random = seeded(5);
  for (let i = 0; i < 40; i++) {
    const state = Array.from({ length: 1 + Math.floor(random() * 5) }, () => [`s${Math.floor(random() * 12)}`]);
    const config = {
      recall_threshold: 0.2,
      ...(i % 2 === 0 && { affinity_emotive: "joy" }),
      ...(i % 3 === 0 && { fuzzy_token_threshold: 0.6 }),
    };
    const { predictions, futurePotentials } = await engine.predictState(kb, state, config);
    answers.push(predictions, futurePotentials);
  }
  return { head, symbols, affinities, patterns, answers };
}

describe.each<StateBackEnd>(redisAvailable() ? ["lmdb", "redis"] : ["lmdb"])("rebuild on %s", (backEnd) => {
  it("gives back counters, emotives, metadata, vectors, the finalize snapshot and answers", async () => {
    const opened = await openTestEngine(backEnd);
    let engine: Engine = opened.engine;
    try {
      const random = seeded(11);
      const names = new Set<string>();
      for (const node of NODES) {
        const { id } = await engine.createSession({ nodeId: node });
        for (let i = 0; i < 60; i++) {
          const length = 2 + Math.floor(random() * 4);
          for (let k = 0; k < length; k++) {
            await engine.observe(id, {
              strings: [`s${Math.floor(random() * 12)}`, ...(k === 0 ? [`t${i % 9}`] : [])],
              vectors: i % 10 === 0 && k === 0 ? [[random(), random(), random()]] : [],
              emotives: k === 0 ? { joy: random() - 0.3, __proto__x: 0.1 } : {},
              metadata: k === 0 ? { book: `b${i % 4}` } : {},
            });
          }
          names.add((await engine.learn(id)).patternName);
          if (i === 30) await engine.finalizeTraining(id);
          if (i === 40 && node === "cleared") await engine.clearAll(id);
          if (i % 9 === 5 && node !== "cleared") {
            const [old, , other] = [...names].slice(-3);
            expect((await engine.deletePatterns(engine.kbOf(node), { names: [old!] })).deleted).toBe(1);
            await engine.updatePattern(engine.kbOf(node), other!, { frequency: 1 + (i % 5), emotives: [[["joy", random()]]] });
          }
          if (i % 20 === 0) await engine.clearStm(id);
        }
      }
      const before = [];
      for (const node of NODES) before.push(await portrait(engine, node, names));
      await engine.flush();
      await engine.close();

      if (backEnd === "lmdb") rmSync(join(opened.config.dataDir, "state"), { recursive: true });
      else await opened.wipeRedis();
      const behind = await openEngine(opened.config, silentLogger, { pool: await openInlinePool() });
      await expect(behind.predictState(behind.kbOf("one"), [["s1"], ["s2"]])).rejects.toMatchObject({ code: "ENGRAM_STATE_BEHIND" });
      await expect(behind.learnSequences(behind.kbOf("one"), [[["a"], ["b"]]])).rejects.toMatchObject({ code: "ENGRAM_STATE_BEHIND" });
      await behind.close();

      const rebuilt = await rebuildState(opened.config, silentLogger);
      expect(rebuilt.rebuilt).toHaveLength(NODES.length);
      expect((await rebuildState(opened.config, silentLogger)).current).toHaveLength(NODES.length);
      engine = await openEngine(opened.config, silentLogger, { pool: await openInlinePool() });
      for (const [i, node] of NODES.entries()) expect(await portrait(engine, node, names)).toEqual(before[i]);
      // Numbers given out before the loss are not used again.
      const { id } = await engine.createSession({ nodeId: "one" });
      await engine.observe(id, { strings: ["a", "b"], vectors: [], emotives: {}, metadata: {} });
      await engine.learn(id);
      expect((await engine.kbHead(engine.kbOf("one"))).seq).toBeGreaterThan(2 ** 40);
      await engine.flush();
    } finally {
      await engine.close();
      await opened.close();
    }
  }, 120_000);
});
