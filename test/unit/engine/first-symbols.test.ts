/** Which way a state of one symbol is answered: by what the kb holds, how frequent the symbol is and how many are asked for. */
import { expect, it, vi } from "vitest";
import { FirstSymbols } from "../../../src/engine/first-symbols.ts";
import type { SourceName } from "../../../src/model/source-name.ts";

async function sourceOf(patternCount: number, holders: number, keep: number, forced?: SourceName) {
  const beginningWith = vi.fn(async () => []);
  const counters = vi.fn(async () => ({ symbols: [{ patternMemberFrequency: holders }] }));
  const head = { kb: "kb", generation: 0, patternCount, deletedCount: 0 };
  const first = new FirstSymbols({
    state: { counters, tail: async () => [], head: async () => head },
    patterns: { index: { beginningWith }, scan: async function* () {} },
    deleted: { at: async () => ({ count: 0, has: () => false, countIn: () => 0 }) },
    indexer: { firstSymbolsBelow: async () => patternCount },
  } as never);
  const { source } = await first.find(head as never, 7, keep, {}, forced);
  return { source, listed: beginningWith.mock.calls.length, counted: counters.mock.calls.length };
}

it("scans small kbs, and does not even ask for counters there", async () => {
  expect(await sourceOf(49_999, 49_999, 10)).toEqual({ source: "stream", listed: 0, counted: 0 });
});

it("asks the index for frequent symbols, and for rare ones once the scan itself is long", async () => {
  for (const [patterns, holders, keep, source] of [
    [100_000, 60_000, 10, "postings"],
    [100_000, 5, 10, "stream"],
    [1_000_000, 600_000, 10, "postings"],
    [1_000_000, 600_000, 100, "postings"],
    [10_000_000, 1, 10, "postings"],
    // Thousands are asked for: fetching them one by one would be dearer.
    [1_000_000, 600_000, 10_000, "stream"],
  ] as const)
    expect([patterns, holders, keep, (await sourceOf(patterns, holders, keep)).source]).toEqual([patterns, holders, keep, source]);
});

it("goes the way that is named, except where every candidate is needed", async () => {
  expect((await sourceOf(10_000_000, 1e6, 10, "stream")).source).toBe("stream");
  expect(await sourceOf(100, 1, 10, "postings")).toEqual({ source: "postings", listed: 1, counted: 0 });
  expect((await sourceOf(10_000_000, 1e6, Number.POSITIVE_INFINITY, "postings")).source).toBe("stream");
});
