/**
 * The records both state stores keep: one layout, read and written by TypeScript (LMDB) and by Lua (Redis, `redis-scripts.ts`; `struct`
 * with the formats given here; its pattern rows alone differ, see `redis-pattern-script.ts`). Little-endian, no padding; a text is a u32 byte length and UTF-8 bytes. A change of any layout is a
 * change of STATE_FORMAT.
 *
 *   head        19 × f64: generation, seq, patternCount, symbolCount, symbol total, pattern total, unique total, vectorDimension,
 *               vectorCount, finalizedBelow, finalizedSeq, the three totals and symbolCount when finalized, pushed, trimmed,
 *               deletedCount, goneSymbols
 *   session     f64 version │ f64 expiresAtMs │ f64 life in ms │ text kb │ JSON bytes to the end
 *   symbol      f64 frequency │ f64 pmf [│ f64 pmf when finalized │ f64 finalizedSeq]       16 or 32 bytes
 *   pattern     f64 id │ f64 frequency │ u32 bytes of the window │ window │ metadata to the end
 *   window      { u32 bytes │ record }…          newest last
 *   record      { text name │ f64 value }…       also the form of an affinity: per emotive the sum
 *   metadata    { text name │ u32 count │ text value… }…    in order of first appearance; sorted where it is read
 *   vector      text symbol │ f64 value… to the end
 *
 * `finalizedSeq` makes finalize-training cheap: it only notes its own sequence number. The first learn that changes a symbol's pmf
 * afterwards puts the old value and that number behind the row; a row without that number was not changed since.
 */
import type { EmotiveRecord } from "../model/emotives.ts";
import { compareSymbols } from "../model/event.ts";
import { decodeSession, encodeSession, type PendingVector, type Session } from "../model/session.ts";
import { RecordReader, RecordWriter } from "./state-bytes.ts";
import type { CounterSnapshot, KbHead, KbTotals, PatternRecord, SymbolCounters } from "./state-store.ts";

/** Version of these layouts and of LMDB's keys; another one found on open is refused with ENGRAM_DATA_FORMAT. */
export const STATE_FORMAT = "3";
/** Earlier ones that are read as they are: 2 has one row an outbox entry and no runs. An older program refuses what a newer one has opened. */
export const STATE_FORMATS_READ: readonly string[] = ["2", STATE_FORMAT];

/** The head as stored. All numbers are whole and below 2^53. */
export interface HeadRecord {
  generation: number;
  seq: number;
  patternCount: number;
  symbolCount: number;
  symbolTotal: number;
  patternTotal: number;
  uniqueTotal: number;
  vectorDimension: number;
  vectorCount: number;
  finalizedBelow: number;
  /** Sequence number of the last finalize-training of this generation; 0 when there was none. */
  finalizedSeq: number;
  finalizedSymbolTotal: number;
  finalizedPatternTotal: number;
  finalizedUniqueTotal: number;
  finalizedSymbolCount: number;
  /** Outbox entries of this kb ever appended, and ever removed: positions in its outbox, never reused. */
  pushed: number;
  trimmed: number;
  deletedCount: number;
  goneSymbols: number;
}

const HEAD_FIELDS = [
  "generation",
  "seq",
  "patternCount",
  "symbolCount",
  "symbolTotal",
  "patternTotal",
  "uniqueTotal",
  "vectorDimension",
  "vectorCount",
  "finalizedBelow",
  "finalizedSeq",
  "finalizedSymbolTotal",
  "finalizedPatternTotal",
  "finalizedUniqueTotal",
  "finalizedSymbolCount",
  "pushed",
  "trimmed",
  "deletedCount",
  "goneSymbols",
] as const satisfies readonly (keyof HeadRecord)[];

export const HEAD_BYTES = HEAD_FIELDS.length * 8;

/** The head of a kb never written: generation 1, and nothing else. */
export function emptyHead(): HeadRecord {
  const head = {} as HeadRecord;
  for (const field of HEAD_FIELDS) head[field] = field === "generation" ? 1 : 0;
  return head;
}

