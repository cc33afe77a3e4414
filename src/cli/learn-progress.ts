/**
 * How far a file was learned, kept beside the data, so that a run that was stopped goes on where it stood. The record moves only after a
 * batch is durable: after a crash in between that one batch is sent again, under the same key, and nothing is ever left out.
 *
 * A record fits its file when the bytes before the recorded place are still the same (their beginning and end are compared): a file
 * that only grew goes on, a file that was changed is refused.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { EngineError } from "../errors.ts";
import { replaceFile } from "../replace-file.ts";
import { fingerprint, readPart } from "./file-parts.ts";

export interface LearnProgress {
  /** Names this pass over the file: the stem of its batches' keys. */
  readonly run: string;
  readonly byteOffset: number;
  readonly line: number;
  readonly stored: number;
  readonly tooShort: number;
  readonly skipped: number;
}

const NOTHING_LEARNED = { byteOffset: 0, line: 0, stored: 0, tooShort: 0, skipped: 0 };

interface StoredRecord extends LearnProgress {
  readonly format: 1;
  readonly file: string;
  readonly node: string;
  readonly fingerprint: string;
}

export interface ProgressKey {
  readonly dataDir: string;
  readonly file: string;
  readonly node: string;
  readonly lineFormat: string;
  /** Of a server named on the command line; empty when the data folder decides. */
  readonly url: string;
}

export class ProgressRecord {
  readonly path: string;
  readonly #file: string;
  readonly #node: string;

  constructor(key: ProgressKey) {
    this.#file = resolve(key.file);
    this.#node = key.node;
    const name = createHash("sha256")
      .update(JSON.stringify([this.#file, key.node, key.lineFormat, key.url]))
      .digest("hex")
      .slice(0, 32);
    this.path = join(key.dataDir, "learn-progress", `${name}.json`);
  }

  /** What was recorded; a new run that learned nothing when there is no record. Errors: ENGRAM_FILE_UNREADABLE when the file is not the one recorded. */
  async load(): Promise<LearnProgress> {
    let text: string;
    try {
      text = await readFile(this.path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return { run: randomUUID(), ...NOTHING_LEARNED };
      throw error;
    }
    let record: StoredRecord;
    try {
      record = JSON.parse(text) as StoredRecord;
    } catch (cause) {
      throw new EngineError(
        "ENGRAM_FILE_UNREADABLE",
        `The progress record ${this.path} is damaged. Pass --restart to learn from the beginning.`,
        {
          cause,
        },
      );
    }
    if (record.fingerprint !== (await fingerprint(this.#file, record.byteOffset))) {
      throw new EngineError(
        "ENGRAM_FILE_UNREADABLE",
        `The file ${this.#file} was changed since ${record.line} of its lines were learned. Pass --restart to learn it from the beginning.`,
      );
    }
    const { run, line, stored, tooShort, skipped } = record;
    return { run, byteOffset: record.byteOffset + (await this.#restOfLine(record.byteOffset)), line, stored, tooShort, skipped };
  }

  /**
   * Bytes of a line end that came after the recorded place: 0 unless the file then ended without one. Errors: ENGRAM_FILE_UNREADABLE when that
   * last line was continued instead, for it was learned as it was.
   */
  async #restOfLine(place: number): Promise<number> {
    const around = await readPart(this.#file, Math.max(0, place - 1), place + 2);
    const before = place === 0 ? "" : around.toString("latin1", 0, 1);
    const after = around.toString("latin1", before.length);
    if (before === "" || before === "\n" || after === "") return 0;
    if (after.startsWith("\n")) return 1;
    if (after === "\r\n") return 2;
    throw new EngineError(
      "ENGRAM_FILE_UNREADABLE",
      `The last line of ${this.#file} was continued since it was learned. Pass --restart to learn the file from the beginning.`,
    );
  }

  /** Durable when it resolves; the old record stands until the new one is whole. */
  async save(progress: LearnProgress): Promise<void> {
    const record: StoredRecord = {
      format: 1,
      file: this.#file,
      node: this.#node,
      fingerprint: await fingerprint(this.#file, progress.byteOffset),
      ...progress,
    };
    await mkdir(dirname(this.path), { recursive: true });
    await replaceFile(this.path, `${JSON.stringify(record, null, 2)}\n`);
  }

  async forget(): Promise<void> {
    await rm(this.path, { force: true });
  }
}
