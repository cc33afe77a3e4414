/**
 * What comes back from one slice of candidates: counts, and one entry for each match that was kept, best first (greatest key, then
 * smaller name). Entry fields are parallel arrays of length `kept`.
 *
 * Invariant (tested): candidates = removed by stages + belowThreshold + withoutBlocks + matched; matched = kept + pruned.
 *
 *  ┌────────┬────────┬────────────────────────────────┬───────┬────────────────────────────┬─────────────────────┬─────────────────────┐
 *  │ header │ stages │ keys, similarities, ids (f64)  │ names │ symbol starts, symbol ids  │ event starts, ends  │ block starts, blocks│   each part
 *  └────────┴────────┴────────────────────────────────┴───────┴────────────────────────────┴─────────────────────┴─────────────────────┘   8-byte aligned
 */
import {
  LAYOUT_VERSION,
  NAME_BYTES,
  SCORE_BELOW_THRESHOLD,
  SCORE_BLOCKS,
  SCORE_BYTES,
  SCORE_CANDIDATES,
  SCORE_EVENTS,
  SCORE_HEADER_BYTES,
  SCORE_KEPT,
  SCORE_MAGIC,
  SCORE_MAGIC_VALUE,
  SCORE_MATCHED,
  SCORE_STAGE_BYTES,
  SCORE_STAGES,
  SCORE_SYMBOLS,
  SCORE_VERSION,
  SCORE_WITHOUT_BLOCKS,
} from "../../assembly/layout.ts";
import { EngineError } from "../errors.ts";
import { align8 } from "./align.ts";
import { STAGE_KINDS } from "./query-block.ts";

export interface StageCount {
  readonly name: "length" | "jaccard" | "minhash" | "bloom" | "rapidfuzz" | "match";
  readonly candidatesIn: number;
  readonly candidatesOut: number;
  readonly nanoseconds: number;
}

export interface ScoreBlock {
  readonly candidates: number;
  /** Stages of the pipeline in order, then "match" (similarity, threshold, details). */
  readonly stages: readonly StageCount[];
  /** Dropped because the similarity is below the recall threshold. */
  readonly belowThreshold: number;
  /** Dropped because no matching block exists while the recall threshold is above 0. */
  readonly withoutBlocks: number;
  readonly matched: number;
  /** Matches beyond `keep`. */
  readonly pruned: number;
  readonly kept: number;
  /** Key by which it was kept (KeepKey). */
  readonly keys: Float64Array;
  readonly similarities: Float64Array;
  readonly patternIds: Float64Array;
  /** 20 bytes an entry. */
  readonly names: Uint8Array;
  /** Entry e's symbol ids: symbolIds[symbolStarts[e] .. symbolStarts[e + 1]). */
  readonly symbolStarts: Uint32Array;
  readonly symbolIds: Uint32Array;
  readonly eventStarts: Uint32Array;
  readonly eventEnds: Uint16Array;
  /** Matching blocks (start in pattern, start in state, size) without terminator: blocks[3 * blockStarts[e] .. 3 * blockStarts[e + 1]). */
  readonly blockStarts: Uint32Array;
  readonly blocks: Uint32Array;
}

/** Everything a block is made of; `blocks` may be longer than what is used. */
export type ScoreParts = Omit<ScoreBlock, "pruned" | "kept">;

/** Where the parts of a block lie, from its counts. */
function placesOf(stages: number, kept: number, symbols: number, events: number, blocks: number) {
  let at = SCORE_HEADER_BYTES;
  const place = (bytes: number): number => {
    const start = at;
    at = align8(at + bytes);
    return start;
  };
  return {
    stages: place(stages * SCORE_STAGE_BYTES),
    keys: place(kept * 8),
    similarities: place(kept * 8),
    patternIds: place(kept * 8),
    names: place(kept * NAME_BYTES),
    symbolStarts: place((kept + 1) * 4),
    symbolIds: place(symbols * 4),
    eventStarts: place((kept + 1) * 4),
    eventEnds: place(events * 2),
    blockStarts: place((kept + 1) * 4),
    blocks: place(blocks * 12),
    bytes: at,
  };
}

