/**
 * One instance of the pool's kernels over the shared memory, with its thread's scratch: what is loaded in it (query, symbol table) and the
 * views through which TypeScript reads and writes. Instantiating takes a fraction of a millisecond; loading a query costs what the
 * query's own symbols cost, loading a symbol table one copy of it. Not for two threads: an instance belongs to its scratch.
 */
import {
  CODE_POINTS,
  CONTEXT_CLASS_TABLE,
  CONTEXT_PARTNER_TABLE,
  CONTEXT_PERMUTATIONS,
  CONTEXT_SYMBOL_HASHES,
  CONTEXT_TEXTS,
  LANE_MASKS,
  LAYOUT_VERSION,
  POOL_PERMUTATIONS,
  SCRATCH_BLOCKS,
  SCRATCH_BYTES,
  SCRATCH_CONTEXT,
  SCRATCH_LANE_LENGTHS,
  SCRATCH_LANE_MASKS,
  SCRATCH_POINT_CLASSES,
  SCRATCH_QUERY_BLOCK,
  SCRATCH_STAMPS,
  TEXT_POINTS_MAX,
} from "../../assembly/layout.ts";
import { EngineError } from "../errors.ts";
import type { QueryBlockView } from "../wire/query-block.ts";
import type { SymbolTable } from "../wire/query-spec.ts";
import type { KernelExports } from "./exports.ts";
import { classTableBytes, type PoolLayout, type ScratchLease } from "./pool-memory.ts";
import { extendTextTable, planTextTable, type TextTable, textTableBytesMin, writeTextTable } from "./text-table.ts";

/** The exports the pool uses; addresses and counts are u32. Booleans come as 0 or 1, u32 results as signed numbers. */
export interface PoolKernels extends Pick<KernelExports, "LAYOUT_VERSION" | "textMatchesInto"> {
  loadQuery(scratch: number): number;
  unloadQuery(scratch: number): void;
  loadText(scratch: number, points: number, count: number): number;
  unloadText(scratch: number): void;
  beginSlice(scratch: number, from: number, to: number): void;
  firstBadRow(batch: number, from: number, to: number, symbolCount: number): number;
  keepByLength(scratch: number, batch: number, count: number, least: number, most: number): number;
  keepByJaccard(scratch: number, batch: number, count: number, leastShared: number, threshold: number): number;
  keepByMinhash(scratch: number, batch: number, count: number, threshold: number): number;
  keepByOverlap(scratch: number, batch: number, count: number): number;
  keepBySimilarity(scratch: number, batch: number, count: number): number;
  matchRows(scratch: number, batch: number, count: number): void;
  beginTask(scratch: number, floor: number): void;
  sortKept(scratch: number): void;
  keyOfRank(scratch: number, rank: number): number;
  blocksOfRow(scratch: number, batch: number, row: number): number;
  bandKeysOfRowsInto(
    scratch: number,
    batch: number,
    from: number,
    to: number,
    scheme: number,
    values: number,
    bands: number,
    rows: number,
    seed: number,
  ): void;
  planResident(scratch: number, batch: number, withIndex: boolean): number;
  sealResident(scratch: number, batch: number, block: number): void;
}

export interface PoolInstance {
  readonly kernels: PoolKernels;
  readonly scratch: number;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly doubles: Float64Array;
  /** Where the loaded text table is; 0 before one with texts was loaded. */
  readonly texts: number;
  /** Makes the query current; nothing to do if it is. Errors: ENGRAM_LIMIT_EXCEEDED. */
  loadQuery(query: QueryBlockView): void;
  /** Leaves no query loaded, so that the tables of texts may be used otherwise. */
  unloadQuery(): void;
  /** Makes the table current: hashes always, texts if asked. Errors: ENGRAM_LIMIT_EXCEEDED. */
  loadTable(table: SymbolTable, withTexts: boolean): void;
}

/**
 * Refuses a symbol table that cannot fit a thread's scratch, without looking at its texts: where some are not Latin-1 it needs more, and
 * `loadTable` may refuse it still.
 */
export function assertTableFits(table: SymbolTable, withTexts: boolean, layout: PoolLayout): void {
  assertBytesFit(table.count * 4 + (withTexts ? textTableBytesMin(table) : 0), layout);
}

function assertBytesFit(bytes: number, layout: PoolLayout): void {
  if (bytes > layout.tableBytes) {
    throw new EngineError(
      "ENGRAM_LIMIT_EXCEEDED",
      `The kb's symbols take ${bytes} bytes of texts and hashes; ${layout.tableBytes} fit a worker thread.`,
    );
  }
}