/** The head of the generation after `head`: nothing learned, the outbox goes on. `seq` is the clear's own. */
export function nextGeneration(head: HeadRecord, generation: number, seq: number): HeadRecord {
  return { ...emptyHead(), generation, seq, pushed: head.pushed, trimmed: head.trimmed };
}

export function encodeHead(head: HeadRecord): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES);
  HEAD_FIELDS.forEach((field, i) => {
    bytes.writeDoubleLE(head[field], i * 8);
  });
  return bytes;
}

export function decodeHead(bytes: Buffer): HeadRecord {
  const reader = new RecordReader(bytes);
  const head = {} as HeadRecord;
  for (const field of HEAD_FIELDS) head[field] = reader.f64();
  return head;
}

const totals = (symbol: number, pattern: number, unique: number): KbTotals => ({
  total_symbols_in_patterns_frequencies: symbol,
  total_pattern_frequencies: pattern,
  total_unique_patterns: unique,
});

export function headView(kb: string, head: HeadRecord): KbHead {
  return {
    kb,
    generation: head.generation,
    seq: head.seq,
    patternCount: head.patternCount,
    deletedCount: head.deletedCount,
    symbolCount: head.symbolCount,
    goneSymbols: head.goneSymbols,
    totals: totals(head.symbolTotal, head.patternTotal, head.uniqueTotal),
    vectorDimension: head.vectorDimension,
    finalizedBelow: head.finalizedBelow,
  };
}

/** What the last finalize-training saw, for the symbols whose rows are given; undefined when there was none. */
export function finalizedView(head: HeadRecord, rows: readonly (SymbolRecord | undefined)[]): CounterSnapshot["finalized"] {
  if (head.finalizedSeq === 0) return undefined;
  return {
    totals: totals(head.finalizedSymbolTotal, head.finalizedPatternTotal, head.finalizedUniqueTotal),
    symbolCount: head.finalizedSymbolCount,
    memberFrequencies: rows.map((row) => {
      if (row === undefined) return 0;
      return row.finalizedSeq === head.finalizedSeq ? row.finalizedMemberFrequency : row.patternMemberFrequency;
    }),
  };
}

// ── sessions ──

/** Where in a session row its expiry stands, so that a slide rewrites eight bytes. */
export const EXPIRY_OFFSET = 8;

export function encodeSessionRow(session: Session): Buffer {
  return new RecordWriter()
    .f64(session.version)
    .f64(session.expiresAtMs)
    .f64(session.ttlSeconds * 1_000)
    .text(session.kb)
    .raw(Buffer.from(encodeSession(session), "utf8"))
    .finish();
}

export const sessionVersion = (row: Buffer): number => row.readDoubleLE(0);
export const sessionExpiry = (row: Buffer): number => row.readDoubleLE(EXPIRY_OFFSET);

/** The session of a row; its expiry is the row's, which a slide moves without touching the JSON. */
export function decodeSessionRow(row: Buffer): Session {
  const reader = new RecordReader(row, 24);
  reader.block();
  const session = decodeSession(reader.rest().toString("utf8"));
  const expiresAtMs = sessionExpiry(row);
  return session.expiresAtMs === expiresAtMs ? session : { ...session, expiresAtMs };
}

// ── symbols, patterns, vectors ──

export interface SymbolRecord extends SymbolCounters {
  readonly finalizedMemberFrequency: number;
  /** 0: no pmf was kept aside. */
  readonly finalizedSeq: number;
}

export function encodeSymbol(row: SymbolRecord): Buffer {
  const bytes = Buffer.allocUnsafe(row.finalizedSeq === 0 ? 16 : 32);
  bytes.writeDoubleLE(row.frequency, 0);
  bytes.writeDoubleLE(row.patternMemberFrequency, 8);
  if (row.finalizedSeq !== 0) {
    bytes.writeDoubleLE(row.finalizedMemberFrequency, 16);
    bytes.writeDoubleLE(row.finalizedSeq, 24);
  }
  return bytes;
}

