/**
 * Learning many patterns without sessions: up to a thousand a commit, held back while the outbox is full. One wait for the disk carries a
 * whole commit, so the cost is that of the work itself: about 25 µs a pattern of 14 symbols on the main thread, the flush not included.
 */
import type { LearnedPattern, NewPattern } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { toLearnPattern } from "../model/pattern.ts";
import type { LearnCommit, LearnResult, StateStore } from "../store/state-store.ts";
import type { Flusher } from "./flusher.ts";

/** Learns a commit: no other commit waits longer than some tens of milliseconds for it. */
export const COMMIT_LEARNS = 1_000;

export interface BulkLearner {
  readonly state: StateStore;
  readonly flusher: Flusher;
  /** Called after every commit. */
  readonly committed: (learns: readonly LearnCommit[], results: readonly LearnResult[]) => void;
  readonly symbolsPerPatternMax: number;
  readonly persistence: number;
}

const TOO_SHORT = "tooShort";

/** Learns at most COMMIT_LEARNS patterns in one commit; answers for each what became of it. A repeat with the same key counts nothing twice. */
export async function learnBatch(
  { state, flusher, committed, symbolsPerPatternMax, persistence }: BulkLearner,
  kb: string,
  patterns: readonly NewPattern[],
  key: string | undefined,
): Promise<readonly (LearnedPattern | typeof TOO_SHORT)[]> {
  const learns: LearnCommit[] = [];
  const atMs = Date.now();
  const places: number[] = [];
  patterns.forEach(({ events, emotives, metadata }, at) => {
    let length = 0;
    for (const event of events) length += event.length;
    if (length > symbolsPerPatternMax) {
      throw new EngineError(
        "ENGRAM_LIMIT_EXCEEDED",
        `Sequence ${at} holds ${length} symbols; a pattern may hold ${symbolsPerPatternMax}. Nothing of this batch was learned.`,
      );
    }
    if (length < 2) {
      places.push(-1);
      return;
    }
    places.push(learns.length);
    learns.push({
      kb,
      pattern: toLearnPattern(events.some((event) => event.length === 0) ? events.filter((event) => event.length > 0) : events),
      emotives: emotives ?? [],
      metadata: metadata ?? [],
      vectors: [],
      persistence,
      atMs,
    });
  });
  const requestId = key === undefined ? undefined : `${kb} ${key}`;
  let results = await state.commitLearns(learns, requestId);
  // A full outbox drains at the pattern store's pace: the loader waits for it, as nobody else has to.
  while (results === "outboxFull") {
    await flusher.drained();
    results = await state.commitLearns(learns, requestId);
  }
  committed(learns, results);
  const learned = results;
  return places.map((at) => {
    const result = learned[at];
    if (result === undefined) return TOO_SHORT;
    return { name: `PTRN|${learns[at]!.pattern.name}`, isNew: result.isNew, frequency: result.frequency };
  });
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
