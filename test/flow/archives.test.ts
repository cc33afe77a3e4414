/** Archives: what is written and learned again is the same kb, however often it is stopped on the way; and what is damaged is refused first. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ArchiveFolder } from "../../src/cli/archive-folder.ts";
import { type Caller, callerWithin } from "../../src/cli/caller.ts";
import { exportKb, importArchive } from "../../src/cli/export.ts";
import type { Engine } from "../../src/engine-types.ts";
import { buildApp } from "../../src/http/app.ts";
import { silentLogger } from "../../src/log.ts";
import { seeded } from "../durability/rounds.ts";
import { type OpenedEngine, openTestEngine, type StateBackEnd } from "../support/engines.ts";
import { redisAvailable } from "../support/redis-server.ts";

const quiet = (): void => undefined;

/** Everything a kb shows, ids and sums to the last bit. */
async function portrait(engine: Engine, node: string): Promise<unknown> {
  const kb = engine.kbOf(node);
  const { seq: _, generation: _g, kb: _kb, ...head } = await engine.kbHead(kb);
  const symbols: unknown[] = [];
  for await (const rows of engine.symbolRows(kb)) symbols.push(...rows);
  const affinities: unknown[] = [];
  for await (const rows of engine.affinities(kb)) affinities.push(...rows);
  const { patterns } = await engine.listPatterns(kb, {}, 1_000);
  const answers: unknown[] = [];
  const random = seeded(9);
  for (let i = 0; i < 40; i++) {
    const state = Array.from({ length: 1 + (i % 5) }, () => [`s${Math.floor(random() * 12)}`]);
    const config = { recall_threshold: 0.1, ...(i % 2 === 0 && { affinity_emotive: "joy" }) };
    const { predictions, futurePotentials } = await engine.predictState(kb, state, config);
    answers.push(predictions, futurePotentials);
  }
  return { head, symbols, affinities, patterns, answers };
}

