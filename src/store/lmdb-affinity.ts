/**
 * Affinities: sums of emotives by name, of a symbol, and beside each pattern what it added to them. Raised, lowered, and set as a whole
 * (`redis-affinity-script.ts` does that in Lua). One read and one write a record.
 */
import { EngineError } from "../errors.ts";
import type { EmotiveRecord } from "../model/emotives.ts";
import { encodeSums } from "./affinity-entry.ts";
import type { Draft } from "./lmdb-commit.ts";
import { GenerationKeys } from "./lmdb-keys.ts";
import { encodeAffinityEntry } from "./outbox-entry.ts";
import { RecordReader, RecordWriter } from "./state-bytes.ts";
import { type HeadRecord, readEmotives, writeEmotives } from "./state-records.ts";
import type { SymbolSums } from "./state-store.ts";

/** Per emotive the sum, in order of first appearance. */
export type Sums = Map<string, number>;

/** Bytes of an emotive with a short name: a record of few needs no more room. */
const EMOTIVE_BYTES = 32;

export const readAffinity = (bytes: Buffer | undefined): Sums => new Map(bytes === undefined ? [] : readEmotives(new RecordReader(bytes)));

export function encodeAffinity(sums: Iterable<readonly [string, number]>): Buffer {
  const record = [...sums];
  const writer = new RecordWriter(EMOTIVE_BYTES * record.length);
  writeEmotives(writer, record);
  return writer.finish();
}

export function addAverages(sums: Sums, averages: EmotiveRecord): void {
  for (const [name, value] of averages) sums.set(name, (sums.get(name) ?? 0) + value);
}

export function raiseAffinity(draft: Draft, key: Buffer, averages: EmotiveRecord): void {
  const sums = readAffinity(draft.get(key));
  addAverages(sums, averages);
  draft.put(key, encodeAffinity(sums));
}

/** Takes sums back. A name that comes to exactly 0 goes; so does a record without names. */
export function lowerAffinity(draft: Draft, key: Buffer, given: EmotiveRecord): void {
  const bytes = draft.get(key);
  if (bytes === undefined) return;
  const sums = readAffinity(bytes);
  for (const [name, value] of given) {
    const left = (sums.get(name) ?? 0) - value;
    if (left === 0) sums.delete(name);
    else sums.set(name, left);
  }
  if (sums.size === 0) draft.remove(key);
  else draft.put(key, encodeAffinity(sums));
}

/** Applies them as number `seq` and raises `head` (not its outbox positions). Answers the outbox entry. Errors: ENGRAM_STORE_REPLY. */
export function applyAffinities(draft: Draft, kbNumber: number, head: HeadRecord, seq: number, atMs: number, sums: SymbolSums): Buffer {
  const keys = new GenerationKeys(kbNumber, head.generation);
  for (const [id, record] of sums) {
    if (id >= head.symbolCount) throw unknownSymbol(id);
    if (record.length === 0) draft.remove(keys.byId("a", id));
    else draft.put(keys.byId("a", id), encodeAffinity(record));
  }
  head.seq = seq;
  return encodeAffinityEntry(head.generation, seq, atMs, encodeSums(sums));
}

const unknownSymbol = (id: number): EngineError =>
  new EngineError("ENGRAM_STORE_REPLY", `Symbol id ${id} was never given out in this generation.`);
