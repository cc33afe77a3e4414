/**
 * The rules of the house as one test; each says why. The table of who may import whom lives here and nowhere else. It is compared with
 * the import lines of every source file, and a search that finds no file fails.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { configPage } from "../src/cli/config-page.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

/** A folder below the root and what its files may import: folders, single files, npm packages. Types of the open files are free to all. */
interface Row {
  readonly own: readonly string[];
  readonly npm: readonly string[];
}

const IMPORTS: Readonly<Record<string, Row>> = {
  "src/model": { own: [], npm: [] },
  "src/wire": { own: ["assembly/layout.ts"], npm: [] },
  "src/kernels": { own: ["src/wire", "assembly/layout.ts"], npm: [] },
  "src/aggregate": { own: ["src/model", "src/wire"], npm: [] },
  "workers/pack.ts": {
    own: ["src/engine/pack-patterns.ts", "src/engine/part-changes.ts", "src/http/limits.ts", "src/http/pattern-lines.ts", "src/store"],
    npm: ["piscina"],
  },
  workers: { own: ["src/kernels", "src/wire", "assembly/layout.ts"], npm: ["piscina"] },
  "src/pool": { own: ["src/wire", "src/kernels", "assembly/layout.ts"], npm: ["piscina"] },
  "src/store": { own: ["src/model", "src/wire"], npm: ["@clickhouse/client", "chdb", "ioredis", "lmdb"] },
  "src/resident": { own: ["src/model", "src/wire", "src/pool", "src/store"], npm: [] },
  "src/engine": { own: ["src/model", "src/wire", "src/kernels", "src/pool", "src/store", "src/aggregate", "src/resident"], npm: [] },
  "src/engine.ts": {
    own: ["src/engine", "src/model", "src/wire", "src/kernels", "src/pool", "src/store", "src/aggregate", "src/resident"],
    npm: [],
  },
  "src/rebuild.ts": { own: ["src/store"], npm: [] },
  // Types alone: the client runs on fetch and nothing else (test/unit/client.test.ts).
  "src/client": { own: ["src/http/schema", "src/model"], npm: ["typebox"] },
  "src/monitor": { own: [], npm: [] },
  "src/http": {
    own: ["src/model", "src/monitor"],
    npm: ["fastify", "@fastify/compress", "@fastify/swagger", "@fastify/swagger-ui", "@fastify/websocket", "typebox"],
  },
  "src/eval": { own: ["assembly/layout.ts", "src/model", "src/wire", "src/kernels", "src/pool"], npm: [] },
  "src/migrate": { own: ["src/model", "src/replace-file.ts"], npm: ["mongodb", "@clickhouse/client", "ioredis"] },
  "src/stress": { own: ["src/engine.ts", "src/eval", "src/http/limits.ts", "src/kernels", "src/model", "src/store"], npm: [] },
  // The data lock, and it alone of the stores: the command line says who has the data folder before anything is opened.
  "src/cli": {
    own: [
      "src/engine.ts",
      "src/http",
      "src/client",
      "src/rebuild.ts",
      "src/eval",
      "src/migrate",
      "src/stress",
      "src/model",
      "src/pool",
      "src/replace-file.ts",
      "src/config.ts",
      "src/config-schema.ts",
      "src/store/data-lock.ts",
      // Writes a file and opens no store.
      "src/store/parquet.ts",
    ],
    npm: ["commander", "cli-progress", "cli-table3", "close-with-grace", "cmu-pronouncing-dictionary"],
  },
  "src/index.ts": {
    own: ["src/engine.ts", "src/engine", "src/rebuild.ts", "src/config.ts", "src/model", "src/log.ts", "src/store/data-lock.ts"],
    npm: [],
  },
  "src/config.ts": { own: ["src/config-schema.ts", "src/model"], npm: [] },
  "src/config-schema.ts": { own: ["src/config-kinds.ts", "src/model"], npm: [] },
  "src/config-kinds.ts": { own: [], npm: [] },
  "src/kb-life-types.ts": { own: ["src/model"], npm: [] },
  "src/bulk-types.ts": { own: ["src/model"], npm: [] },
  "src/engine-types.ts": { own: ["src/model"], npm: [] },
  "src/errors.ts": { own: [], npm: [] },
  "src/log.ts": { own: [], npm: [] },
  "src/replace-file.ts": { own: [], npm: [] },
};

