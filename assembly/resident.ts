/**
 * A candidate batch turned into a resident block: rows sorted by length, eight side by side, so that the lane kernels score eight with one
 * instruction and no branch mispredicts, and an index that says which rows hold a symbol. Cost: two passes over the rows and some over the
 * symbols (about ten nanoseconds a symbol), once for a block that many queries meet. Not for a batch that is scored once: that costs
 * more than it saves. Layout and picture: src/wire/resident-block.ts. Working memory: SCRATCH_BLOCKS_WORK (row counts a length),
 * SCRATCH_SURVIVORS (rows in order), SCRATCH_SEAL_WORK.
 */
import {
  BATCH_BYTES,
  BATCH_DISTINCT_AT,
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
  RESIDENT_GROUPS,
  RESIDENT_HEADER_BYTES,
  RESIDENT_ID_LIMIT,
  RESIDENT_LANES,
  RESIDENT_LANES_AT,
  RESIDENT_LENGTHS_AT,
  RESIDENT_MAGIC_VALUE,
  RESIDENT_ORIGINS_AT,
  RESIDENT_POSITIONS,
  SCRATCH_BLOCKS_WORK,
  SCRATCH_SURVIVORS,
} from "./layout";
import { eventEnds, eventStart, groupLanes, rowLength, symbolIds, symbolStart } from "./memory";
import { indexBytes, noIndex, placeIndex, sortIndex, writeIndex } from "./resident-index";

const GROUP_BYTES: usize = RESIDENT_LANES << 2;
/** SIMD loads run over the end. */
const SLACK_BYTES: usize = 16;

/**
 * Sorts what `sealResident` writes and returns the block's bytes; without an index where few queries will meet the block. The batch's rows must have
 * been checked (`firstBadRow`), and no query may be loaded in the scratch: its room is used.
 */
export function planResident(scratch: usize, batch: usize, withIndex: bool): usize {
  countLengths(scratch, batch);
  const rows = load<u32>(batch, BATCH_ROWS) as usize;
  orderRows(scratch, batch, rows as u32);
  const positions = positionsOf(scratch, batch, rows);
  if (withIndex) sortIndex(scratch, batch, rows as u32);
  else noIndex(scratch);
  return blockBytes(rows, positions, load<u32>(batch, BATCH_EVENTS) as usize, indexBytes(scratch));
}

/** Writes the block at `block` (8-byte aligned, as many bytes as planned, not in the batch); after `planResident` of the same batch. */
export function sealResident(scratch: usize, batch: usize, block: usize): void {
  const rows = load<u32>(batch, BATCH_ROWS) as usize;
  writeHeader(scratch, block, batch, rows);
  writeGroupStarts(scratch, batch, block, rows);
  writeRows(scratch, batch, block, rows);
  writeLanes(scratch, batch, block, rows as u32);
  writeIndex(scratch, block);
}

function align8(bytes: usize): usize {
  return (bytes + 7) & ~7;
}

function groupsOf(rows: usize): usize {
  return (rows + RESIDENT_LANES - 1) / RESIDENT_LANES;
}

/** The order of the parts is the picture's: `writeHeader` places them by the same sums. */
function blockBytes(rows: usize, positions: usize, events: usize, index: usize): usize {
  const groups = groupsOf(rows);
  const perRow = (rows << 3) + align8((groups + 1) << 2) + align8((rows + 1) << 2) + align8(rows << 2) + 2 * align8(rows << 1);
  return (
    (RESIDENT_HEADER_BYTES as usize) +
    positions * GROUP_BYTES +
    perRow +
    align8(rows * NAME_BYTES) +
    align8(events << 1) +
    index +
    SLACK_BYTES
  );
}

