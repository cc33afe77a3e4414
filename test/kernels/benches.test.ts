/** Every bench runs in quick mode and finds the answer it knows: benches that nobody runs would rot. */
import { expect, test } from "vitest";
import { contests } from "../../bench/contests.ts";
import { runSuite } from "../../bench/harness.ts";
import { type Contest, QUICK, quantile, runContest } from "../../bench/rounds.ts";
import { suites } from "../../bench/suites.ts";

test.each(suites.map((open) => [open.name, open] as const))("%s", async (_name, open) => {
  const rows = await runSuite(open, "quick");
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) expect(row.nanoseconds).toBeGreaterThan(0);
});

test("a wrong answer fails the bench", async () => {
  const wrong = () => ({ cases: [{ name: "wrong/sum", unit: "item", items: 1, expected: 2, run: () => 1 }], close: () => {} });
  await expect(runSuite(wrong, "quick")).rejects.toThrow("computed 1, the answer is 2");
});

test.each(contests)("contest %s", async (_name, open) => {
  const contest = await open("quick");
  try {
    const figures = await runContest(contest, QUICK);
    expect(figures.sides.length).toBeGreaterThan(1);
    for (const side of figures.sides) expect(side.nanoseconds).toBeGreaterThan(0);
    for (const gate of figures.gates) expect(gate.measured).toBeGreaterThan(0);
  } finally {
    await contest.close?.();
  }
});

test("a contest refuses a wrong answer and a ratio of a side that is not there", async () => {
  const side = { name: "one", items: 1, run: () => 1, expected: 1 };
  const contest: Contest = { name: "c", unit: "item", sides: [side, { ...side, name: "two", run: () => 2 }], gates: [] };
  await expect(runContest(contest, QUICK)).rejects.toThrow("c, two: computed 2, the answer is 1");
  const gate = { line: "0", what: "w", slow: "one", fast: "three", required: 1 };
  await expect(runContest({ ...contest, sides: [side], gates: [gate] }, QUICK)).rejects.toThrow('no side "three"');
});

test("quantiles lie between the values", () => {
  expect(quantile([5, 1, 3], 0.5)).toBe(3);
  expect(quantile([4, 1], 0.25)).toBe(1.75);
  expect(quantile([7], 0.9)).toBe(7);
});
