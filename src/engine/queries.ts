/**
 * A question as the kernels read it: session settings become stages and thresholds, and where symbols are looked into (fuzzy tokens, character
 * mode, the signature stage) the kb's symbol table and the partners come along. Sealed once per symbol count, whichever source asks for it.
 */
import { ensembleKeyOf, ensembleLimit } from "../aggregate/ensemble-key.ts";
import type { EffectiveConfig, StageName } from "../model/session-config.ts";
import type { KernelPool, Partner, PreparedQuery, ScoreOptions, StageSpec, SymbolTable } from "../pool/kernel-pool.ts";
import type { KbHead } from "../store/state-store.ts";
import type { SymbolCache } from "./symbol-cache.ts";

export class Queries {
  readonly #pool: KernelPool;
  readonly #symbols: SymbolCache;
  readonly #head: KbHead;
  readonly #flat: readonly string[];
  readonly #symbolIds: Uint32Array;
  readonly #config: EffectiveConfig;
  readonly #options: ScoreOptions;
  readonly #sealed = new Map<string, PreparedQuery>();
  /** Pairs of a state symbol and a kb symbol that resemble each other, as of the newest query; null without fuzzy tokens. */
  partners: readonly Partner[] | null = null;

  constructor(
    { pool, symbols }: { readonly pool: KernelPool; readonly symbols: SymbolCache },
    head: KbHead,
    flat: readonly string[],
    symbolIds: Uint32Array,
    config: EffectiveConfig,
    options: ScoreOptions,
  ) {
    this.#pool = pool;
    this.#symbols = symbols;
    this.#head = head;
    this.#flat = flat;
    this.#symbolIds = symbolIds;
    this.#config = config;
    this.#options = options;
  }

  /** For patterns whose symbol ids are below `symbolCount`, of which there are at most `patternCount`; `spare` more are kept. Errors: those of the pool. */
  async prepare(symbolCount: number, patternCount: number, spare = 0): Promise<PreparedQuery> {
    const key = `${symbolCount} ${patternCount} ${spare}`;
    const known = this.#sealed.get(key);
    if (known !== undefined) return known;
    const config = this.#config;
    const fuzzy = config.fuzzy_token_threshold ?? 0;
    const looksInside = !config.use_token_matching || config.filter_pipeline.includes("minhash") || fuzzy > 0;
    const table = looksInside ? await this.#symbols.table(this.#head.kb, this.#head.generation, symbolCount) : null;
    if (fuzzy > 0) this.partners = await this.#findPartners(table!, fuzzy);
    const ensemble = ensembleKeyOf(config);
    const query = this.#pool.prepare({
      symbols: this.#flat,
      symbolIds: this.#symbolIds,
      similarity: config.use_token_matching ? "token" : "character",
      recallThreshold: config.recall_threshold,
      partners: this.partners,
      stages: config.filter_pipeline.map((name) => stageSpec(name, config)),
      keep: ensemble.kind === "kernel" ? ensembleLimit(config.max_predictions) + spare : patternCount,
      keepBy: ensemble.kind === "kernel" ? ensemble.key : "similarity",
      table,
      symbolCount,
    });
    this.#sealed.set(key, query);
    return query;
  }

  /** For every position of the state; the pool is asked once per distinct symbol. */
  async #findPartners(table: SymbolTable, threshold: number): Promise<readonly Partner[]> {
    const distinct = [...new Set(this.#flat)];
    const first = new Map(distinct.map((symbol, at) => [at, this.#flat.indexOf(symbol)]));
    const found = await this.#pool.partners(distinct, table, threshold, this.#options);
    return found.map((partner) => ({ ...partner, queryIndex: first.get(partner.queryIndex)! }));
  }
}

function stageSpec(name: StageName, config: EffectiveConfig): StageSpec {
  switch (name) {
    case "length":
      return { name, minRatio: config.length_min_ratio, maxRatio: config.length_max_ratio };
    case "jaccard":
      return { name, threshold: config.jaccard_threshold, minOverlap: config.jaccard_min_overlap };
    case "minhash":
      return { name, threshold: config.minhash_threshold };
    default:
      return { name };
  }
}