describe.each<StateBackEnd>(redisAvailable() ? ["lmdb", "redis"] : ["lmdb"])("archives on %s", (backEnd) => {
  let opened: OpenedEngine;
  let caller: Caller;
  let folder: string;
  beforeEach(async () => {
    opened = await openTestEngine(backEnd);
    folder = mkdtempSync(join(tmpdir(), "engram-archive-"));
    const app = buildApp({ engine: opened.engine, log: silentLogger, serviceName: "kato", version: "0.0.0-test" });
    caller = callerWithin(app, async () => undefined);
    await taught(opened.engine);
  });
  afterEach(async () => {
    await opened.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function taught(engine: Engine): Promise<void> {
    const random = seeded(23);
    const { id } = await engine.createSession({ nodeId: "source" });
    const names: string[] = [];
    for (let i = 0; i < 80; i++) {
      for (let k = 0; k < 2 + Math.floor(random() * 3); k++) {
        await engine.observe(id, {
          strings: [`s${Math.floor(random() * 10)}`, ...(k === 0 && i % 5 === 0 ? ["\uFEFFé/€\0", `own${i}`] : [])],
          vectors: i % 12 === 0 && k === 0 ? [[random(), random()]] : [],
          emotives: k === 0 ? { joy: random() - 0.3, __proto__x: 0.1 } : {},
          metadata: k === 0 ? { book: `b${i % 4}` } : {},
        });
      }
      names.push((await engine.learn(id)).patternName);
      if (i === 40) await engine.finalizeTraining(id);
      if (i === 50)
        await engine.setAffinities(engine.kbOf("source"), [
          ["s1", [["joy", 7.25]]],
          ["s2", []],
        ]);
      if (i % 15 === 7) await engine.deletePatterns(engine.kbOf("source"), { names: [names.at(-2)!] });
      if (i % 20 === 9) await engine.updatePattern(engine.kbOf("source"), names.at(-1)!, { frequency: 4, emotives: [[["joy", random()]]] });
      await engine.clearStm(id);
    }
  }

  async function written(parts = 30): Promise<ArchiveFolder> {
    const archive = await ArchiveFolder.open(join(folder, "archive"));
    await exportKb(caller, "source", archive, quiet, parts);
    return archive;
  }

  it("come out as they went in, stopped anywhere and sent again", async () => {
    const { engine } = opened;
    // An export that stops behind its first part, and goes on.
    const first = await ArchiveFolder.open(join(folder, "archive"));
    const halt = (): void => {
      throw new Error("stopped");
    };
    const stopped = exportKb(caller, "source", first, halt, 30);
    await expect(stopped).rejects.toThrow("stopped");
    expect(first.manifest!.parts).toHaveLength(1);
    const archive = await written();
    expect(archive.manifest!.parts.length).toBeGreaterThan(2);
    const target = { node: "target", id: "once", merge: false };
    const broken = importArchive(caller, archive, target, (changes) => {
      if (changes > 50) throw new Error("stopped");
    });
    await expect(broken).rejects.toThrow("stopped");
    const { changes, patterns } = await importArchive(caller, archive, target, quiet);
    expect(changes).toBe(archive.manifest!.parts.reduce((sum, part) => sum + part.events, 0));
    expect(patterns).toBe(archive.manifest!.patterns);
    expect(await portrait(engine, "target")).toEqual(await portrait(engine, "source"));
    // Sent again when the state store has long forgotten its commits.
    for (let i = 0; i < 300; i++) await engine.learnSequences(engine.kbOf("other"), [[["a"], ["b"]]], { idempotencyKey: `later ${i}` });
    expect(await importArchive(caller, archive, target, quiet)).toEqual({ changes, patterns });
    expect(await portrait(engine, "target")).toEqual(await portrait(engine, "source"));
    await engine.deleteKb(engine.kbOf("other"));
    expect(await caller.json("GET", "/v1/kbs")).toMatchObject({
      kbs: [
        { kb_id: engine.kbOf("source"), patterns },
        { kb_id: engine.kbOf("target"), patterns },
      ],
    });

    await engine.flush();
    expect(await caller.json("POST", "/v1/kbs/target/copy", { to: "third" })).toMatchObject({ patterns });
    expect(await portrait(engine, "third")).toEqual(await portrait(engine, "source"));
    await expect(caller.json("POST", "/v1/kbs/target/copy", { to: "third" })).rejects.toMatchObject({ code: "ENGRAM_KB_NOT_EMPTY" });
    await caller.json("POST", "/v1/kbs/third/rename", { to: "fourth" });
    expect((await engine.kbHead(engine.kbOf("third"))).totals.total_unique_patterns).toBe(0);
    expect(await portrait(engine, "fourth")).toEqual(await portrait(engine, "source"));
    await expect(caller.json("DELETE", "/v1/kbs/fourth?confirm=other")).rejects.toMatchObject({ code: "ENGRAM_NOT_CONFIRMED" });
    expect(await caller.json("DELETE", "/v1/kbs/fourth?confirm=fourth")).toEqual({ deleted: "fourth", patterns });
  }, 120_000);

  it("are taken back, unless something newer would be lost", async () => {
    const { engine } = opened;
    const archive = await written();
    await importArchive(caller, archive, { node: "target", id: "a", merge: false }, quiet);
    await engine.learnPatterns(engine.kbOf("target"), [{ events: [["x"], ["y"]] }]);
    await expect(caller.json("POST", "/v1/imports/a/rollback", {})).rejects.toMatchObject({ code: "ENGRAM_NEWER_LEARNS" });
    await caller.json("POST", "/v1/imports/a/rollback", { discard_newer: true });
    expect((await engine.kbHead(engine.kbOf("target"))).totals.total_unique_patterns).toBe(0);
    await expect(caller.json("POST", "/v1/imports/nobody/rollback", {})).rejects.toMatchObject({ code: "ENGRAM_IMPORT_UNKNOWN" });

    // After a part of an import.
    const stop = importArchive(caller, archive, { node: "target", id: "b", merge: false }, () => {
      throw new Error("stopped");
    });
    await expect(stop).rejects.toThrow("stopped");
    await caller.json("POST", "/v1/imports/b/rollback", {});
    expect((await engine.kbHead(engine.kbOf("target"))).totals.total_unique_patterns).toBe(0);
    await expect(importArchive(caller, archive, { node: "target", id: "b", merge: false }, quiet)).rejects.toMatchObject({
      code: "ENGRAM_BAD_REQUEST",
    });
    await importArchive(caller, archive, { node: "target", id: "c", merge: false }, quiet);
    expect(await portrait(engine, "target")).toEqual(await portrait(engine, "source"));
    const { imports } = await caller.json<{ imports: { id: string; state: string }[] }>("GET", "/v1/imports");
    expect(new Map(imports.map(({ id, state }) => [id, state]))).toEqual(
      new Map([
        ["a", "rolledBack"],
        ["b", "rolledBack"],
        ["c", "done"],
      ]),
    );
  }, 120_000);

  it("are refused before anything is learned when they are damaged, unfinished or of another format", async () => {
    const { engine } = opened;
    const archive = await written();
    const manifest = join(archive.path, "manifest.json");
    const text = readFileSync(manifest, "utf8");
    const target = { node: "target", id: "x", merge: false };
    const part = join(archive.path, archive.manifest!.parts.at(-1)!.file);
    const bytes = readFileSync(part);
    writeFileSync(part, bytes.subarray(0, -1));
    await expect(importArchive(caller, archive, target, quiet)).rejects.toMatchObject({ code: "ENGRAM_ARCHIVE_BROKEN" });
    await expect(caller.bytes("POST", "/v1/kbs/target/archive?import=y&part=0&last=true", bytes.subarray(0, -1))).rejects.toMatchObject({
      code: "ENGRAM_ARCHIVE_BROKEN",
    });
    writeFileSync(part, bytes);
    writeFileSync(manifest, text.replace('"version": 1', '"version": 2'));
    await expect(ArchiveFolder.open(archive.path)).rejects.toMatchObject({
      code: "ENGRAM_ARCHIVE_BROKEN",
      message: expect.stringContaining("format 2"),
    });
    writeFileSync(manifest, text.replace(archive.manifest!.parts[0]!.file, "../part-00000.gz"));
    await expect(ArchiveFolder.open(archive.path)).rejects.toMatchObject({ code: "ENGRAM_ARCHIVE_BROKEN" });
    writeFileSync(manifest, text.replace('"complete": true', '"complete": false'));
    await expect(importArchive(caller, await ArchiveFolder.open(archive.path), target, quiet)).rejects.toMatchObject({
      code: "ENGRAM_ARCHIVE_BROKEN",
    });
    expect((await engine.kbHead(engine.kbOf("target"))).seq).toBe(0);
    await expect(importArchive(caller, archive, { ...target, node: "source" }, quiet)).rejects.toMatchObject({
      code: "ENGRAM_KB_NOT_EMPTY",
    });
  }, 120_000);

  it("merge learns into patterns that are there", async () => {
    const { engine } = opened;
    const [a, b, both] = ["a", "b", "both"].map((node) => engine.kbOf(node)) as [string, string, string];
    const left = [{ events: [["s1"], ["s2"]] }, { events: [["s2"], ["s3"]], emotives: [[["joy", 0.5] as const]] }];
    const right = [{ events: [["s2"], ["s3"]], emotives: [[["joy", 0.25] as const]] }, { events: [["s4"], ["s1"]] }];
    await engine.learnPatterns(a, left);
    await engine.learnPatterns(b, right);
    await engine.learnPatterns(both, [...left, ...right]);
    const archive = await ArchiveFolder.open(join(folder, "b"));
    await exportKb(caller, "b", archive, quiet);
    await importArchive(caller, archive, { node: "a", id: "merged", merge: true }, quiet);
    await importArchive(caller, archive, { node: "a", id: "merged", merge: true }, quiet);
    expect(await portrait(engine, "a")).toEqual(await portrait(engine, "both"));
    await expect(caller.json("POST", "/v1/imports/merged/rollback", {})).rejects.toMatchObject({ code: "ENGRAM_BAD_REQUEST" });
  }, 120_000);
});
