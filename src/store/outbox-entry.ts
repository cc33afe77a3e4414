/**
 * A learn as bytes, and an outbox entry as bytes. The body of a learn is encoded once, before its commit; the commit puts in front of
 * it what only the commit knows (number, ids), so Lua never takes the body apart further than it must. Decoding a 14-symbol entry
 * costs about 5 µs; `tail-cache.ts` sees to it that each is decoded once a process.
 *
 *   body     text name │ u32 persistence │ u32 n │ text symbol × n │ block flat (u32…) │ block event ends (u32…) │
 *            block window │ block metadata │ u32 v │ block vector × v
 *   hints    u32 occurrences × n │ record of averages to the end         for the commit only, never stored
 *   entry    u8 kind │ f64 generation │ f64 seq │ f64 atMs │
 *              1 learn     f64 patternId │ u8 isNew │ u32 firstNewSymbol │ u32 n │ u32 symbol id × n │
 *                          u32 k │ u32 position of an indexed vector × k │ body
 *              2 clear
 *              3 finalize  f64 below
 *              4 edit      body of `edit-entry.ts`
 *              5 affinity  body of `affinity-entry.ts`
 *   result   f64 seq │ f64 generation │ f64 patternId │ u8 isNew │ f64 frequency │ u32 n │ u32 symbol id × n      one after another
 */
import { strict as assert } from "node:assert";
import { EngineError } from "../errors.ts";
import { averageEmotives } from "../model/emotives.ts";
import type { LearnPattern } from "../model/pattern.ts";
import type { PendingVector } from "../model/session.ts";
import { decodeSums } from "./affinity-entry.ts";
import { decodeEdit } from "./edit-entry.ts";
import { RecordReader, RecordWriter } from "./state-bytes.ts";
import { readMetadata, readVector, readWindow, writeEmotives, writeMetadata, writeVector, writeWindow } from "./state-records.ts";
import type { LearnCommit, LearnResult, OutboxEntry, PackedExtras } from "./state-store.ts";

const KIND_LEARN = 1;
const KIND_CLEAR = 2;
const KIND_FINALIZE = 3;
const KIND_EDIT = 4;
const KIND_AFFINITY = 5;

/** Bytes of entries in one flush batch: beyond this a batch is cut, so that a few huge patterns do not make one huge insert. */
export const FLUSH_BYTES_MAX = 16 * 2 ** 20;

/** What of a learn its commit works on, besides its symbols. */
export interface Work extends PackedExtras {
  /** Bare name. */
  readonly name: string;
  readonly body: Uint8Array;
  /** For each distinct symbol, how often it stands in the pattern. */
  readonly occurrences: Uint32Array;
  /** Symbols of the flattened sequence. */
  readonly length: number;
  readonly persistence: number;
}

/** A learn made ready for its commit. */
export interface PreparedLearn extends Work {
  readonly learn: LearnCommit;
  readonly body: Buffer;
}

/** How often each distinct symbol stands in a pattern. Asserts that the pattern is one: a mistake here would be counted for ever. */
export function occurrencesOf({ distinct, flat, eventEnds }: LearnPattern): Uint32Array {
  assert.ok((eventEnds.at(-1) ?? 0) === flat.length, "the last event end is the pattern's length");
  const occurrences = new Uint32Array(distinct.length);
  for (const index of flat) {
    if (!(index >= 0 && index < distinct.length)) assert.fail("flat holds indexes into distinct");
    occurrences[index] = (occurrences[index] as number) + 1;
  }
  return occurrences;
}

