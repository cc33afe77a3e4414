/**
 * Where a thread finds things: its scratch (one address, all regions at fixed offsets from it) and the batch it was given. Nothing is
 * allocated and nothing static lives in the module; the numbers are in layout.ts, the picture of the whole memory too.
 */
import {
  ASK_IDS_AT,
  BATCH_EVENT_BASE,
  BATCH_EVENT_ENDS_AT,
  BATCH_EVENT_OFFSETS_AT,
  BATCH_NAMES_AT,
  BATCH_SYMBOL_BASE,
  BATCH_SYMBOL_ENDS_AT,
  BATCH_SYMBOL_IDS_AT,
  NAME_BYTES,
  SCRATCH_QUERY_BLOCK,
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

/** Index, from the batch's first symbol on, where row `row` starts; `row` = rows gives the end of the last. */
export function symbolStart(batch: usize, row: u32): u32 {
  if (row === 0) return 0;
  const ends = batch + (load<u32>(batch, BATCH_SYMBOL_ENDS_AT) as usize);
  return (load<u64>(ends + (((row - 1) as usize) << 3)) - load<u64>(batch, BATCH_SYMBOL_BASE)) as u32;
}

/** As `symbolStart`, for events. */
export function eventStart(batch: usize, row: u32): u32 {
  if (row === 0) return 0;
  const ends = batch + (load<u32>(batch, BATCH_EVENT_OFFSETS_AT) as usize);
  return (load<u64>(ends + (((row - 1) as usize) << 3)) - load<u64>(batch, BATCH_EVENT_BASE)) as u32;
}

/** Address of the batch's symbol ids, u32. */
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
