/**
 * One learn applied to a draft: the arithmetic of reference semantics §4.2 and §4.3 for LMDB. `redis-scripts.ts` does the same in Lua;
 * the contract suite compares both with a plain twin bit for bit. Symbols come and go through
 * `lmdb-symbols.ts`; what is read and written here is one row a pattern.
 */

import type { EmotiveRecord } from "../model/emotives.ts";
import type { Draft } from "./lmdb-commit.ts";
import { GenerationKeys } from "./lmdb-keys.ts";
import type { SymbolSlot, SymbolSlots } from "./lmdb-symbols.ts";
import { type CommitFacts, encodeLearnEntry, type PreparedLearn } from "./outbox-entry.ts";
import { RecordReader, RecordWriter } from "./state-bytes.ts";
import {
  type HeadRecord,
  type Metadata,
  readEmotives,
  readMetadata,
  readWindow,
  type SymbolRecord,
  writeEmotives,
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

/** Applies the learn as number `seq`, and raises `head` (not its outbox positions). Answers the result and the outbox entry. */
export function applyLearn(
  draft: Draft,
  kbNumber: number,
  head: HeadRecord,
  seq: number,
  prepared: PreparedLearn,
  symbols: SymbolSlots,
): { result: LearnResult; facts: CommitFacts; entry: Buffer } {
  const { learn, occurrences, averages } = prepared;
  const { pattern } = learn;
  const keys = new GenerationKeys(kbNumber, head.generation);
  const firstNewSymbol = head.symbolCount;
  const slots = pattern.distinct.map((symbol) => symbols.of(symbol, head));
  const symbolIds = slots.map(({ id }) => id);

  const patternKey = keys.byText("p", pattern.name);
  const known = draft.get(patternKey);
  const isNew = known === undefined;
  const row = new RecordReader(known ?? Buffer.alloc(20));
  const oldId = row.f64();
  const patternId = isNew ? head.patternCount : oldId;
  const frequency = row.f64() + 1;
  const window = row.block();
  draft.put(patternKey, patternRow(patternId, frequency, window, row.rest(), learn.emotives, learn.persistence, learn.metadata));

  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i] as SymbolSlot;
    const old = slot.row ?? EMPTY_SYMBOL;
    if (slot.row !== undefined && isNew && old.patternMemberFrequency === 0) head.goneSymbols -= 1;
    symbols.set(slot, countedSymbol(head, old, occurrences[i] as number, isNew ? 1 : 0));
    if (averages.length > 0) raiseAffinity(draft, keys.byId("a", slot.id), averages);
  }
  // What it added is kept, so that an edit can take it back.
  if (averages.length > 0) raiseAffinity(draft, keys.byId("e", patternId), averages);

  const indexedVectors: number[] = [];
  learn.vectors.forEach((vector, position) => {
    if (indexVector(draft, keys, head, vector)) indexedVectors.push(position);
  });

  head.seq = seq;
  head.symbolTotal += pattern.flat.length;
  if (isNew) {
    head.patternCount += 1;
    head.patternTotal += 1;
    head.uniqueTotal += 1;
  }
  const facts = { generation: head.generation, seq, patternId, isNew, firstNewSymbol, symbolIds, indexedVectors };
  return {
    facts,
    result: { seq, generation: head.generation, patternId, isNew, frequency, symbolIds },
    entry: encodeLearnEntry(facts, learn.atMs, prepared.body),
  };
}

/** A symbol's row after a change of its counters; the pmf that finalize-training saw is kept aside when it changes for the first time. */
export function countedSymbol(head: HeadRecord, old: SymbolRecord, frequency: number, members: number): SymbolRecord {
  const keepAside = members !== 0 && head.finalizedSeq !== 0 && old.finalizedSeq !== head.finalizedSeq;
  return {
    frequency: old.frequency + frequency,
    patternMemberFrequency: old.patternMemberFrequency + members,
    finalizedMemberFrequency: keepAside ? old.patternMemberFrequency : old.finalizedMemberFrequency,
    finalizedSeq: keepAside ? head.finalizedSeq : old.finalizedSeq,
  };
}

const EMPTY_SYMBOL = { frequency: 0, patternMemberFrequency: 0, finalizedMemberFrequency: 0, finalizedSeq: 0 };

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

export function raiseAffinity(draft: Draft, key: Buffer, averages: EmotiveRecord): void {
  const bytes = draft.get(key);
  const sums = new Map(bytes === undefined ? [] : readEmotives(new RecordReader(bytes)));
  for (const [name, value] of averages) sums.set(name, (sums.get(name) ?? 0) + value);
  const writer = new RecordWriter();
  writeEmotives(writer, [...sums]);
  draft.put(key, writer.finish());
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
