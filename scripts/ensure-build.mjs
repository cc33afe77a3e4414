/**
 * Builds what `npm start` and `npm run demo` run, when it is absent or older than its sources. Without the compilers (an installation
 * without development dependencies) what is there is run as it is, and what is not there is an error that says what to install.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const SOURCES = [
  "src",
  "workers",
  "assembly",
  "scripts/generate-ratio-lanes.mjs",
  "types",
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "asconfig.json",
];
const WASM = ["build/pool.wasm", "build/kernels.wasm"];
const SCRIPTS = ["dist/src/cli/main.js", "dist/workers/score.cjs", "dist/workers/pack.cjs"];
const COMPILERS = ["node_modules/typescript", "node_modules/assemblyscript"];

/** Newest change below a path, in ms since 1970; 0 when it is absent. A removed file counts by its folder. */
function newest(path) {
  if (!existsSync(path)) return 0;
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), mtimeMs);
}

const at = (path) => join(root, path);
const built = [...WASM, ...SCRIPTS];
const absent = built.filter((path) => !existsSync(at(path)));
const stale =
  absent.length > 0 || Math.max(...SOURCES.map((path) => newest(at(path)))) > Math.min(...built.map((path) => statSync(at(path)).mtimeMs));
const compilers = COMPILERS.every((path) => existsSync(at(path)));

if (stale && compilers) {
  console.error("Building (about half a minute, once for each change of the sources) …");
  const { status } = spawnSync("npm", ["run", "--silent", "build"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (status !== 0) process.exit(status ?? 1);
} else if (absent.length > 0) {
  console.error(
    `${absent.join(" and ")} is not built, and the compilers are not installed. Run npm ci with development dependencies first.`,
  );
  process.exit(1);
}
