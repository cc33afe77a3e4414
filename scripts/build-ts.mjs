/**
 * Compiles src, workers and bench to dist/ as tsconfig.build.json says. Nothing stale stays: the compiler writes to a fresh folder beside
 * dist, which then takes its place, so that a program that starts meanwhile finds the old build or the new one. A type error fails the
 * build and leaves the old one.
 */
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const packageFile = createRequire(import.meta.url).resolve("typescript/package.json");
const compiler = path.join(path.dirname(packageFile), "bin", "tsc");
const fresh = path.join(root, `dist.${process.pid}`);
const started = performance.now();

const { status } = spawnSync(process.execPath, [compiler, "-p", "tsconfig.build.json", "--outDir", fresh], { cwd: root, stdio: "inherit" });
if (status !== 0) {
  rmSync(fresh, { recursive: true, force: true });
  process.exit(status ?? 1);
}
// Schema files are read at run time, from beside the module that reads them.
cpSync(path.join(root, "src/store/sql"), path.join(fresh, "src/store/sql"), { recursive: true });
for (const name of readdirSync(path.join(root, "workers")).filter((file) => file.endsWith(".cjs"))) {
  cpSync(path.join(root, "workers", name), path.join(fresh, "workers", name));
}
const dist = path.join(root, "dist");
rmSync(dist, { recursive: true, force: true });
renameSync(fresh, dist);
console.log(`dist: ${Math.round(performance.now() - started)} ms`);
