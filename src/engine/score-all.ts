/**
 * Bulk scoring: many states against one kb, pulled as a stream. States are taken a group at a time; each range of the kb's patterns is in the
 * kernels' memory once for the whole group, so it stays in the caches while state after state meets it, and every core works. Exact: what a
 * state's prediction would match at this recall threshold, without pipeline, is what comes.
 *
 * Bounded: two groups at a time (one being given out, one being scored), each with at most `keep` hits a state and GROUP_HITS_MAX in all. A group is begun when the one
 * before it is asked for, and no sooner. Not for one state: a prediction brings structure and metrics besides.
 */
import type { ScoreAllRequest, ScoredState } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { type Event, flatten } from "../model/event.ts";
import type { KernelPool, PackedQueries, ScoreOptions } from "../pool/kernel-pool.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import type { KbHead, StateStore } from "../store/state-store.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";
import { packQueries } from "../wire/query-pack.ts";
import { BestHits } from "./best-hits.ts";
import type { DeletedPatterns } from "./deleted-patterns.ts";
import { KbChanged } from "./plan.ts";
import { openStream } from "./stream-source.ts";
import type { SymbolCache } from "./symbol-cache.ts";

/**
 * States of a group: for each group the kb's patterns are read and copied once, on one thread. Thousands of states make that nothing beside the scoring,
 * on whichever number of cores; of a large kb a group then takes minutes, and so would the first answers.
 */
const GROUP_STATES_MIN = 1_024;
const GROUP_STATES_MAX = 4_096;
/** Pairs that a group should not pass, unless it has fewest states: some ten seconds. */
const GROUP_PAIRS = 8e9;
/** Hits that a group may keep; it may hold twice as many, of 28 bytes, for a while: 235 MB. */
const GROUP_HITS_MAX = 4_194_304;
/** A group ends here too: states of thousands of symbols have query blocks of megabytes. */
const GROUP_SYMBOLS_MAX = 262_144;
/** Ranges of patterns in the pool at a time: one is copied and made while one is scored. */
const RANGES = 2;
/** Times a kb may be cleared under one group before the caller is told to try again. */
const TRIES = 5;
const NAME_BYTES = 20;

const KEEP_DEFAULT = 1_000;
const KEEP_MAX = 65_536;
const CUTOFF_DEFAULT = 0.5;

export interface BulkScorerOptions {
  readonly state: StateStore;
  readonly patterns: PatternStore;
  readonly deleted: DeletedPatterns;
  readonly pool: KernelPool;
  readonly symbols: SymbolCache;
  /** Refuses when the engine is closed; else closing waits for the call. */
  during<R>(call: () => Promise<R>): Promise<R>;
}

interface Settings {
  readonly cutoff: number;
  readonly keep: number;
  readonly similarity: "token" | "character";
  readonly signal: AbortSignal | undefined;
}

interface Group {
  readonly first: number;
  readonly states: readonly (readonly string[])[];
}

interface ScoredGroup {
  /** Number of its first state. */
  readonly first: number;
  /** Patterns that each state was compared with. */
  readonly patterns: number;
  readonly best: readonly BestHits[];
}

export class BulkScorer {
  readonly #options: BulkScorerOptions;

  constructor(options: BulkScorerOptions) {
    this.#options = options;
  }

  /** One answer a state, in the states' order. Errors: ENGRAM_BAD_REQUEST for settings out of range; those of the stores and the pool. */
  async *score(request: ScoreAllRequest): AsyncGenerator<ScoredState> {
    const settings = settingsOf(request);
    const { patternCount } = await this.#options.during(() => this.#options.state.head(request.kb));
    const groups = groupsOf(request.queries, statesOf(patternCount, settings.keep));
    const score = async (): Promise<ScoredGroup | undefined> => {
      const next = await groups.next();
      return next.done === true ? undefined : this.#options.during(() => this.#group(request.kb, next.value, settings));
    };
    let coming = score();
    // Looked at when its turn comes; until then its failure is nobody's.
    coming.catch(() => undefined);
    try {
      for (;;) {
        const scored = await coming;
        if (scored === undefined) return;
        coming = score();
        coming.catch(() => undefined);
        // One by one, each when it is asked for: as objects, all hits of a group would be many times their bytes.
        for (const [at, hits] of scored.best.entries()) {
          yield { index: scored.first + at, patterns: scored.patterns, matched: hits.matched, matches: hits.sorted() };
        }
      }
    } finally {
      await coming.catch(() => undefined);
      await groups.return(undefined);
    }
  }

