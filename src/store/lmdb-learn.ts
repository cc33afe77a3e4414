/**
 * One learn applied to a draft: the arithmetic of reference semantics §4.2 and §4.3 for LMDB. `redis-scripts.ts` does the same in Lua;
 * the contract suite compares both with a plain twin bit for bit. Symbols come and go through
 * `lmdb-symbols.ts`; what is read and written here is one row a pattern.
 */

import type { EmotiveRecord } from "../model/emotives.ts";
import { raiseAffinity } from "./lmdb-affinity.ts";
import type { Draft } from "./lmdb-commit.ts";
import type { GenerationKeys } from "./lmdb-keys.ts";
import type { SymbolSlot, SymbolSlots } from "./lmdb-symbols.ts";
import type { CommitFacts, Work } from "./outbox-entry.ts";
import { RecordReader, RecordWriter } from "./state-bytes.ts";
import {
  type HeadRecord,
  type Metadata,
  NEW_PATTERN_BYTES,
  newPatternRow,
  readMetadata,
  readWindow,
  writeMetadata,
  writeVector,
  writeWindow,
} from "./state-records.ts";
import type { LearnResult } from "./state-store.ts";

const u32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/**
 * Applies the learn as number `seq`, and raises `head` (not its outbox positions). `slotOf` gives its symbols, asked in their order and once each:
 * that is where new ones get their ids.
 */
export function applyLearn(
  draft: Draft,
  keys: GenerationKeys,
  head: HeadRecord,
  seq: number,
  work: Work,
  symbols: SymbolSlots,
  slotOf: (i: number) => SymbolSlot,
): { result: LearnResult; facts: CommitFacts } {
  const { occurrences, averages } = work;
  const firstNewSymbol = head.symbolCount;
  const symbolIds = new Array<number>(occurrences.length);

  const patternKey = keys.byText("p", work.name);
  const first = newRow(head.patternCount, work);
  const isNew = draft.add(patternKey, first);
  const { patternId, frequency } = isNew ? { patternId: head.patternCount, frequency: 1 } : raise(draft, patternKey, work);

  for (let i = 0; i < occurrences.length; i++) {
    const slot = slotOf(i);
    symbolIds[i] = slot.id;
    symbols.count(slot, head, occurrences[i] as number, isNew ? 1 : 0);
    if (averages.length > 0) symbols.raise(slot, averages);
  }
  // What it added is kept, so that an edit can take it back.
  if (averages.length > 0) raiseAffinity(draft, keys.byId("e", patternId), averages);

  const indexedVectors: number[] = [];
  work.vectors.forEach((vector, position) => {
    if (indexVector(draft, keys, head, vector)) indexedVectors.push(position);
  });

  head.seq = seq;
  head.symbolTotal += work.length;
  if (isNew) {
    head.patternCount += 1;
    head.patternTotal += 1;
    head.uniqueTotal += 1;
  }
  const facts = { generation: head.generation, seq, patternId, isNew, firstNewSymbol, symbolIds, indexedVectors };
  return { facts, result: { seq, generation: head.generation, patternId, isNew, frequency, symbolIds } };
}

/** The slots of a learn whose symbols are at hand as texts. */
export const slotsOf =
  (distinct: readonly string[], symbols: SymbolSlots, head: HeadRecord) =>
  (i: number): SymbolSlot =>
    symbols.of(distinct[i] as string, head);

/** The row of a pattern that is learned for the first time. */
function newRow(patternId: number, { emotives, metadata, persistence }: Work): Buffer {
  if (emotives.length + metadata.length > 0) {
    return patternRow(patternId, 1, new RecordReader(NOTHING), NOTHING, emotives, persistence, metadata);
  }
  const row = Buffer.allocUnsafe(NEW_PATTERN_BYTES);
  newPatternRow(row, patternId, 1);
  return row;
}

const NOTHING = Buffer.alloc(0);

/** Puts this learn into the row of a pattern that was learned before. */
function raise(draft: Draft, key: Buffer, { emotives, metadata, persistence }: Work): { patternId: number; frequency: number } {
  const row = new RecordReader(draft.get(key) as Buffer);
  const patternId = row.f64();
  const frequency = row.f64() + 1;
  const window = row.block();
  draft.put(key, patternRow(patternId, frequency, window, row.rest(), emotives, persistence, metadata));
  return { patternId, frequency };
}

function patternRow(
  patternId: number,
  frequency: number,
  window: RecordReader,
  metadata: Buffer,
  added: readonly EmotiveRecord[],
  persistence: number,
  addedMetadata: Metadata,
): Buffer {
  const writer = new RecordWriter().f64(patternId).f64(frequency);
  writer.block(() => {
    if (added.length === 0) writer.raw(window.rest());
    else writeWindow(writer, [...readWindow(window), ...added].slice(-persistence));
  });
  if (addedMetadata.length === 0) writer.raw(metadata);
  else writeMetadata(writer, union(readMetadata(new RecordReader(metadata)), addedMetadata));
  return writer.finish();
}

/** Per name the values of both, each once, in order of first appearance. */
function union(old: Metadata, added: Metadata): Metadata {
  const sets = new Map(old.map(([name, values]) => [name, new Set(values)]));
  for (const [name, values] of added) {
    const set = sets.get(name) ?? new Set<string>();
    for (const value of values) set.add(value);
    sets.set(name, set);
  }
  return [...sets].map(([name, values]) => [name, [...values]] as const);
}

/** Indexes a vector unless its symbol is indexed already or its length is not the generation's; the first one fixes that length. */
function indexVector(draft: Draft, keys: GenerationKeys, head: HeadRecord, vector: { symbol: string; values: readonly number[] }): boolean {
  const length = vector.values.length;
  if (length === 0 || (head.vectorDimension !== 0 && head.vectorDimension !== length)) return false;
  const key = keys.byText("w", vector.symbol);
  if (draft.get(key) !== undefined) return false;
  const position = head.vectorCount;
  draft.put(key, u32(position));
  const writer = new RecordWriter();
  writeVector(writer, vector);
  draft.put(keys.byId("v", position), writer.finish());
  head.vectorCount += 1;
  head.vectorDimension = length;
  return true;
}
