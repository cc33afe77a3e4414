/**
 * Keys of the LMDB state store. One tag byte, then fixed-width big-endian numbers, so that bytes sort as the numbers do and everything
 * of a kb's generation lies together; numbers that may pass 2^32 are float64, whose big-endian bytes sort too when not negative.
 *
 *   'M' │ name                                  meta: format, store id, counters, the flush in hand
 *   'R' │ request id (text key)                 what a bulk learn with that id answered       'r' │ slot u32: ring of such ids
 *   'S' │ session id (text key)                 session row                                   'X' │ expiry f64 │ session id (text key)
 *   'K' │ kb (text key)                         kb number u32 │ kb name
 *   'H' │ kb u32                                head │ kb name
 *   'O' │ kb u32 │ position f64                 outbox entry, or a run of entries from that position on (`lmdb-runs.ts`)
 *   'G' │ kb u32 │ generation f64               a generation that is over and not yet swept
 *   tag │ kb u32 │ generation f64 │ rest        of one generation:
 *         'i' symbol (text key) → id u32        'n' id u32 → symbol        'c' id u32 → symbol row      'a' id u32 → affinity record
 *         'p' name (text key) → pattern row     'v' position u32 → vector  'w' symbol (text key) → position u32
 *         'd' position u32 → id f64 of a deleted pattern                   'e' pattern id u32 → what it added to affinities
 *
 * A text key is 0 and the UTF-8 bytes, or, when those pass TEXT_KEY_BYTES_MAX, 1 and their SHA-256 (LMDB takes keys up to 1,978 bytes).
 */
import { createHash } from "node:crypto";

/** Texts beyond this many bytes are keyed by hash. Longer keys make the tree's pages hold fewer of them; most symbols are far shorter. */
const TEXT_KEY_BYTES_MAX = 200;

const tag = (letter: string): number => letter.charCodeAt(0);

/** Tags of what belongs to one generation: what a sweep removes. */
export const GENERATION_TAGS = ["i", "n", "c", "a", "p", "v", "w", "d", "e"] as const;
export type GenerationTag = (typeof GENERATION_TAGS)[number];

/** True when two different texts could share a text key (were SHA-256 broken): the caller compares the text itself. */
export const isHashed = (text: string): boolean => Buffer.byteLength(text, "utf8") > TEXT_KEY_BYTES_MAX;

function withText(prefixBytes: number, text: string): Buffer {
  const bytes = Buffer.byteLength(text, "utf8");
  if (bytes > TEXT_KEY_BYTES_MAX) {
    const key = Buffer.allocUnsafe(prefixBytes + 33);
    key[prefixBytes] = 1;
    createHash("sha256")
      .update(text, "utf8")
      .digest()
      .copy(key, prefixBytes + 1);
    return key;
  }
  const key = Buffer.allocUnsafe(prefixBytes + 1 + bytes);
  key[prefixBytes] = 0;
  key.write(text, prefixBytes + 1, "utf8");
  return key;
}

function textKey(letter: string, text: string): Buffer {
  const key = withText(1, text);
  key[0] = tag(letter);
  return key;
}

export const metaKey = (name: string): Buffer => Buffer.from(`M${name}`, "latin1");
export const FORMAT_KEY = metaKey("format");
export const sessionKey = (id: string): Buffer => textKey("S", id);
export const kbKey = (kb: string): Buffer => textKey("K", kb);
export const requestKey = (id: string): Buffer => textKey("R", id);

export function requestSlotKey(slot: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  key[0] = tag("r");
  key.writeUInt32BE(slot, 1);
  return key;
}

export function expiryKey(expiresAtMs: number, id: string): Buffer {
  const key = withText(9, id);
  key[0] = tag("X");
  key.writeDoubleBE(Math.max(0, expiresAtMs), 1);
  return key;
}
/** The session key inside an expiry key. */
export function sessionKeyOf(expiry: Buffer): Buffer {
  const key = Buffer.from(expiry.subarray(8));
  key[0] = tag("S");
  return key;
}
/** Where the sessions begin that expire later than `nowMs`. */
export function expiryAfter(nowMs: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key[0] = tag("X");
  key.writeDoubleBE(Math.max(0, nowMs), 1);
  key.writeBigUInt64BE(key.readBigUInt64BE(1) + 1n, 1); // the next greater double
  return key;
}
/** First and last bound of all keys with a tag. */
export const tagStart = (letter: string): Buffer => Buffer.of(tag(letter));
export const tagEnd = (letter: string): Buffer => Buffer.of(tag(letter) + 1);

export function headKey(kbNumber: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  key[0] = tag("H");
  key.writeUInt32BE(kbNumber, 1);
  return key;
}

function kbDouble(letter: string, kbNumber: number, value: number): Buffer {
  const key = Buffer.allocUnsafe(13);
  key[0] = tag(letter);
  key.writeUInt32BE(kbNumber, 1);
  key.writeDoubleBE(value, 5);
  return key;
}
export const outboxKey = (kbNumber: number, position: number): Buffer => kbDouble("O", kbNumber, position);
export const overKey = (kbNumber: number, generation: number): Buffer => kbDouble("G", kbNumber, generation);
/** The kb number in an outbox key or a key of a generation that is over. */
export const kbNumberOf = (key: Buffer): number => key.readUInt32BE(1);
export const generationOf = (key: Buffer): number => key.readDoubleBE(5);
export const positionOf = (key: Buffer): number => key.readDoubleBE(5);

/** Bytes before the rest in a key of a generation. */
const PREFIX_BYTES = 13;

/** The keys of one generation of one kb. */
export class GenerationKeys {
  readonly #kb: number;
  readonly #generation: number;

  constructor(kbNumber: number, generation: number) {
    this.#kb = kbNumber;
    this.#generation = generation;
  }

  #prefix(key: Buffer, letter: GenerationTag): Buffer {
    key[0] = tag(letter);
    key.writeUInt32BE(this.#kb, 1);
    key.writeDoubleBE(this.#generation, 5);
    return key;
  }
  byId(letter: "n" | "c" | "a" | "v" | "d" | "e", id: number): Buffer {
    const key = this.#prefix(Buffer.allocUnsafe(PREFIX_BYTES + 4), letter);
    key.writeUInt32BE(id, PREFIX_BYTES);
    return key;
  }
  byText(letter: "i" | "p" | "w", text: string): Buffer {
    return this.#prefix(withText(PREFIX_BYTES, text), letter);
  }
  /** Where the keys of a tag begin. */
  start(letter: GenerationTag): Buffer {
    return this.#prefix(Buffer.allocUnsafe(PREFIX_BYTES), letter);
  }
  /** Where they have ended: the first key of the next generation. */
  end(letter: GenerationTag): Buffer {
    return new GenerationKeys(this.#kb, this.#generation + 1).start(letter);
  }
}
