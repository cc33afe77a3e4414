/** What a replay must find: changes in order, and commits that decide exactly what was recorded. Both throw ENGRAM_STORE_REPLY. */
import { EngineError } from "../errors.ts";
import type { CommitFacts } from "./outbox-entry.ts";
import type { HeadRecord } from "./state-records.ts";
import { EPOCH_FACTOR, type LearnCommit, type OutboxEntry } from "./state-store.ts";

type LearnEntry = Extract<OutboxEntry, { kind: "learn" }>;

export const learnOfEntry = ({ kb, pattern, emotives, metadata, vectors, persistence, atMs }: LearnEntry): LearnCommit => ({
  kb,
  pattern,
  emotives,
  metadata,
  vectors,
  persistence,
  atMs,
});

export const replayError = (entry: { kb: string; seq: number }, what: string): EngineError =>
  new EngineError("ENGRAM_STORE_REPLY", `Change ${entry.seq} of kb ${entry.kb} cannot be replayed: ${what}.`);

/** The change may follow on the head: the next number (or the first of a later epoch), in the head's generation. A clear may skip ahead. */
export function checkNext(entry: OutboxEntry, head: HeadRecord): void {
  if (entry.kind === "clear") {
    const later = entry.seq > head.seq && (entry.generation > head.generation || head.seq === 0);
    if (!later) throw replayError(entry, "it clears a generation that is over");
    return;
  }
  const laterEpoch = entry.seq > head.seq && entry.seq % EPOCH_FACTOR === 1;
  if (entry.seq !== head.seq + 1 && !laterEpoch) throw replayError(entry, `the change before it is missing (the last is ${head.seq})`);
  if (entry.generation !== head.generation) throw replayError(entry, `the kb is at generation ${head.generation}, not ${entry.generation}`);
  if (entry.kind === "finalize" && entry.below !== head.patternCount) {
    throw replayError(entry, `it finalized ${entry.below} patterns, and ${head.patternCount} are there`);
  }
}

export function checkFacts(entry: LearnEntry, facts: CommitFacts): void {
  const same =
    entry.patternId === facts.patternId &&
    entry.isNew === facts.isNew &&
    entry.firstNewSymbol === facts.firstNewSymbol &&
    entry.vectors.length === facts.indexedVectors.length &&
    entry.symbolIds.length === facts.symbolIds.length &&
    entry.symbolIds.every((id, i) => id === facts.symbolIds[i]);
  if (!same) throw replayError(entry, "the ids that come out are not those recorded");
}
