/**
 * The candidates of a state of one symbol: the shortest patterns that begin with it, equally long ones by name. By an index where that is cheaper: a list of
 * the first ones in that order, which are fetched, and a scan of what is not indexed yet. Else by a scan that leaves out all others.
 *
 * Cost: some 12 ms for the list and 0.1 ms a pattern that is fetched, however many patterns there are; a scan costs 12 ns a pattern of the kb, and up to
 * 80 more where the symbol is frequent.
 */
import type { SourceName } from "../model/source-name.ts";
import type { ScoreOptions } from "../pool/kernel-pool.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import type { KbHead, StateStore } from "../store/state-store.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";
import type { DeletedPatterns } from "./deleted-patterns.ts";
import type { Indexer } from "./indexer.ts";
import { matchesOf, type OneSymbolScan } from "./one-symbol-scan.ts";
import { KbChanged } from "./plan.ts";
import { FETCHED_MICROSECONDS } from "./source-costs.ts";
import { openStream } from "./stream-source.ts";

/*
 * What each way costs, measured over a million patterns (docs/decisions/0023-first-symbols.md). A scan reads the first symbol of every pattern, then a
 * granule for each that begins with the asked one, until it has read them all, then what these hold.
 */
const SCAN_FIXED_MICROSECONDS = 2_000;
const SCAN_ROW_NS = 12;
const SCAN_GRANULE_MICROSECONDS = 250;
const SCAN_ALL_ROW_NS = 80;
const SCAN_MATCH_NS = 3_000;
const LIST_MICROSECONDS = 12_000;
/** Of the patterns that have a symbol, so many begin with it: one in a pattern's usual number of symbols. */
const FIRST_SHARE = 1 / 13;
/** Smaller kbs are scanned before their counters could be asked. */
const SCANNED_PATTERNS = 50_000;
/** Patterns a fetch. */
const FETCH_STEP = 1_024;
/** Ids listed beyond what is kept: deleted patterns whose rows are still there, and rows that stand twice, are passed over. */
const SPARE_IDS = 32;

interface FirstSymbolsOptions {
  readonly state: StateStore;
  readonly patterns: PatternStore;
  readonly deleted: DeletedPatterns;
  readonly indexer: Indexer;
}

export interface FirstSymbolMatches extends OneSymbolScan {
  readonly source: Extract<SourceName, "stream" | "postings">;
}

export class FirstSymbols {
  readonly #options: FirstSymbolsOptions;

  constructor(options: FirstSymbolsOptions) {
    this.#options = options;
  }

  /** The `keep` best. `forced`: by a scan ("stream") or by the index ("postings"), whatever it costs. Errors: KbChanged, those of the stores. */
  async find(head: KbHead, symbol: number, keep: number, options: ScoreOptions, forced?: SourceName): Promise<FirstSymbolMatches> {
    const below = Number.isFinite(keep) && forced !== "stream" ? await this.#indexedBelow(head, symbol, keep, forced === "postings") : 0;
    const { state } = this.#options;
    const { signal } = options;
    const rest = await openStream(state, this.#options, head, { firstSymbol: symbol, from: below, ...(signal && { signal }) });
    if (below === 0) return { ...(await matchesOf(rest.columns(), keep, options)), source: "stream" };
    const ids = await this.#list(head, symbol, keep, below, options);
    const fetch = (): AsyncIterable<CandidateColumns> => this.#fetch(head, ids, options);
    async function* columns(): AsyncIterable<CandidateColumns> {
      yield* rest.columns();
      yield* fetch();
    }
    return { ...(await matchesOf(columns(), keep, options)), source: "postings" };
  }

  /** Ids below are asked of the index; 0: a scan is cheaper, or there is none. */
  async #indexedBelow(head: KbHead, symbol: number, keep: number, isForced: boolean): Promise<number> {
    const { state, indexer } = this.#options;
    const { kb, generation, patternCount } = head;
    if (!isForced && patternCount < SCANNED_PATTERNS) return 0;
    const below = await indexer.firstSymbolsBelow(kb, generation, patternCount);
    if (below === 0 || isForced) return below;
    const { symbols } = await state.counters(kb, generation, [], [symbol]);
    const matches = (symbols[0]?.patternMemberFrequency ?? 0) * FIRST_SHARE;
    const read = Math.min(matches * SCAN_GRANULE_MICROSECONDS, (patternCount * SCAN_ALL_ROW_NS) / 1_000);
    const scan = SCAN_FIXED_MICROSECONDS + (patternCount * SCAN_ROW_NS + matches * SCAN_MATCH_NS) / 1_000 + read;
    const list = LIST_MICROSECONDS + Math.min(keep, matches) * FETCHED_MICROSECONDS;
    return list < scan ? below : 0;
  }

  /** The first `keep` that are not deleted. */
  async #list(head: KbHead, symbol: number, keep: number, below: number, { signal }: ScoreOptions): Promise<number[]> {
    const { index } = this.#options.patterns;
    const deleted = await this.#options.deleted.at(head);
    for (let limit = keep + SPARE_IDS; ; limit *= 4) {
      const rows = await index.beginningWith(head.kb, head.generation, symbol, { below, limit, ...(signal && { signal }) });
      const ids = [...new Set(rows)].filter((id) => !deleted.has(id));
      if (ids.length >= keep || rows.length < limit) return ids.slice(0, keep);
    }
  }

  async *#fetch(head: KbHead, ids: readonly number[], { signal }: ScoreOptions): AsyncIterable<CandidateColumns> {
    const { patterns, state } = this.#options;
    const { kb, generation } = head;
    let rows = 0;
    for (let at = 0; at < ids.length; at += FETCH_STEP) {
      for await (const columns of patterns.index.fetch(kb, generation, ids.slice(at, at + FETCH_STEP), signal)) {
        rows += columns.rows;
        yield columns;
      }
    }
    if (rows === ids.length) return;
    // One of them was deleted or the kb was cleared meanwhile: the next best would be missing.
    const now = await state.head(kb);
    if (now.generation !== generation || now.deletedCount > head.deletedCount) throw new KbChanged();
  }
}
