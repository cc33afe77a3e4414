/**
 * `engram backup FOLDER` and `engram restore FOLDER`: every knowledge base of a service as an archive of its own under one folder, and back. Both go on
 * where they were stopped: what is whole is not done again.
 */
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import type { KbSize } from "../client/index.ts";
import { EngineError } from "../errors.ts";
import { ArchiveFolder, type Manifest } from "./archive-folder.ts";
import type { Caller } from "./caller.ts";
import { changesOf, exportKb, learnArchive, onMemory, shared, wholeManifest } from "./export.ts";
import type { SettingOptions } from "./settings.ts";
import { type Bar, grouped, perSecond, startBar } from "./terminal.ts";

interface BackupOptions extends SettingOptions {
  readonly url?: string;
  readonly json?: boolean;
  readonly importId?: string;
}

interface Done {
  readonly kbs: number;
  readonly patterns: number;
  readonly changes: number;
}

type Progress = (changes: number, total: number, kb: string) => void;

/** Names of nodes hold any character but these that could stand for a folder elsewhere; an encoded name is one folder. */
const folderOf = (node: string): string => encodeURIComponent(node).replaceAll(".", "%2E").replaceAll("*", "%2A");

/** Writes every knowledge base that has patterns or had some. Errors: ENGRAM_BAD_REQUEST for one that no node of the service stands for. */
export async function backup(caller: Caller, path: string, onProgress: Progress): Promise<Done> {
  const { kbs } = await caller.json<{ kbs: readonly KbSize[] }>("GET", "/v1/kbs");
  const strangers = kbs.filter(({ node_id }) => node_id === null).map(({ kb_id }) => kb_id);
  if (strangers.length > 0) {
    throw new EngineError(
      "ENGRAM_BAD_REQUEST",
      `No node of this service stands for ${strangers.slice(0, 5).join(", ")}. Run the backup with the service name (serviceName) that made them.`,
    );
  }
  const total = kbs.reduce((sum, { changes }) => sum + changes, 0);
  let [changes, patterns] = [0, 0];
  for (const { node_id } of kbs) {
    const node = node_id as string;
    const folder = await ArchiveFolder.open(join(path, folderOf(node)));
    const before = changes;
    const manifest = await exportKb(caller, node, folder, (done) => onProgress(before + done, Math.max(total, before + done), node));
    changes += changesOf(manifest);
    patterns += manifest.patterns;
  }
  return { kbs: kbs.length, patterns, changes };
}

export interface WholeArchive {
  readonly folder: ArchiveFolder;
  readonly manifest: Manifest;
}

/** Every archive of a backup, all of each looked at. Errors: ENGRAM_FILE_UNREADABLE, ENGRAM_ARCHIVE_BROKEN. */
export async function archivesOf(path: string): Promise<readonly WholeArchive[]> {
  let names: string[];
  try {
    names = (await readdir(path, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    throw new EngineError("ENGRAM_FILE_UNREADABLE", `The backup ${path} cannot be read. Name the folder that engram backup wrote.`, {
      cause: error,
    });
  }
  const archives: WholeArchive[] = [];
  for (const name of names.sort()) {
    const folder = await ArchiveFolder.open(join(path, name));
    archives.push({ folder, manifest: await wholeManifest(folder) });
  }
  if (archives.length > 0) return archives;
  throw new EngineError("ENGRAM_FILE_UNREADABLE", `${path} holds no backup. Name the folder that engram backup wrote.`);
}

/** Learns every archive of a backup under the name it was written from, each as an import of its own: `<id>.<number>`. */
export async function restore(caller: Caller, archives: readonly WholeArchive[], id: string, onProgress: Progress): Promise<Done> {
  const total = archives.reduce((sum, { manifest }) => sum + changesOf(manifest), 0);
  let [changes, patterns] = [0, 0];
  for (const [at, { folder, manifest }] of archives.entries()) {
    const { node } = manifest;
    const before = changes;
    const learned = await learnArchive(caller, folder, manifest, { node, id: `${id}.${at}`, merge: false }, (done) =>
      onProgress(before + done, total, node),
    );
    changes += learned.changes;
    patterns += learned.patterns;
  }
  return { kbs: archives.length, patterns, changes };
}

/** Shows a bar while `work` goes on. */
async function watched(options: BackupOptions, work: (onProgress: Progress) => Promise<Done>): Promise<{ done: Done; rate: string }> {
  const started = Date.now();
  let bar: Bar | undefined;
  try {
    const done = await work((changes, total, kb) => {
      bar ??= options.json
        ? undefined
        : startBar("{bar} {percentage}% | {changes} changes | {rate} | {eta_formatted} left | {kb}", total, 0, {
            changes: "0",
            rate: "0/s",
            kb,
          });
      bar?.update(changes, { changes: grouped(changes), rate: perSecond(changes, Date.now() - started), kb });
    });
    return { done, rate: perSecond(done.changes, Date.now() - started) };
  } finally {
    bar?.stop();
  }
}

const told = ({ kbs, patterns, changes }: Done): string =>
  `${grouped(kbs)} knowledge bases with ${grouped(patterns)} patterns (${grouped(changes)} changes)`;

async function backupCommand(path: string, options: BackupOptions): Promise<void> {
  await onMemory(options, true, async (caller) => {
    const { done, rate } = await watched(options, (onProgress) => backup(caller, path, onProgress));
    return { result: { backup: path, ...done }, text: `${told(done)} written to ${path} by ${caller.where} (${rate}).` };
  });
}

async function restoreCommand(path: string, options: BackupOptions): Promise<void> {
  const archives = await archivesOf(path);
  const id = options.importId ?? `restore-${randomBytes(6).toString("hex")}`;
  await onMemory(options, false, async (caller) => {
    if (!options.json) console.error(`Restore ${id}: if it is stopped, the same command with --import-id ${id} goes on.`);
    const { done, rate } = await watched(options, (onProgress) => restore(caller, archives, id, onProgress));
    const text = `${told(done)} learned by ${caller.where} (${rate}). To take it back: engram rollback ${id}`;
    return { result: { import: id, ...done }, text };
  });
}

export function registerBackup(program: Command): void {
  shared(
    program
      .command("backup")
      .description("write every knowledge base to an archive of its own; stopped and started again, it goes on where it stood")
      .argument("<folder>", "folder of the archives; made when it is not there"),
  ).action(backupCommand);
  shared(
    program
      .command("restore")
      .description("learn every archive of a backup into knowledge bases without patterns")
      .argument("<folder>", "folder that engram backup wrote")
      .option("--import-id <id>", "go on with a restore that was stopped"),
  ).action(restoreCommand);
}
