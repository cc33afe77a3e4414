/**
 * Outbox entries of one commit as few rows: a bulk learn of a thousand patterns writes some ten rows instead of a thousand, and a flush removes as
 * many. A row stands under the position of its first entry; positions of the others follow. Rows are only ever added, removed, or split in two
 * where a flush ends (`lmdb-outbox.ts`), so what was once the end of a row stays one.
 *
 *   row    entry, where it is the only one │ run
 *   run    u8 255 │ u32 count │ { u32 length │ entry }…          255: no kind of entry
 */
import { EngineError } from "../errors.ts";
import { RecordReader, RecordWriter } from "./state-bytes.ts";

const KIND_RUN = 255;
/** A run grows no further beyond this: LMDB keeps rows of more than a page in pages of their own, and a split copies one. */
const RUN_BYTES_MAX = 64 * 1024;

/** A row: how many entries it holds, and its bytes. */
export interface Run {
  readonly count: number;
  readonly row: Buffer;
}

/** Rows of entries that are written straight into them: of a thousand entries, each as bytes of its own, the collector would have to follow every one. */
export class RunBuilder {
  readonly #rows: Run[] = [];
  /** Its own: what a commit that failed halfway had written must not stand in the next one's rows. */
  readonly #row = new RecordWriter();
  #count = 0;

  /** Appends the entry that `write` writes. Nothing else may be added meanwhile. */
  add(write: (entry: RecordWriter) => void): void {
    if (this.#count === 0) this.#row.u8(KIND_RUN).u32(0);
    this.#row.block(() => write(this.#row));
    this.#count += 1;
    if (this.#row.length >= RUN_BYTES_MAX) this.#end();
  }

  #end(): void {
    if (this.#count === 0) return;
    this.#row.setU32(1, this.#count);
    this.#rows.push({ count: this.#count, row: this.#row.take() });
    this.#count = 0;
  }

  /** All rows; the builder begins anew. */
  take(): Run[] {
    this.#end();
    return this.#rows.splice(0);
  }
}

/** Rows of entries that follow each other. */
export function* runsOf(entries: readonly Buffer[]): Generator<Run> {
  for (let from = 0; from < entries.length; ) {
    let to = from;
    let bytes = 0;
    do bytes += (entries[to++] as Buffer).length;
    while (to < entries.length && bytes + (entries[to] as Buffer).length <= RUN_BYTES_MAX);
    yield { count: to - from, row: runOf(entries.slice(from, to), bytes) };
    from = to;
  }
}

function runOf(entries: readonly Buffer[], bytes: number): Buffer {
  if (entries.length === 1) return entries[0] as Buffer;
  const row = Buffer.allocUnsafeSlow(5 + 4 * entries.length + bytes);
  row[0] = KIND_RUN;
  row.writeUInt32LE(entries.length, 1);
  let at = 5;
  for (const entry of entries) {
    row.writeUInt32LE(entry.length, at);
    entry.copy(row, at + 4);
    at += 4 + entry.length;
  }
  return row;
}

/** The entries of a row, as views of it. Errors: ENGRAM_STORE_REPLY for a row that is cut short. */
export function entriesOfRow(row: Buffer): Buffer[] {
  if (row[0] !== KIND_RUN) return [row];
  const reader = new RecordReader(row, 1);
  const entries = new Array<Buffer>(reader.u32());
  for (let i = 0; i < entries.length; i++) {
    const { at, end } = reader.block();
    entries[i] = row.subarray(at, end);
  }
  if (!reader.done) throw new EngineError("ENGRAM_STORE_REPLY", "A run of outbox entries is longer than what it says it holds.");
  return entries;
}
