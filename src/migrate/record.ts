/**
 * What a migration has done so far, durable: one JSON file a run in the data folder. It moves after a batch is learned; a run that was killed
 * in between sends that one batch again, under the same key, and the kb counts it once. Reports are made of it.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { replaceFile } from "../replace-file.ts";
import type { Problem, ProblemKind } from "./source.ts";

/** Problems kept word for word a kb; all are counted. */
export const PROBLEMS_KEPT = 1_000;

export interface KbRecord {
  readonly source: string;
  readonly node: string;
  /** Where the next batch begins; absent before the first. */
  readonly resume?: string;
  /** Batches handed on: the number of the next part of the import. */
  readonly parts: number;
  readonly entries: number;
  readonly migrated: number;
  /** Sum of frequencies: learns the patterns stand for. */
  readonly learns: number;
  readonly problemCounts: Partial<Record<ProblemKind, number>>;
  readonly problems: readonly Problem[];
  readonly affinities: number;
  /** Order-independent sum over names and frequencies of what was handed on: compared with the target at the end. */
  readonly checksum: string;
  readonly done: boolean;
}

export interface MigrationRecord {
  readonly format: 1;
  readonly id: string;
  /** Tells runs of the same source into the same target apart from others. */
  readonly key: string;
  readonly source: string;
  readonly startedAt: string;
  readonly finishedAt?: string;
  readonly kbs: readonly KbRecord[];
}

/** Name of the import that fills the kb: what is taken back. */
export const importId = (migration: string, at: number): string => `${migration}.${at}`;

export const emptyKb = (source: string, node: string): KbRecord => ({
  source,
  node,
  parts: 0,
  entries: 0,
  migrated: 0,
  learns: 0,
  problemCounts: {},
  problems: [],
  affinities: 0,
  checksum: "0".repeat(16),
  done: false,
});

export class MigrationRecords {
  readonly #folder: string;

  constructor(dataDir: string) {
    this.#folder = join(dataDir, "migrations");
  }

  pathOf(id: string): string {
    return join(this.#folder, `${id}.json`);
  }

  /** The unfinished run of that key, or a new one. Errors: ENGRAM_FILE_UNREADABLE for a damaged record. */
  async begin(key: string, source: string, restart: boolean): Promise<MigrationRecord> {
    if (!restart) for (const record of await this.list()) if (record.key === key && record.finishedAt === undefined) return record;
    const id = `migration-${new Date().toISOString().slice(0, 10)}-${randomUUID().slice(0, 8)}`;
    return { format: 1, id, key, source, startedAt: new Date().toISOString(), kbs: [] };
  }

  async list(): Promise<MigrationRecord[]> {
    let names: string[];
    try {
      names = await readdir(this.#folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
    const records = await Promise.all(
      names.filter((name) => /^migration-[\w-]+\.json$/.test(name)).map((name) => this.#read(join(this.#folder, name))),
    );
    return records.sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
  }

  async #read(path: string): Promise<MigrationRecord> {
    try {
      const record = JSON.parse(await readFile(path, "utf8")) as MigrationRecord;
      if (record.format !== 1) throw new Error(`its format is ${String(record.format)}`);
      return record;
    } catch (cause) {
      throw new EngineError("ENGRAM_FILE_UNREADABLE", `The migration record ${path} cannot be read. Move it away to begin anew.`, {
        cause,
      });
    }
  }

  /** Durable when it resolves; the old record stands until the new one is whole. */
  async save(record: MigrationRecord): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await replaceFile(this.pathOf(record.id), `${JSON.stringify(record, null, 1)}\n`);
  }
}

/** 64 bits over a pattern's name and frequency; added up modulo 2^64, so order does not matter and no pattern cancels another by chance. */
export function addToChecksum(checksum: string, name: string, frequency: number): string {
  const digest = createHash("sha1").update(`${name} ${frequency}`).digest();
  return BigInt.asUintN(64, BigInt(`0x${checksum}`) + digest.readBigUInt64BE(0))
    .toString(16)
    .padStart(16, "0");
}
