import { expect, it } from "vitest";
import { type CandidateSource, type Estimate, Planner, type Question } from "../../../src/engine/plan.ts";
import { NOTHING_SCORED } from "../../../src/engine/scoring.ts";
import type { SourceName } from "../../../src/model/source-name.ts";

const question = {} as Question;
const source = (name: SourceName, estimate: Estimate | Promise<Estimate>): CandidateSource => ({
  name,
  estimate: () => estimate,
  search: async () => ({ ...NOTHING_SCORED, certified: true, rowsRead: 0 }),
});

it("takes the cheapest source that can serve, and keeps what all of them said", async () => {
  const planner = new Planner([
    source("stream", { microseconds: 900 }),
    source("resident", { refused: "not in memory" }),
    source("postings", Promise.resolve({ microseconds: 20 })),
  ]);
  const plan = await planner.choose(question);
  expect(plan.source.name).toBe("postings");
  expect(plan.entries).toEqual([
    { source: "postings", microseconds: 20 },
    { source: "stream", microseconds: 900 },
    { source: "resident", refused: "not in memory" },
  ]);
});

it("lets the earlier source serve on equal cost", async () => {
  const planner = new Planner([source("resident", { microseconds: 5 }), source("stream", { microseconds: 5 })]);
  expect((await planner.choose(question)).source.name).toBe("resident");
});

it("asks the named source and no other, and says why it cannot serve", async () => {
  let asked = 0;
  const stream: CandidateSource = {
    ...source("stream", { microseconds: 1 }),
    estimate: () => {
      asked++;
      return { microseconds: 1 };
    },
  };
  const planner = new Planner([stream, source("resident", { microseconds: 9 }), source("postings", { refused: "threshold 0" })]);
  expect((await planner.choose(question, "resident")).source.name).toBe("resident");
  expect(asked).toBe(0);
  await expect(planner.choose(question, "postings")).rejects.toMatchObject({
    code: "ENGRAM_BAD_REQUEST",
    message: expect.stringContaining("threshold 0"),
  });
  await expect(planner.choose(question, "buckets")).rejects.toMatchObject({ code: "ENGRAM_BAD_REQUEST" });
});
