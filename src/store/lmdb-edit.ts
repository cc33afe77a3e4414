/**
 * One edit of a pattern applied to a draft: takes back what the pattern gave to its symbols' counters, totals and affinity, and gives what
 * it is to give now. `redis-edit-script.ts` does the same in Lua; the contract suite compares both with a plain twin bit for bit.
 * Costs about 2 reads and 1 write a distinct symbol.
 */
import { newWindow, type PreparedEdit } from "./edit-entry.ts";
import { lowerAffinity, raiseAffinity, readAffinity } from "./lmdb-affinity.ts";
import type { Draft } from "./lmdb-commit.ts";
import { GenerationKeys } from "./lmdb-keys.ts";
import { f64 } from "./lmdb-outbox.ts";
import { countSymbol } from "./lmdb-symbols.ts";
import { encodeEditEntry } from "./outbox-entry.ts";
import { RecordReader, RecordWriter } from "./state-bytes.ts";
import { decodeSymbol, encodeSymbol, type HeadRecord, writeMetadata, writeWindow } from "./state-records.ts";

/** Applies the edit as number `seq` and raises `head` (not its outbox positions). Answers the outbox entry; undefined: no such pattern. */
export function applyEdit(
  draft: Draft,
  kbNumber: number,
  head: HeadRecord,
  seq: number,
  atMs: number,
  prepared: PreparedEdit,
): Buffer | undefined {
  const { edit, occurrences, averages, body } = prepared;
  const { patternId, change } = edit;
  const keys = new GenerationKeys(kbNumber, head.generation);
  const patternKey = keys.byText("p", edit.name);
  const known = draft.get(patternKey);
  if (known === undefined) return undefined;
  const row = new RecordReader(known);
  if (row.f64() !== patternId) return undefined;
  const frequency = row.f64();
  const gone = change.kind === "delete";
  const nextFrequency = gone ? 0 : (change.frequency ?? frequency);

  const givenKey = keys.byId("e", patternId);
  const given = [...readAffinity(draft.get(givenKey))];
  const regives = gone || change.emotives !== undefined;

  for (const [id, occurrence] of occurrences) {
    const key = keys.byId("c", id);
    const next = decodeSymbol(draft.get(key) as Buffer);
    countSymbol(head, next, occurrence * (nextFrequency - frequency), gone ? -1 : 0);
    draft.put(key, encodeSymbol(next));
    const affinityKey = keys.byId("a", id);
    if (gone && next.patternMemberFrequency === 0) {
      head.goneSymbols += 1;
      draft.remove(affinityKey);
      continue;
    }
    if (regives && given.length > 0) lowerAffinity(draft, affinityKey, given);
    if (averages.length > 0) raiseAffinity(draft, affinityKey, averages);
  }

  head.seq = seq;
  head.symbolTotal += edit.symbolIds.length * (nextFrequency - frequency);
  if (regives) draft.remove(givenKey);
  if (averages.length > 0) raiseAffinity(draft, givenKey, averages);
  if (gone) {
    head.patternTotal -= 1;
    head.uniqueTotal -= 1;
    draft.remove(patternKey);
    draft.put(keys.byId("d", head.deletedCount), f64(patternId));
    head.deletedCount += 1;
  } else {
    const writer = new RecordWriter().f64(patternId).f64(nextFrequency);
    const window = row.block();
    writer.block(() => {
      if (change.emotives === undefined) writer.raw(window.rest());
      else writeWindow(writer, newWindow(change));
    });
    if (change.metadata === undefined) writer.raw(row.rest());
    else writeMetadata(writer, change.metadata);
    draft.put(patternKey, writer.finish());
  }
  return encodeEditEntry(head.generation, seq, atMs, body);
}
