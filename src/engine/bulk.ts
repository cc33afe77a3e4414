/** Learning many sequences without sessions: a few hundred a commit, held back while the outbox is full. */
import { EngineError } from "../errors.ts";
import type { Event } from "../model/event.ts";
import { toLearnPattern } from "../model/pattern.ts";
import type { LearnCommit, StateStore } from "../store/state-store.ts";
import type { Flusher } from "./flusher.ts";

/** Learns a commit: one wait for the disk carries them all, and no other commit waits longer than some tens of milliseconds for it. */
const COMMIT_LEARNS = 500;

export async function learnInBulk(
  state: StateStore,
  flusher: Flusher,
  kb: string,
  sequences: readonly (readonly Event[])[],
  key: string | undefined,
  limits: { readonly symbolsPerPatternMax: number; readonly persistence: number },
): Promise<{ stored: number; tooShort: number }> {
  const learns: LearnCommit[] = [];
  let tooShort = 0;
  sequences.forEach((events, at) => {
    const length = events.reduce((sum, event) => sum + event.length, 0);
    if (length > limits.symbolsPerPatternMax) {
      throw new EngineError(
        "ENGRAM_LIMIT_EXCEEDED",
        `Sequence ${at} holds ${length} symbols; a pattern may hold ${limits.symbolsPerPatternMax}. Nothing of this batch was learned.`,
      );
    }
    if (length < 2) tooShort++;
    else {
      learns.push({
        kb,
        pattern: toLearnPattern(events.filter((event) => event.length > 0)),
        emotives: [],
        metadata: [],
        vectors: [],
        persistence: limits.persistence,
        atMs: Date.now(),
      });
    }
  });
  for (let from = 0; from < learns.length; from += COMMIT_LEARNS) {
    const part = learns.slice(from, from + COMMIT_LEARNS);
    const requestId = key === undefined ? undefined : `${kb} ${key} ${from}`;
    // A full outbox drains at the pattern store's pace: the loader waits for it, as nobody else has to.
    while ((await state.commitLearns(part, requestId)) === "outboxFull") await flusher.drained();
    flusher.notify();
  }
  return { stored: learns.length, tooShort };
}
