import { expect, it } from "vitest";
import { RecentFutures } from "../../../src/engine/recent-futures.ts";

const future = (n: number) => ({ future: [[`f${n}`]], aggregate_potential: 1, supporting_patterns: 1, total_weighted_frequency: 1 });
const many = (count: number) => Array.from({ length: count }, (_, n) => future(n));

it("remembers each session's own last list, and nothing of others", () => {
  const recent = new RecentFutures();
  recent.remember("a", many(2));
  recent.remember("b", many(1));
  recent.remember("a", many(3));
  expect(recent.of("a")).toHaveLength(3);
  expect(recent.of("b")).toHaveLength(1);
  expect(recent.of("c")).toEqual([]);
  recent.forget("a");
  expect(recent.of("a")).toEqual([]);
  recent.remember("b", []);
  expect(recent.of("b")).toEqual([]);
});

it("lets the least recently predicted go when it holds too much", () => {
  const recent = new RecentFutures();
  recent.remember("a", many(60_000));
  recent.remember("b", many(30_000));
  recent.remember("a", many(50_000));
  recent.remember("c", many(30_000));
  expect([recent.of("a").length, recent.of("b").length, recent.of("c").length]).toEqual([50_000, 0, 30_000]);
  recent.remember("d", many(100_001));
  expect(recent.of("d")).toEqual([]);
});
