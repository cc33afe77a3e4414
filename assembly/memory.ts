/**
 * Where a thread finds things: its scratch (one address, all regions at fixed offsets from it) and the batch it was given, a candidate batch
 * or a resident block. Nothing is allocated and nothing static lives in the module; the numbers are in layout.ts, the picture of the
 * whole memory too.
 */
import {
  ASK_IDS_AT,
  BATCH_EVENT_BASE,
  BATCH_EVENT_ENDS_AT,
  BATCH_EVENT_OFFSETS_AT,
  BATCH_MAGIC,
  BATCH_NAMES_AT,
  BATCH_SYMBOL_BASE,
  BATCH_SYMBOL_ENDS_AT,
  BATCH_SYMBOL_IDS_AT,
  NAME_BYTES,
  RESIDENT_EVENT_STARTS_AT,
  RESIDENT_GROUP_STARTS_AT,
  RESIDENT_LANES,
  RESIDENT_LANES_AT,
  RESIDENT_LENGTHS_AT,
  RESIDENT_MAGIC_VALUE,
  SCRATCH_QUERY_BLOCK,
  SCRATCH_ROW,
} from "./layout";

/** Address of the thread's query block. */
export function askOf(scratch: usize): usize {
  return scratch + SCRATCH_QUERY_BLOCK;
}

/** Address that a query-block field (an offset from the block's start) points to. */
export function askSection(ask: usize, field: usize): usize {
  return ask + (load<u32>(ask + field) as usize);
}

/** Exact symbol id at a state position; 0xffffffff for a symbol the kb does not know. */
export function stateId(ask: usize, position: u32): u32 {
  return load<u32>(askSection(ask, ASK_IDS_AT) + ((position as usize) << 2));
}

/** Whether the rows at `batch` are a resident block, not a candidate batch. */
export function isResident(batch: usize): bool {
  return load<u32>(batch, BATCH_MAGIC) === RESIDENT_MAGIC_VALUE;
}

/** Symbols in row `row` of a batch or a resident block. */
export function rowLength(batch: usize, row: u32): u32 {
  if (isResident(batch)) return load<u16>(batch + (load<u32>(batch, RESIDENT_LENGTHS_AT) as usize) + ((row as usize) << 1));
  return symbolStart(batch, row + 1) - symbolStart(batch, row);
}

/**
 * Address of the ids of row `row`, one after the other: in place in a candidate batch; out of a resident block they are gathered to SCRATCH_ROW,
 * where they stay until the next row is. Cost there: a load and a store a symbol.
 */
export function rowIds(scratch: usize, batch: usize, row: u32): usize {
  if (!isResident(batch)) return symbolIds(batch) + ((symbolStart(batch, row) as usize) << 2);
  const ids = scratch + SCRATCH_ROW;
  const end = ids + ((rowLength(batch, row) as usize) << 2);
  let lane = groupLanes(batch, row >> 3) + ((row & 7) << 2);
  for (let p = ids; p < end; p += 4) {
    store<u32>(p, load<u32>(lane) - 1);
    lane += RESIDENT_LANES << 2;
  }
  return ids;
}

/** Address of the first position of a resident block's group: RESIDENT_LANES lane ids a position. */
export function groupLanes(block: usize, group: u32): usize {
  const starts = block + (load<u32>(block, RESIDENT_GROUP_STARTS_AT) as usize);
  const position = load<u32>(starts + ((group as usize) << 2)) as usize;
  return block + (load<u32>(block, RESIDENT_LANES_AT) as usize) + position * (RESIDENT_LANES << 2);
}

/** Index, from the batch's first symbol on, where row `row` starts; `row` = rows gives the end of the last. Not for resident blocks. */
export function symbolStart(batch: usize, row: u32): u32 {
  if (row === 0) return 0;
  const ends = batch + (load<u32>(batch, BATCH_SYMBOL_ENDS_AT) as usize);
  return (load<u64>(ends + (((row - 1) as usize) << 3)) - load<u64>(batch, BATCH_SYMBOL_BASE)) as u32;
}

/** As `symbolStart`, for events, and for resident blocks too. */
export function eventStart(batch: usize, row: u32): u32 {
  if (isResident(batch)) return load<u32>(batch + (load<u32>(batch, RESIDENT_EVENT_STARTS_AT) as usize) + ((row as usize) << 2));
  if (row === 0) return 0;
  const ends = batch + (load<u32>(batch, BATCH_EVENT_OFFSETS_AT) as usize);
  return (load<u64>(ends + (((row - 1) as usize) << 3)) - load<u64>(batch, BATCH_EVENT_BASE)) as u32;
}

/** Address of a candidate batch's symbol ids, u32. */
export function symbolIds(batch: usize): usize {
  return batch + (load<u32>(batch, BATCH_SYMBOL_IDS_AT) as usize);
}

/** Address of the batch's event ends, u16: a row's symbols up to and with the event. */
export function eventEnds(batch: usize): usize {
  return batch + (load<u32>(batch, BATCH_EVENT_ENDS_AT) as usize);
}

/** Address of a row's 20-byte name. */
export function nameOf(batch: usize, row: u32): usize {
  return batch + (load<u32>(batch, BATCH_NAMES_AT) as usize) + (row as usize) * NAME_BYTES;
}
