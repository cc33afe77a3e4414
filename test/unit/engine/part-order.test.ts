import { expect, it } from "vitest";
import { PartOrder } from "../../../src/engine/part-order.ts";

it("lets parts go on in their order, whichever came first, and each import by itself", async () => {
  const order = new PartOrder(async () => 0);
  const begun: string[] = [];
  const part = async (id: string, at: number): Promise<void> => {
    if (at > 0) await order.turn(id, at);
    begun.push(`${id}${at}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
    order.done(id, at);
  };
  await Promise.all([part("a", 2), part("b", 1), part("a", 1), part("b", 0), part("a", 0)]);
  expect(begun.filter((name) => name.startsWith("a"))).toEqual(["a0", "a1", "a2"]);
  expect(begun.filter((name) => name.startsWith("b"))).toEqual(["b0", "b1"]);
  // One that is sent again waits for nothing.
  await order.turn("a", 1);
});

it("sees what another process has learned, and gives up when the part before does not come", async () => {
  let parts = 0;
  const order = new PartOrder(async () => parts, 700);
  setTimeout(() => {
    parts = 3;
  }, 100);
  await order.turn("a", 3);
  await expect(order.turn("a", 4)).rejects.toMatchObject({ code: "ENGRAM_CONFLICT", message: expect.stringContaining("Part 3 ") });
});

it("lets only so many parts wait, and the one that is due in any case", async () => {
  const order = new PartOrder(async () => 0);
  const waiting = [1, 2, 3, 4].map((part) => {
    order.begin("a", part);
    return order.turn("a", part);
  });
  expect(() => order.begin("a", 5)).toThrow(expect.objectContaining({ code: "ENGRAM_OVERLOADED" }));
  order.begin("b", 5);
  order.begin("a", 0);
  for (const part of [0, 1, 2, 3]) order.done("a", part);
  await Promise.all(waiting);
  order.begin("a", 5);
});
