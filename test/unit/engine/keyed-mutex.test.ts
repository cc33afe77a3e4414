import { expect, it } from "vitest";
import { KeyedMutex } from "../../../src/engine/keyed-mutex.ts";

it("lets one caller a key in at a time, in order, and other keys meanwhile", async () => {
  const mutex = new KeyedMutex();
  const order: string[] = [];
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const calls = [
    mutex.with("a", async () => {
      await gate;
      order.push("a1");
    }),
    mutex.with("a", async () => void order.push("a2")),
    mutex.with("b", async () => void order.push("b1")),
  ];
  await calls[2];
  expect(order).toEqual(["b1"]);
  release();
  await Promise.all(calls);
  expect(order).toEqual(["b1", "a1", "a2"]);
});

it("goes on after a caller that throws", async () => {
  const mutex = new KeyedMutex();
  const broken = mutex.with("a", async () => {
    throw new Error("broken");
  });
  const next = mutex.with("a", async () => "fine");
  await expect(broken).rejects.toThrow("broken");
  expect(await next).toBe("fine");
});

it("refuses the caller that would be the thousand-and-first to wait", async () => {
  const mutex = new KeyedMutex();
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const waiting = Array.from({ length: 1_000 }, () => mutex.with("a", () => gate));
  await expect(mutex.with("a", async () => {})).rejects.toMatchObject({ code: "ENGRAM_OVERLOADED" });
  release();
  await Promise.all(waiting);
  expect(await mutex.with("a", async () => 1)).toBe(1);
});
