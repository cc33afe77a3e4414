/**
 * Many queries against one block of candidates, on whichever thread this is called: the block stays in the caches while query after query meets
 * it. Cost beside the kernels: some microseconds a query for its tables, a fraction of one a hit. Not for one query: `Scoring`
 * brings what a prediction needs.
 */
import {
  CONTEXT_KEPT,
  CONTEXT_MATCHED,
  CONTEXT_TEXT_TOO_LONG,
  HEAP_ENTRY_BYTES,
  HEAP_ROW,
  HEAP_SIMILARITY,
  NAME_BYTES,
  SCRATCH_HEAP,
  TEXT_POINTS_MAX,
} from "../../assembly/layout.ts";
import { EngineError } from "../errors.ts";
import { HitBlockBuilder } from "../wire/hit-block.ts";
import { viewQueryBlock } from "../wire/query-block.ts";
import { packedQuery } from "../wire/query-pack.ts";
import type { SymbolTable } from "../wire/query-spec.ts";
import { viewCandidates } from "../wire/resident-block.ts";
import type { PoolInstance } from "./instance.ts";

/**
 * Scores all rows at `place` (candidate batch or resident block) against queries `from` to `to` (exclusive) of the pack, which have no stages.
 * Returns a sealed hit block. Errors: as `Scoring`.
 */
export function scoreMany(
  instance: PoolInstance,
  pack: Uint8Array<SharedArrayBuffer>,
  table: SymbolTable | null,
  place: number,
  from: number,
  to: number,
): ArrayBuffer {
  const { kernels, scratch, words, doubles } = instance;
  const candidates = viewCandidates(instance.bytes, place);
  const hits = new HitBlockBuilder(to - from, candidates.rows);
  const field = (at: number): number => words[(scratch + at) / 4]!;
  for (let index = from; index < to; index++) {
    const query = viewQueryBlock(packedQuery(pack, index));
    if (table !== null) instance.loadTable(table, query.isCharacter);
    instance.loadQuery(query);
    const bad = kernels.firstBadRow(place, 0, candidates.rows, query.symbolCount);
    if (bad !== 0) {
      const known = query.symbolCount;
      throw new EngineError("ENGRAM_STORE_REPLY", `Row ${bad - 1} of a candidate batch is no pattern of a kb of ${known} symbols.`);
    }
    kernels.beginTask(scratch, Number.NEGATIVE_INFINITY);
    kernels.beginSlice(scratch, 0, candidates.rows);
    kernels.matchRows(scratch, place, candidates.rows);
    if (field(CONTEXT_TEXT_TOO_LONG) !== 0) {
      throw new EngineError("ENGRAM_LIMIT_EXCEEDED", `A pattern's text is longer than ${TEXT_POINTS_MAX} characters: use token matching.`);
    }
    const kept = field(CONTEXT_KEPT);
    if (kept > 1) kernels.sortKept(scratch);
    for (let entry = 0; entry < kept; entry++) {
      const at = scratch + SCRATCH_HEAP + entry * HEAP_ENTRY_BYTES;
      const row = words[(at + HEAP_ROW) / 4]!;
      hits.add(doubles[(at + HEAP_SIMILARITY) / 8]!, candidates.patternId(row), candidates.names, row * NAME_BYTES);
    }
    hits.endQuery(field(CONTEXT_MATCHED), kept);
  }
  return hits.seal();
}