/** Open to all: errors and the logger, and the types of what everyone is handed. */
const OPEN = ["src/errors.ts", "src/log.ts"];
const OPEN_TYPES = [
  "src/config.ts",
  "src/config-kinds.ts",
  "src/bulk-types.ts",
  "src/engine-types.ts",
  "src/kb-life-types.ts",
  "src/store/state-store.ts",
  "src/store/pattern-store.ts",
  "src/store/archive-store.ts",
  "src/store/flush-rows.ts",
  // What a worker is asked, and what the command's own fields are.
  "src/pool/packer.ts",
  "src/engine/part-changes.ts",
  "src/store/pattern-audit.ts",
];

const filesBelow = (folder: string, suffix: RegExp): string[] =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && suffix.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
        .sort()
    : [];
const text = (path: string): string => readFileSync(join(root, path), "utf8");

const sources = [...filesBelow("src", /\.ts$/), ...filesBelow("workers", /\.ts$/)];
const kernels = filesBelow("assembly", /\.ts$/);
const tools = [...filesBelow("scripts", /\.m?[jt]s$/), ...filesBelow("bench", /\.ts$/), ...filesBelow("examples", /\.ts$/)];
const tests = filesBelow("test", /\.ts$/);

interface Import {
  readonly target: string;
  readonly typeOnly: boolean;
}

/** Import and export lines, over several lines too, and dynamic imports of a literal. */
function importsOf(path: string): Import[] {
  const code = text(path);
  const found: Import[] = [];
  for (const match of code.matchAll(/^(?:import|export)\s+(type\s)?(?:[\w*{}\s,$]*?\sfrom\s+)?"([^"\n]+)";/gm)) {
    found.push({ target: match[2]!, typeOnly: match[1] !== undefined });
  }
  for (const match of code.matchAll(/\bimport\("([^"\n]+)"\)/g)) found.push({ target: match[1]!, typeOnly: false });
  return found;
}

/** Path below the root of a relative import; undefined for a package. */
const resolved = (from: string, target: string): string | undefined =>
  target.startsWith(".") ? normalize(join(dirname(from), target)) : undefined;

const inside = (path: string, folderOrFile: string): boolean => path === folderOrFile || path.startsWith(`${folderOrFile}/`);
const rowOf = (path: string): string | undefined => Object.keys(IMPORTS).find((name) => inside(path, name));
const packageOf = (target: string): string =>
  target
    .split("/")
    .slice(0, target.startsWith("@") ? 2 : 1)
    .join("/");

