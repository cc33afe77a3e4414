/**
 * Contract of the kernel pool: it scores sealed candidate batches against a prepared query. Two back ends are equals: worker threads
 * (piscina) and the calling thread (inline: tests, debugging, profiles). Same input, same answer, whichever runs it and however a scan is cut.
 *
 * A query is prepared once and shared by all its batches. A batch is copied once into shared wasm memory (`CandidateColumns` in, a
 * leased slot out) and stays there until its score block is read. A message between threads is a few numbers.
 */
import type { BandSpec } from "../wire/band-spec.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";
import type { Partner, PreparedQuery, QuerySpec, SymbolTable } from "../wire/query-spec.ts";
import type { ScoreBlock } from "../wire/score-block.ts";
import type { Extent } from "./arena.ts";
import type { PackedQueries, PackHits } from "./bulk-scan.ts";

export type { KeepKey, Partner, PreparedQuery, QuerySpec, StageSpec, SymbolTable } from "../wire/query-spec.ts";
export type { PackedQueries, PackHits } from "./bulk-scan.ts";

export interface ScoreOptions {
  readonly signal?: AbortSignal;
  /** `performance.now()` value after which no further slice starts: ENGRAM_DEADLINE. */
  readonly deadlineAt?: number;
  /**
   * Asked before each task: matches with a key below it need not come back (they count as pruned). What a slice finds beyond is not
   * worth its copy once a scan has as many better matches as it keeps. Left out: everything up to `keep` comes back.
   */
  readonly floor?: () => number;
}

/** Rows in resident memory: a resident block or a candidate batch, at its place until `free`. */
export interface PlacedBlock extends Extent {
  readonly rows: number;
}

/** The pool's resident memory: columns become blocks that stay, and that `scan` reads in place. */
export interface BlockMemory {
  /** Bytes there are, and bytes given out. */
  readonly capacity: number;
  readonly used: number;
  /**
   * Makes resident blocks of the columns, on the threads. Undefined: there is no room, and nothing was kept. `symbolCount`: ids are below it.
   * The columns are read until it resolves. Errors: as `score`.
   */
  seal(columns: CandidateColumns, symbolCount: number): Promise<readonly PlacedBlock[] | undefined>;
  /** Copies the columns as they are, at once; for few rows. Undefined as above. */
  place(columns: CandidateColumns): readonly PlacedBlock[] | undefined;
  /** Gives a block back, once; no scan may be using it. */
  free(block: PlacedBlock): void;
}

export interface KernelPool {
  readonly threads: number;
  readonly resident: BlockMemory;
  /** Builds the query block. Throws ENGRAM_LIMIT_EXCEEDED when the state passes QUERY_SYMBOLS_MAX or the kb's symbol count passes what scratch memory holds. */
  prepare(spec: QuerySpec): PreparedQuery;
  /**
   * Runs the stages, then similarity, threshold and details over the columns, in slices; the returned blocks (one a slice, in row
   * order) are sealed copies that the caller keeps. Columns are read before the first await and may be reused after it.
   * Errors: ENGRAM_POOL_FULL (bounded queue), ENGRAM_DEADLINE, ENGRAM_ABORTED, ENGRAM_WORKER_LOST (after one retry), ENGRAM_KERNEL_TRAP, ENGRAM_CLOSED.
   */
  score(query: PreparedQuery, columns: CandidateColumns, options?: ScoreOptions): Promise<readonly ScoreBlock[]>;
  /**
   * As `score`, over blocks in resident memory: `take` gets the score blocks as they come, in no order, before the next task asks for the
   * floor. The caller sees to it that the blocks stay.
   */
  scan(query: PreparedQuery, blocks: readonly PlacedBlock[], take: (block: ScoreBlock) => void, options?: ScoreOptions): Promise<void>;
  /**
   * Many queries (without stages) against the same columns: each query's matches, the best `keep` of each range of rows, best first, as hits
   * by query. The columns are read before the first await and may be reused after it. Errors: as `score`.
   */
  scoreMany(queries: PackedQueries, columns: CandidateColumns, options?: ScoreOptions): Promise<readonly PackHits[]>;
  /** All pairs of `symbols` (distinct) with a symbol of the table whose character ratio is >= threshold (epsilon 1e-9), by symbol id then query index. */
  partners(symbols: readonly string[], table: SymbolTable, threshold: number, options?: ScoreOptions): Promise<readonly Partner[]>;
  /**
   * Keys of the bands of the columns' patterns, u32, `bands` of them a row, in row order. `table`: all symbols that stand in the columns. The columns
   * are read before the first await and may be reused after it. About 2 µs a pattern of 14 symbols on one thread. Errors: as `score`.
   */
  bandKeys(columns: CandidateColumns, spec: BandSpec, table: SymbolTable, options?: ScoreOptions): Promise<Uint32Array>;
  /** Waits for what runs, refuses what comes, leaves no thread. */
  close(): Promise<void>;
}
