/**
 * A resident block: candidates kept in shared memory for many queries, made inside the wasm from a candidate batch (assembly/resident.ts) and
 * never written again. Rows are sorted by length; eight of them, a group, lie side by side, so that the lane kernels compare eight at once.
 * A single row is gathered from its lane where its ids are wanted one after the other. The index says where a symbol stands.
 *
 *  ┌────────┬───────────────────┬─────────────┬──────────────┬──────────────┬─────────┬─────────┬──────────┬───────┬────────────┬───────┐
 *  │ header │ lanes u32         │ pattern ids │ group starts │ event starts │ origins │ lengths │ distinct │ names │ event ends │ index │
 *  │ 128 B  │ [positions][8]    │ u64 a row   │ u32 a group  │ u32 a row    │ u32     │ u16     │ u16      │ 20 B  │ u16 each   │       │
 *  └────────┴───────────────────┴─────────────┴──────────────┴──────────────┴─────────┴─────────┴──────────┴───────┴────────────┴───────┘
 *   little-endian, each part 8-byte aligned from the block's start; group starts and event starts have one entry more
 *
 *   lanes of a group:   position 0: a0 b0 c0 d0 e0 f0 g0 h0      rows a … h, a the shortest; the group is as long as h, and what a row
 *                       position 1: a1 b1 …                      lacks is 0: what stands here is the id plus one, a lane id
 *
 *   index:              lane ids u32, ascending │ where each one's hits start u32, one more │ hits u32: row and place in it, ascending
 *
 * Cost: 36 bytes a row beside its symbols (8 bytes each, padding below 1 % in blocks of thousands of rows), events (2 bytes each) and 8 bytes a
 * distinct symbol of the block.
 */
import {
  BATCH_BYTES,
  BATCH_EVENT_ENDS_AT,
  BATCH_EVENTS,
  BATCH_MAGIC,
  BATCH_NAMES_AT,
  BATCH_PATTERN_IDS_AT,
  BATCH_ROWS,
  BATCH_SYMBOLS,
  BATCH_VERSION,
  LAYOUT_VERSION,
  NAME_BYTES,
  PATTERN_SYMBOLS_MAX,
  RESIDENT_EVENT_STARTS_AT,
  RESIDENT_GROUP_STARTS_AT,
  RESIDENT_HEADER_BYTES,
  RESIDENT_LANES,
  RESIDENT_LANES_AT,
  RESIDENT_LENGTHS_AT,
  RESIDENT_MAGIC_VALUE,
  RESIDENT_ORIGINS_AT,
} from "../../assembly/layout.ts";
import { EngineError } from "../errors.ts";
import { type CandidateRows, viewCandidateBatch } from "./candidate-batch.ts";

/** Of a symbol that stands in one place alone: its id, where its hits start, and the hit. */
const INDEX_BYTES_MAX = 12;

/** A resident block's rows, for the few that are read in TypeScript; in the block's order. */
export interface ResidentBlock extends CandidateRows {
  /** Size of the block. */
  readonly bytes: number;
  /** Symbols of all rows. */
  readonly symbols: number;
  readonly events: number;
  /** Row of the batch that the block was made of. */
  origin(row: number): number;
}

/**
 * Bytes that the resident block of a candidate batch of `batchBytes` bytes and `symbols` symbols takes at most: for room that is given before it is
 * known. Where most symbols of a block are rare, it takes nearly as much.
 */
export function residentBytesMax(batchBytes: number, symbols: number): number {
  // A row takes fewer bytes than in the batch; sorted groups pad no more than one group of the longest rows.
  return batchBytes + RESIDENT_HEADER_BYTES + PATTERN_SYMBOLS_MAX * RESIDENT_LANES * 4 + symbols * INDEX_BYTES_MAX;
}

/** The block at `place` of `memory`. Refuses foreign bytes: ENGRAM_LAYOUT_MISMATCH. */
export function viewResidentBlock(memory: Uint8Array, place: number): ResidentBlock {
  const base = memory.byteOffset + place;
  const header = new DataView(memory.buffer, base, RESIDENT_HEADER_BYTES);
  const field = (at: number): number => header.getUint32(at, true);
  const bytes = field(BATCH_BYTES);
  if (field(BATCH_MAGIC) !== RESIDENT_MAGIC_VALUE || field(BATCH_VERSION) !== LAYOUT_VERSION || place + bytes > memory.length) {
    throw new EngineError("ENGRAM_LAYOUT_MISMATCH", `No resident block of layout ${LAYOUT_VERSION} at ${place}.`);
  }
  const rows = field(BATCH_ROWS);
  const block = new DataView(memory.buffer, base, bytes);
  const [patternIdsAt, lengthsAt, originsAt] = [field(BATCH_PATTERN_IDS_AT), field(RESIDENT_LENGTHS_AT), field(RESIDENT_ORIGINS_AT)];
  const [lanesAt, groupStartsAt] = [field(RESIDENT_LANES_AT), field(RESIDENT_GROUP_STARTS_AT)];
  const [eventStartsAt, eventEndsAt] = [field(RESIDENT_EVENT_STARTS_AT), field(BATCH_EVENT_ENDS_AT)];
  const eventStart = (row: number): number => block.getUint32(eventStartsAt + row * 4, true);
  return {
    rows,
    bytes,
    symbols: field(BATCH_SYMBOLS),
    events: field(BATCH_EVENTS),
    names: new Uint8Array(memory.buffer, base + field(BATCH_NAMES_AT), rows * NAME_BYTES),
    patternId: (row) => block.getUint32(patternIdsAt + row * 8, true) + block.getUint32(patternIdsAt + row * 8 + 4, true) * 2 ** 32,
    origin: (row) => block.getUint32(originsAt + row * 4, true),
    symbolCount: (row) => block.getUint16(lengthsAt + row * 2, true),
    copySymbolIds: (row, to, at) => {
      const end = at + block.getUint16(lengthsAt + row * 2, true);
      const position = block.getUint32(groupStartsAt + Math.floor(row / RESIDENT_LANES) * 4, true);
      let from = lanesAt + (position * RESIDENT_LANES + (row % RESIDENT_LANES)) * 4;
      for (let next = at; next < end; from += RESIDENT_LANES * 4) to[next++] = block.getUint32(from, true) - 1;
    },
    eventCount: (row) => eventStart(row + 1) - eventStart(row),
    copyEventEnds: (row, to, at) => {
      const end = eventEndsAt + eventStart(row + 1) * 2;
      for (let from = eventEndsAt + eventStart(row) * 2, next = at; from < end; from += 2) to[next++] = block.getUint16(from, true);
    },
  };
}

/** Rows of whichever lies at `place`: a candidate batch or a resident block. Refuses anything else: ENGRAM_LAYOUT_MISMATCH. */
export function viewCandidates(memory: Uint8Array, place: number): CandidateRows {
  const magic = new DataView(memory.buffer, memory.byteOffset + place, BATCH_MAGIC + 4).getUint32(BATCH_MAGIC, true);
  return magic === RESIDENT_MAGIC_VALUE ? viewResidentBlock(memory, place) : viewCandidateBatch(memory, place);
}
