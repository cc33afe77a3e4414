/** Bytes that are written one behind the other; the room doubles where it does not suffice. What records (`state-bytes.ts`) and rows (`row-text.ts`) stand on. */
export class GrowingBytes {
  protected bytes: Buffer;
  protected at = 0;

  /** `room`: bytes to begin with. */
  constructor(room: number) {
    this.bytes = Buffer.allocUnsafe(room);
  }

  /** Makes room for so many bytes more, and passes over them: where they begin. */
  protected need(count: number): number {
    const at = this.at;
    const end = at + count;
    if (end > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, at);
      this.bytes = larger;
    }
    this.at = end;
    return at;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.at;
  }
  /** A copy of the bytes written so far, in memory of its own; the writer begins anew, in the room it has. */
  take(): Buffer {
    const bytes = Buffer.allocUnsafeSlow(this.at);
    this.bytes.copy(bytes, 0, 0, this.at);
    this.at = 0;
    return bytes;
  }
}
