/** When the source "buckets" offers itself: only where its answer is a scan's, unless it is named. */
import { expect, it, vi } from "vitest";
import { BucketsSource } from "../../../src/engine/buckets-source.ts";
import { type CandidateSource, Planner, type Question } from "../../../src/engine/plan.ts";
import { NOTHING_SCORED } from "../../../src/engine/scoring.ts";
import { MINHASH_DEFAULT, type MinhashSetting } from "../../../src/model/minhash.ts";
import { type EffectiveConfig, SESSION_DEFAULTS, type StageName } from "../../../src/model/session-config.ts";

const WIDE: MinhashSetting = { bands: 32, rows: 4, permutations: 128, scheme: "datasketch" };
const COUNT = 1_000_000;

function sourceOf(setting: MinhashSetting | undefined) {
  const minhash = { get: vi.fn(async () => setting), recent: vi.fn(async () => setting) };
  const indexer = { bucketsBelow: async () => COUNT - 100 };
  return { minhash, source: new BucketsSource({ minhash, indexer } as never) };
}
const question = (pipeline: readonly StageName[], isForced = false): Question =>
  ({
    head: { kb: "kb", generation: 0, patternCount: COUNT },
    config: { ...(SESSION_DEFAULTS as EffectiveConfig), filter_pipeline: pipeline },
    isForced,
  }) as unknown as Question;

it("is refused unasked without the stage minhash, and then the setting is not even read", async () => {
  const { minhash, source } = sourceOf(MINHASH_DEFAULT);
  expect(await source.estimate(question([]))).toEqual({ refused: expect.stringContaining("would be missed") });
  expect(await source.estimate(question(["length", "jaccard"]))).toEqual({ refused: expect.stringContaining("would be missed") });
  expect(minhash.recent).not.toHaveBeenCalled();
  expect(minhash.get).not.toHaveBeenCalled();
});

it("offers itself with the stage minhash where the bands are the stage's", async () => {
  const { minhash, source } = sourceOf(MINHASH_DEFAULT);
  const estimate = await source.estimate(question(["length", "minhash"]));
  expect(estimate).toEqual({ microseconds: expect.any(Number) });
  // A hundred patterns are scanned, a hundred fetched: far below a scan of a million.
  expect((estimate as { microseconds: number }).microseconds).toBeLessThan(50_000);
  expect(minhash.get).not.toHaveBeenCalled();
  for (const [setting, reason] of [
    [WIDE, "other bands"],
    [undefined, "does not ask for MinHash"],
  ] as const)
    expect(await sourceOf(setting).source.estimate(question(["minhash"]))).toEqual({ refused: expect.stringContaining(reason) });
});

it("serves whoever names it, by what the store says at that moment", async () => {
  for (const setting of [MINHASH_DEFAULT, WIDE]) {
    const { minhash, source } = sourceOf(setting);
    expect(await source.estimate(question([], true))).toEqual({ microseconds: expect.any(Number) });
    expect(minhash.get).toHaveBeenCalledOnce();
  }
  expect(await sourceOf(undefined).source.estimate(question(["minhash"], true))).toEqual({
    refused: expect.stringContaining("PUT /v1/kbs/{node}/minhash"),
  });
});

it("is taken by the planner when it is cheaper, and not where it is refused", async () => {
  const found = { ...NOTHING_SCORED, certified: true, rowsRead: 0 };
  const scan: CandidateSource = { name: "stream", isExact: true, estimate: () => ({ microseconds: 2e6 }), search: async () => found };
  const { source } = sourceOf(MINHASH_DEFAULT);
  vi.spyOn(source, "search").mockResolvedValue(found);
  const planner = new Planner([scan, source]);
  expect((await planner.search(question(["minhash"]))).plan.source.name).toBe("buckets");
  expect((await planner.search(question([]))).plan.source.name).toBe("stream");
  expect((await planner.search(question([]), "buckets")).plan.source.name).toBe("buckets");
});
