/**
 * Changes read back from the pattern store, applied to a draft in their order: what a rebuild does, slice by slice. What comes out must be what was
 * recorded. About 20 µs a learn of 14 symbols: learns that follow each other share their symbols' rows.
 */
import { type PreparedEdit, prepareEdit } from "./edit-entry.ts";
import { applyAffinities } from "./lmdb-affinity.ts";
import type { Draft } from "./lmdb-commit.ts";
import { applyEdit } from "./lmdb-edit.ts";
import type { LmdbKbs } from "./lmdb-kbs.ts";
import { GenerationKeys } from "./lmdb-keys.ts";
import { applyLearn, slotsOf } from "./lmdb-learn.ts";
import { markOver } from "./lmdb-sweep.ts";
import type { SymbolKeeper, SymbolSlots } from "./lmdb-symbols.ts";
import { type PreparedLearn, prepareLearn } from "./outbox-entry.ts";
import { checkFacts, checkNext, learnOfEntry, replayError } from "./replay-check.ts";
import { finalize, type HeadRecord, nextGeneration } from "./state-records.ts";
import type { OutboxEntry } from "./state-store.ts";

/** An entry with what of it is made ready before the commit. */
type PreparedEntry =
  | { readonly entry: Extract<OutboxEntry, { kind: "learn" }>; readonly learn: PreparedLearn }
  | { readonly entry: Extract<OutboxEntry, { kind: "edit" }>; readonly edit: PreparedEdit }
  | { readonly entry: Exclude<OutboxEntry, { kind: "learn" | "edit" }> };

export const prepareReplay = (entries: readonly OutboxEntry[]): readonly PreparedEntry[] =>
  entries.map((entry): PreparedEntry => {
    if (entry.kind === "learn") return { entry, learn: prepareLearn(learnOfEntry(entry)) };
    return entry.kind === "edit" ? { entry, edit: prepareEdit(entry) } : { entry };
  });

interface Learning {
  readonly kb: string;
  readonly number: number;
  readonly head: HeadRecord;
  readonly symbols: SymbolSlots;
}

/** Errors: ENGRAM_STORE_REPLY. */
export function replayEntries(draft: Draft, kbs: LmdbKbs, keeper: SymbolKeeper, entries: readonly PreparedEntry[]): void {
  let learning: Learning | undefined;
  /** A change of another kind, and another kb, want the symbols' rows written. */
  const settle = (): void => {
    if (learning === undefined) return;
    learning.symbols.write(learning.head.seq);
    kbs.save(draft, learning.kb, learning.number, learning.head);
    learning = undefined;
  };
  for (const prepared of entries) {
    const { entry } = prepared;
    if ("learn" in prepared) {
      if (learning?.kb !== entry.kb) {
        settle();
        const { number, head } = kbs.open(draft, entry.kb);
        learning = { kb: entry.kb, number, head, symbols: keeper.open(draft, number, head) };
      }
      const { number, head, symbols } = learning as Learning;
      checkNext(entry, head);
      const keys = new GenerationKeys(number, head.generation);
      const slots = slotsOf(prepared.entry.pattern.distinct, symbols, head);
      checkFacts(prepared.entry, applyLearn(draft, keys, head, entry.seq, prepared.learn, symbols, slots).facts);
      continue;
    }
    settle();
    const { number, head } = kbs.open(draft, entry.kb);
    checkNext(entry, head);
    kbs.save(draft, entry.kb, number, applied(draft, number, head, prepared));
  }
  settle();
}

/** The head after a change that is no learn. */
function applied(draft: Draft, number: number, head: HeadRecord, prepared: Exclude<PreparedEntry, { learn: PreparedLearn }>): HeadRecord {
  const { entry } = prepared;
  if ("edit" in prepared) {
    const done = applyEdit(draft, number, head, entry.seq, entry.atMs, prepared.edit);
    if (done === undefined) throw replayError(entry, `it edits pattern ${prepared.entry.name}, which is not there`);
  } else if (entry.kind === "clear") {
    if (head.patternCount > 0 || head.symbolCount > 0) markOver(draft, number, head.generation);
    return nextGeneration(head, entry.generation, entry.seq);
  } else if (entry.kind === "finalize") finalize(head, entry.seq);
  else if (entry.kind === "affinity") applyAffinities(draft, number, head, entry.seq, entry.atMs, entry.sums);
  return head;
}
