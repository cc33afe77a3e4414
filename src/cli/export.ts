/** `engram export KB FOLDER` and `engram import FOLDER`: a knowledge base as an archive on disk, and back. Both go on where they were stopped. */
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import type { Command } from "commander";
import type { ArchiveInfo, ArchiveLearned, ListedImport } from "../client/index.ts";
import { EngineError } from "../errors.ts";
import { ahead } from "../http/ahead.ts";
import { ArchiveFolder, type Manifest, type ManifestPart } from "./archive-folder.ts";
import { kbOption, nodeName, urlOption } from "./arguments.ts";
import { type Caller, openCaller } from "./caller.ts";
import { withPatience } from "./memory.ts";
import { loadSettings, logOf, type SettingOptions, withSettings } from "./settings.ts";
import { type Bar, grouped, perSecond, startBar, tell } from "./terminal.ts";

interface ArchiveOptions extends SettingOptions {
  readonly url?: string;
  readonly json?: boolean;
  readonly kb?: string;
  readonly merge?: boolean;
  readonly importId?: string;
}

const kbPath = (node: string): string => `/v1/kbs/${encodeURIComponent(node)}`;
const barOf = (total: number, from: number): Bar =>
  startBar("{bar} {percentage}% | {changes} changes | {rate} | {eta_formatted} left", total, from, { changes: grouped(from), rate: "0/s" });
export const changesOf = ({ parts }: Pick<Manifest, "parts">): number => parts.reduce((sum, part) => sum + part.events, 0);

/** Runs a command's work on the memory, and prints its result as a sentence or as JSON. */
export async function onMemory(
  options: SettingOptions & { readonly url?: string; readonly json?: boolean },
  isKept: boolean,
  work: (caller: Caller) => Promise<{ result: object; text: string }>,
): Promise<void> {
  const loaded = loadSettings(options);
  const caller = await openCaller({ config: loaded.config, log: logOf(loaded, true), url: options.url, isKept });
  try {
    const { result, text } = await work(caller);
    tell(options, result, text);
  } finally {
    await caller.close();
  }
}

/** Writes what is missing of the archive. */
export async function exportKb(
  caller: Caller,
  node: string,
  folder: ArchiveFolder,
  onProgress: (changes: number, total: number) => void,
  partChanges?: number,
): Promise<Manifest> {
  if (folder.manifest === undefined) {
    const { kb_id: kb, generation, until, patterns, symbols, totals } = await caller.json<ArchiveInfo>("GET", `${kbPath(node)}/archive`);
    await folder.begin({ kb, node, generation, until, patterns, symbols, totals });
  } else if (folder.manifest.node !== node) {
    throw new EngineError("ENGRAM_FILE_UNREADABLE", `${folder.path} is an archive of ${folder.manifest.node}. Name another folder.`);
  }
  const { generation, until } = folder.manifest!;
  const start = folder.manifest!.parts[0]?.first ?? 0;
  const size = partChanges === undefined ? "" : `&changes=${partChanges}`;
  while (!folder.manifest!.complete) {
    const after = folder.manifest!.parts.at(-1)?.last ?? 0;
    const part = await caller.bytes("GET", `${kbPath(node)}/archive/part?generation=${generation}&after=${after}&until=${until}${size}`);
    if (part.status === 204) {
      await folder.complete();
      break;
    }
    const number = (name: string): number => Number(part.headers[name]);
    await folder.add(part.bytes, { events: number("x-engram-events"), first: number("x-engram-first"), last: number("x-engram-last") });
    onProgress(changesOf(folder.manifest!), Math.max(changesOf(folder.manifest!), until - start));
  }
  return folder.manifest!;
}

const noArchive = (path: string): EngineError =>
  new EngineError("ENGRAM_FILE_UNREADABLE", `${path} holds no archive. Name the folder that engram export wrote.`);

/** What an archive holds, once all of it was looked at. Errors: ENGRAM_FILE_UNREADABLE, ENGRAM_ARCHIVE_BROKEN. */
export async function wholeManifest(folder: ArchiveFolder): Promise<Manifest> {
  const { manifest, path } = folder;
  if (manifest === undefined) throw noArchive(path);
  if (!manifest.complete) throw new EngineError("ENGRAM_ARCHIVE_BROKEN", `The export to ${path} was stopped. Run it again to finish it.`);
  for (const part of manifest.parts) await folder.read(part);
  return manifest;
}

interface ImportTarget {
  readonly node: string;
  readonly id: string;
  readonly merge: boolean;
}

/** Learns the archive, all of which is looked at before. Errors: as `wholeManifest`. */
export async function importArchive(
  caller: Caller,
  folder: ArchiveFolder,
  target: ImportTarget,
  onProgress: (changes: number) => void,
): Promise<{ changes: number; patterns: number }> {
  return learnArchive(caller, folder, await wholeManifest(folder), target, onProgress);
}

