/**
 * Completes package-lock.json with the optional packages of other platforms.
 *
 * A registry that does not serve, say, a macOS build leaves `npm install` to drop it from the lock without a word; `npm ci` then stops
 * with "Missing: … from lock file", on every machine. This adds a stub (version, os, cpu, libc, optional) for each optional dependency
 * of each entry that has none, and removes addresses of registries other than the public one. Running it again changes nothing.
 *
 *   node scripts/complete-lock.mjs [--check] [FILE]     --check: change nothing, exit 1 when something would change
 */
import { readFileSync, writeFileSync } from "node:fs";

const PUBLIC_REGISTRY = "https://registry.npmjs.org/";

// Longer names first: "arm64" holds "arm", "darwin" holds "win".
const SYSTEMS = ["darwin", "linux", "freebsd", "openbsd", "netbsd", "openharmony", "android", "sunos", "aix", "win32"];
const PROCESSORS = ["x64", "arm64", "ia32", "ppc64", "riscv64", "s390x", "loong64", "mips64el", "arm"];

/** True when a package at `from` (a key of the lock) finds `name` in its own or an outer node_modules. */
function resolves(packages, from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    if (packages[`${folder === "" ? "" : `${folder}/`}node_modules/${name}`] !== undefined) return true;
    if (folder === "") return false;
  }
}

/** The entry npm would have written, as far as a package's name tells it. */
function stubOf(name, range) {
  const parts = name.split(/[^a-z0-9]+/);
  const system = SYSTEMS.find((word) => parts.includes(word));
  const processor = PROCESSORS.find((word) => parts.includes(word));
  // A name that names no system is never installed: `none` matches no machine, which is how it was left out here too.
  return {
    version: range.replace(/^[^0-9]*/, ""),
    ...(processor && { cpu: [processor] }),
    ...(parts.includes("musl") && { libc: ["musl"] }),
    optional: true,
    os: [system ?? "none"],
  };
}

/** The lock with what was missing, and what was done as lines of text. */
export function completeLock(lock) {
  const packages = structuredClone(lock.packages);
  const done = [];
  for (const [key, entry] of Object.entries(lock.packages)) {
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      if (resolves(packages, key, name)) continue;
      packages[`node_modules/${name}`] = stubOf(name, range);
      done.push(`add ${name} ${range}`);
    }
    if (entry.resolved !== undefined && !entry.link && !entry.resolved.startsWith(PUBLIC_REGISTRY)) {
      delete packages[key].resolved;
      done.push(`remove the address of ${key}`);
    }
  }
  const sorted = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { lock: { ...lock, packages: sorted }, done };
}

if (process.argv[1] === import.meta.filename) {
  const args = process.argv.slice(2);
  const check = args.includes("--check");
  const file = args.find((arg) => !arg.startsWith("--")) ?? "package-lock.json";
  const { lock, done } = completeLock(JSON.parse(readFileSync(file, "utf8")));
  for (const line of done) console.log(line);
  console.log(`${file}: ${done.length} ${done.length === 1 ? "change" : "changes"}${check ? " needed" : ""}`);
  if (check) process.exitCode = done.length === 0 ? 0 : 1;
  else if (done.length > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
}
