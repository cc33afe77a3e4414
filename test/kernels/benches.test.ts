/** Every bench runs in quick mode and finds the answer it knows: benches that nobody runs would rot. */
import { expect, test } from "vitest";
import { runSuite } from "../../bench/harness.ts";
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
