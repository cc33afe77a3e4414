/**
 * Writing and reading the little-endian records of the state stores: numbers of fixed width, and strings as a u32 byte length and their
 * UTF-8 bytes. Every number that is added up is a float64, kept bit for bit (a sign of zero too), so both back ends agree exactly.
 * About 50 ns a string. Not for large columns: the wire has its own layouts.
 */
import { EngineError } from "../errors.ts";
import { GrowingBytes } from "./growing-bytes.ts";

/** Room to start with: a 14-symbol learn takes about 300 bytes, a session about 1 kB. */
const START_BYTES = 512;

export class RecordWriter extends GrowingBytes {
  /** `room`: bytes it has to begin with, for a record that is known to be small. */
  constructor(room = START_BYTES) {
    super(room);
  }

  u8(value: number): this {
    const at = this.need(1);
    this.bytes[at] = value;
    return this;
  }
  u32(value: number): this {
    const at = this.need(4);
    this.bytes.writeUInt32LE(value, at);
    return this;
  }
  f64(value: number): this {
    const at = this.need(8);
    this.bytes.writeDoubleLE(value, at);
    return this;
  }
  u32s(values: readonly number[] | Uint32Array): this {
    const at = this.need(values.length * 4);
    for (let i = 0; i < values.length; i++) this.bytes.writeUInt32LE(values[i] as number, at + i * 4);
    return this;
  }
  raw(bytes: Uint8Array): this {
    const at = this.need(bytes.length);
    this.bytes.set(bytes, at);
    return this;
  }
  /** A u32 byte length, then the UTF-8 bytes. */
  text(value: string): this {
    const lengthAt = this.need(4);
    // Three bytes a UTF-16 unit is the most UTF-8 needs: one write instead of a count and a write.
    const at = this.need(value.length * 3);
    const bytes = this.bytes.write(value, at, "utf8");
    this.bytes.writeUInt32LE(bytes, lengthAt);
    this.at = at + bytes;
    return this;
  }
  /** A u32 byte length, then what `write` appends. */
  block(write: () => void): this {
    const lengthAt = this.need(4);
    write();
    this.bytes.writeUInt32LE(this.at - lengthAt - 4, lengthAt);
    return this;
  }
  /** Writes over what stands at `at`. */
  setU32(at: number, value: number): void {
    this.bytes.writeUInt32LE(value, at);
  }
  /** The bytes written so far; the writer must not be used afterwards. */
  finish(): Buffer {
    return this.bytes.subarray(0, this.at);
  }
}

/** Reads in the order of writing. A record that ends early is a broken store: ENGRAM_STORE_REPLY. */
export class RecordReader {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  #take(bytes: number): number {
    const at = this.at;
    if (at + bytes > this.end) throw new EngineError("ENGRAM_STORE_REPLY", "A record of the state store is cut short.");
    this.at = at + bytes;
    return at;
  }

  get done(): boolean {
    return this.at >= this.end;
  }
  u8(): number {
    return this.bytes[this.#take(1)] as number;
  }
  u32(): number {
    return this.bytes.readUInt32LE(this.#take(4));
  }
  f64(): number {
    return this.bytes.readDoubleLE(this.#take(8));
  }
  u32s(count: number): number[] {
    const at = this.#take(count * 4);
    const values = new Array<number>(count);
    for (let i = 0; i < count; i++) values[i] = this.bytes.readUInt32LE(at + i * 4);
    return values;
  }
  text(): string {
    const bytes = this.u32();
    const at = this.#take(bytes);
    return this.bytes.toString("utf8", at, at + bytes);
  }
  /** Passes over a text. */
  skipText(): void {
    this.#take(this.u32());
  }
  /** A reader of the next `bytes` bytes; this one goes on behind them. */
  part(bytes: number): RecordReader {
    const at = this.#take(bytes);
    return new RecordReader(this.bytes, at, at + bytes);
  }
  /** A reader of a block written by `RecordWriter.block`. */
  block(): RecordReader {
    return this.part(this.u32());
  }
  /** What is left, without copying. */
  rest(): Buffer {
    return this.bytes.subarray(this.at, this.end);
  }
}
