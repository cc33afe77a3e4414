/** Bulk scoring through the engine: the twin's matches for every state, over patterns flushed or not, pulled and bounded. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ScoredState } from "../../src/engine-types.ts";
import type { Event } from "../../src/model/event.ts";
import { bruteName } from "../reference/brute-kb.ts";
import { scoreReference } from "../reference/score.ts";
import { type OpenedEngine, openTestEngine } from "../support/engines.ts";

const SYMBOLS = ["a", "ab", "abc", "b", "ba", "bac", "c", "ca", "cab", "x", "xy", "xyz"];
const symbol = fc.constantFrom(...SYMBOLS);
const pattern = fc
  .array(fc.uniqueArray(symbol, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 6 })
  .map((events) => events.map((event) => [...event].sort()))
  .filter((events) => events.flat().length >= 2);
const state = fc.array(fc.array(fc.oneof(symbol, fc.constant("unheard")), { maxLength: 3 }), { maxLength: 5 });

async function all(answers: AsyncIterable<ScoredState>): Promise<ScoredState[]> {
  const list: ScoredState[] = [];
  for await (const answer of answers) list.push(answer);
  return list;
}

function twin(
  patterns: readonly (readonly Event[])[],
  states: readonly (readonly Event[])[],
  cutoff: number,
  keep: number,
  similarity: "token" | "character",
) {
  const known = new Map(patterns.map((events) => [bruteName(events), { name: bruteName(events), events }]));
  return states.map((events, index): ScoredState => {
    const question = {
      state: events.flat(),
      similarity,
      recallThreshold: cutoff,
      fuzzyThreshold: 0,
      stages: [],
      keepBy: "similarity",
    } as const;
    const matches = events.flat().length === 0 ? [] : scoreReference(question, [...known.values()]).matches;
    return {
      index,
      patterns: known.size,
      matched: matches.length,
      matches: matches.slice(0, keep).map((match) => ({ name: `PTRN|${match.pattern.name}`, similarity: match.similarity })),
    };
  });
}

describe("scoreAll", () => {
  let opened: OpenedEngine;
  beforeAll(async () => {
    opened = await openTestEngine("lmdb");
  });
  afterAll(async () => {
    await opened.close();
  });

  it("gives every state the twin's matches", async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(pattern, { minLength: 1, maxLength: 12 }),
        fc.array(state, { maxLength: 8 }),
        fc.constantFrom(0, 0.3, 0.5, 0.8, 1),
        fc.constantFrom(1, 3, 100),
        fc.constantFrom("token" as const, "character" as const),
        fc.boolean(),
        async (patterns, queries, cutoff, keep, similarity, flushed) => {
          const { engine } = opened;
          const kb = engine.kbOf(`bulk-${run++}`);
          await engine.learnSequences(kb, patterns);
          if (flushed) await engine.flush();
          const answers = await all(engine.scoreAll({ kb, queries, cutoff, keep, similarity }));
          expect(answers).toEqual(twin(patterns, queries, cutoff, keep, similarity));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("answers more states than a group holds in their order, and pulls no further ahead than one group", async () => {
    const { engine } = opened;
    const kb = engine.kbOf("bulk-long");
    await engine.learnSequences(kb, [
      [["a"], ["b"]],
      [["b"], ["c"]],
    ]);
    let pulled = 0;
    async function* queries(): AsyncIterable<readonly Event[]> {
      for (; pulled < 20_000; pulled++) yield [[SYMBOLS[pulled % SYMBOLS.length]!], ["b"]];
    }
    let seen = 0;
    for await (const answer of engine.scoreAll({ kb, queries: queries(), cutoff: 0.9 })) {
      expect(answer.index).toBe(seen++);
      expect(answer.matched).toBe(SYMBOLS[answer.index % SYMBOLS.length] === "a" ? 1 : 0);
      if (answer.index === 10) expect(pulled).toBeLessThanOrEqual(2 * 4_096);
      if (answer.index === 9_000) break;
    }
    expect(pulled).toBeLessThan(20_000);
    // Groups that may keep many hits a state have fewer states.
    pulled = 0;
    for await (const answer of engine.scoreAll({ kb, queries: queries(), keep: 65_536 })) {
      if (answer.index === 10) expect(pulled).toBeLessThanOrEqual(2 * 64);
      if (answer.index === 200) break;
    }
    expect(pulled).toBeLessThanOrEqual(5 * 64);
  });

  it("answers states to a kb that holds nothing, and refuses settings out of range", async () => {
    const { engine } = opened;
    const kb = engine.kbOf("bulk-nothing");
    expect(await all(engine.scoreAll({ kb, queries: [[["a"]], []] }))).toEqual(
      [0, 1].map((index) => ({ index, patterns: 0, matched: 0, matches: [] })),
    );
    for (const wrong of [{ cutoff: 1.1 }, { cutoff: Number.NaN }, { keep: 0 }, { keep: 70_000 }]) {
      await expect(all(engine.scoreAll({ kb, queries: [[["a"]]], ...wrong }))).rejects.toMatchObject({ code: "ENGRAM_BAD_REQUEST" });
    }
  });

  it("ends with the caller's abort, and with an error of the caller's own states", async () => {
    const { engine } = opened;
    const kb = engine.kbOf("bulk-nothing-2");
    await engine.learnSequences(kb, [[["a"], ["b"]]]);
    await expect(all(engine.scoreAll({ kb, queries: [[["a"], ["b"]]], signal: AbortSignal.abort() }))).rejects.toMatchObject({
      code: "ENGRAM_ABORTED",
    });
    async function* failing(): AsyncIterable<readonly Event[]> {
      yield [["a"]];
      throw new Error("the file ended early");
    }
    await expect(all(engine.scoreAll({ kb, queries: failing() }))).rejects.toThrow("the file ended early");
  });
});
