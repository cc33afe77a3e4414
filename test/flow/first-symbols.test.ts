/** A state of one symbol by the index of first symbols against the scan: the same predictions, in the same order, whatever was deleted or written twice. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SessionConfig } from "../../src/model/session-config.ts";
import { type OpenedEngine, openTestEngine } from "../support/engines.ts";

const STEP = 64;
const KB = "firsts_kb";
const symbol = fc.integer({ min: 0, max: 999 }).map((n) => `s${Math.floor(12 ** (n / 1000)) - 1}`);
const sequence = fc.array(fc.array(symbol, { minLength: 1, maxLength: 2 }), { minLength: 2, maxLength: 5 });

describe("first symbols", () => {
  let opened: OpenedEngine;
  beforeAll(async () => {
    opened = await openTestEngine("lmdb", { indexStep: STEP });
    await opened.engine.learnSequences(KB, fc.sample(sequence, { numRuns: 12 * STEP, seed: 11 }));
    await opened.engine.flush();
    // More that is flushed and not indexed, and a tail that is not flushed.
    await opened.engine.learnSequences(KB, fc.sample(sequence, { numRuns: STEP / 4, seed: 12 }));
    await opened.engine.flush();
    await opened.engine.learnSequences(KB, fc.sample(sequence, { numRuns: 9, seed: 13 }));
  });
  afterAll(() => opened.close());

  const ask = (text: string, config: SessionConfig, source?: "stream" | "postings") =>
    opened.engine.predictState(KB, [[text]], config, { ...(source && { source }) });

  const compare = async (): Promise<number> => {
    let answers = 0;
    await fc.assert(
      fc.asyncProperty(symbol, fc.constantFrom(1, 2, 5, 100), async (text, max_predictions) => {
        const [scan, index] = await Promise.all([ask(text, { max_predictions }, "stream"), ask(text, { max_predictions }, "postings")]);
        expect(index.predictions).toEqual(scan.predictions);
        if (scan.trace.source === "none") return;
        expect([scan.trace.source, index.trace.source]).toEqual(["stream", "postings"]);
        expect(index.trace).toMatchObject({ exact: true, certified: true });
        // What is not indexed is read, and as many of the rest as are answered.
        expect(index.trace.rowsRead).toBeLessThanOrEqual(max_predictions + 2 * STEP);
        answers += index.predictions.length;
      }),
      { numRuns: 60 },
    );
    return answers;
  };

  it("gives what a scan gives", async () => {
    expect(await compare()).toBeGreaterThan(100);
  });

  it("passes over what was deleted, before its rows go and after, and what stands twice", async () => {
    const { engine } = opened;
    // The first answers of the most frequent symbols, so that the list is longer than it would have to be.
    const names: string[] = [];
    for (const text of ["s0", "s1", "s2"])
      names.push(...(await ask(text, { max_predictions: 50 })).predictions.slice(0, 45).map(({ name }) => name));
    await engine.deletePatterns(KB, { names });
    expect(await compare()).toBeGreaterThan(50);
    await engine.flush();
    expect(await compare()).toBeGreaterThan(50);
    const { index } = opened.stores.patterns;
    const { generation } = await engine.kbHead(KB);
    for (let again = 0; again < 40; again++) await index.addFirstSymbols(KB, generation, 0, STEP);
    expect(await compare()).toBeGreaterThan(50);
    expect((await engine.verifyKb(KB, false)).findings).toEqual([]);
  }, 60_000);

  it("leaves small knowledge bases, and answers that need every candidate, to the scan", async () => {
    expect((await ask("s0", {})).trace.source).toBe("stream");
    expect((await ask("s0", { affinity_emotive: "joy" }, "postings")).trace.source).toBe("stream");
  });

  it("follows a clear-all", async () => {
    const { engine } = opened;
    const session = await engine.createSession({ nodeId: "firsts", config: {} } as never);
    const kb = session.kb;
    await engine.learnSequences(kb, fc.sample(sequence, { numRuns: 2 * STEP, seed: 14 }));
    await engine.flush();
    await engine.clearAll(session.id);
    await engine.learnSequences(kb, [[["s0"], ["only"]]]);
    const { predictions } = await engine.predictState(kb, [["s0"]], {}, { source: "postings" });
    expect(predictions).toHaveLength(1);
    await engine.flush();
    expect(await opened.stores.patterns.index.beginningWith(kb, 0, 0, { below: 1_000, limit: 10 })).toEqual([]);
  });
});