function writeHeader(scratch: usize, block: usize, batch: usize, rows: usize): void {
  const groups = groupsOf(rows);
  const events = load<u32>(batch, BATCH_EVENTS) as usize;
  const positions = positionsOf(scratch, batch, rows);
  let at: usize = RESIDENT_HEADER_BYTES;
  memory.fill(block, 0, RESIDENT_HEADER_BYTES);
  store<u32>(block, RESIDENT_MAGIC_VALUE, BATCH_MAGIC);
  store<u32>(block, LAYOUT_VERSION, BATCH_VERSION);
  store<u32>(block, blockBytes(rows, positions, events, indexBytes(scratch)) as u32, BATCH_BYTES);
  store<u32>(block, rows as u32, BATCH_ROWS);
  store<u32>(block, load<u32>(batch, BATCH_SYMBOLS), BATCH_SYMBOLS);
  store<u32>(block, events as u32, BATCH_EVENTS);
  store<u32>(block, groups as u32, RESIDENT_GROUPS);
  store<u32>(block, positions as u32, RESIDENT_POSITIONS);
  store<u32>(block, at as u32, RESIDENT_LANES_AT);
  at += positions * GROUP_BYTES;
  store<u32>(block, at as u32, BATCH_PATTERN_IDS_AT);
  at += rows << 3;
  store<u32>(block, at as u32, RESIDENT_GROUP_STARTS_AT);
  at += align8((groups + 1) << 2);
  store<u32>(block, at as u32, RESIDENT_EVENT_STARTS_AT);
  at += align8((rows + 1) << 2);
  store<u32>(block, at as u32, RESIDENT_ORIGINS_AT);
  at += align8(rows << 2);
  store<u32>(block, at as u32, RESIDENT_LENGTHS_AT);
  at += align8(rows << 1);
  store<u32>(block, at as u32, BATCH_DISTINCT_AT);
  at += align8(rows << 1);
  store<u32>(block, at as u32, BATCH_NAMES_AT);
  at += align8(rows * NAME_BYTES);
  store<u32>(block, at as u32, BATCH_EVENT_ENDS_AT);
  at += align8(events << 1);
  placeIndex(scratch, block, at);
}

/** Positions of all groups: a group is as long as its last row. */
function positionsOf(scratch: usize, batch: usize, rows: usize): usize {
  const order = scratch + SCRATCH_SURVIVORS;
  let positions: usize = 0;
  for (let end: usize = RESIDENT_LANES; end < rows + RESIDENT_LANES; end += RESIDENT_LANES) {
    positions += rowLength(batch, load<u32>(order + ((min(end, rows) - 1) << 2))) as usize;
  }
  return positions;
}

/** How many rows have each length, u32[PATTERN_SYMBOLS_MAX + 1] in the work memory. */
function countLengths(scratch: usize, batch: usize): void {
  const counts = scratch + SCRATCH_BLOCKS_WORK;
  const rows = load<u32>(batch, BATCH_ROWS);
  memory.fill(counts, 0, ((PATTERN_SYMBOLS_MAX as usize) + 1) << 2);
  for (let row: u32 = 0; row < rows; row++) {
    const cell = counts + ((rowLength(batch, row) as usize) << 2);
    store<u32>(cell, load<u32>(cell) + 1);
  }
}

/** Counting sort, stable: the batch's rows by length in SCRATCH_SURVIVORS. Turns the counts into the lengths' ends. */
function orderRows(scratch: usize, batch: usize, rows: u32): void {
  const counts = scratch + SCRATCH_BLOCKS_WORK;
  const order = scratch + SCRATCH_SURVIVORS;
  let sum: u32 = 0;
  for (let cell = counts, end = counts + (((PATTERN_SYMBOLS_MAX as usize) + 1) << 2); cell < end; cell += 4) {
    const count = load<u32>(cell);
    store<u32>(cell, sum);
    sum += count;
  }
  for (let row: u32 = 0; row < rows; row++) {
    const cell = counts + ((rowLength(batch, row) as usize) << 2);
    const at = load<u32>(cell);
    store<u32>(cell, at + 1);
    store<u32>(order + ((at as usize) << 2), row);
  }
}

