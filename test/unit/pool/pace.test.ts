/** Slices come to their aim of 5 ms, are shared between threads when worthwhile, and never to less than 3 ms of work. */
import { expect, test } from "vitest";
import { Pace } from "../../../src/pool/pace.ts";

test("rows follow what was measured", () => {
  const pace = new Pace(100, 1);
  expect(pace.rowsFor(1_000_000)).toBe(50_000);
  for (let i = 0; i < 40; i++) pace.note(1000, 1000 * 400);
  expect(pace.rowsFor(1_000_000)).toBeGreaterThanOrEqual(12_500);
  expect(pace.rowsFor(1_000_000)).toBeLessThanOrEqual(12_501);
});

test("what is left is shared between threads, but not into crumbs", () => {
  const pace = new Pace(100, 4);
  expect(pace.rowsFor(1_000_000)).toBe(50_000);
  expect(pace.rowsFor(140_000)).toBe(35_000);
  expect(pace.rowsFor(60_000)).toBe(30_000);
  expect(pace.rowsFor(4_000)).toBe(4_000);
});

test("one row at least, whatever was measured", () => {
  const pace = new Pace(1e12, 2);
  expect(pace.rowsFor(10)).toBe(1);
  pace.note(10, 0);
  expect(new Pace(1, 2).rowsFor(10)).toBe(10);
});