/** Learns the parts of an archive that was looked at; those that an import of this id sent before count once. */
export async function learnArchive(
  caller: Caller,
  folder: ArchiveFolder,
  manifest: Manifest,
  target: ImportTarget,
  onProgress: (changes: number) => void,
): Promise<{ changes: number; patterns: number }> {
  let changes = 0;
  let patterns = 0;
  const send = async ([at, part]: readonly [number, ManifestPart]): Promise<number> => {
    const last = at === manifest.parts.length - 1;
    const bytes = await folder.read(part);
    // The next part is unpacked while this one is learned.
    const path = `${kbPath(target.node)}/archive?import=${target.id}&part=${at}&last=${last}&merge=${target.merge}&ahead=${at > 0}`;
    const reply = await withPatience(() => caller.bytes("POST", path, bytes));
    ({ patterns } = JSON.parse(reply.bytes.toString("utf8")) as ArchiveLearned);
    return part.events;
  };
  for await (const events of ahead(Readable.from(manifest.parts.entries()), send, 2)) {
    changes += events;
    onProgress(changes);
  }
  return { changes, patterns };
}

async function exportCommand(node: string, path: string, options: ArchiveOptions): Promise<void> {
  const folder = await ArchiveFolder.open(path);
  await onMemory(options, true, async (caller) => {
    const started = Date.now();
    const from = folder.manifest === undefined ? 0 : changesOf(folder.manifest);
    let bar: Bar | undefined;
    try {
      const manifest = await exportKb(caller, node, folder, (changes, total) => {
        bar ??= options.json ? undefined : barOf(total, from);
        bar?.update(changes, { changes: grouped(changes), rate: perSecond(changes - from, Date.now() - started) });
      });
      const changes = changesOf(manifest);
      const text = `${grouped(manifest.patterns)} patterns (${grouped(changes)} changes) of ${node} written to ${path} by ${caller.where} (${perSecond(changes - from, Date.now() - started)}).`;
      return { result: { archive: path, kb: manifest.kb, patterns: manifest.patterns, changes, parts: manifest.parts.length }, text };
    } finally {
      bar?.stop();
    }
  });
}

async function importCommand(path: string, options: ArchiveOptions): Promise<void> {
  const folder = await ArchiveFolder.open(path);
  if (folder.manifest === undefined) throw noArchive(path);
  const node = options.kb ?? folder.manifest.node;
  const id = options.importId ?? `import-${randomBytes(6).toString("hex")}`;
  await onMemory(options, false, async (caller) => {
    const started = Date.now();
    const bar = options.json || folder.manifest === undefined ? undefined : barOf(Math.max(1, changesOf(folder.manifest)), 0);
    try {
      if (!options.json) console.error(`Import ${id}: if it is stopped, the same command with --import-id ${id} goes on.`);
      const { changes, patterns } = await importArchive(caller, folder, { node, id, merge: options.merge ?? false }, (done) =>
        bar?.update(done, { changes: grouped(done), rate: perSecond(done, Date.now() - started) }),
      );
      const text = `${grouped(changes)} changes learned into ${node} by ${caller.where}; it holds ${grouped(patterns)} patterns. To take it back: engram rollback ${id}`;
      return { result: { import: id, node, changes, patterns }, text };
    } finally {
      bar?.stop();
    }
  });
}

/** The imports that stand for an id: its own, or those of a migration or of a restored backup (`<id>.<kb>`). */
async function importsOf(caller: Caller, id: string): Promise<readonly string[]> {
  const { imports } = await caller.json<{ imports: readonly ListedImport[] }>("GET", "/v1/imports");
  const parts = imports.filter((one) => one.id.startsWith(`${id}.`));
  // The server knows more imports than it lists.
  if (parts.length === 0 || imports.some((one) => one.id === id)) return [id];
  const own = parts.filter(({ state }) => state !== "rolledBack").map((one) => one.id);
  if (own.length === 0) throw new EngineError("ENGRAM_IMPORT_UNKNOWN", `All imports of ${id} were taken back before.`);
  return own.sort();
}

export const shared = (command: Command): Command =>
  withSettings(command.addOption(urlOption()).option("--json", "print the result as JSON"));

export function registerArchives(program: Command): void {
  shared(
    program
      .command("export")
      .description("write a knowledge base to an archive; stopped and started again, it goes on where it stood")
      .argument("<node>", "node whose knowledge base is written", nodeName)
      .argument("<folder>", "folder of the archive; made when it is not there"),
  ).action(exportCommand);
  shared(
    program
      .command("import")
      .description("learn an archive into a knowledge base without patterns")
      .argument("<folder>", "folder of the archive")
      .addOption(kbOption("node that learns it (default: the one it was written from)"))
      .option("--merge", "into patterns that are there already; such an import cannot be taken back")
      .option("--import-id <id>", "go on with an import that was stopped"),
  ).action(importCommand);
  shared(
    program
      .command("rollback")
      .description("take an import back: its knowledge base is empty again")
      .argument(
        "<import>",
        "id of an import (engram kbs list --imports lists them), or of a migration or a restored backup, which are one import a knowledge base",
      )
      .option("--discard-newer", "even if more was learned since, which is lost"),
  ).action(async (id: string, options: ArchiveOptions & { discardNewer?: boolean }) => {
    await onMemory(options, true, async (caller) => {
      const taken: { kb_id: string }[] = [];
      for (const one of await importsOf(caller, id)) {
        const path = `/v1/imports/${encodeURIComponent(one)}/rollback`;
        taken.push(await caller.json("POST", path, { discard_newer: options.discardNewer ?? false }));
      }
      const kbs = taken.map((one) => one.kb_id).join(", ");
      return {
        result: taken.length === 1 && taken[0] !== undefined ? taken[0] : { rolled_back: taken },
        text: `${id} was taken back; empty again: ${kbs}.`,
      };
    });
  });
}
