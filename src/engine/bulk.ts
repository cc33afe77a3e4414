/**
 * Learning many patterns without sessions: up to a thousand a commit, held back while the outbox is full. One wait for the disk carries a
 * whole commit, so the cost is that of the work itself: packing, which another thread may do, and about 20 µs a pattern of 14 symbols for the commit.
 */
import type { LearnedPattern, NewPattern, PackedPatterns } from "../bulk-types.ts";
import type { LearnResult, PackedLearns, StateStore } from "../store/state-store.ts";
import type { Flusher } from "./flusher.ts";
import { packPatterns } from "./pack-patterns.ts";

/** Learns a commit: no other commit waits longer than some tens of milliseconds for it. */
export const COMMIT_LEARNS = 1_000;

export interface BulkLearner {
  readonly state: StateStore;
  readonly flusher: Flusher;
  /** Called after every commit. */
  readonly committed: (kb: string, learns: PackedLearns, results: readonly LearnResult[]) => void;
  readonly symbolsPerPatternMax: number;
  readonly persistence: number;
}

const TOO_SHORT = "tooShort";

/** Learns at most COMMIT_LEARNS patterns in one commit; answers for each what became of it. A repeat with the same key counts nothing twice. */
export const learnBatch = (
  learner: BulkLearner,
  kb: string,
  patterns: readonly NewPattern[],
  key: string | undefined,
): Promise<readonly (LearnedPattern | typeof TOO_SHORT)[]> => learnPacked(learner, kb, packPatterns(patterns, learner, Date.now()), key);

/** As `learnBatch`, of patterns that were packed before. */
export async function learnPacked(
  { state, flusher, committed }: BulkLearner,
  kb: string,
  { places, packed }: PackedPatterns,
  key: string | undefined,
): Promise<readonly (LearnedPattern | typeof TOO_SHORT)[]> {
  const results = await patiently(flusher, () => state.commitPacked(kb, packed, key === undefined ? undefined : `${kb} ${key}`));
  committed(kb, packed, results);
  const names = Buffer.from(packed.names.buffer, packed.names.byteOffset, packed.names.byteLength);
  return Array.from(places, (at) => {
    const result = results[at];
    if (result === undefined) return TOO_SHORT;
    return { name: `PTRN|${names.toString("hex", at * 20, at * 20 + 20)}`, isNew: result.isNew, frequency: result.frequency };
  });
}

/** A full outbox drains at the pattern store's pace: a load waits for it, as nobody else has to. */
export async function patiently<R>(flusher: Flusher, commit: () => Promise<R | "outboxFull">): Promise<R> {
  for (;;) {
    const done = await commit();
    flusher.notify();
    if (done !== "outboxFull") return done as R;
    await flusher.drained();
  }
}

/** Learns any number, commit by commit; all are durable when it resolves. */
export async function learnInBulk(
  learner: BulkLearner,
  kb: string,
  patterns: readonly NewPattern[],
  key: string | undefined,
): Promise<{ stored: number; tooShort: number }> {
  let tooShort = 0;
  for (let from = 0; from < patterns.length; from += COMMIT_LEARNS) {
    const items = await learnBatch(
      learner,
      kb,
      patterns.slice(from, from + COMMIT_LEARNS),
      key === undefined ? undefined : `${key} ${from}`,
    );
    for (const item of items) if (item === TOO_SHORT) tooShort += 1;
  }
  return { stored: patterns.length - tooShort, tooShort };
}
