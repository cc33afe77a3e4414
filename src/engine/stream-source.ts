/**
 * The candidate source "stream": every pattern of a kb's generation, exactly once, as columns: first what the pattern store holds, then the
 * unflushed tail. Exact, and the oracle for every other source. Nothing is kept: each question reads the whole kb.
 *
 * The tail is taken before the pattern store is read, and pattern ids are given out densely: whatever is neither in the tail nor deleted must
 * be in the store, so the number of rows is known beforehand. When it does not come out (a clear-all or a delete in between), the reader
 * starts over with a new head.
 */
import { EngineError } from "../errors.ts";
import type { KernelPool } from "../pool/kernel-pool.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import type { KbHead, OutboxEntry, StateStore } from "../store/state-store.ts";
import { newPatterns, tailColumns } from "../store/tail-columns.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";
import { type DeletedPatterns, withoutDeleted } from "./deleted-patterns.ts";
import { type CandidateSource, type Estimate, type Found, KbChanged, type Question, stageNs } from "./plan.ts";
import { NOTHING_SCORED, scoreStream } from "./scoring.ts";

export interface Stream {
  /** Patterns of the kb: what this stream gives, beyond those left out by `firstSymbol` and `from`. */
  readonly patternCount: number;
  /** Symbol ids in it are below this. */
  readonly symbolCount: number;
  columns(): AsyncIterable<CandidateColumns>;
}

/** Opens a scan. `from`: only patterns with an id from this on, all of which must be learned. */
export async function openStream(
  state: StateStore,
  sources: { readonly patterns: PatternStore; readonly deleted: DeletedPatterns },
  head: KbHead,
  options: { readonly firstSymbol?: number; readonly from?: number; readonly signal?: AbortSignal },
): Promise<Stream> {
  const deleted = await sources.deleted.at(head);
  const tail = await state.tail(head.kb, head.generation);
  const waiting = newPatterns(tail);
  const below = waiting[0]?.patternId ?? head.patternCount;
  const fresh = deleted.count === 0 ? waiting : waiting.filter(({ patternId }) => !deleted.has(patternId));
  const { firstSymbol, from = 0 } = options;
  const stored = below - from - deleted.countIn(from, below);
  const wanted = firstSymbol === undefined ? fresh : fresh.filter((entry) => entry.symbolIds[entry.pattern.flat[0]!] === firstSymbol);

  async function* columns(): AsyncIterable<CandidateColumns> {
    let rows = 0;
    if (below > from) {
      for await (const scanned of sources.patterns.scan(head.kb, head.generation, { below, ...options })) {
        const part = withoutDeleted(scanned, deleted);
        rows += part.rows;
        if (part.rows > 0) yield part;
      }
    }
    if (firstSymbol === undefined && rows !== stored) {
      const now = await state.head(head.kb);
      if (now.generation !== head.generation || now.deletedCount > deleted.count) throw new KbChanged();
      throw new EngineError(
        "ENGRAM_STORE_REPLY",
        `The pattern store gave ${rows} of ${stored} patterns of ${head.kb}. If its data were removed, rebuild from a backup.`,
      );
    }
    if (wanted.length > 0) yield tailColumns(wanted);
  }
  return { patternCount: below - deleted.countIn(0, below) + fresh.length, symbolCount: knownSymbols(head, tail), columns };
}

/** Symbols of a head and of a tail that may be newer than it. */
function knownSymbols(head: KbHead, tail: readonly OutboxEntry[]): number {
  let count = head.symbolCount;
  for (const entry of tail) {
    if (entry.kind !== "learn") continue;
    count = Math.max(count, entry.firstNewSymbol);
    for (const id of entry.symbolIds) if (id >= count) count = id + 1;
  }
  return count;
}

/**
 * Nanoseconds a pattern: read from the pattern store and scored on one thread, measured over 100,000 patterns of 14 symbols on embedded
 * ClickHouse (bench/http.ts). It only has to tell a scan from an index, so one figure for every state does.
 */
const ROW_NS = 350;
/** What asking the pattern store costs whatever it holds. */
const FIXED_MICROSECONDS = 2_000;

export class StreamSource implements CandidateSource {
  readonly name = "stream";
  readonly isExact = true;
  readonly #state: StateStore;
  readonly #patterns: PatternStore;
  readonly #deleted: DeletedPatterns;
  readonly #pool: KernelPool;

  constructor(options: { state: StateStore; patterns: PatternStore; deleted: DeletedPatterns; pool: KernelPool }) {
    this.#state = options.state;
    this.#patterns = options.patterns;
    this.#deleted = options.deleted;
    this.#pool = options.pool;
  }

  estimate({ head, config }: Question): Estimate {
    const rowNs = ROW_NS + stageNs(config) / this.#pool.threads;
    return { microseconds: FIXED_MICROSECONDS + (head.patternCount * rowNs) / 1_000 };
  }

  async search({ head, prepare, keep, options }: Question): Promise<Found> {
    const sources = { patterns: this.#patterns, deleted: this.#deleted };
    const stream = await openStream(this.#state, sources, head, options);
    if (stream.patternCount === 0) return { ...NOTHING_SCORED, certified: true, rowsRead: 0 };
    const query = await prepare(stream.symbolCount, stream.patternCount);
    const scored = await scoreStream(this.#pool, query, stream.columns(), keep, options);
    return { ...scored, certified: true, rowsRead: scored.candidates };
  }
}
