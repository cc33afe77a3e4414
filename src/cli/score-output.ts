/**
 * Where bulk scores go: a file of JSON lines that only grows, and beside it a record of how far it is whole. The record moves after its lines are
 * on the disk, so a run that was killed cuts the file back to the record and goes on: no line twice, none missing, none half.
 */
import { createHash } from "node:crypto";
import { type FileHandle, open, readFile, rm } from "node:fs/promises";
import { resolve } from "node:path";
import type { ScoredState } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { replaceFile } from "../replace-file.ts";
import { fingerprint } from "./file-parts.ts";

export interface ScoreProgress {
  /** Of the queries' file. */
  readonly byteOffset: number;
  readonly line: number;
  readonly skipped: number;
  /** States answered, matches found in all. */
  readonly states: number;
  readonly matched: number;
  /** Of the output. */
  readonly outputBytes: number;
}

const NOTHING: ScoreProgress = { byteOffset: 0, line: 0, skipped: 0, states: 0, matched: 0, outputBytes: 0 };

/** What must be equal for a run to go on where another one stood. */
export interface ScoreKey {
  readonly file: string;
  readonly node: string;
  readonly lineFormat: string;
  readonly url: string;
  readonly dataDir: string;
  readonly cutoff: number;
  readonly keep: number;
  readonly similarity: string;
}

interface StoredRecord extends ScoreProgress {
  readonly format: 1;
  readonly key: string;
  readonly fingerprint: string;
}

/** Columns of an output line, as ClickHouse names them, for what reads the lines again. */
export const OUTPUT_STRUCTURE =
  "query UInt64, line UInt64, patterns UInt64, matched UInt64, matches Array(Tuple(name String, similarity Float64))";

/** A state's line. `query` counts the states from 0 on; `line` is its line in the queries' file, from 1 on. */
export function outputLine(answer: ScoredState, query: number, line: number): string {
  const { patterns, matched, matches } = answer;
  return `${JSON.stringify({ query, line, patterns, matched, matches })}\n`;
}

export class ScoreOutput {
  readonly #path: string;
  readonly #recordPath: string;
  readonly #key: string;
  readonly #queries: string;
  #file: FileHandle | undefined;

  constructor(path: string, key: ScoreKey) {
    this.#path = path;
    this.#recordPath = `${path}.progress.json`;
    this.#queries = resolve(key.file);
    this.#key = createHash("sha256")
      .update(JSON.stringify({ ...key, file: this.#queries, dataDir: resolve(key.dataDir) }))
      .digest("hex");
  }

  /**
   * Opens the output where the record says it is whole; from the beginning without a record, or with `restart`. Errors: ENGRAM_FILE_UNREADABLE when
   * the record is of other queries or settings, and when an output without a record would be lost.
   */
  async open(restart: boolean): Promise<ScoreProgress> {
    const record = restart ? undefined : await this.#record();
    if (record === undefined && !restart && (await exists(this.#path))) {
      throw refused(`The output ${this.#path} exists already. Name another one, or pass --restart to write it anew.`);
    }
    this.#file = await open(this.#path, record === undefined ? "w" : "r+").catch((error: NodeJS.ErrnoException) => {
      throw refused(`The output ${this.#path} cannot be written (${error.code}). Check its folder, or pass --restart.`, error);
    });
    if (record === undefined) {
      await this.save(NOTHING);
      return NOTHING;
    }
    const { size } = await this.#file.stat();
    if (size < record.outputBytes) throw refused(`The output ${this.#path} is shorter than it was left. Pass --restart to write it anew.`);
    await this.#file.truncate(record.outputBytes);
    const { byteOffset, line, skipped, states, matched, outputBytes } = record;
    return { byteOffset, line, skipped, states, matched, outputBytes };
  }

  /** Appends at the end of what is whole, and returns how far the output reaches now. Not recorded yet. */
  async append(text: string, at: number): Promise<number> {
    const bytes = Buffer.from(text, "utf8");
    await this.#opened.write(bytes, 0, bytes.length, at);
    return at + bytes.length;
  }

  /** Durable when it resolves: the lines first, then the record. */
  async save(progress: ScoreProgress): Promise<void> {
    await this.#opened.datasync();
    const record: StoredRecord = {
      format: 1,
      key: this.#key,
      fingerprint: await fingerprint(this.#queries, progress.byteOffset),
      ...progress,
    };
    await replaceFile(this.#recordPath, `${JSON.stringify(record, null, 2)}\n`);
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  /** The output is complete: nothing is to be gone on with. */
  async forget(): Promise<void> {
    await rm(this.#recordPath, { force: true });
  }

  get #opened(): FileHandle {
    if (this.#file === undefined) throw new Error("the output is not open");
    return this.#file;
  }

  async #record(): Promise<StoredRecord | undefined> {
    let text: string;
    try {
      text = await readFile(this.#recordPath, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    let record: StoredRecord;
    try {
      record = JSON.parse(text) as StoredRecord;
    } catch (cause) {
      throw refused(`The progress record ${this.#recordPath} is damaged. Pass --restart to score from the beginning.`, cause);
    }
    if (record.key !== this.#key) {
      throw refused(`The output ${this.#path} was begun with other queries or settings. Name another one, or pass --restart.`);
    }
    if (record.fingerprint !== (await fingerprint(this.#queries, record.byteOffset))) {
      throw refused(
        `${this.#queries} was changed since ${record.line} of its lines were scored. Pass --restart to score it from the beginning.`,
      );
    }
    return record;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    const file = await open(path, "r");
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

const refused = (message: string, cause?: unknown): EngineError =>
  new EngineError("ENGRAM_FILE_UNREADABLE", message, cause === undefined ? {} : { cause });
