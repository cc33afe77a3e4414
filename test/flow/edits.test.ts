/** Deleting and updating patterns: what is left behaves as if the deleted ones had never been learned, at once and after a flush. */
import { describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine-types.ts";
import { seeded } from "../durability/rounds.ts";
import { openTestEngine, type StateBackEnd } from "../support/engines.ts";
import { redisAvailable } from "../support/redis-server.ts";

/** What a kb shows, whatever the ids of its symbols and patterns are. */
async function portrait(engine: Engine, kb: string): Promise<unknown> {
  const symbols: unknown[] = [];
  for await (const rows of engine.symbolRows(kb)) symbols.push(...rows.map(({ id: _, ...row }) => row));
  const affinities: unknown[] = [];
  for await (const rows of engine.affinities(kb)) affinities.push(...rows);
  const byName = (rows: unknown[]): unknown[] => rows.map((row) => JSON.stringify(row)).sort();
  const { patterns } = await engine.listPatterns(kb, {}, 1_000);
  const answers: unknown[] = [];
  const random = seeded(3);
  for (let i = 0; i < 30; i++) {
    const state = Array.from({ length: 1 + (i % 5) }, () => [`s${Math.floor(random() * 14)}`]);
    const config = { recall_threshold: 0.1, ...(i % 2 === 0 && { affinity_emotive: "joy" }) };
    const { predictions, futurePotentials } = await engine.predictState(kb, state, config);
    answers.push(predictions, futurePotentials);
  }
  const { totals, symbolCount, goneSymbols } = await engine.kbHead(kb);
  return {
    totals,
    symbols: byName(symbols),
    count: symbolCount - goneSymbols,
    affinities: byName(affinities),
    patterns: byName([...patterns]),
    answers,
  };
}

describe.each<StateBackEnd>(redisAvailable() ? ["lmdb", "redis"] : ["lmdb"])("edits on %s", (backEnd) => {
  it("leave a kb as if what was deleted had never been learned", async () => {
    const opened = await openTestEngine(backEnd);
    const { engine } = opened;
    try {
      const random = seeded(17);
      const learns = Array.from({ length: 120 }, (_, i) => ({
        events: Array.from({ length: 2 + Math.floor(random() * 4) }, () => [`s${Math.floor(random() * 12)}`]).concat(
          i % 4 === 0 ? [[`own${i}`]] : [],
        ),
        // Sums of such numbers are exact, so a difference of them is too.
        emotives: [[["joy", Math.floor(random() * 8) / 4] as const]],
        metadata: [["book", [`b${i % 5}`]] as const],
      }));
      const [full, part] = [engine.kbOf("full"), engine.kbOf("part")];
      const names = (await engine.learnPatterns(full, learns)).map((item) => (item === "tooShort" ? "" : item.name));
      const gone = new Set(names.filter((_, i) => i % 3 === 1));
      await engine.learnPatterns(
        part,
        learns.filter((_, i) => !gone.has(names[i]!)),
      );
      await engine.flush();
      await engine.predictState(full, [["s1"], ["s2"]]);

      const dry = await engine.deletePatterns(full, { names: [...gone] }, { dryRun: true });
      expect([dry.matched, dry.deleted]).toEqual([gone.size, 0]);
      const report = await engine.deletePatterns(full, { names: [...gone, `PTRN|${"0".repeat(40)}`] }, { idempotencyKey: "once" });
      expect([report.deleted, report.unknown]).toEqual([gone.size, [`PTRN|${"0".repeat(40)}`]]);
      // Sent again, because its answer was lost: the same answer, and nothing happens.
      expect(await engine.deletePatterns(full, { names: [...gone, `PTRN|${"0".repeat(40)}`] }, { idempotencyKey: "once" })).toEqual(report);
      const expected = await portrait(engine, part);
      expect(await portrait(engine, full)).toEqual(expected);
      await engine.flush();
      expect(await portrait(engine, full)).toEqual(expected);
      const [first] = [...gone];
      expect(await engine.pattern(full, first!)).toBeUndefined();

      // A deleted pattern that is learned again is new.
      const again = learns[names.indexOf(first!)]!;
      expect(await engine.learnPatterns(full, [again])).toEqual([{ name: first, isNew: true, frequency: 1 }]);
      await engine.learnPatterns(part, [again]);
      expect(await portrait(engine, full)).toEqual(await portrait(engine, part));

      // Everything.
      const all = await engine.deletePatterns(full, { query: { lengthMin: 1 } });
      expect(all.deleted).toBe((await engine.kbHead(part)).totals.total_unique_patterns);
      expect(await portrait(engine, full)).toEqual(await portrait(engine, engine.kbOf("empty")));
    } finally {
      await opened.close();
    }
  });

  it("update figures, and replace events by another pattern that takes them over", async () => {
    const opened = await openTestEngine(backEnd);
    const { engine } = opened;
    try {
      const [edited, plain] = [engine.kbOf("edited"), engine.kbOf("plain")];
      const learn = (events: string[][], joy?: number) => ({ events, ...(joy !== undefined && { emotives: [[["joy", joy] as const]] }) });
      const [item] = await engine.learnPatterns(edited, [learn([["a"], ["b"]], 1), learn([["b"], ["c"]], 0.5)]);
      const name = item === "tooShort" ? "" : item!.name;
      expect(
        await engine.updatePattern(edited, name, { frequency: 3, emotives: [[["joy", 0.25]]], metadata: [["k", ["v"]]] }),
      ).toMatchObject({
        frequency: 3,
        emotives: [[["joy", 0.25]]],
        metadata: [["k", ["v"]]],
      });
      const replaced = await engine.updatePattern(edited, name, { events: [["a"], ["d"]] }, { idempotencyKey: "r" });
      expect(replaced).toMatchObject({ patternData: [["a"], ["d"]], frequency: 3, emotives: [[["joy", 0.25]]], metadata: [["k", ["v"]]] });
      expect(await engine.updatePattern(edited, name, { events: [["a"], ["d"]] }, { idempotencyKey: "r" })).toEqual(replaced);
      expect(await engine.pattern(edited, name)).toBeUndefined();
      expect(await engine.updatePattern(edited, name, { frequency: 2 })).toBeUndefined();
      await engine.learnPatterns(plain, [learn([["b"], ["c"]], 0.5), { ...learn([["a"], ["d"]], 0.25), metadata: [["k", ["v"]]] }]);
      await engine.learnPatterns(plain, [learn([["a"], ["d"]]), learn([["a"], ["d"]])]);
      expect(await portrait(engine, edited)).toEqual(await portrait(engine, plain));
    } finally {
      await opened.close();
    }
  });

  it("list by filters, a page at a time", async () => {
    const opened = await openTestEngine(backEnd);
    const { engine } = opened;
    try {
      const kb = engine.kbOf("listed");
      const patterns = Array.from({ length: 250 }, (_, i) => ({ events: [["x"], [`n${i}`], ...(i % 10 === 0 ? [["y"], ["z"]] : [])] }));
      await engine.learnPatterns(kb, patterns);
      await engine.learnPatterns(kb, patterns.slice(0, 7));
      const since = Date.now() + 1;
      while (Date.now() <= since);
      await engine.learnPatterns(kb, patterns.slice(100, 103));
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await engine.listPatterns(kb, {}, 40, cursor);
        seen.push(...page.patterns.map((pattern) => pattern.patternData[1]![0]!));
        cursor = page.cursor;
      } while (cursor !== undefined);
      expect(seen).toEqual(patterns.map(({ events }) => events[1]![0]));
      const count = async (query: object): Promise<number> => (await engine.listPatterns(kb, query, 1_000)).patterns.length;
      expect(await count({ lengthMin: 4 })).toBe(25);
      expect(await count({ lengthMax: 2 })).toBe(225);
      expect(await count({ contains: "y" })).toBe(25);
      expect(await count({ contains: "nobody" })).toBe(0);
      expect(await count({ frequencyMin: 2 })).toBe(10);
      expect(await count({ frequencyMax: 1, lengthMin: 4 })).toBe(23);
      expect(await count({ learnedSinceMs: since })).toBe(3);
      await expect(engine.listPatterns(kb, {}, 10, "nonsense")).rejects.toMatchObject({ code: "ENGRAM_BAD_REQUEST" });
      expect(await engine.deletePatterns(kb, { query: { contains: "y", frequencyMax: 1 } })).toMatchObject({ matched: 23, deleted: 23 });
      expect(await count({})).toBe(227);
    } finally {
      await opened.close();
    }
  });
});
