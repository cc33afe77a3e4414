/**
 * Sequences out of a text file, in batches, read as a stream: memory for one batch and one piece of the file, whatever its size.
 *
 * `lines`: a line is a sequence of symbols with spaces (or tabs) between, each symbol an event of its own. `jsonl`: a line is a JSON
 * array, either of symbols (each an event) or of arrays of symbols (each an event). Empty lines are passed over.
 */
import { createReadStream } from "node:fs";
import { EngineError } from "../errors.ts";
import type { Sequence } from "./memory.ts";

export type LineFormat = "lines" | "jsonl";

export interface SourceLimits {
  readonly symbolsPerPatternMax: number;
  readonly symbolBytesMax: number;
}

export interface SourceOptions {
  readonly format: LineFormat;
  readonly limits: SourceLimits;
  /** Where to begin: a byte offset at the start of a line, and how many lines lie before it. */
  readonly fromByte: number;
  readonly fromLine: number;
  readonly batchSequences: number;
  /** Bad lines are counted instead of ending the run. */
  readonly skipBad: boolean;
}

export interface SourceBatch {
  readonly sequences: readonly Sequence[];
  /** Parallel to `sequences`: the line of each, from 1 on. */
  readonly lines: readonly number[];
  /** Bad lines passed over within this batch. */
  readonly skipped: number;
  /** Where the next batch begins. */
  readonly endByte: number;
  readonly endLine: number;
}

/** A batch also ends here: one request must stay well below the server's limit of 100 MB. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
/** A line of 4,096 symbols of 65,536 bytes would be larger; such a file is no list of sequences but one broken line. */
const LINE_BYTES_MAX = 64 * 1024 * 1024;

const NEWLINE = 10;
const LONE_SURROGATE = /\p{Cs}/u;

/** Why a line is refused. */
export class BadLine extends Error {}

/** Errors: ENGRAM_FILE_UNREADABLE; ENGRAM_BAD_REQUEST naming the first bad line, unless `skipBad`. */
export async function* readBatches(path: string, options: SourceOptions): AsyncGenerator<SourceBatch> {
  let sequences: Sequence[] = [];
  let lines: number[] = [];
  let skipped = 0;
  let bytes = 0;
  let endByte = options.fromByte;
  let endLine = options.fromLine;
  const take = (raw: Buffer, lineBytes: number): void => {
    endLine += 1;
    endByte += lineBytes;
    bytes += lineBytes;
    try {
      const sequence = sequenceOf(raw, endLine === 1, options);
      if (sequence.length > 0) {
        sequences.push(sequence);
        lines.push(endLine);
      }
    } catch (error) {
      if (!(error instanceof BadLine)) throw error;
      if (!options.skipBad) throw badLine(path, endLine, error.message);
      skipped += 1;
    }
  };
  const full = (): boolean => sequences.length >= options.batchSequences || bytes >= BATCH_BYTES_MAX;
  const flush = (): SourceBatch => {
    const batch = { sequences, lines, skipped, endByte, endLine };
    sequences = [];
    lines = [];
    skipped = 0;
    bytes = 0;
    return batch;
  };

  let pieces: Buffer[] = [];
  let held = 0;
  try {
    for await (const chunk of createReadStream(path, { start: options.fromByte }) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let to = chunk.indexOf(NEWLINE); to >= 0; to = chunk.indexOf(NEWLINE, from)) {
        const part = chunk.subarray(from, to);
        const line = held === 0 ? part : Buffer.concat([...pieces, part]);
        if (held > 0) pieces = [];
        held = 0;
        from = to + 1;
        take(line, line.length + 1);
        if (full()) yield flush();
      }
      if (from < chunk.length) {
        pieces.push(chunk.subarray(from));
        held += chunk.length - from;
        if (held > LINE_BYTES_MAX) throw badLine(path, endLine + 1, `it is longer than ${LINE_BYTES_MAX} bytes`);
      }
    }
  } catch (error) {
    if (error instanceof EngineError || !isFileError(error)) throw error;
    throw new EngineError(
      "ENGRAM_FILE_UNREADABLE",
      `The file ${path} cannot be read (${error.code}). Check the path and its permissions.`,
      {
        cause: error,
      },
    );
  }
  if (held > 0) take(Buffer.concat(pieces), held);
  if (bytes > 0) yield flush();
}

const isFileError = (error: unknown): error is NodeJS.ErrnoException => typeof (error as NodeJS.ErrnoException).syscall === "string";

const badLine = (path: string, line: number, why: string): EngineError =>
  new EngineError(
    "ENGRAM_BAD_REQUEST",
    `Line ${line} of ${path} cannot be learned: ${why}. Mend it, or pass --skip-bad to pass over such lines.`,
    {
      details: { line },
    },
  );

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The sequence of a line; empty for an empty line. Throws BadLine. */
export function sequenceOf(raw: Uint8Array, first: boolean, options: Pick<SourceOptions, "format" | "limits">): Sequence {
  let text: string;
  try {
    text = utf8.decode(raw);
  } catch {
    throw new BadLine("it is not UTF-8");
  }
  if (first && text.startsWith("\uFEFF")) text = text.slice(1);
  if (text.endsWith("\r")) text = text.slice(0, -1);
  if (/^[ \t]*$/.test(text)) return [];
  const sequence =
    options.format === "jsonl" ? parseJson(text) : text.split(/[ \t]+/).flatMap((symbol) => (symbol === "" ? [] : [[symbol]]));
  let count = 0;
  for (const event of sequence) {
    for (const symbol of event) {
      count += 1;
      // Three bytes at most for each UTF-16 unit: only long symbols need to be measured.
      if (symbol.length * 3 > options.limits.symbolBytesMax && Buffer.byteLength(symbol) > options.limits.symbolBytesMax) {
        throw new BadLine(`its symbol ${count} is longer than ${options.limits.symbolBytesMax} bytes`);
      }
    }
  }
  if (count > options.limits.symbolsPerPatternMax) {
    throw new BadLine(`it has ${count} symbols, and a pattern holds ${options.limits.symbolsPerPatternMax}`);
  }
  return sequence;
}

function parseJson(text: string): Sequence {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BadLine("it is not JSON");
  }
  if (!Array.isArray(value)) throw new BadLine("it is not a JSON array");
  return eventsOf(value);
}

/** An array of symbols, or of arrays of symbols, as events. Throws BadLine. */
export function eventsOf(value: readonly unknown[]): Sequence {
  return value.map((item) => {
    const event = typeof item === "string" ? [item] : item;
    if (!Array.isArray(event) || event.length === 0)
      throw new BadLine("its items must be symbols, or arrays of symbols that are not empty");
    for (const symbol of event) {
      if (typeof symbol !== "string") throw new BadLine("a symbol must be a string");
      if (LONE_SURROGATE.test(symbol)) throw new BadLine("a symbol holds half of a surrogate pair");
    }
    return event as string[];
  });
}
