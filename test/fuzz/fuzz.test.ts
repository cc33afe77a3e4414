/** Every fuzzer for a moment, the canary's planted bug, and every crash that was ever found. Longer: `npm run fuzz`. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fuzz, randomFrom } from "./fuzzer.ts";
import { fuzzers, openCanary } from "./fuzzers.ts";

const seed = Number(process.env.FUZZ_SEED ?? 20261125);

test.each(fuzzers.map((open) => [open.name.replace(/^open/, ""), open] as const))("%s", async (_name, open) => {
  const { rounds, crash } = await fuzz(open, { seed, seconds: 1, rounds: 300 });
  expect(crash).toBeUndefined();
  expect(rounds).toBeGreaterThan(0);
});

test("a planted bug is found", async () => {
  const { crash } = await fuzz(openCanary, { seed, seconds: 30, rounds: 2_000 });
  expect(crash?.fuzzer).toBe("canary");
  // The crash is told by its seed alone.
  await expect((async () => (await openCanary()).round(randomFrom(crash!.seed)))()).rejects.toThrow();
});

const folder = new URL("../data/regressions/", import.meta.url);
const kept = readdirSync(folder).filter((name) => name.endsWith(".json"));

test("crashes of old stay mended", async () => {
  for (const name of kept) {
    const { fuzzer: wanted, seed: of } = JSON.parse(readFileSync(new URL(name, folder), "utf8")) as { fuzzer: string; seed: number };
    let found = false;
    for (const open of fuzzers) {
      const fuzzer = await open();
      try {
        if (fuzzer.name !== wanted) continue;
        found = true;
        await fuzzer.round(randomFrom(of));
      } finally {
        await fuzzer.close?.();
      }
    }
    expect([name, found]).toEqual([name, true]);
  }
});