export function instantiatePool(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  layout: PoolLayout,
  lease: ScratchLease,
): PoolInstance {
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as PoolKernels;
  const version = kernels.LAYOUT_VERSION.value;
  if (version !== LAYOUT_VERSION) {
    throw new EngineError(
      "ENGRAM_LAYOUT_MISMATCH",
      `The kernels have layout ${version}, the program ${LAYOUT_VERSION}: run npm run build.`,
    );
  }
  const scratch = layout.scratchAt + lease.index * layout.scratchStride;
  const bytes = new Uint8Array(memory.buffer);
  const words = new Uint32Array(memory.buffer);
  const doubles = new Float64Array(memory.buffer);
  const classTable = scratch + SCRATCH_BYTES;
  const partnerTable = classTable + classTableBytes(layout.symbolCapacity);
  const symbolTable = partnerTable + classTableBytes(layout.symbolCapacity);
  const context = (scratch + SCRATCH_CONTEXT) / 4;
  const setContext = (field: number, value: number): void => {
    words[context + field / 4] = value;
  };

  if (lease.isUsed) {
    // Nobody knows in which state the last owner ended.
    bytes.fill(0, classTable, symbolTable);
    bytes.fill(0, scratch + SCRATCH_POINT_CLASSES, scratch + SCRATCH_POINT_CLASSES + CODE_POINTS * 2);
    bytes.fill(0, scratch + SCRATCH_STAMPS, scratch + SCRATCH_BLOCKS);
    bytes.fill(0, scratch + SCRATCH_CONTEXT, scratch + SCRATCH_CONTEXT + 4096);
    bytes.fill(0, scratch + SCRATCH_LANE_MASKS, scratch + SCRATCH_LANE_MASKS + LANE_MASKS * 8);
    bytes.fill(0, scratch + SCRATCH_LANE_LENGTHS, classTable);
  }
  setContext(CONTEXT_CLASS_TABLE, classTable);
  setContext(CONTEXT_PARTNER_TABLE, partnerTable);
  setContext(CONTEXT_PERMUTATIONS, POOL_PERMUTATIONS);

  let loadedQuery = 0;
  let loadedKey: string | undefined;
  /** What the loaded table grows from: tables of one origin begin alike. */
  let loadedOrigin: string | undefined;
  let loadedCount = 0;
  let textTable: TextTable | undefined;
  const loadNew = (table: SymbolTable, withTexts: boolean): void => {
    textTable = undefined;
    words.set(table.hashes.subarray(0, table.count), symbolTable / 4);
    if (!withTexts) return;
    assertTextsInBounds(table, 0);
    // Texts lie behind the hashes of all symbols that they have room for, so that both can grow.
    const hashBytesOf = (count: number): number => Math.ceil(count / 4) * 16;
    const plan = planTextTable(table, true, layout.tableBytes - hashBytesOf(table.count + Math.ceil(table.count / 8)));
    assertBytesFit(hashBytesOf(plan.capacity) + plan.bytes, layout);
    textTable = writeTextTable(plan, symbolTable + hashBytesOf(plan.capacity), bytes, words);
    setContext(CONTEXT_TEXTS, textTable.place);
  };
  /** Adds what is new in a table whose beginning is loaded, with texts; false if that takes a new start. */
  const loadMore = (table: SymbolTable): boolean => {
    if (textTable === undefined || table.origin !== loadedOrigin || table.count < loadedCount) return false;
    assertTextsInBounds(table, loadedCount);
    if (!extendTextTable(textTable, table, bytes, words)) return false;
    words.set(table.hashes.subarray(loadedCount, table.count), symbolTable / 4 + loadedCount);
    return true;
  };

  const unloadQuery = (): void => {
    if (loadedQuery !== 0) kernels.unloadQuery(scratch);
    loadedQuery = 0;
  };
  return {
    kernels,
    scratch,
    bytes,
    words,
    doubles,
    get texts() {
      return words[context + CONTEXT_TEXTS / 4]!;
    },
    unloadQuery,
    loadQuery(query) {
      if (query.id === loadedQuery) return;
      unloadQuery();
      bytes.set(query.bytes, scratch + SCRATCH_QUERY_BLOCK);
      if (kernels.loadQuery(scratch) === 0) {
        throw new EngineError("ENGRAM_LIMIT_EXCEEDED", "The state's text is too long to be compared by characters.");
      }
      loadedQuery = query.id;
    },
    loadTable(table, withTexts) {
      if (table.key === loadedKey && (textTable !== undefined || !withTexts)) return;
      assertTableFits(table, withTexts, layout);
      loadedKey = undefined;
      setContext(CONTEXT_SYMBOL_HASHES, symbolTable);
      if (!loadMore(table)) loadNew(table, withTexts);
      loadedKey = table.key;
      loadedOrigin = table.origin;
      loadedCount = table.count;
    },
  };
}

/** Symbols' texts must be in order and short enough for the kernels' scratch. */
function assertTextsInBounds(table: SymbolTable, from: number): void {
  const { textOffsets, codePoints, count } = table;
  if (textOffsets.length <= count || codePoints.length < textOffsets[count]!) {
    throw new EngineError("ENGRAM_LAYOUT_MISMATCH", `Symbol table ${table.key} is shorter than its count of ${count} says.`);
  }
  for (let id = from; id < count; id++) {
    const length = textOffsets[id + 1]! - textOffsets[id]!;
    if (length < 0) throw new EngineError("ENGRAM_LAYOUT_MISMATCH", `Symbol table ${table.key} is out of order at symbol ${id}.`);
    if (length > TEXT_POINTS_MAX) {
      throw new EngineError("ENGRAM_LIMIT_EXCEEDED", `Symbol ${id} has ${length} characters; at most ${TEXT_POINTS_MAX} can be compared.`);
    }
  }
}