/** Seals a block in bytes of its own, ready to be transferred. */
export function sealScoreBlock(parts: ScoreParts): ArrayBuffer {
  const kept = parts.keys.length;
  const blocks = parts.blockStarts[kept]!;
  const places = placesOf(parts.stages.length, kept, parts.symbolIds.length, parts.eventEnds.length, blocks);
  const buffer = new ArrayBuffer(places.bytes);
  const header = new DataView(buffer);
  header.setUint32(SCORE_MAGIC, SCORE_MAGIC_VALUE, true);
  header.setUint32(SCORE_VERSION, LAYOUT_VERSION, true);
  header.setUint32(SCORE_BYTES, places.bytes, true);
  header.setUint32(SCORE_CANDIDATES, parts.candidates, true);
  header.setUint32(SCORE_BELOW_THRESHOLD, parts.belowThreshold, true);
  header.setUint32(SCORE_WITHOUT_BLOCKS, parts.withoutBlocks, true);
  header.setUint32(SCORE_MATCHED, parts.matched, true);
  header.setUint32(SCORE_KEPT, kept, true);
  header.setUint32(SCORE_STAGES, parts.stages.length, true);
  header.setUint32(SCORE_SYMBOLS, parts.symbolIds.length, true);
  header.setUint32(SCORE_EVENTS, parts.eventEnds.length, true);
  header.setUint32(SCORE_BLOCKS, blocks, true);
  parts.stages.forEach((stage, i) => {
    const at = places.stages + i * SCORE_STAGE_BYTES;
    header.setUint32(at, STAGE_KINDS.indexOf(stage.name), true);
    header.setUint32(at + 4, stage.candidatesIn, true);
    header.setUint32(at + 8, stage.candidatesOut, true);
    header.setFloat64(at + 16, stage.nanoseconds, true);
  });
  new Float64Array(buffer, places.keys).set(parts.keys);
  new Float64Array(buffer, places.similarities).set(parts.similarities);
  new Float64Array(buffer, places.patternIds, kept).set(parts.patternIds);
  new Uint8Array(buffer, places.names).set(parts.names);
  new Uint32Array(buffer, places.symbolStarts).set(parts.symbolStarts);
  new Uint32Array(buffer, places.symbolIds).set(parts.symbolIds);
  new Uint32Array(buffer, places.eventStarts).set(parts.eventStarts);
  new Uint16Array(buffer, places.eventEnds).set(parts.eventEnds);
  new Uint32Array(buffer, places.blockStarts).set(parts.blockStarts);
  new Uint32Array(buffer, places.blocks).set(parts.blocks.subarray(0, blocks * 3));
  return buffer;
}

/** A sealed block as views on its bytes. Refuses foreign bytes: ENGRAM_LAYOUT_MISMATCH. */
export function viewScoreBlock(buffer: ArrayBuffer): ScoreBlock {
  const header = new DataView(buffer);
  const field = (at: number): number => header.getUint32(at, true);
  if (
    buffer.byteLength < SCORE_HEADER_BYTES ||
    field(SCORE_MAGIC) !== SCORE_MAGIC_VALUE ||
    field(SCORE_VERSION) !== LAYOUT_VERSION ||
    field(SCORE_BYTES) !== buffer.byteLength
  ) {
    throw new EngineError("ENGRAM_LAYOUT_MISMATCH", `These ${buffer.byteLength} bytes are no score block of layout ${LAYOUT_VERSION}.`);
  }
  const [stages, kept, symbols, events, blocks] = [SCORE_STAGES, SCORE_KEPT, SCORE_SYMBOLS, SCORE_EVENTS, SCORE_BLOCKS].map(field) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const places = placesOf(stages, kept, symbols, events, blocks);
  return {
    candidates: field(SCORE_CANDIDATES),
    stages: Array.from({ length: stages }, (_, i) => {
      const at = places.stages + i * SCORE_STAGE_BYTES;
      return {
        name: STAGE_KINDS[field(at)]!,
        candidatesIn: field(at + 4),
        candidatesOut: field(at + 8),
        nanoseconds: header.getFloat64(at + 16, true),
      };
    }),
    belowThreshold: field(SCORE_BELOW_THRESHOLD),
    withoutBlocks: field(SCORE_WITHOUT_BLOCKS),
    matched: field(SCORE_MATCHED),
    pruned: field(SCORE_MATCHED) - kept,
    kept,
    keys: new Float64Array(buffer, places.keys, kept),
    similarities: new Float64Array(buffer, places.similarities, kept),
    patternIds: new Float64Array(buffer, places.patternIds, kept),
    names: new Uint8Array(buffer, places.names, kept * NAME_BYTES),
    symbolStarts: new Uint32Array(buffer, places.symbolStarts, kept + 1),
    symbolIds: new Uint32Array(buffer, places.symbolIds, symbols),
    eventStarts: new Uint32Array(buffer, places.eventStarts, kept + 1),
    eventEnds: new Uint16Array(buffer, places.eventEnds, events),
    blockStarts: new Uint32Array(buffer, places.blockStarts, kept + 1),
    blocks: new Uint32Array(buffer, places.blocks, blocks * 3),
  };
}
