/**
 * What a scan is asked, as values: the state, how to compare, which stages, what to keep. `query-block.ts` turns it into the bytes that the
 * kernels read.
 */

/** Texts and hashes of a kb's symbols, by symbol id, for the stages that look inside symbols (fuzzy tokens, character mode, minhash). */
export interface SymbolTable {
  /** Identifies the table's content: `kb`, generation and count; equal keys mean equal bytes. */
  readonly key: string;
  /** What the table grows from: `kb` and generation. Of two tables of one origin the shorter is the longer's beginning. */
  readonly origin: string;
  readonly count: number;
  /** u32[count + 1]: where each symbol's code points start. */
  readonly textOffsets: Uint32Array<SharedArrayBuffer>;
  /** Code points of all symbols, one after the other. */
  readonly codePoints: Uint32Array<SharedArrayBuffer>;
  /** u32[count]: first 4 bytes, little endian, of the SHA-1 of the symbol's UTF-8 bytes. */
  readonly hashes: Uint32Array<SharedArrayBuffer>;
}

/** One stage of the filter pipeline with its settings; semantics §6. Thresholds are inclusive, with an epsilon of 1e-9. */
export type StageSpec =
  | { readonly name: "length"; readonly minRatio: number; readonly maxRatio: number }
  | { readonly name: "jaccard"; readonly threshold: number; readonly minOverlap: number }
  | { readonly name: "minhash"; readonly threshold: number }
  | { readonly name: "bloom" }
  | { readonly name: "rapidfuzz" };

/**
 * What decides which matches a batch keeps when more than `keep` match: the value is computed in the kernel, greatest first, ties to the smaller
 * pattern name. `prePotential` = (evidence + confidence) * snr + frag (semantics §5.4, §8.8), unweighted.
 */
export type KeepKey = "prePotential" | "similarity" | "evidence" | "confidence" | "snr" | "fragmentation";

export interface QuerySpec {
  /** The state's symbols, in order, with repeats. */
  readonly symbols: readonly string[];
  /** Parallel to `symbols`: ids, UNKNOWN_SYMBOL (0xffffffff) where the kb does not know the symbol. */
  readonly symbolIds: Uint32Array;
  readonly similarity: "token" | "character";
  /** Lowest similarity, inclusive with an epsilon of 1e-9. */
  readonly recallThreshold: number;
  /**
   * Fuzzy tokens (semantics §7.3): every pair of a query symbol and a kb symbol whose character ratio reaches the threshold, identical ones
   * included; null when fuzzy is off.
   */
  readonly partners: readonly Partner[] | null;
  readonly stages: readonly StageSpec[];
  readonly keep: number;
  readonly keepBy: KeepKey;
  /** Needed in character mode and for the minhash stage, else null. */
  readonly table: SymbolTable | null;
  /** Symbol ids in the batches are below this. */
  readonly symbolCount: number;
}

/** A query symbol (by its first position in `QuerySpec.symbols`) and a kb symbol that resembles it. */
export interface Partner {
  readonly queryIndex: number;
  readonly symbolId: number;
  /** 1 for the identical symbol. */
  readonly ratio: number;
}

/** Opaque outside `pool` and `kernels`: the query's sealed bytes. */
export interface PreparedQuery {
  readonly spec: QuerySpec;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
}
