import { expect, it } from "vitest";
import { Lease } from "../../../src/store/lease.ts";

it("gives an item to one user at a time, in the order of asking", async () => {
  const lease = new Lease(["a"]);
  const order: number[] = [];
  let inside = 0;
  await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      lease.with(async () => {
        expect(++inside).toBe(1);
        await Promise.resolve();
        order.push(i);
        inside--;
      }),
    ),
  );
  expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i));
});

it("gives the item back when its user throws", async () => {
  const lease = new Lease([1]);
  await expect(
    lease.with(async () => {
      throw new Error("broken");
    }),
  ).rejects.toThrow("broken");
  expect(await lease.take()).toBe(1);
});

it("lets a waiting taker go when its caller does, without losing the item", async () => {
  const lease = new Lease([1]);
  await lease.take();
  const controller = new AbortController();
  const waiting = lease.take(controller.signal);
  const next = lease.take();
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ code: "ENGRAM_ABORTED" });
  lease.give(1);
  expect(await next).toBe(1);
  await expect(lease.take(controller.signal)).rejects.toMatchObject({ code: "ENGRAM_ABORTED" });
});

it("refuses a taker when too many wait", async () => {
  const lease = new Lease([1]);
  await lease.take();
  const waiting = Array.from({ length: 1024 }, () => lease.take());
  await expect(lease.take()).rejects.toMatchObject({ code: "ENGRAM_OVERLOADED" });
  for (const taken of waiting) {
    lease.give(1);
    await taken;
  }
});

it("drains: waits for what is out, and gives nothing afterwards", async () => {
  const lease = new Lease([1, 2]);
  const out = await lease.take();
  let drained = false;
  const draining = lease.drain().then(() => {
    drained = true;
  });
  await Promise.resolve();
  expect(drained).toBe(false);
  lease.give(out);
  await draining;
});