/** Writes the body of a learn. */
export function bodyOf(body: RecordWriter, learn: Omit<LearnCommit, "kb" | "atMs">): void {
  const { name, distinct, flat, eventEnds } = learn.pattern;
  assert.ok(learn.persistence >= 1, "a pattern keeps at least one emotive record");
  body.text(name).u32(learn.persistence).u32(distinct.length);
  for (const symbol of distinct) body.text(symbol);
  body.u32(flat.length * 4).u32s(flat);
  body.u32(eventEnds.length * 4).u32s(eventEnds);
  body.block(() => writeWindow(body, learn.emotives));
  body.block(() => writeMetadata(body, learn.metadata));
  body.u32(learn.vectors.length);
  for (const vector of learn.vectors) body.block(() => writeVector(body, vector));
}

export function prepareLearn(learn: LearnCommit): PreparedLearn {
  const { pattern, emotives, metadata, vectors, persistence } = learn;
  assert.ok(new Set(pattern.distinct).size === pattern.distinct.length, "distinct symbols are distinct");
  const occurrences = occurrencesOf(pattern);
  const body = new RecordWriter();
  bodyOf(body, learn);
  const averages = averageEmotives(emotives);
  return {
    learn,
    name: pattern.name,
    body: body.finish(),
    occurrences,
    length: pattern.flat.length,
    persistence,
    emotives,
    averages,
    metadata,
    vectors,
  };
}

/**
 * Reads what `bodyOf` wrote; `vectors` those at the given positions, or all. Texts of symbols that are not wanted are passed over and come out empty.
 * Errors: ENGRAM_STORE_REPLY.
 */
export function readBody(reader: RecordReader, isWanted: (symbol: number) => boolean = () => true) {
  const name = reader.text();
  const persistence = reader.u32();
  const distinct = new Array<string>(reader.u32());
  for (let i = 0; i < distinct.length; i++) {
    if (isWanted(i)) distinct[i] = reader.text();
    else {
      reader.skipText();
      distinct[i] = "";
    }
  }
  const flat = reader.u32s(reader.u32() / 4);
  const eventEnds = reader.u32s(reader.u32() / 4);
  const emotives = readWindow(reader.block());
  const metadata = readMetadata(reader.block());
  const offered = Array.from({ length: reader.u32() }, () => reader.block());
  const vectors = (positions: readonly number[] = offered.map((_, i) => i)): PendingVector[] =>
    positions.map((position) => {
      const part = offered[position];
      if (part === undefined) throw new EngineError("ENGRAM_STORE_REPLY", "An outbox entry names a vector it does not hold.");
      return readVector(part);
    });
  return { pattern: { name, distinct, flat, eventEnds }, emotives, metadata, vectors, persistence };
}

export function encodeHints(prepared: PreparedLearn): Buffer {
  const writer = new RecordWriter().u32s(prepared.occurrences);
  writeEmotives(writer, prepared.averages);
  return writer.finish();
}

/** What the commit of a learn decided. */
export interface CommitFacts {
  readonly generation: number;
  readonly seq: number;
  readonly patternId: number;
  readonly isNew: boolean;
  readonly firstNewSymbol: number;
  readonly symbolIds: readonly number[];
  /** Positions in `learn.vectors` of those that were indexed. */
  readonly indexedVectors: readonly number[];
}

export function writeLearnEntry(writer: RecordWriter, facts: CommitFacts, atMs: number, body: Uint8Array): void {
  writer
    .u8(KIND_LEARN)
    .f64(facts.generation)
    .f64(facts.seq)
    .f64(atMs)
    .f64(facts.patternId)
    .u8(facts.isNew ? 1 : 0)
    .u32(facts.firstNewSymbol)
    .u32(facts.symbolIds.length)
    .u32s(facts.symbolIds)
    .u32(facts.indexedVectors.length)
    .u32s(facts.indexedVectors)
    .raw(body);
}

export function encodeLearnEntry(facts: CommitFacts, atMs: number, body: Uint8Array): Buffer {
  const writer = new RecordWriter();
  writeLearnEntry(writer, facts, atMs, body);
  return writer.finish();
}

export const encodeClearEntry = (generation: number, seq: number, atMs: number): Buffer =>
  new RecordWriter().u8(KIND_CLEAR).f64(generation).f64(seq).f64(atMs).finish();

