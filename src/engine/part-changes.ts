/**
 * A part of an archive made ready to be learned: unpacked, its names checked, its changes in runs of one kind that each are one commit, learns packed.
 * Runs on any thread; about 25 µs a learn of 14 symbols.
 */
import { EngineError } from "../errors.ts";
import { patternName } from "../model/pattern.ts";
import { decodePart } from "../store/archive-part.ts";
import { LearnPacker } from "../store/packed-learns.ts";
import type { OutboxEntry, PackedLearns, PatternEdit, SymbolSums } from "../store/state-store.ts";

/** Learns a commit, as in bulk learning: no other commit waits longer than some tens of milliseconds for it. */
const COMMIT_LEARNS = 1_000;
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
  const entries = await decodePart(bytes);
  const runs: PartRun[] = [];
  for (let from = 0; from < entries.length; ) {
    const { kind } = entries[from] as OutboxEntry;
    const max = kind === "learn" ? COMMIT_LEARNS : kind === "edit" ? COMMIT_EDITS : 1;
    let to = from + 1;
    while (to < entries.length && to - from < max && entries[to]?.kind === kind) to += 1;
    runs.push(runOf(entries.slice(from, to)));
    from = to;
  }
  return { changes: entries.length, runs };
}

function runOf(entries: readonly OutboxEntry[]): PartRun {
  const packer = new LearnPacker();
  const edits: PatternEdit[] = [];
  for (const entry of entries) {
    if (entry.kind === "finalize") return { kind: "finalize", below: entry.below };
    if (entry.kind === "affinity") return { kind: "affinity", sums: entry.sums };
    if (entry.kind === "clear") throw new EngineError("ENGRAM_ARCHIVE_BROKEN", "The archive holds a clear-all, which no part does.");
    if (entry.kind === "learn") {
      assertName(entry);
      packer.add(entry);
      continue;
    }
    const { name, patternId, symbolIds, eventEnds, change } = entry;
    edits.push({ name, patternId, symbolIds, eventEnds, change });
  }
  if (packer.count > 0) return { kind: "learn", packed: packer.finish() };
  return { kind: "edit", edits, atMs: entries[0]?.atMs ?? 0 };
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