function writeGroupStarts(scratch: usize, batch: usize, block: usize, rows: usize): void {
  const order = scratch + SCRATCH_SURVIVORS;
  const starts = block + (load<u32>(block, RESIDENT_GROUP_STARTS_AT) as usize);
  const groups = groupsOf(rows);
  let position: u32 = 0;
  store<u32>(starts, 0);
  for (let group: usize = 0; group < groups; group++) {
    const last = min((group + 1) * RESIDENT_LANES, rows) - 1;
    position += rowLength(batch, load<u32>(order + (last << 2)));
    store<u32>(starts + (group << 2), position, 4);
  }
}

/** Everything that a row has one of, and its event ends, in the block's order. */
function writeRows(scratch: usize, batch: usize, block: usize, rows: usize): void {
  const order = scratch + SCRATCH_SURVIVORS;
  const idsIn = batch + (load<u32>(batch, BATCH_PATTERN_IDS_AT) as usize);
  const namesIn = batch + (load<u32>(batch, BATCH_NAMES_AT) as usize);
  const distinctIn = batch + (load<u32>(batch, BATCH_DISTINCT_AT) as usize);
  const eventsIn = eventEnds(batch);
  const ids = block + (load<u32>(block, BATCH_PATTERN_IDS_AT) as usize);
  const names = block + (load<u32>(block, BATCH_NAMES_AT) as usize);
  const distinct = block + (load<u32>(block, BATCH_DISTINCT_AT) as usize);
  const lengths = block + (load<u32>(block, RESIDENT_LENGTHS_AT) as usize);
  const origins = block + (load<u32>(block, RESIDENT_ORIGINS_AT) as usize);
  const eventStarts = block + (load<u32>(block, RESIDENT_EVENT_STARTS_AT) as usize);
  const events = eventEnds(block);
  let event: u32 = 0;
  store<u32>(eventStarts, 0);
  for (let n: usize = 0; n < rows; n++) {
    const row = load<u32>(order + (n << 2));
    const from = row as usize;
    store<u32>(origins + (n << 2), row);
    store<u64>(ids + (n << 3), load<u64>(idsIn + (from << 3)));
    memory.copy(names + n * NAME_BYTES, namesIn + from * NAME_BYTES, NAME_BYTES);
    store<u16>(distinct + (n << 1), load<u16>(distinctIn + (from << 1)));
    store<u16>(lengths + (n << 1), rowLength(batch, row) as u16);
    const first = eventStart(batch, row);
    const count = eventStart(batch, row + 1) - first;
    memory.copy(events + ((event as usize) << 1), eventsIn + ((first as usize) << 1), (count as usize) << 1);
    event += count;
    store<u32>(eventStarts + (n << 2), event, 4);
  }
}

/** The lane ids, each row down its lane and padding below; notes the greatest. */
function writeLanes(scratch: usize, batch: usize, block: usize, rows: u32): void {
  const order = scratch + SCRATCH_SURVIVORS;
  const idsIn = symbolIds(batch);
  let limit: u32 = 0;
  for (let n: u32 = 0; n < (groupsOf(rows as usize) as u32) * RESIDENT_LANES; n++) {
    let to = groupLanes(block, n / RESIDENT_LANES) + (((n % RESIDENT_LANES) as usize) << 2);
    const end = groupLanes(block, n / RESIDENT_LANES + 1);
    if (n < rows) {
      const row = load<u32>(order + ((n as usize) << 2));
      const idsEnd = idsIn + ((symbolStart(batch, row + 1) as usize) << 2);
      for (let p = idsIn + ((symbolStart(batch, row) as usize) << 2); p < idsEnd; p += 4) {
        const id = load<u32>(p);
        limit = max(limit, id + 1);
        store<u32>(to, id + 1);
        to += GROUP_BYTES;
      }
    }
    for (; to < end; to += GROUP_BYTES) store<u32>(to, 0);
  }
  store<u32>(block, limit, RESIDENT_ID_LIMIT);
}
