/**
 * Runs fuzzers for as long as one likes.
 *
 *   npm run fuzz -- [names | smoke | canary] [--seed 1] [--seconds 60]
 *
 * Without a name all of the list, one after the other, each for so many seconds; `smoke` gives each one second. A crash is written to
 * test/data/regressions, where the tests find it, and the exit code is 1. The seed is printed; the same seed draws the same cases.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Crash, fuzz, type OpenFuzzer } from "./fuzzer.ts";
import { fuzzers, openCanary } from "./fuzzers.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: "string" }, seconds: { type: "string" } },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const isSmoke = positionals.includes("smoke");
const seconds = Number(values.seconds ?? (isSmoke ? 1 : 60));
const names = positionals.filter((name) => name !== "smoke");
const all: [name: string, open: OpenFuzzer][] = [];
for (const open of [...fuzzers, openCanary]) {
  const fuzzer = await open();
  all.push([fuzzer.name, open]);
  await fuzzer.close?.();
}
const unknown = names.filter((name) => !all.some(([known]) => known === name));
if (unknown.length > 0) throw new Error(`no fuzzer ${unknown.join(", ")}; there are ${all.map(([name]) => name).join(", ")}, smoke`);

function keep(crash: Crash): string {
  const folder = "test/data/regressions";
  mkdirSync(folder, { recursive: true });
  const path = `${folder}/${crash.fuzzer}-${crash.seed}.json`;
  writeFileSync(path, `${JSON.stringify({ fuzzer: crash.fuzzer, seed: crash.seed, message: crash.message.split("\n")[0] }, null, 2)}\n`);
  return path;
}

for (const [name, open] of all) {
  if (names.length > 0 ? !names.includes(name) : name === "canary") continue;
  const { rounds, crash } = await fuzz(open, { seed, seconds });
  console.log(`${name}: ${rounds.toLocaleString("en")} rounds from seed ${seed}${crash === undefined ? "" : ", CRASH"}`);
  if (crash === undefined) continue;
  console.error(crash.message);
  // The canary's bug is meant to be there.
  if (name !== "canary") console.error(`kept as ${keep(crash)}`);
  process.exitCode = 1;
}
