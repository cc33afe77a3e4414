import { describe, expect, it } from "vitest";
import { RecentFutures } from "../../../src/engine/recent-futures.ts";
import { silentLogger } from "../../../src/log.ts";
import type { SessionNotes } from "../../../src/store/session-notes.ts";

const future = (n: number) => ({ future: [[`f${n}`]], aggregate_potential: 1, supporting_patterns: 1, total_weighted_frequency: 1 });
const many = (count: number) => Array.from({ length: count }, (_, n) => future(n));
let moments = 0;
const at = (session: string, key = String(moments++)) => ({ session, key, lifeMs: 1_000 });

describe("in a process of its own", () => {
  it("remembers each session's own last list, and nothing of others", async () => {
    const recent = new RecentFutures(silentLogger);
    await recent.remember(at("a"), many(2));
    await recent.remember(at("b"), many(1));
    await recent.remember(at("a"), many(3));
    expect(await recent.of("a")).toHaveLength(3);
    expect(await recent.of("b")).toHaveLength(1);
    expect(await recent.of("c")).toEqual([]);
    recent.forget("a");
    expect(await recent.of("a")).toEqual([]);
    await recent.remember(at("b"), []);
    expect(await recent.of("b")).toEqual([]);
  });

  it("lets the least recently predicted go when it holds too much", async () => {
    const recent = new RecentFutures(silentLogger);
    await recent.remember(at("a"), many(60_000));
    await recent.remember(at("b"), many(30_000));
    await recent.remember(at("a"), many(50_000));
    await recent.remember(at("c"), many(30_000));
    const lengths = await Promise.all(["a", "b", "c"].map(async (id) => (await recent.of(id)).length));
    expect(lengths).toEqual([50_000, 0, 30_000]);
    await recent.remember(at("d"), many(100_001));
    expect(await recent.of("d")).toEqual([]);
  });
});

describe("among several processes", () => {
  const shared = (): SessionNotes & { puts: number; broken: boolean } => {
    const texts = new Map<string, string>();
    return {
      puts: 0,
      broken: false,
      async put(id, text) {
        if (this.broken) throw new Error("away");
        this.puts++;
        texts.set(id, text);
      },
      get: async (id) => texts.get(id) || undefined,
    };
  };

  it("finds what another one remembered, and writes once for one moment", async () => {
    const notes = shared();
    const [one, other] = [new RecentFutures(silentLogger, notes), new RecentFutures(silentLogger, notes)];
    await one.remember(at("a", "1"), many(2));
    await one.remember(at("a", "1"), many(2));
    expect(notes.puts).toBe(1);
    expect(await other.of("a")).toEqual(many(2));
    await other.remember(at("a", "2"), []);
    expect(await one.of("a")).toEqual([]);
    await one.remember(at("a", "3"), many(20_000));
    expect(await one.of("a")).toEqual([]);
  });

  it("lets a prediction stand when it cannot be remembered, and tries again", async () => {
    const notes = shared();
    const recent = new RecentFutures(silentLogger, notes);
    notes.broken = true;
    await recent.remember(at("a", "1"), many(1));
    notes.broken = false;
    await recent.remember(at("a", "1"), many(1));
    expect(await recent.of("a")).toHaveLength(1);
  });
});