describe("who may import whom", () => {
  it("finds the source files and their imports at all", () => {
    expect(sources.length).toBeGreaterThan(40);
    expect(kernels.length).toBeGreaterThan(5);
    expect(importsOf("src/config.ts").map(({ target }) => target)).toContain("./config-schema.ts");
    expect(importsOf("src/cli/place.ts").map(({ target }) => target)).toContain("../engine.ts");
    expect(importsOf("src/config.ts")).toContainEqual({ target: "./config-kinds.ts", typeOnly: true });
  });

  // A folder that knows its neighbours' insides cannot be changed, tested or replaced alone.
  it("follows the table", () => {
    const wrong: string[] = [];
    for (const path of sources) {
      const name = rowOf(path);
      if (name === undefined) {
        wrong.push(`${path}: no row of the table names it`);
        continue;
      }
      const row = IMPORTS[name]!;
      for (const { target, typeOnly } of importsOf(path)) {
        if (target.startsWith("node:") || target.startsWith("#")) continue;
        const own = resolved(path, target);
        if (own === undefined) {
          if (!row.npm.includes(packageOf(target))) wrong.push(`${path} imports the package ${target}`);
        } else if (![name, ...row.own, ...OPEN].some((allowed) => inside(own, allowed)) && !(typeOnly && OPEN_TYPES.includes(own))) {
          wrong.push(`${path} imports ${own}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  // Two files that need each other are one file, and the order in which they are loaded decides whether they work.
  it("goes in no circle", () => {
    const edges = new Map(
      sources.map((path) => [path, importsOf(path).flatMap((line) => (line.typeOnly ? [] : (resolved(path, line.target) ?? [])))]),
    );
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
      if (done.has(path) || trail.includes(path)) return;
      for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
      done.add(path);
    };
    for (const path of sources) visit(path, []);
    expect(circles).toEqual([]);
  });

  // A row for a folder that is gone allows things unseen when the name comes back.
  it("has no row without files", () => {
    expect(Object.keys(IMPORTS).filter((name) => !sources.some((path) => inside(path, name)))).toEqual([]);
  });
});

describe("files", () => {
  const all = [...sources, ...kernels, ...tools, ...tests];

  // A file past 400 lines is asking what it is about; past 500 it gets its answer here.
  it("have 500 lines at most", () => {
    const long = all.filter((path) => text(path).split("\n").length > 501);
    expect(long).toEqual([]);
  });

  // A reader should know what a file is, what it costs and when not to use it before reading it.
  it("open with what they are", () => {
    const mute = [...sources, ...kernels, ...tools].filter((path) => !/^(#!.*\n)?\/(\*\*|\/)/.test(text(path)));
    expect(mute).toEqual([]);
  });

  // Work left open belongs to the tracker, and a path of one machine works on that machine. Spelt in halves, since this file is searched too.
  it("hold no notes to self and no paths of a machine", () => {
    const banned = new RegExp(
      ["TO" + "DO", "FIX" + "ME", "XX" + "X", "/wo" + "rk/", "/ho" + "me/", "/Us" + "ers/", "/ro" + "ot/"]
        .map((w) => `(?<![A-Za-z0-9_.-])${w}`)
        .join("|"),
    );
    const pages = [...filesBelow("docs", /\.md$/), ...filesBelow(".ci", /./), "README.md", "CHANGELOG.md", "package.json"];
    const found = [...all, ...pages].flatMap((path) =>
      text(path)
        .split("\n")
        .flatMap((line, at) => (banned.test(line) ? [`${path}:${at + 1}: ${line.trim().slice(0, 80)}`] : [])),
    );
    expect(found).toEqual([]);
  });

  // A name like these means that the home of its content has not been found yet.
  it("are named after their subject", () => {
    expect(all.filter((path) => /(^|[/-])(utils?|helpers?|common|misc|manager)(\.|\/|-)/.test(path))).toEqual([]);
  });

  // Kebab case: some file systems do not tell `Lease.ts` from `lease.ts`.
  it("are named in kebab case", () => {
    expect(all.filter((path) => !/^[a-z0-9./-]+$/.test(path))).toEqual([]);
  });
});

describe("pages and records", () => {
  it("docs/config.md is what the table of settings says: npm run docs:config", () => {
    expect(text("docs/config.md")).toBe(configPage());
  });

  // Without the other platforms' packages `npm ci` refuses the lock, on every machine: npm run lock.
  it("package-lock.json is complete and names no private registry", () => {
    const output = execFileSync(process.execPath, ["scripts/complete-lock.mjs", "--check"], { cwd: root, encoding: "utf8" });
    expect(output).toContain("0 changes needed");
  });

  // A range lets two installations differ.
  it("package.json names exact versions", () => {
    const { dependencies, devDependencies } = JSON.parse(text("package.json")) as Record<string, Record<string, string>>;
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it("every page that a page links to exists", () => {
    const pages = ["README.md", "CHANGELOG.md", ...filesBelow("docs", /\.md$/)];
    const dead = pages.flatMap((page) =>
      [...text(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
        .map((match) => join(dirname(page), match[1]!))
        .filter((path) => !existsSync(join(root, path))),
    );
    expect(pages.length).toBeGreaterThan(4);
    expect(dead).toEqual([]);
  });
});
