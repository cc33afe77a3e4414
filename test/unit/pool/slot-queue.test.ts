/** Slots go to those who waited longest; the queue is bounded; waiting ends with an abort or a deadline. */
import { expect, test } from "vitest";
import { assertGoesOn, SlotQueue } from "../../../src/pool/slot-queue.ts";

const code = (expected: string) => expect.objectContaining({ code: expected });

test("first come, first served, and nobody overtakes the queue", async () => {
  const slots = new SlotQueue(1, 2);
  const slot = slots.take()!;
  const order: string[] = [];
  const first = slots.wait({}).then((granted) => {
    order.push("first");
    return granted;
  });
  const second = slots.wait({}).then(() => order.push("second"));
  expect(slots.take()).toBeUndefined();
  expect(() => slots.wait({})).toThrow(code("ENGRAM_POOL_FULL"));
  slots.release(slot);
  slots.release(await first);
  await second;
  expect(order).toEqual(["first", "second"]);
});

test("every slot is given once", () => {
  const slots = new SlotQueue(3, 0);
  expect(new Set([slots.take(), slots.take(), slots.take()])).toEqual(new Set([0, 1, 2]));
  expect(slots.take()).toBeUndefined();
  expect(() => slots.wait({})).toThrow(code("ENGRAM_POOL_FULL"));
});

test("who gives up leaves the queue, and its slot goes to the next", async () => {
  const slots = new SlotQueue(1, 3);
  const slot = slots.take()!;
  const controller = new AbortController();
  const aborted = slots.wait({ signal: controller.signal });
  const late = slots.wait({ deadlineAt: performance.now() + 5 });
  const patient = slots.wait({ deadlineAt: performance.now() + 60_000_000_000, signal: new AbortController().signal });
  controller.abort();
  await expect(aborted).rejects.toEqual(code("ENGRAM_ABORTED"));
  await expect(late).rejects.toEqual(code("ENGRAM_DEADLINE"));
  slots.release(slot);
  expect(await patient).toBe(slot);
});

test("a call goes on until it is aborted or late", () => {
  expect(() => assertGoesOn({})).not.toThrow();
  expect(() => assertGoesOn({ deadlineAt: performance.now() + 1e6, signal: new AbortController().signal })).not.toThrow();
  expect(() => assertGoesOn({ deadlineAt: performance.now() })).toThrow(code("ENGRAM_DEADLINE"));
  expect(() => assertGoesOn({ signal: AbortSignal.abort() })).toThrow(code("ENGRAM_ABORTED"));
});
