/**
 * Reads ClickHouse's Native format in place: a block is a row count and its columns one after the other, so a column is a view and
 * nothing is parsed a row. Blocks may straddle the chunks they come in; a block that lies whole in one chunk is not copied.
 *
 *  ┌──────────┬──────────┬──────────────────────────────────────────────┐
 *  │ #columns │  #rows   │ name, type, data │ name, type, data │ …       │   counts and text lengths are LEB128
 *  └──────────┴──────────┴──────────────────────────────────────────────┘
 *   data of UIntN: rows × N/8 bytes · String: a row, count and bytes · FixedString(n): rows × n · Array(T): rows × u64 ends, then the items
 *
 * Only the types named in WIDTHS are read; anything else is refused by name. Source: ClickHouse's documented Native format, revision 0.
 */
import { EngineError } from "../errors.ts";

const WIDTHS: Readonly<Record<string, number>> = { UInt8: 1, UInt16: 2, UInt32: 4, UInt64: 8, Float64: 8, "FixedString(20)": 20 };

export interface NativeColumn {
  readonly name: string;
  readonly type: string;
  /** Fixed-width items: of the rows, or, in an array column, of all its rows one after the other. */
  readonly items: Uint8Array;
  /** Array columns: u64 a row, the end of the row's items; null otherwise. */
  readonly ends: Uint8Array | null;
  /** Columns of text: a value a row; `items` is empty then. */
  readonly texts?: readonly string[];
}

export interface NativeBlock {
  readonly rows: number;
  readonly columns: readonly NativeColumn[];
}

/** Thrown inside when a block is not complete yet. */
const INCOMPLETE = Symbol("incomplete");

class Cursor {
  at = 0;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly #buffer: Buffer;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  varint(): number {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      if (this.at >= this.bytes.length) throw INCOMPLETE;
      const byte = this.bytes[this.at++]!;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  }
  /** A byte order mark is a character of a symbol like any other, and a decoder's call a text costs more than the text. */
  text(): string {
    const length = this.varint();
    const { at } = this;
    if (at + length > this.bytes.length) throw INCOMPLETE;
    this.at += length;
    return this.#buffer.toString("utf8", at, this.at);
  }
  take(count: number): Uint8Array {
    if (this.at + count > this.bytes.length) throw INCOMPLETE;
    const part = this.bytes.subarray(this.at, this.at + count);
    this.at += count;
    return part;
  }
}

const latin = new TextDecoder("latin1");
const NO_BYTES = new Uint8Array(0);

function readBlock(cursor: Cursor): NativeBlock {
  const columnCount = cursor.varint();
  const rows = cursor.varint();
  const columns: NativeColumn[] = [];
  for (let c = 0; c < columnCount; c++) {
    const name = latin.decode(cursor.take(cursor.varint()));
    const type = latin.decode(cursor.take(cursor.varint()));
    if (type === "String") {
      const texts: string[] = [];
      for (let row = 0; row < rows; row++) texts.push(cursor.text());
      columns.push({ name, type, items: NO_BYTES, ends: null, texts });
      continue;
    }
    const inner = /^Array\((.+)\)$/.exec(type)?.[1];
    const width = WIDTHS[inner ?? type];
    if (width === undefined)
      throw new EngineError("ENGRAM_STORE_REPLY", `The pattern store sent column ${name} of type ${type}, which is not read here.`);
    if (inner === undefined) columns.push({ name, type, items: cursor.take(rows * width), ends: null });
    else {
      const ends = cursor.take(rows * 8);
      const count = rows === 0 ? 0 : Number(new DataView(ends.buffer, ends.byteOffset + (rows - 1) * 8, 8).getBigUint64(0, true));
      columns.push({ name, type, items: cursor.take(count * width), ends });
    }
  }
  return { rows, columns };
}

/** Blocks of a Native byte stream. Views live as long as the chunk they point into. Errors: ENGRAM_STORE_REPLY for a cut or foreign stream. */
export async function* nativeBlocks(chunks: AsyncIterable<Uint8Array>): AsyncIterable<NativeBlock> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    let bytes = chunk;
    if (rest.length > 0) {
      bytes = new Uint8Array(rest.length + chunk.length);
      bytes.set(rest);
      bytes.set(chunk, rest.length);
    }
    const cursor = new Cursor(bytes);
    let whole = 0;
    while (cursor.at < bytes.length) {
      let block: NativeBlock;
      try {
        block = readBlock(cursor);
      } catch (error) {
        if (error === INCOMPLETE) break;
        throw error;
      }
      whole = cursor.at;
      if (block.rows > 0) yield block;
    }
    rest = bytes.subarray(whole);
  }
  if (rest.length > 0) throw new EngineError("ENGRAM_STORE_REPLY", "The pattern store's answer ended in the middle of a block. Try again.");
}