  async #group(kb: string, group: Group, settings: Settings): Promise<ScoredGroup> {
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        return await this.#attempt(await this.#options.state.head(kb), group, settings);
      } catch (error) {
        if (!(error instanceof KbChanged)) throw error;
      }
    }
    throw new EngineError("ENGRAM_CONFLICT", "The knowledge base was cleared again and again while it was read. Try again.");
  }

  async #attempt(head: KbHead, { first, states }: Group, settings: Settings): Promise<ScoredGroup> {
    const { state, pool } = this.#options;
    const options: ScoreOptions = settings.signal === undefined ? {} : { signal: settings.signal };
    const stream = await openStream(state, this.#options, head, options);
    const best = states.map(() => new BestHits(settings.keep));
    let patterns = 0;
    if (stream.patternCount > 0) {
      const { queries, order } = await this.#pack(head, states, stream.symbolCount, settings);
      await scanRanges(stream.columns(), async (columns) => {
        patterns += columns.rows;
        for (const { first: from, hits } of await pool.scoreMany(queries, columns, options)) {
          let at = 0;
          for (let q = 0; q < hits.queries; q++) {
            const own = best[order[from + q]!]!;
            own.matched += hits.matched[q]!;
            for (const end = at + hits.kept[q]!; at < end; at++) own.add(hits.similarities[at]!, hits.names, at * NAME_BYTES);
          }
        }
      });
    }
    return { first, patterns, best };
  }

  /** The states that can match anything, packed; `order[i]` is the state of packed query i. */
  async #pack(head: KbHead, states: Group["states"], symbolCount: number, settings: Settings) {
    const { pool, symbols } = this.#options;
    const table = settings.similarity === "character" ? await symbols.table(head.kb, head.generation, symbolCount) : null;
    const ids = await symbols.ids(head.kb, head.generation, states.flat());
    const order: number[] = [];
    const prepared = [];
    let from = 0;
    for (const [i, own] of states.entries()) {
      const symbolIds = ids.subarray(from, from + own.length);
      from += own.length;
      if (own.length === 0) continue;
      order.push(i);
      prepared.push(
        pool.prepare({
          symbols: own,
          symbolIds,
          similarity: settings.similarity,
          recallThreshold: settings.cutoff,
          partners: null,
          stages: [],
          keep: settings.keep,
          keepBy: "similarity",
          table,
          symbolCount,
        }),
      );
    }
    const queries: PackedQueries = { pack: packQueries(prepared), table, symbolCount };
    return { queries, order };
  }
}

/** Hands ranges to `score`, RANGES at a time; stops at the first error, after what runs has ended. */
async function scanRanges(columns: AsyncIterable<CandidateColumns>, score: (range: CandidateColumns) => Promise<void>): Promise<void> {
  const running = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  try {
    for await (const range of columns) {
      const scoring = score(range).catch((error: unknown) => {
        failure ??= { error };
      });
      running.add(scoring);
      void scoring.then(() => running.delete(scoring));
      if (running.size >= RANGES) await Promise.race(running);
      if (failure !== undefined) break;
    }
  } finally {
    await Promise.all(running);
  }
  if (failure !== undefined) throw failure.error;
}

/** States of a group against a kb of so many patterns. */
function statesOf(patterns: number, keep: number): number {
  const wanted = Math.min(GROUP_STATES_MAX, Math.max(GROUP_STATES_MIN, Math.floor(GROUP_PAIRS / Math.max(1, patterns))));
  return Math.max(1, Math.min(wanted, Math.floor(GROUP_HITS_MAX / keep)));
}

async function* groupsOf(queries: ScoreAllRequest["queries"], most: number): AsyncGenerator<Group> {
  let states: (readonly string[])[] = [];
  let symbols = 0;
  let first = 0;
  for await (const events of queries as AsyncIterable<readonly Event[]>) {
    const flat = flatten(events);
    states.push(flat);
    symbols += flat.length;
    if (states.length >= most || symbols >= GROUP_SYMBOLS_MAX) {
      yield { first, states };
      first += states.length;
      states = [];
      symbols = 0;
    }
  }
  if (states.length > 0) yield { first, states };
}

function settingsOf({ cutoff = CUTOFF_DEFAULT, keep = KEEP_DEFAULT, similarity = "token", signal }: ScoreAllRequest): Settings {
  // Not the opposite question: NaN must fail too.
  if (!(cutoff >= 0 && cutoff <= 1)) throw new EngineError("ENGRAM_BAD_REQUEST", `cutoff must be a number from 0 to 1, not ${cutoff}.`);
  if (!(Number.isInteger(keep) && keep >= 1 && keep <= KEEP_MAX))
    throw new EngineError("ENGRAM_BAD_REQUEST", `keep must be an integer from 1 to ${KEEP_MAX}, not ${keep}.`);
  return { cutoff, keep, similarity, signal };
}
