/**
 * Compiles assembly/ to build/*.wasm, one file for each target of asconfig.json (or only the targets named as arguments):
 *   pool     imports a shared memory: the worker threads' build
 *   kernels  has its own memory and imports nothing: the package export "./kernels", tests and benches
 *   debug    as kernels, with names and no optimisation: property tests run it too
 *
 * Before that it writes the generated part of the kernels (scripts/generate-ratio-lanes.mjs). Each file is written beside its place and renamed, so that a reader never meets half a module. Fails with the compiler's text.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { generateRatioLanes } from "./generate-ratio-lanes.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);
mkdirSync("build", { recursive: true });
generateRatioLanes();

const { targets } = JSON.parse(readFileSync("asconfig.json", "utf8"));
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(targets);

for (const target of wanted) {
  if (targets[target] === undefined) throw new Error(`asconfig.json has no target "${target}"; it has ${Object.keys(targets).join(", ")}`);
  const started = performance.now();
  let size = 0;
  const { error, stderr } = await asc.main(["--config", "asconfig.json", "--target", target], {
    writeFile(name, contents, baseDir) {
      const file = path.resolve(baseDir, name);
      const partial = `${file}.${process.pid}`;
      writeFileSync(partial, contents);
      renameSync(partial, file);
      size += contents.length;
    },
  });
  if (error !== null) {
    process.stderr.write(stderr.toString());
    throw new Error(`target ${target} did not compile: ${error.message}`);
  }
  console.log(`${targets[target].outFile}: ${size} bytes, ${Math.round(performance.now() - started)} ms`);
}
