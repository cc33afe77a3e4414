/**
 * The planner: several sources can find the patterns that resemble a state; the cheapest one that can serve a question answers it, or the
 * one that the caller names. A source is asked what it would cost before it is asked to search; asking is cheap (microseconds, or a few
 * reads of document frequencies), searching is not. The answer says which source was used, and what the others said.
 *
 * A new source is one file that implements `CandidateSource` and one line where the engine is composed.
 */
import type { EnsembleKey } from "../aggregate/ensemble-key.ts";
import type { PlanEntry } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import type { EffectiveConfig } from "../model/session-config.ts";
import type { SourceName } from "../model/source-name.ts";
import type { PreparedQuery, ScoreOptions } from "../pool/kernel-pool.ts";
import type { ResidentKb } from "../resident/resident-kb.ts";
import type { KbHead } from "../store/state-store.ts";
import type { Scored } from "./scoring.ts";

/** A state of two symbols or more, put to a kb. */
export interface Question {
  /** As it was read with the session: a source answers for the kb at this sequence number, or a later one. */
  readonly head: KbHead;
  readonly config: EffectiveConfig;
  /** The state, flat, and parallel to it the ids (UNKNOWN_SYMBOL where the kb does not know one). */
  readonly symbols: readonly string[];
  readonly symbolIds: Uint32Array;
  readonly ensemble: EnsembleKey;
  /** Matches the ensemble needs; infinite where every match is in it. */
  readonly keep: number;
  /**
   * The query for the kernels, for patterns whose symbol ids are below `symbolCount`; `patternCount` bounds how many may be kept, `spare` is
   * how many the source may have to pass over afterwards. Sealed once per triple of numbers, however often it is asked for.
   */
  readonly prepare: (symbolCount: number, patternCount: number, spare?: number) => Promise<PreparedQuery>;
  /** The caller named this source: it may take its time to get ready. */
  readonly isForced: boolean;
  /** Patterns a source with an index may read before it must stop and say `certified: false`. */
  readonly rowsMax: number;
  readonly options: ScoreOptions;
}

/** What a search would cost, in microseconds of wall time; or why this source cannot serve the question. */
export type Estimate = { readonly microseconds: number } | { readonly refused: string };

/** Signing a pattern of 14 symbols, on one thread. */
const SIGNED_ROW_NS = 2_000;

/** Nanoseconds a scanned pattern costs one thread beyond what matching does: a pipeline that begins with minhash has every pattern signed. */
export function stageNs({ filter_pipeline }: EffectiveConfig): number {
  return filter_pipeline[0] === "minhash" ? SIGNED_ROW_NS : 0;
}

/** The kb changed under the reader: take a new head and read again. */
export class KbChanged extends Error {}

/** Thrown by a search that finds out late that its source cannot serve; the next best one is asked. The message is the reason. */
export class CannotServe extends Error {}

/** Matches with their books. */
export interface Found extends Scored {
  /** True: the kept matches are those of a scan over every pattern, names and order. */
  readonly certified: boolean;
  /** Patterns whose symbols were read, from wherever. */
  readonly rowsRead: number;
  /** Counters in memory that are as new as what was found. */
  readonly counters?: ResidentKb;
}

export interface CandidateSource {
  readonly name: SourceName;
  /** No estimate of it is below so many microseconds: it is not even asked when another source needs less. */
  readonly leastMicroseconds?: number;
  /** What it finds is always certified. */
  readonly isExact?: boolean;
  estimate(question: Question): Estimate | Promise<Estimate>;
  /** Errors: KbChanged when the kb was cleared meanwhile; those of the stores and of the pool. */
  search(question: Question): Promise<Found>;
}

export interface Plan {
  readonly source: CandidateSource;
  /** What every source said that was asked, the chosen one first. */
  readonly entries: readonly PlanEntry[];
}

/** What a certified answer may cost beyond an uncertified one that is there already. */
const CERTAIN_MICROSECONDS = 250_000;

export class Planner {
  readonly #sources: readonly CandidateSource[];

  /** On equal cost the earlier one serves. */
  constructor(sources: readonly CandidateSource[]) {
    this.#sources = sources;
  }

  /**
   * Asks the cheapest source; when it finds out late that it cannot serve, the next; when what it found is not certified and an exact source says
   * that it needs no more than a quarter of a second, that one. `forced`: that source or none. Errors: ENGRAM_BAD_REQUEST when the forced one
   * cannot serve, with its reason; KbChanged; those of the source.
   */
  async search(question: Omit<Question, "isForced">, forced?: SourceName): Promise<{ plan: Plan; found: Found }> {
    const asked = { ...question, isForced: forced !== undefined };
    const refused: PlanEntry[] = [];
    for (;;) {
      const plan = await this.#choose(asked, forced, refused);
      try {
        const found = await plan.source.search(asked);
        if (!found.certified && !asked.isForced && this.#exactIsNear(plan)) {
          refused.push({ source: plan.source.name, refused: "the budget ended before its answer was certain" });
          continue;
        }
        return { plan, found };
      } catch (error) {
        if (!(error instanceof CannotServe)) throw error;
        refused.push({ source: plan.source.name, refused: error.message });
      }
    }
  }

  #exactIsNear({ entries }: Plan): boolean {
    return entries.some(
      (entry) =>
        "microseconds" in entry &&
        entry.microseconds <= CERTAIN_MICROSECONDS &&
        this.#sources.some(({ name, isExact }) => isExact === true && name === entry.source),
    );
  }

  /** `refused`: sources that are not asked again, with what they said. */
  async #choose(question: Question, forced: SourceName | undefined, refused: readonly PlanEntry[]): Promise<Plan> {
    const entries: PlanEntry[] = [...refused];
    let best: { source: CandidateSource; microseconds: number } | undefined;
    for (const source of this.#sources) {
      if ((forced !== undefined && source.name !== forced) || refused.some((entry) => entry.source === source.name)) continue;
      if (best !== undefined && best.microseconds <= (source.leastMicroseconds ?? 0)) continue;
      // Only what has to wait is awaited: most estimates are a few additions.
      const answer = source.estimate(question);
      const estimate = answer instanceof Promise ? await answer : answer;
      entries.push({ source: source.name, ...estimate });
      if ("microseconds" in estimate && (best === undefined || estimate.microseconds < best.microseconds)) {
        best = { source, microseconds: estimate.microseconds };
      }
    }
    if (best === undefined) {
      const reasons = entries.map((entry) => ("refused" in entry ? `${entry.source}: ${entry.refused}` : entry.source));
      const said = reasons.length === 0 ? "there is no such source" : reasons.join("; ");
      throw new EngineError("ENGRAM_BAD_REQUEST", `The source ${forced ?? "of candidates"} cannot serve this prediction (${said}).`);
    }
    const chosen = best.source;
    return { source: chosen, entries: [...entries].sort((a, b) => Number(b.source === chosen.name) - Number(a.source === chosen.name)) };
  }
}
