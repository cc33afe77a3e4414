import { expect, it } from "vitest";
import { LengthShares, shareOf } from "../../../src/engine/length-shares.ts";

it("weighs lengths by the rows they have, and knows nothing of an empty kb", () => {
  const share = shareOf([0, 4, 3, 0, 5]);
  expect([share(1, 1), share(2, 3), share(4, 4), share(1, 9), share(5, 9), share(3, 2)]).toEqual([4 / 30, 6 / 30, 20 / 30, 1, 0, 0]);
  expect(shareOf([])(3, 2)).toBe(1);
});

it("reads a kb's lengths once, again when a small kb has doubled or the read failed, and each generation's for itself", async () => {
  const asked: string[] = [];
  let fails = false;
  const shares = new LengthShares({
    lengths: async (kb, generation, sample) => {
      asked.push(`${kb} ${generation} ${sample}`);
      if (fails) throw new Error("the store is away");
      return [0, 1];
    },
  });
  for (const patterns of [20_000, 39_999, 40_000, 70_000]) expect((await shares.of("a", 1, patterns))(1, 1)).toBe(1);
  expect(asked.splice(0)).toEqual(["a 1 262144", "a 1 262144"]);
  await shares.of("a", 2, 300_000);
  await shares.of("a", 2, 900_000_000);
  await shares.of("a", 1, 70_000);
  expect(asked.splice(0)).toEqual(["a 2 262144"]);
  fails = true;
  await expect(shares.of("b", 1, 10)).rejects.toThrow("away");
  fails = false;
  await shares.of("b", 1, 10);
  expect(asked).toEqual(["b 1 262144", "b 1 262144"]);
});

it("remembers a thousand kbs, those asked for last", async () => {
  let reads = 0;
  const shares = new LengthShares({
    lengths: async () => {
      reads++;
      return [0, 1];
    },
  });
  for (let kb = 0; kb < 1_000; kb++) await shares.of(`${kb}`, 1, 1_000_000);
  await shares.of("0", 1, 1_000_000);
  await shares.of("1000", 1, 1_000_000);
  expect(reads).toBe(1_001);
  await shares.of("0", 1, 1_000_000);
  expect(reads).toBe(1_001);
  await shares.of("1", 1, 1_000_000);
  expect(reads).toBe(1_002);
});
