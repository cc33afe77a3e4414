/** Counting a store's calls changes nothing about them. */
import { describe, expect, it } from "vitest";
import { CallMeter, metered } from "../../../src/engine/store-meter.ts";
import { EngineError } from "../../../src/errors.ts";

class Store {
  readonly backEnd = "lmdb";
  #secret = 7;
  get size(): number {
    return this.#secret;
  }
  async add(n: number): Promise<number> {
    this.#secret += n;
    return this.#secret;
  }
  async fail(): Promise<void> {
    throw new EngineError("ENGRAM_STORE_UNREACHABLE", "redis://user:password@host is away");
  }
  failAtOnce(): void {
    throw new Error("at once");
  }
  async *parts(): AsyncGenerator<number> {
    yield 1;
    yield this.#secret;
  }
  async ping(): Promise<boolean> {
    return true;
  }
}

describe("a metered store", () => {
  it("answers as the store does, and counts", async () => {
    const meter = new CallMeter();
    const store = metered(new Store(), meter);
    expect(store.backEnd).toBe("lmdb");
    expect(await store.add(1)).toBe(8);
    expect(store.size).toBe(8);
    const parts: number[] = [];
    for await (const part of store.parts()) parts.push(part);
    expect(parts).toEqual([1, 8]);
    expect(await store.ping()).toBe(true);
    expect(meter.figures()).toMatchObject({ operations: 2, errors: 0, lastError: null });
  });

  it("passes failures on and keeps their code alone", async () => {
    const meter = new CallMeter();
    const store = metered(new Store(), meter);
    await expect(store.fail()).rejects.toThrow("is away");
    expect(meter.figures().lastError).toMatchObject({ code: "ENGRAM_STORE_UNREACHABLE" });
    expect(JSON.stringify(meter.figures())).not.toContain("password");
    expect(() => store.failAtOnce()).toThrow("at once");
    expect(meter.figures()).toMatchObject({ operations: 2, errors: 2 });
  });
});
