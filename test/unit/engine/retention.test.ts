/** Looking after kbs in the background: when, in which slices, and that it ends with the engine. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { PatternEdits } from "../../../src/engine/pattern-edits.ts";
import { Retention } from "../../../src/engine/retention.ts";
import { silentLogger } from "../../../src/log.ts";
import type { KbSettings } from "../../../src/store/kb-settings.ts";

class Settings implements KbSettings {
  readonly values = new Map<string, string>();
  failure: Error | undefined;
  async get(kb: string): Promise<string | undefined> {
    return this.values.get(kb);
  }
  async set(kb: string, _name: string, value: string | undefined): Promise<void> {
    if (value === undefined) this.values.delete(kb);
    else this.values.set(kb, value);
  }
  async list(): Promise<ReadonlyMap<string, string>> {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
    return this.values;
  }
}

let settings: Settings;
let asked: { kb: string; before: number; most: number }[];
/** Patterns that are beyond their time, by kb. */
let old: Map<string, number>;
let retention: Retention;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000_000 });
  settings = new Settings();
  asked = [];
  old = new Map();
  const deleteMatching: PatternEdits["deleteMatching"] = async (kb, { learnedBeforeMs }, dryRun, _options, most = 0) => {
    expect(dryRun).toBe(false);
    asked.push({ kb, before: learnedBeforeMs!, most });
    const matched = Math.min(old.get(kb) ?? 0, most);
    old.set(kb, (old.get(kb) ?? 0) - matched);
    return { matched, deleted: matched, names: [], unknown: [] };
  };
  retention = new Retention({ settings, edits: { deleteMatching } as PatternEdits, log: silentLogger });
});
afterEach(async () => {
  await retention.close();
  vi.useRealTimers();
});

it("looks after each kb a few times in its time to live, in slices, and goes on after a failure", async () => {
  await retention.set("minute", 60);
  await retention.set("century", 3_155_760_000);
  old.set("minute", 12_000);
  settings.failure = new Error("away");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toEqual([]);
  await vi.advanceTimersByTimeAsync(5_000);
  const before = 1_000_000_000 + 10_000 - 60_000;
  expect(asked.slice(0, 3)).toEqual(Array.from({ length: 3 }, () => ({ kb: "minute", before, most: 5_000 })));
  expect(asked.slice(3).map(({ kb }) => kb)).toEqual(["century"]);
  expect(old.get("minute")).toBe(0);
  asked.length = 0;
  await vi.advanceTimersByTimeAsync(600_000);
  expect(asked.filter(({ kb }) => kb === "minute")).toHaveLength(120);
  expect(asked.filter(({ kb }) => kb === "century")).toHaveLength(1);
});

it("leaves a kb alone once it is unset, and everything once it is closed", async () => {
  await retention.set("kb", 60);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toHaveLength(1);
  await retention.set("kb", undefined);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(1);
  await retention.set("kb", 60);
  await retention.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(1);
});

it("takes whole seconds within its bounds", async () => {
  for (const seconds of [0, 59, 60.5, Number.NaN, 3_155_760_001])
    await expect(retention.set("kb", seconds)).rejects.toMatchObject({ code: "ENGRAM_BAD_REQUEST" });
  expect(await retention.get("kb")).toBeUndefined();
});