export const encodeFinalizeEntry = (generation: number, seq: number, atMs: number, below: number): Buffer =>
  new RecordWriter().u8(KIND_FINALIZE).f64(generation).f64(seq).f64(atMs).f64(below).finish();

export const encodeEditEntry = (generation: number, seq: number, atMs: number, body: Buffer): Buffer =>
  new RecordWriter().u8(KIND_EDIT).f64(generation).f64(seq).f64(atMs).raw(body).finish();

export const encodeAffinityEntry = (generation: number, seq: number, atMs: number, body: Buffer): Buffer =>
  new RecordWriter().u8(KIND_AFFINITY).f64(generation).f64(seq).f64(atMs).raw(body).finish();

/** Id of the pattern that an entry brings new to the generation; undefined when it brings none. Does not decode more than that. */
export function newPatternOf(entry: Buffer, generation: number): number | undefined {
  const isOne = entry[0] === KIND_LEARN && entry.readDoubleLE(1) === generation && entry[33] === 1;
  return isOne ? entry.readDoubleLE(25) : undefined;
}

/** Decodes an entry; with `texts` "new", symbols that an earlier learn brought come out empty, which is all that a flush needs. */
export function decodeEntry(kb: string, bytes: Buffer, texts: "all" | "new" = "all"): OutboxEntry {
  const reader = new RecordReader(bytes);
  const kind = reader.u8();
  const generation = reader.f64();
  const seq = reader.f64();
  const atMs = reader.f64();
  if (kind === KIND_CLEAR) return { kb, generation, seq, atMs, kind: "clear" };
  if (kind === KIND_FINALIZE) return { kb, generation, seq, atMs, kind: "finalize", below: reader.f64() };
  if (kind === KIND_EDIT) return { kb, generation, seq, atMs, kind: "edit", ...decodeEdit(reader) };
  if (kind === KIND_AFFINITY) return { kb, generation, seq, atMs, kind: "affinity", sums: decodeSums(reader) };
  if (kind !== KIND_LEARN) throw new EngineError("ENGRAM_STORE_REPLY", `An outbox entry has the unknown kind ${kind}.`);
  const patternId = reader.f64();
  const isNew = reader.u8() === 1;
  const firstNewSymbol = reader.u32();
  const symbolIds = reader.u32s(reader.u32());
  const indexedVectors = reader.u32s(reader.u32());
  const { pattern, emotives, metadata, vectors, persistence } = readBody(
    reader,
    texts === "all" ? undefined : (i) => (symbolIds[i] as number) >= firstNewSymbol,
  );
  // Named one by one: spreading one object into another costs as much as all the rest.
  return {
    kb,
    generation,
    seq,
    atMs,
    kind: "learn",
    patternId,
    isNew,
    symbolIds,
    firstNewSymbol,
    pattern,
    emotives,
    metadata,
    vectors: vectors(indexedVectors),
    persistence,
  };
}

export function encodeResults(results: readonly LearnResult[]): Buffer {
  const writer = new RecordWriter();
  for (const { seq, generation, patternId, isNew, frequency, symbolIds } of results) {
    writer.f64(seq).f64(generation).f64(patternId);
    writer.u8(isNew ? 1 : 0).f64(frequency);
    writer.u32(symbolIds.length).u32s(symbolIds);
  }
  return writer.finish();
}

export function decodeResults(bytes: Buffer): LearnResult[] {
  const reader = new RecordReader(bytes);
  const results: LearnResult[] = [];
  while (!reader.done) {
    const seq = reader.f64();
    const generation = reader.f64();
    const patternId = reader.f64();
    const isNew = reader.u8() === 1;
    const frequency = reader.f64();
    results.push({ seq, generation, patternId, isNew, frequency, symbolIds: reader.u32s(reader.u32()) });
  }
  return results;
}
