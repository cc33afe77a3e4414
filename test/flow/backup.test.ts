/** A backup of every knowledge base and its way back, stopped on the way and not. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { archivesOf, backup, restore } from "../../src/cli/backup.ts";
import { type Caller, callerWithin } from "../../src/cli/caller.ts";
import type { Engine } from "../../src/engine-types.ts";
import { buildApp } from "../../src/http/app.ts";
import { silentLogger } from "../../src/log.ts";
import { kbId, nodeOf } from "../../src/model/kb-id.ts";
import { type OpenedEngine, openTestEngine } from "../support/engines.ts";

const quiet = (): void => undefined;
const NODES = ["shop", "übung/straße", `long ${"x".repeat(80)}`];

let opened: OpenedEngine;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "engram-backup-"));
  opened = await openTestEngine("lmdb");
});
afterEach(async () => {
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});

function callerOf(engine: Engine, serviceName: string): Caller {
  const app = buildApp({ engine, log: silentLogger, serviceName, version: "0.0.0-test" });
  return callerWithin(app, () => app.close());
}

async function taught(engine: Engine): Promise<void> {
  for (const [at, node] of NODES.entries()) {
    const patterns = Array.from({ length: 20 + at }, (_, i) => ({ events: [[`a${i}`], [`b${at}`, `c${i % 3}`]] }));
    await engine.learnPatterns(engine.kbOf(node), patterns);
  }
}

const sizes = async (engine: Engine): Promise<unknown> =>
  (await engine.listKbs())
    .map(({ kb, patterns, symbols, totals }) => ({ kb, patterns, symbols, totals }))
    .sort((a, b) => (a.kb < b.kb ? -1 : 1));

async function answers(engine: Engine): Promise<unknown> {
  const found = await Promise.all(NODES.map((node) => engine.predictState(engine.kbOf(node), [["a3"], ["b0"]])));
  for (const { predictions } of found) expect(predictions.length).toBeGreaterThan(0);
  return found.map(({ predictions }) => predictions);
}

it("finds the node of every knowledge base of its service, and of no other", () => {
  for (const node of [...NODES, "a_kato", "_", "x".repeat(55), "x".repeat(56)]) {
    const kb = kbId(node, "my-service");
    expect(kbId(nodeOf(kb, "my-service") as string, "my-service")).toBe(kb);
    expect(nodeOf(kb, "service2")).toBeUndefined();
  }
  expect(nodeOf("_kato", "kato")).toBeUndefined();
});

it("brings every knowledge base back, and goes on where it was stopped", async () => {
  const source = opened.engine;
  await taught(source);
  const caller = callerOf(source, "kato");
  const stop = new Error("stopped");
  let told = 0;
  const stopped = backup(caller, folder, () => {
    told += 1;
    if (told === 2) throw stop;
  });
  await expect(stopped).rejects.toBe(stop);
  expect(readdirSync(folder).length).toBeLessThan(NODES.length);
  expect(await backup(caller, folder, quiet)).toEqual({ kbs: 3, patterns: 63, changes: 63 });
  expect(readdirSync(folder).length).toBe(NODES.length);

  const [sizesThen, answersThen] = [await sizes(source), await answers(source)];

  // One process has one data folder at a time.
  await opened.close();
  opened = await openTestEngine("lmdb");
  const other = callerOf(opened.engine, "kato");
  const broken = restore(other, await archivesOf(folder), "restore-1", (changes) => {
    if (changes > 25) throw stop;
  });
  await expect(broken).rejects.toBe(stop);
  const seen: number[] = [];
  const done = await restore(other, await archivesOf(folder), "restore-1", (changes, total) => {
    expect(total).toBe(63);
    seen.push(changes);
  });
  expect(done).toEqual({ kbs: 3, patterns: 63, changes: 63 });
  expect(seen.at(-1)).toBe(63);
  expect(await sizes(opened.engine)).toEqual(sizesThen);
  expect(await answers(opened.engine)).toEqual(answersThen);
  const { imports } = await other.json<{ imports: { id: string; state: string }[] }>("GET", "/v1/imports");
  expect(imports.map(({ id, state }) => [id, state]).sort()).toEqual([0, 1, 2].map((at) => [`restore-1.${at}`, "done"]));
});

it("refuses a backup of which anything is damaged or missing, before anything is learned", async () => {
  await taught(opened.engine);
  await backup(callerOf(opened.engine, "kato"), folder, quiet);
  const last = readdirSync(folder).sort().at(-1) as string;
  const part = join(folder, last, "part-00000.gz");
  const bytes = readFileSync(part);
  writeFileSync(part, Buffer.concat([bytes.subarray(0, -1), Buffer.of(bytes.at(-1)! ^ 1)]));
  await expect(archivesOf(folder)).rejects.toMatchObject({ code: "ENGRAM_ARCHIVE_BROKEN" });
  rmSync(part);
  await expect(archivesOf(folder)).rejects.toMatchObject({ code: "ENGRAM_ARCHIVE_BROKEN" });
  rmSync(join(folder, last, "manifest.json"));
  await expect(archivesOf(folder)).rejects.toMatchObject({ code: "ENGRAM_FILE_UNREADABLE" });
});

it("refuses a memory whose knowledge bases are another service's, before it writes anything", async () => {
  await taught(opened.engine);
  await expect(backup(callerOf(opened.engine, "elsewhere"), folder, quiet)).rejects.toThrow(/No node of this service stands for/);
  expect(readdirSync(folder)).toEqual([]);
});
