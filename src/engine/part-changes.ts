/**
 * A part of an archive made ready to be learned: unpacked, its names checked, its changes in runs of one kind that each are one commit, learns packed.
 * Runs on any thread; about 13 µs a learn of 14 symbols.
 */
import { EngineError } from "../errors.ts";
import { patternName } from "../model/pattern.ts";
import { decodePart } from "../store/archive-part.ts";
import { LearnPacker } from "../store/packed-learns.ts";
import type { OutboxEntry, PackedLearns, PatternEdit, SymbolSums } from "../store/state-store.ts";

/**
 * Learns a commit over LMDB. A commit writes every page of the store that it touches, and most of them whatever its size: four times as many learns as in
 * other bulk commits cost a quarter less each, and hold up other commits for some 150 ms.
 */
export const IMPORT_COMMIT_LEARNS = 4_000;
/** Edits a commit. */
const COMMIT_EDITS = 500;

export type PartRun =
  | { readonly kind: "learn"; readonly packed: PackedLearns }
  | { readonly kind: "edit"; readonly edits: readonly PatternEdit[]; readonly atMs: number }
  | { readonly kind: "finalize"; readonly below: number }
  | { readonly kind: "affinity"; readonly sums: SymbolSums };

export interface PartChanges {
  /** How many changes there are. */
  readonly changes: number;
  readonly runs: readonly PartRun[];
}

/** Errors: ENGRAM_ARCHIVE_BROKEN. */
export async function partChanges(bytes: Buffer): Promise<PartChanges> {
  const runs: PartRun[] = [];
  let changes = 0;
  /** The run under way. */
  let learns: LearnPacker | undefined;
  let edits: PatternEdit[] = [];
  let editsAtMs = 0;
  const settle = (): void => {
    if (learns !== undefined) runs.push({ kind: "learn", packed: learns.finish() });
    if (edits.length > 0) runs.push({ kind: "edit", edits, atMs: editsAtMs });
    learns = undefined;
    edits = [];
  };
  for (const entry of await decodePart(bytes)) {
    changes += 1;
    if (entry.kind === "learn") {
      assertName(entry);
      if (edits.length > 0 || learns?.count === IMPORT_COMMIT_LEARNS) settle();
      learns ??= new LearnPacker();
      learns.add(entry);
      continue;
    }
    if (entry.kind === "edit") {
      if (learns !== undefined || edits.length === COMMIT_EDITS) settle();
      if (edits.length === 0) editsAtMs = entry.atMs;
      const { name, patternId, symbolIds, eventEnds, change } = entry;
      edits.push({ name, patternId, symbolIds, eventEnds, change });
      continue;
    }
    settle();
    if (entry.kind === "finalize") runs.push({ kind: "finalize", below: entry.below });
    else if (entry.kind === "affinity") runs.push({ kind: "affinity", sums: entry.sums });
    else throw new EngineError("ENGRAM_ARCHIVE_BROKEN", "The archive holds a clear-all, which no part does.");
  }
  settle();
  return { changes, runs };
}

/** A pattern's name is the hash of what it holds; an archive in which it is not was changed. */
function assertName({ pattern }: Extract<OutboxEntry, { kind: "learn" }>): void {
  const { name, distinct, flat, eventEnds } = pattern;
  let from = 0;
  const events = eventEnds.map((end) => {
    const event = flat.slice(from, end).map((at) => distinct[at] as string);
    from = end;
    return event;
  });
  if (from === flat.length && new Set(distinct).size === distinct.length && patternName(events) === name) return;
  throw new EngineError("ENGRAM_ARCHIVE_BROKEN", `Pattern ${name} of the archive is not what its name says. Fetch or copy it again.`);
}