export function decodeSymbol(bytes: Buffer): { -readonly [K in keyof SymbolRecord]: number } {
  const reader = new RecordReader(bytes);
  const frequency = reader.f64();
  const patternMemberFrequency = reader.f64();
  if (reader.done) return { frequency, patternMemberFrequency, finalizedMemberFrequency: 0, finalizedSeq: 0 };
  return { frequency, patternMemberFrequency, finalizedMemberFrequency: reader.f64(), finalizedSeq: reader.f64() };
}

export function writeEmotives(writer: RecordWriter, record: EmotiveRecord): void {
  for (const [name, value] of record) writer.text(name).f64(value);
}

export function readEmotives(reader: RecordReader): EmotiveRecord {
  const record: [string, number][] = [];
  while (!reader.done) record.push([reader.text(), reader.f64()]);
  return record;
}

export function writeWindow(writer: RecordWriter, records: readonly EmotiveRecord[]): void {
  for (const record of records) writer.block(() => writeEmotives(writer, record));
}

export function readWindow(reader: RecordReader): EmotiveRecord[] {
  const records: EmotiveRecord[] = [];
  while (!reader.done) records.push(readEmotives(reader.block()));
  return records;
}

export type Metadata = readonly (readonly [name: string, values: readonly string[]])[];

export function writeMetadata(writer: RecordWriter, metadata: Metadata): void {
  for (const [name, values] of metadata) {
    writer.text(name).u32(values.length);
    for (const value of values) writer.text(value);
  }
}

export function readMetadata(reader: RecordReader): [string, string[]][] {
  const metadata: [string, string[]][] = [];
  while (!reader.done) {
    const name = reader.text();
    const values: string[] = [];
    for (let left = reader.u32(); left > 0; left--) values.push(reader.text());
    metadata.push([name, values]);
  }
  return metadata;
}

/** A pattern without emotives and metadata. */
export const NEW_PATTERN_BYTES = 20;
export function newPatternRow(row: Buffer, patternId: number, frequency: number): void {
  row.writeDoubleLE(patternId, 0);
  row.writeDoubleLE(frequency, 8);
  row.writeUInt32LE(0, 16);
}

export function decodePattern(bytes: Buffer): PatternRecord {
  const reader = new RecordReader(bytes);
  const patternId = reader.f64();
  const frequency = reader.f64();
  return { patternId, frequency, ...decodePatternExtras(reader) };
}

/** Window and metadata of a pattern, to the record's end. */
export function decodePatternExtras(reader: RecordReader): Pick<PatternRecord, "emotives" | "metadata"> {
  const emotives = readWindow(reader.block());
  // Values are stored in order of first appearance, because Lua's own string order follows the server's locale.
  const metadata = readMetadata(reader).map(([name, values]) => [name, values.sort(compareSymbols)] as const);
  return { emotives, metadata };
}

export function writeVector(writer: RecordWriter, vector: PendingVector): void {
  writer.text(vector.symbol);
  for (const value of vector.values) writer.f64(value);
}

export function readVector(reader: RecordReader): PendingVector {
  const symbol = reader.text();
  const values: number[] = [];
  while (!reader.done) values.push(reader.f64());
  return { symbol, values };
}

/** finalize-training as number `seq`: notes the totals of now; the symbols' values are kept when they next change. */
export function finalize(head: HeadRecord, seq: number): void {
  head.seq = seq;
  head.finalizedSeq = seq;
  head.finalizedBelow = head.patternCount;
  head.finalizedSymbolTotal = head.symbolTotal;
  head.finalizedPatternTotal = head.patternTotal;
  head.finalizedUniqueTotal = head.uniqueTotal;
  head.finalizedSymbolCount = head.symbolCount - head.goneSymbols;
}
