import { expect, it } from "vitest";
import { type CandidateSource, CannotServe, type Estimate, type Found, Planner, type Question } from "../../../src/engine/plan.ts";
import { NOTHING_SCORED } from "../../../src/engine/scoring.ts";
import type { SourceName } from "../../../src/model/source-name.ts";

const question = {} as Omit<Question, "isForced">;
const found: Found = { ...NOTHING_SCORED, certified: true, rowsRead: 0 };
const source = (
  name: SourceName,
  estimate: Estimate | Promise<Estimate>,
  search: () => Promise<Found> = async () => found,
): CandidateSource => ({
  name,
  estimate: () => estimate,
  search,
});
const chosen = async (planner: Planner, forced?: SourceName): Promise<string> => (await planner.search(question, forced)).plan.source.name;

it("takes the cheapest source that can serve, and keeps what all of them said", async () => {
  const planner = new Planner([
    source("stream", { microseconds: 900 }),
    source("resident", { refused: "not in memory" }),
    source("postings", Promise.resolve({ microseconds: 20 })),
  ]);
  const { plan } = await planner.search(question);
  expect(plan.source.name).toBe("postings");
  expect(plan.entries).toEqual([
    { source: "postings", microseconds: 20 },
    { source: "stream", microseconds: 900 },
    { source: "resident", refused: "not in memory" },
  ]);
});

it("does not even ask a source that cannot be cheaper than what is known", async () => {
  const unasked: CandidateSource = {
    ...source("postings", { microseconds: 20 }),
    leastMicroseconds: 10,
    estimate: () => {
      throw new RangeError("asked");
    },
  };
  const { plan } = await new Planner([source("resident", { microseconds: 9 }), unasked]).search(question);
  expect(plan.entries).toEqual([{ source: "resident", microseconds: 9 }]);
  await expect(new Planner([source("stream", { microseconds: 11 }), unasked]).search(question)).rejects.toThrow("asked");
});

it("lets the earlier source serve on equal cost", async () => {
  expect(await chosen(new Planner([source("resident", { microseconds: 5 }), source("stream", { microseconds: 5 })]))).toBe("resident");
});

it("goes on to the next best when a source finds out late that it cannot serve, and remembers why", async () => {
  const late = async (): Promise<Found> => {
    throw new CannotServe("no room");
  };
  const planner = new Planner([source("resident", { microseconds: 1 }, late), source("stream", { microseconds: 900 })]);
  const { plan } = await planner.search(question);
  expect(plan.entries).toEqual([
    { source: "stream", microseconds: 900 },
    { source: "resident", refused: "no room" },
  ]);
  await expect(planner.search(question, "resident")).rejects.toMatchObject({
    code: "ENGRAM_BAD_REQUEST",
    message: expect.stringContaining("no room"),
  });
});

it("prefers a certified answer to an uncertified one where an exact source is near, unless the source was named", async () => {
  const uncertain = async (): Promise<Found> => ({ ...found, certified: false });
  const exact = (microseconds: number): CandidateSource => ({ ...source("resident", { microseconds }), isExact: true });
  const index = source("postings", { microseconds: 10 }, uncertain);
  const near = await new Planner([exact(90_000), index]).search(question);
  expect(near.found.certified).toBe(true);
  expect(near.plan.entries).toEqual([
    { source: "resident", microseconds: 90_000 },
    { source: "postings", refused: expect.stringContaining("certain") },
  ]);
  expect((await new Planner([exact(900_000), index]).search(question)).found.certified).toBe(false);
  expect((await new Planner([exact(90_000), index]).search(question, "postings")).found.certified).toBe(false);
});

it("passes on what goes wrong in a search", async () => {
  const broken = async (): Promise<Found> => {
    throw new RangeError("broken");
  };
  const planner = new Planner([source("resident", { microseconds: 1 }, broken), source("stream", { microseconds: 900 })]);
  await expect(planner.search(question)).rejects.toThrow("broken");
});

it("asks the named source and no other, tells it so, and says why it cannot serve", async () => {
  const asked: boolean[] = [];
  const listening = (name: SourceName): CandidateSource => ({
    ...source(name, { microseconds: 1 }),
    estimate: ({ isForced }) => {
      asked.push(isForced);
      return { microseconds: 1 };
    },
  });
  const planner = new Planner([listening("stream"), listening("resident"), source("postings", { refused: "threshold 0" })]);
  expect(await chosen(planner, "resident")).toBe("resident");
  expect(asked).toEqual([true]);
  await chosen(planner);
  expect(asked).toEqual([true, false, false]);
  await expect(planner.search(question, "postings")).rejects.toMatchObject({
    code: "ENGRAM_BAD_REQUEST",
    message: expect.stringContaining("threshold 0"),
  });
  await expect(planner.search(question, "buckets")).rejects.toMatchObject({ code: "ENGRAM_BAD_REQUEST" });
});
