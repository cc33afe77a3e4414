/**
 * Taking over patterns with the counters they had elsewhere: a learn brings the pattern, its emotives and metadata, and an update of the
 * same batch sets how often it was learned. Both commits carry keys, so a batch that is sent again (its answer was lost, the process was killed
 * between the two) changes nothing twice. A pattern the kb knows already is added to: frequencies add up, windows append, metadata unite.
 */
import type { ImportedPattern } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import type { EmotiveRecord } from "../model/emotives.ts";
import { type LearnCommit, type LearnResult, type PatternEdit, type StateStore, UNKNOWN_SYMBOL } from "../store/state-store.ts";
import { patiently } from "./bulk.ts";
import type { Flusher } from "./flusher.ts";

interface Committer {
  readonly state: StateStore;
  readonly flusher: Flusher;
}

/** As many as a bulk learn commits at a time; an import makes up to two outbox entries of each. */
const COMMIT_PATTERNS = 500;

/** Imports a batch of distinct patterns under a key. Resolves when all is durable. */
export async function importPatterns(
  { state, flusher }: Committer,
  kb: string,
  patterns: readonly ImportedPattern[],
  key: string,
  persistence: number,
): Promise<void> {
  if (new Set(patterns.map(({ pattern }) => pattern.name)).size !== patterns.length) {
    throw new EngineError("ENGRAM_BAD_REQUEST", "A batch of an import names a pattern twice. Add their frequencies up before.");
  }
  const atMs = Date.now();
  for (let from = 0; from < patterns.length; from += COMMIT_PATTERNS) {
    const part = patterns.slice(from, from + COMMIT_PATTERNS);
    const learns = part.map(
      ({ pattern, emotives, metadata }): LearnCommit => ({
        kb,
        pattern,
        emotives,
        metadata,
        vectors: [],
        persistence: Math.max(persistence, emotives.length),
        atMs,
      }),
    );
    const results = await patiently(flusher, () => state.commitLearns(learns, `${kb} ${key} ${from} learn`));
    const edits = part.flatMap((one, at) => (one.frequency === 1 ? [] : [frequencyEdit(one, results[at]!)]));
    if (edits.length === 0) continue;
    const outcomes = await patiently(flusher, () =>
      state.editPatterns(kb, results[0]!.generation, edits, atMs, `${kb} ${key} ${from} edit`),
    );
    if (outcomes.includes("unknown")) {
      throw new EngineError(
        "ENGRAM_CONFLICT",
        `Patterns of ${kb} were cleared or deleted while it was imported. Clear it and import again.`,
      );
    }
  }
}

function frequencyEdit({ pattern, frequency, emotives }: ImportedPattern, result: LearnResult): PatternEdit {
  return {
    name: pattern.name,
    patternId: result.patternId,
    symbolIds: pattern.flat.map((at) => result.symbolIds[at]!),
    eventEnds: pattern.eventEnds,
    // The learn itself counted one.
    change: { kind: "update", frequency: result.frequency - 1 + frequency, persistence: Math.max(1, emotives.length) },
  };
}

/** Sets sums of emotives by symbol; answers how many of the symbols the kb knows. A repeat changes no figure. */
export async function setAffinities(
  { state, flusher }: Committer,
  kb: string,
  affinities: readonly (readonly [symbol: string, sums: EmotiveRecord])[],
): Promise<number> {
  const { generation } = await state.head(kb);
  const ids = await state.symbolIds(
    kb,
    generation,
    affinities.map(([symbol]) => symbol),
  );
  // Of a symbol named twice the last counts.
  const sums = new Map<number, EmotiveRecord>();
  affinities.forEach(([, record], at) => {
    if (ids[at] !== UNKNOWN_SYMBOL) sums.set(ids[at]!, record);
  });
  if (sums.size === 0) return 0;
  const done = await patiently(flusher, () => state.setAffinities(kb, generation, [...sums], Date.now()));
  if (done === "over") throw new EngineError("ENGRAM_CONFLICT", `${kb} was cleared while affinities were set. Set them again.`);
  return sums.size;
}
