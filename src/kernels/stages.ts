/**
 * One task, rows of candidate batches or resident blocks, through the query's stages and the match, on whichever thread this is called: the kernels do the work, here
 * is their order, their clock, and the winners' copy into a score block. Cost beside the kernels: a few microseconds a piece and about
 * one a kept match.
 */
import {
  BATCH_ROWS_MAX,
  CONTEXT_BELOW_THRESHOLD,
  CONTEXT_FLOOR,
  CONTEXT_KEPT,
  CONTEXT_MATCHED,
  CONTEXT_TEXT_TOO_LONG,
  CONTEXT_WITHOUT_BLOCKS,
  HEAP_BATCH,
  HEAP_ENTRY_BYTES,
  HEAP_ROW,
  HEAP_SIMILARITY,
  MATCHES_NEXT,
  NAME_BYTES,
  SCRATCH_BLOCKS,
  SCRATCH_BLOCKS_WORK,
  SCRATCH_HEAP,
  SCRATCH_SIMILARITIES,
  SCRATCH_SURVIVORS,
  SCRATCH_TEXT,
  SCRATCH_TEXT_QUERY,
  TEXT_POINTS_MAX,
} from "../../assembly/layout.ts";
import { EngineError } from "../errors.ts";
import type { CandidateRows } from "../wire/candidate-batch.ts";
import { codePoints, type QueryBlockView, type StageRecord } from "../wire/query-block.ts";
import type { Partner, SymbolTable } from "../wire/query-spec.ts";
import { viewCandidates } from "../wire/resident-block.ts";
import { type StageCount, sealScoreBlock } from "../wire/score-block.ts";
import type { PoolInstance } from "./instance.ts";

const NS_PER_MS = 1e6;

/** Rows of one batch or resident block: at `place`, from `from` to `to` (exclusive). */
export interface Piece {
  readonly place: number;
  readonly from: number;
  readonly to: number;
}

/**
 * One task: pieces scored one after the other as one candidate set, then sealed, once. `table` as in the query's spec; matches with a key below
 * `floor` are counted and left out. Errors of `add`: ENGRAM_STORE_REPLY for rows that are no patterns, ENGRAM_LIMIT_EXCEEDED for texts beyond
 * what scratch holds; a trap comes through.
 */
export class Scoring {
  readonly #instance: PoolInstance;
  readonly #query: QueryBlockView;
  readonly #books: Books;

  constructor(instance: PoolInstance, query: QueryBlockView, table: SymbolTable | null, floor: number) {
    if (table !== null) instance.loadTable(table, query.isCharacter);
    instance.loadQuery(query);
    instance.kernels.beginTask(instance.scratch, floor);
    this.#instance = instance;
    this.#query = query;
    this.#books = new Books(query);
  }

