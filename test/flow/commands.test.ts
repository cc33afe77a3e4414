/**
 * The commands one after the other in this process, each opening the folder and closing it again: the whole life of a knowledge base as its
 * owner types it. The same commands as processes, and through a running server: `archive-commands.test.ts`, `migrate.test.ts`, `cli.test.ts`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BSON } from "mongodb";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { buildProgram } from "../../src/cli/program.ts";
import { addToChecksum } from "../../src/migrate/record.ts";
import { kato2Corpus } from "../support/kato2-corpus.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "engram-commands-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  process.exitCode = undefined;
});

/** Runs a command; answers what it printed on standard output and its exit code. */
async function engram(...args: string[]): Promise<{ out: string; code: number }> {
  const lines: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((...parts: unknown[]) => void lines.push(parts.join(" ")));
  process.exitCode = undefined;
  try {
    await buildProgram().parseAsync(["node", "engram", ...args, "--data-dir", join(folder, "data"), "--threads", "1"]);
    return { out: lines.join("\n"), code: Number(process.exitCode ?? 0) };
  } finally {
    log.mockRestore();
    process.exitCode = undefined;
  }
}
const json = async <T>(...args: string[]): Promise<T> => JSON.parse((await engram(...args, "--json")).out) as T;

it("learns, lists, copies, exports, imports, takes back, verifies and rebuilds", async () => {
  const file = join(folder, "lines.txt");
  writeFileSync(file, Array.from({ length: 300 }, (_, i) => `a${i % 40} b${i % 7} c${i}`).join("\n"));
  expect((await engram("learn", file, "--kb", "shop")).out).toMatch(/300 sequences learned into shop/);
  expect((await engram("learn", file, "--kb", "shop")).out).toMatch(/learned before/);
  const { kbs } = await json<{ kbs: { kb_id: string; patterns: number }[] }>("kbs", "list");
  expect(kbs).toMatchObject([{ kb_id: "shop_kato", patterns: 300 }]);
  expect((await engram("kbs", "list")).out).toMatch(/shop_kato/);
  expect((await engram("kbs", "copy", "shop", "twin")).out).toMatch(/300 patterns: shop → twin/);
  await expect(engram("kbs", "delete", "twin")).rejects.toMatchObject({ code: "ENGRAM_NOT_CONFIRMED" });
  expect((await engram("kbs", "delete", "twin", "--confirm", "twin")).out).toMatch(/300 patterns with it/);

  const archive = join(folder, "archive");
  await engram("export", "shop", archive);
  const { import: id, patterns } = await json<{ import: string; patterns: number }>("import", archive, "--kb", "again");
  expect(patterns).toBe(300);
  expect((await engram("kbs", "list", "--imports")).out).toMatch(id);
  await expect(engram("import", archive, "--kb", "shop")).rejects.toMatchObject({ code: "ENGRAM_KB_NOT_EMPTY" });
  const verified = await engram("verify", "shop");
  expect(verified.code).toBe(0);
  expect((await engram("rollback", id)).out).toMatch(/empty again: again_kato/);
  expect((await engram("predict", "--kb", "shop", "a1 b1")).out).toMatch(/c1/);

  rmSync(join(folder, "data", "state"), { recursive: true });
  expect((await engram("rebuild")).out).toMatch(/knowledge bases rebuilt/);
  expect((await engram("verify")).code).toBe(0);
}, 120_000);

it("migrates a dump, says what was not whole, merges only when told, and takes the migration back", async () => {
  const { patterns, symbols } = kato2Corpus(600, 5);
  patterns[3] = { ...patterns[3], frequency: null };
  const dump = join(folder, "dump", "weather_kato");
  mkdirSync(dump, { recursive: true });
  writeFileSync(join(dump, "patterns_kb.bson"), Buffer.concat(patterns.map((document) => BSON.serialize(document))));
  writeFileSync(join(dump, "symbols_kb.bson"), Buffer.concat(symbols.map((document) => BSON.serialize(document))));
  const source = join(folder, "dump");
  const whole = patterns.filter(({ frequency }) => frequency !== null);
  const checksum = whole.reduce(
    (sum, { name, frequency }) => addToChecksum(sum, String(name).slice(5), frequency as number),
    "0".repeat(16),
  );

  const told = await engram("migrate", "mongo", source);
  expect([told.code, told.out]).toEqual([4, expect.stringMatching(/1 × no_frequency/)]);
  expect(told.out).toContain(checksum);
  const id = /migration-[\w-]+/.exec(told.out)![0];
  await expect(engram("migrate", "mongo", source)).rejects.toMatchObject({ code: "ENGRAM_KB_NOT_EMPTY" });
  const merged = await json<{ knowledge_bases: { learns: number }[] }>("migrate", "mongo", source, "--merge", "--assume-frequency", "2");
  expect(merged.knowledge_bases[0]!.learns).toBe(whole.reduce((sum, { frequency }) => sum + (frequency as number), 2));
  await expect(engram("rollback", id)).rejects.toMatchObject({ code: "ENGRAM_NEWER_LEARNS" });
  await engram("rollback", id, "--discard-newer");
  const { kbs } = await json<{ kbs: { kb_id: string }[] }>("kbs", "list");
  expect(kbs.map((kb) => kb.kb_id)).not.toContain("weather_kato");
  await expect(engram("migrate", "mongo", source, "--kb", "nothing_kato")).rejects.toMatchObject({ code: "ENGRAM_SETTINGS_INVALID" });
  await expect(engram("migrate", "mongo", join(folder, "nowhere"))).rejects.toMatchObject({ code: "ENGRAM_FILE_UNREADABLE" });
}, 120_000);
