/** A corpus as blocks of rows, numbered and counted as learning would: ids of symbols and patterns as they first come, learns and members a symbol. */
import { hash } from "node:crypto";
import type { FillLearns, FillPatterns } from "../store/clickhouse-fill.ts";
import type { FilledSymbol } from "../store/lmdb-fill.ts";
import { emptyHead, type HeadRecord } from "../store/state-records.ts";
import { type Corpus, symbolOf } from "./corpus.ts";
import { FirstLearns } from "./first-learns.ts";

/** Learns drawn in a turn: some 100 ms. */
const TURN = 20_000;
/** Symbols a pattern of the corpus has at most. */
const LENGTH_MAX = 60;
const NAME_BYTES = 20;
const UNKNOWN = 0xffffffff;

export interface CorpusBlock {
  readonly patterns: FillPatterns;
  readonly learns: FillLearns;
}

export class CorpusBlocks {
  readonly #corpus: Corpus;
  readonly #first: FirstLearns;
  /** Symbol id by rank, and rank by id. */
  readonly #idOf: Uint32Array;
  readonly #rankOf: Uint32Array;
  /** What stands in the text that names a pattern, by rank. */
  readonly #quoted: string[];
  /** By symbol id. */
  readonly #frequency: Float64Array;
  readonly #members: Float64Array;
  /** Of patterns that were learned more than once, by id. */
  readonly #learned = new Map<number, number>();
  patternCount = 0;
  symbolCount = 0;
  symbolTotal = 0;

  constructor(corpus: Corpus) {
    const { patterns, vocabulary } = corpus.settings;
    this.#corpus = corpus;
    this.#first = new FirstLearns(patterns, (learn, other) => corpus.ranks(learn).join() === corpus.ranks(other).join());
    this.#idOf = new Uint32Array(vocabulary).fill(UNKNOWN);
    this.#rankOf = new Uint32Array(vocabulary);
    this.#quoted = Array.from({ length: vocabulary }, (_, rank) => `['${symbolOf(rank)}']`);
    this.#frequency = new Float64Array(vocabulary);
    this.#members = new Float64Array(vocabulary);
  }

  /** Learns [from, to), which begin where the last block ended. `turn` lets others run. */
  async draw(from: number, to: number, turn: () => Promise<unknown>): Promise<CorpusBlock> {
    const count = to - from;
    const firstId = this.patternCount;
    const names = Buffer.alloc(count * NAME_BYTES);
    const ends = new BigUint64Array(count);
    const symbols = new Uint32Array(count * LENGTH_MAX);
    const patternIds = new BigUint64Array(count);
    const isNew = new Uint8Array(count);
    const firstNewSymbols = new Uint32Array(count);
    let end = 0;
    for (let learn = from; learn < to; learn++) {
      const ranks = this.#corpus.ranks(learn);
      const name = hash("sha1", `[${ranks.map((rank) => this.#quoted[rank]).join(", ")}]`, "buffer");
      const first = this.#first.firstOf(learn, name);
      const id = first === learn ? this.patternCount : this.#first.idOf(first);
      patternIds[learn - from] = BigInt(id);
      firstNewSymbols[learn - from] = this.symbolCount;
      const ids = this.#count(ranks, first === learn ? 1 : 0);
      if (first !== learn) {
        this.#learned.set(id, this.frequencyOf(id) + 1);
      } else {
        isNew[learn - from] = 1;
        const row = id - firstId;
        name.copy(names, row * NAME_BYTES);
        symbols.set(ids, end);
        end += ids.length;
        ends[row] = BigInt(end);
        this.patternCount += 1;
      }
      if ((learn - from) % TURN === TURN - 1) await turn();
    }
    const rows = this.patternCount - firstId;
    return {
      patterns: { firstId, names: names.subarray(0, rows * NAME_BYTES), symbols: symbols.subarray(0, end), ends: ends.subarray(0, rows) },
      learns: { firstSeq: from + 1, patternIds, isNew, firstNewSymbols },
    };
  }

  /** Ids of the symbols, given to new ones as they come. */
  #count(ranks: readonly number[], members: 0 | 1): number[] {
    const ids = ranks.map((rank) => {
      let id = this.#idOf[rank]!;
      if (id === UNKNOWN) {
        id = this.symbolCount;
        this.symbolCount += 1;
        this.#idOf[rank] = id;
        this.#rankOf[id] = rank;
      }
      return id;
    });
    for (let at = 0; at < ids.length; at++) {
      const id = ids[at]!;
      this.#frequency[id]! += 1;
      if (ids.indexOf(id) === at) this.#members[id]! += members;
    }
    this.symbolTotal += ids.length;
    return ids;
  }

  /** The kb's head once everything is drawn. */
  head(generation: number): HeadRecord {
    const { patternCount, symbolCount, symbolTotal } = this;
    return {
      ...emptyHead(),
      generation,
      seq: this.#corpus.settings.patterns,
      patternCount,
      symbolCount,
      symbolTotal,
      patternTotal: patternCount,
      uniqueTotal: patternCount,
      pushed: this.#corpus.settings.patterns,
      trimmed: this.#corpus.settings.patterns,
    };
  }

  /** How often the pattern was learned. */
  frequencyOf(patternId: number): number {
    return this.#learned.get(patternId) ?? 1;
  }

  /** Texts of the symbols, by id. */
  symbols(): string[] {
    return Array.from(this.#rankOf.subarray(0, this.symbolCount), symbolOf);
  }

  /** The symbols with what was counted of them, by id. */
  *counters(): Iterable<FilledSymbol> {
    for (let id = 0; id < this.symbolCount; id++)
      yield { symbol: symbolOf(this.#rankOf[id]!), frequency: this.#frequency[id]!, patternMemberFrequency: this.#members[id]! };
  }
}