  /** Pieces of more than BATCH_ROWS_MAX rows together only where the query keeps less than that. */
  add(piece: Piece): void {
    scorePiece(this.#instance, this.#query, piece, this.#books);
  }

  /** A sealed score block with the best `keep` of all pieces, less those that a floor has passed since they were kept. */
  seal(): ArrayBuffer {
    const instance = this.#instance;
    const { doubles, scratch } = instance;
    instance.kernels.sortKept(scratch);
    const floor = doubles[(scratch + CONTEXT_FLOOR) / 8]!;
    let kept = contextField(instance, CONTEXT_KEPT);
    while (kept > 0 && doubles[(scratch + SCRATCH_HEAP + (kept - 1) * HEAP_ENTRY_BYTES) / 8]! < floor) kept--;
    return sealScoreBlock({ ...this.#books, ...copyKept(instance, kept) });
  }
}

/** What a task counts over its pieces. */
class Books {
  candidates = 0;
  belowThreshold = 0;
  withoutBlocks = 0;
  matched = 0;
  readonly stages: { name: StageCount["name"]; candidatesIn: number; candidatesOut: number; nanoseconds: number }[];

  constructor({ stages }: QueryBlockView) {
    const names: StageCount["name"][] = [...stages.map(({ name }) => name), "match"];
    this.stages = names.map((name) => ({ name, candidatesIn: 0, candidatesOut: 0, nanoseconds: 0 }));
  }
}

function scorePiece(instance: PoolInstance, query: QueryBlockView, { place, from, to }: Piece, books: Books): void {
  const { kernels, scratch } = instance;
  const { rows } = viewCandidates(instance.bytes, place);
  if (from < 0 || to > rows || from > to) throw new RangeError(`rows ${from} to ${to} of a batch of ${rows}`);
  const bad = kernels.firstBadRow(place, from, to, query.symbolCount);
  if (bad !== 0) {
    const known = query.symbolCount;
    throw new EngineError("ENGRAM_STORE_REPLY", `Row ${bad - 1} of a candidate batch is no pattern of a kb of ${known} symbols.`);
  }
  kernels.beginSlice(scratch, from, to);
  let count = to - from;
  const timed = (at: number, work: () => number): void => {
    const startedAt = performance.now();
    const left = work();
    const stage = books.stages[at]!;
    stage.candidatesIn += count;
    stage.candidatesOut += left;
    stage.nanoseconds += (performance.now() - startedAt) * NS_PER_MS;
    count = left;
  };
  query.stages.forEach((stage, at) => {
    timed(at, () => runStage(instance, stage, place, count));
  });
  timed(query.stages.length, () => {
    kernels.matchRows(scratch, place, count);
    return contextField(instance, CONTEXT_MATCHED);
  });
  if (contextField(instance, CONTEXT_TEXT_TOO_LONG) !== 0) {
    throw new EngineError("ENGRAM_LIMIT_EXCEEDED", `A pattern's text is longer than ${TEXT_POINTS_MAX} characters: use token matching.`);
  }
  books.candidates += to - from;
  books.belowThreshold += contextField(instance, CONTEXT_BELOW_THRESHOLD);
  books.withoutBlocks += contextField(instance, CONTEXT_WITHOUT_BLOCKS);
  books.matched += contextField(instance, CONTEXT_MATCHED);
}

function contextField(instance: PoolInstance, field: number): number {
  return instance.words[(instance.scratch + field) / 4]!;
}

function runStage({ kernels, scratch }: PoolInstance, stage: StageRecord, place: number, count: number): number {
  switch (stage.name) {
    case "length":
      return kernels.keepByLength(scratch, place, count, stage.low, stage.high);
    case "jaccard":
      return kernels.keepByJaccard(scratch, place, count, stage.low, stage.threshold);
    case "minhash":
      return kernels.keepByMinhash(scratch, place, count, stage.threshold);
    case "bloom":
      return kernels.keepByOverlap(scratch, place, count);
    case "rapidfuzz":
      return kernels.keepBySimilarity(scratch, place, count);
  }
}

/** The heap's entries in order, with everything of their rows that an answer needs; blocks are computed again, for these alone. */
function copyKept(instance: PoolInstance, kept: number) {
  const { kernels, scratch, words, doubles } = instance;
  const heap = scratch + SCRATCH_HEAP;
  const views = new Map<number, CandidateRows>();
  const batches: CandidateRows[] = [];
  const rows = new Uint32Array(kept);
  const symbolStarts = new Uint32Array(kept + 1);
  const eventStarts = new Uint32Array(kept + 1);
  for (let e = 0; e < kept; e++) {
    const row = words[(heap + e * HEAP_ENTRY_BYTES + HEAP_ROW) / 4]!;
    const place = words[(heap + e * HEAP_ENTRY_BYTES + HEAP_BATCH) / 4]!;
    const batch = views.get(place) ?? viewCandidates(instance.bytes, place);
    views.set(place, batch);
    batches.push(batch);
    rows[e] = row;
    symbolStarts[e + 1] = symbolStarts[e]! + batch.symbolCount(row);
    eventStarts[e + 1] = eventStarts[e]! + batch.eventCount(row);
  }
  const keys = new Float64Array(kept);
  const similarities = new Float64Array(kept);
  const patternIds = new Float64Array(kept);
  const names = new Uint8Array(kept * NAME_BYTES);
  const symbolIds = new Uint32Array(symbolStarts[kept]!);
  const eventEnds = new Uint16Array(eventStarts[kept]!);
  const blockStarts = new Uint32Array(kept + 1);
  let blocks = new Uint32Array(kept * 6);
  const foundAt = (scratch + SCRATCH_BLOCKS) / 4;
  // Element by element: entries are a few words long, and a view for each would cost more than the copy.
  for (let e = 0; e < kept; e++) {
    const row = rows[e]!;
    const batch = batches[e]!;
    const place = words[(heap + e * HEAP_ENTRY_BYTES + HEAP_BATCH) / 4]!;
    const entry = (heap + e * HEAP_ENTRY_BYTES) / 8;
    keys[e] = doubles[entry]!;
    similarities[e] = doubles[entry + HEAP_SIMILARITY / 8]!;
    patternIds[e] = batch.patternId(row);
    for (let n = 0; n < NAME_BYTES; n++) names[e * NAME_BYTES + n] = batch.names[row * NAME_BYTES + n]!;
    batch.copySymbolIds(row, symbolIds, symbolStarts[e]!);
    batch.copyEventEnds(row, eventEnds, eventStarts[e]!);
    const start = blockStarts[e]!;
    const end = start + kernels.blocksOfRow(scratch, place, row);
    blockStarts[e + 1] = end;
    if (end * 3 > blocks.length) {
      const larger = new Uint32Array(Math.max(blocks.length * 2, end * 3));
      larger.set(blocks);
      blocks = larger;
    }
    for (let to = start * 3, from = foundAt; to < end * 3; ) blocks[to++] = words[from++]!;
  }
  return {
    keys,
    similarities,
    patternIds,
    names: new Uint8Array(names.buffer),
    symbolStarts,
    symbolIds,
    eventStarts,
    eventEnds,
    blockStarts,
    blocks,
  };
}

/**
 * Pairs of `symbols` with the symbols at positions `from` to `to` (exclusive) of the text table whose character ratio reaches `threshold`, in
 * any order. Errors: ENGRAM_LIMIT_EXCEEDED.
 */
export function partnerSlice(
  instance: PoolInstance,
  symbols: readonly string[],
  table: SymbolTable,
  threshold: number,
  from: number,
  to: number,
): Partner[] {
  const { kernels, scratch, words, doubles } = instance;
  instance.unloadQuery();
  instance.loadTable(table, true);
  const indices = scratch + SCRATCH_SURVIVORS;
  const ratios = scratch + SCRATCH_SIMILARITIES;
  const work = scratch + SCRATCH_BLOCKS;
  const found: Partner[] = [];
  symbols.forEach((symbol, queryIndex) => {
    const points = codePoints(symbol);
    if (points.length <= TEXT_POINTS_MAX) words.set(points, (scratch + SCRATCH_TEXT) / 4);
    if (points.length > TEXT_POINTS_MAX || kernels.loadText(scratch, scratch + SCRATCH_TEXT, points.length) === 0) {
      throw new EngineError("ENGRAM_LIMIT_EXCEEDED", `A symbol of ${points.length} characters is too long to be compared by characters.`);
    }
    // One call, unless more than BATCH_ROWS_MAX symbols resemble this one.
    for (let next = from; next < to; next = words[(work + MATCHES_NEXT) / 4]!) {
      const count = kernels.textMatchesInto(
        instance.texts,
        next,
        to,
        scratch + SCRATCH_TEXT_QUERY,
        threshold,
        work,
        scratch + SCRATCH_BLOCKS_WORK,
        BATCH_ROWS_MAX,
        indices,
        ratios,
      );
      for (let n = 0; n < count; n++) {
        found.push({ queryIndex, symbolId: words[indices / 4 + n]!, ratio: doubles[ratios / 8 + n]! });
      }
    }
    kernels.unloadText(scratch);
  });
  return found;
}
