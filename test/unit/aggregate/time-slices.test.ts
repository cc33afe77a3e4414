import fc from "fast-check";
import { expect, test } from "vitest";
import type { Winner } from "../../../src/aggregate/aggregate-input.ts";
import { aggregate } from "../../../src/aggregate/predict-aggregate.ts";
import { sortInSlices, TimeSlices } from "../../../src/aggregate/time-slices.ts";
import { effectiveConfig } from "../../../src/model/session-config.ts";
import { runs } from "../../reference/golden.ts";

test("a sliced sort is a stable sort", async () => {
  const items = fc.array(fc.nat({ max: 50 }), { minLength: 0, maxLength: 5_000 });
  const property = fc.asyncProperty(items, async (values) => {
    const list = values.map((value, at) => ({ value, at }));
    const sorted = await sortInSlices(list, (a, b) => a.value - b.value, await TimeSlices.begin());
    expect(sorted).toEqual([...list].sort((a, b) => a.value - b.value));
    expect(list.map(({ at }) => at)).toEqual(values.map((_, at) => at));
  });
  await fc.assert(property, runs(30));
});

/** Winners that all match `a b` and differ in what follows. */
function input(count: number) {
  const winners = Array.from({ length: count }, (_, id): Winner => {
    const tail = Array.from({ length: 10 }, (_, k) => [`s${(id * 7 + k * 13) % 997}`]);
    const name = ((id * 2_654_435_761) % 2 ** 32).toString(16).padStart(40, "0");
    return { name, patternId: id, similarity: 4 / 14, events: [["a"], ["b"], ...tail], blocks: [0, 0, 2], frequency: 1, emotives: [] };
  });
  const figures = { frequency: 1, patternMemberFrequency: 1, finalizedMemberFrequency: 0, affinity: 0 };
  const symbols = new Map(["a", "b", ...Array.from({ length: 997 }, (_, k) => `s${k}`)].map((symbol) => [symbol, figures]));
  return {
    state: [["a"], ["b"]],
    winners,
    symbols,
    totals: { total_unique_patterns: count, total_pattern_frequencies: count },
    symbolCount: symbols.size,
    finalized: undefined,
    partners: null,
    config: effectiveConfig({}, { max_predictions: count }),
  };
}

test("a long aggregate lets others run in between", async () => {
  let turns = 0;
  let running = true;
  const tick = (): void => {
    turns++;
    if (running) setImmediate(tick);
  };
  setImmediate(tick);
  const { predictions, cut } = await aggregate(input(6_000), await TimeSlices.begin());
  running = false;
  expect([predictions.length, cut]).toEqual([6_000, 0]);
  // Over a hundred milliseconds of work in slices of 5 ms; uncut, the event loop would turn once or not at all.
  expect(turns).toBeGreaterThan(8);
});

test("a caller who left and a deadline end the work between slices", async () => {
  const caller = new AbortController();
  const left = aggregate(input(4_000), await TimeSlices.begin({ signal: caller.signal }));
  caller.abort();
  await expect(left).rejects.toMatchObject({ code: "ENGRAM_ABORTED" });
  const call = { deadlineAt: Number.POSITIVE_INFINITY };
  const late = aggregate(input(4_000), await TimeSlices.begin(call));
  call.deadlineAt = 0;
  await expect(late).rejects.toMatchObject({ code: "ENGRAM_DEADLINE" });
  // Nor is one begun.
  await expect(TimeSlices.begin({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "ENGRAM_ABORTED" });
  await expect(TimeSlices.begin({ deadlineAt: performance.now() - 1 })).rejects.toMatchObject({ code: "ENGRAM_DEADLINE" });
});

test("works get a turn each, in the order they came in, and a long one does not hold up the others", async () => {
  const log: string[] = [];
  const turn = { number: 0 };
  let running = true;
  const tick = (): void => {
    turn.number++;
    if (running) setImmediate(tick);
  };
  setImmediate(tick);
  const work = async (name: string, slices: number): Promise<void> => {
    const own = await TimeSlices.begin();
    for (let n = 0; n < slices; n++) {
      if (n > 0) await own.next();
      log.push(`${name}${n}@${turn.number}`);
    }
  };
  await Promise.all([work("a", 2), work("b", 5), work("c", 1), work("d", 1)]);
  running = false;
  expect(log.map((entry) => entry.split("@")[0])).toEqual(["a0", "a1", "b0", "b1", "b2", "c0", "d0", "b3", "b4"]);
  // No turn had two.
  const turns = log.map((entry) => entry.split("@")[1]);
  expect(new Set(turns).size).toBe(turns.length);
});

test("counters left out are our fault, not a zero", async () => {
  const task = input(1);
  const missing = { ...task, symbols: new Map() };
  // Its present is a and b, which the state names too; a finalized pattern is judged by all its symbols.
  await expect(aggregate(missing, await TimeSlices.begin())).resolves.toMatchObject({ cut: 0 });
  const finalized = { below: 1, totals: task.totals, symbolCount: 2 };
  await expect(aggregate({ ...missing, finalized }, await TimeSlices.begin())).rejects.toMatchObject({ code: "ENGRAM_INTERNAL" });
  const gap = { ...missing, state: [["a"], ["s0"]], winners: [{ ...task.winners[0]!, blocks: [0, 0, 1, 2, 1, 1] }] };
  await expect(aggregate(gap, await TimeSlices.begin())).rejects.toMatchObject({ code: "ENGRAM_INTERNAL" });
});
