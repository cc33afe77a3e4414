/** Who may start: so many at once, the next when one leaves or searches for long; a full queue, an aborted call and a late one are refused. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { StartGate } from "../../../src/engine/start-gate.ts";

const settled = async (promise: Promise<unknown>): Promise<boolean> => Promise.race([promise.then(() => true), sleep(5).then(() => false)]);

it("lets in the next, in order, when one leaves; leaving twice makes room once", async () => {
  const gate = new StartGate(1, 8);
  const first = await gate.enter({});
  first.found();
  const [second, third] = [gate.enter({}), gate.enter({})];
  // Found, and waiting for the main thread: its place is not free, however long that takes.
  await sleep(80);
  expect(await settled(second)).toBe(false);
  first.leave();
  first.leave();
  (await second).found();
  expect(await settled(third)).toBe(false);
  (await second).leave();
  (await third).leave();
});

it("does not let a long search hold up the next", async () => {
  const gate = new StartGate(1, 8);
  const long = await gate.enter({});
  const next = await gate.enter({});
  long.leave();
  next.found();
  const third = gate.enter({});
  // The long one's place was given back once already.
  expect(await settled(third)).toBe(false);
  next.leave();
  (await third).leave();
});

it("refuses what cannot wait", async () => {
  const gate = new StartGate(1, 1);
  const pass = await gate.enter({});
  pass.found();
  const caller = new AbortController();
  const waiting = gate.enter({ signal: caller.signal });
  await expect(gate.enter({})).rejects.toMatchObject({ code: "ENGRAM_POOL_FULL" });
  caller.abort();
  await expect(waiting).rejects.toMatchObject({ code: "ENGRAM_ABORTED" });
  await expect(gate.enter({ deadlineAt: performance.now() + 5 })).rejects.toMatchObject({ code: "ENGRAM_DEADLINE" });
  pass.leave();
  (await gate.enter({})).leave();
});
