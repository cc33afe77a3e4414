/**
 * Matching blocks of a candidate (the pattern) and the prepared query (the state): Ratcliff/Obershelp exactly as semantics §7.2 — the
 * longest common run, ties to the smallest start in the pattern, then in the state; the same left and right of it; sorted; runs
 * adjacent in both joined. Blocks are (start in pattern, start in state, size), without terminator.
 *
 * Instead of searching each range for its longest run, runs are taken length by length. Inside a range whose longest run is r, the
 * first run of length r splits it: no run of length r starts before it (it would have been first), so the left part waits for shorter
 * lengths, and the search for r goes on in the right part. One forward pass per length and range finds every block of that length.
 * For r = 1 the pass is the plain greedy match, which is therefore all there is when pattern and state share no adjacent pair.
 *
 * Query of one word: bit rows. Row i of level k has bit j set when a run of at least k starts at (i, j); level k + 1 is one AND and
 * one shift per row. Levels are built until one is empty, then spent from the longest down. O(pattern * longest run).
 * Longer queries: run lengths in a row of cells, visiting only equal pairs, O(pattern + equal pairs) a pass; the distinct lengths of
 * nested ranges fall and their sum cannot pass the shorter sequence n, so at most about sqrt(2n) passes see the same pair. Where one pair in
 * 16 or more is equal, blocks-dense.ts does the passes in SIMD.
 *
 * Candidate ids must be below the class table's count. Reference: test/reference/blocks.ts.
 */
import { clearDense, isDense, longestRunDense, smallestEndDense } from "./blocks-dense";
import { QUERY_COUNT, QUERY_MASKS, QUERY_POSITION_CLASSES, QUERY_POSITIONS, QUERY_STARTS, QUERY_TABLE, QUERY_WORDS } from "./layout";

/** A range of both sequences still to be searched: u32 pattern from, to, state from, to. */
const RANGE_BYTES: usize = 16;
/** (u32 start in pattern, u32 start in state, u32 size). */
const BLOCK_BYTES: usize = 12;

/**
 * Scratch bytes for a pattern of `count` ids: matches u32[count], classes u16[count], two lists of ranges, and either levels
 * u64[min(count, 64)][count + 1] or cells u64[queryCount + 1].
 */
export function blocksScratchBytes(count: u32, queryCount: u32): usize {
  const length = count as usize;
  const shorter = min(length, queryCount as usize);
  const lists = align8(length << 2) + align8(length << 1) + 2 * (shorter + 1) * RANGE_BYTES;
  return lists + (queryCount <= 64 ? (shorter * (length + 1)) << 3 : ((queryCount as usize) + 1) << 3);
}

/**
 * Writes the blocks of `count` ids at `candidate` to `out` (room for min(count, query count) blocks of 12 bytes) and returns their
 * number. `scratch`: `blocksScratchBytes` bytes, 8-byte aligned, any content.
 */
export function matchingBlocks(candidate: usize, count: u32, query: usize, scratch: usize, out: usize): u32 {
  if (count === 0 || load<u32>(query, QUERY_COUNT) === 0) return 0;
  return load<u32>(query, QUERY_WORDS) === 1
    ? blocksOfWord(candidate, count as usize, query, scratch, out)
    : blocksOfCells(candidate, count as usize, query, scratch, out);
}

/**
 * `matchingBlocks` for candidates `from` to `to` (exclusive) of a column (see `lcsLengthsInto`). Candidate c's blocks are
 * `blocks[starts[c - from] .. starts[c - from + 1])`, counted in blocks. `scratch`: for the longest candidate.
 */
export function matchingBlocksInto(
  flat: usize,
  offsets: usize,
  from: u32,
  to: u32,
  query: usize,
  scratch: usize,
  starts: usize,
  blocks: usize,
): void {
  let total: u32 = 0;
  let target = starts;
  store<u32>(target, 0);
  for (let c = from; c < to; c++) {
    const start = load<u32>(offsets + ((c as usize) << 2));
    const count = load<u32>(offsets + ((c as usize) << 2), 4) - start;
    total += matchingBlocks(flat + ((start as usize) << 2), count, query, scratch, blocks + (total as usize) * BLOCK_BYTES);
    target += 4;
    store<u32>(target, total);
  }
}

function align8(bytes: usize): usize {
  return (bytes + 7) & ~7;
}

/** The bits from `from` to `to` (exclusive), 0 <= from < to <= 64. */
function bitsBetween(from: u32, to: u32): u64 {
  return (~(0 as u64) << (from as u64)) & (~(0 as u64) >> ((64 - to) as u64));
}

// ---------------------------------------------------------------------------------------------------------- query of one word

function blocksOfWord(candidate: usize, count: usize, query: usize, scratch: usize, out: usize): u32 {
  const queryCount = load<u32>(query, QUERY_COUNT);
  const table = load<u32>(query, QUERY_TABLE) as usize;
  const masks = load<u32>(query, QUERY_MASKS) as usize;
  const matches = scratch;
  const listBytes = (min(count, queryCount as usize) + 1) * RANGE_BYTES;
  const lists = scratch + align8(count << 2) + align8(count << 1);
  const levels = lists + 2 * listBytes;
  const levelBytes = (count + 1) << 3;

  let any: u64 = 0;
  let pairs: u64 = 0;
  let before: u64 = 0;
  for (let i: usize = 0; i < count; i++) {
    const id = load<u32>(candidate + (i << 2)) as usize;
    const row = load<u64>(masks + ((load<u16>(table + (id << 1)) as usize) << 3));
    store<u64>(levels + (i << 3), row);
    any |= row;
    pairs |= row & (before << 1);
    before = row;
  }
  if (any === 0) return 0;
  if (pairs === 0) return greedyBlocks(levels, count, out);
  store<u64>(levels + (count << 3), 0);

  let longest: u32 = 1;
  for (let level = levels; ; level += levelBytes) {
    const above = level + levelBytes;
    let left: u64 = 0;
    let row = load<u64>(level);
    for (let at: usize = 0; at < count << 3; at += 8) {
      const following = load<u64>(level + at, 8);
      const longer = row & (following >> 1);
      store<u64>(above + at, longer);
      left |= longer;
      row = following;
    }
    if (left === 0) break;
    store<u64>(above + (count << 3), 0);
    longest++;
    // The longest run that can be: the next level is empty and has no room.
    if ((longest as usize) === min(count, queryCount as usize)) break;
  }

  memory.fill(matches, 0, count << 2);
  let open = lists;
  let next = lists + listBytes;
  store<u32>(open, 0);
  store<u32>(open, count as u32, 4);
  store<u32>(open, 0, 8);
  store<u32>(open, queryCount, 12);
  let openEnd = open + RANGE_BYTES;
  for (let size = longest; size > 0; size--) {
    const level = levels + ((size - 1) as usize) * levelBytes;
    let nextEnd = next;
    for (let range = open; range < openEnd; range += RANGE_BYTES) nextEnd = takeRuns(level, size, range, matches, nextEnd);
    const spent = open;
    open = next;
    openEnd = nextEnd;
    next = spent;
  }
  return writeBlocks(matches, count, out);
}

/** The greedy match on bit rows: each pattern element takes the first state position behind the last one taken. */
function greedyBlocks(rows: usize, count: usize, out: usize): u32 {
  let free: u64 = ~(0 as u64);
  let blocks: u32 = 0;
  for (let i: usize = 0; i < count; i++) {
    const row = load<u64>(rows + (i << 3)) & free;
    if (row === 0) continue;
    const block = out + (blocks as usize) * BLOCK_BYTES;
    store<u32>(block, i as u32);
    store<u32>(block, ctz<u64>(row) as u32, 4);
    store<u32>(block, 1, 8);
    blocks++;
    // Everything above the lowest bit of `row`.
    free = ~(row ^ (row - 1));
    if (free === 0) break;
  }
  return blocks;
}

/** Marks every block of `size` in a range that holds no longer run; appends what is left of the range at `parts` and returns its end. */
function takeRuns(level: usize, size: u32, range: usize, matches: usize, parts: usize): usize {
  let patternFrom = load<u32>(range);
  const patternTo = load<u32>(range, 4);
  let stateFrom = load<u32>(range, 8);
  const stateTo = load<u32>(range, 12);
  let i = patternFrom;
  while (stateFrom + size <= stateTo && i + size <= patternTo) {
    const starts = bitsBetween(stateFrom, stateTo - size + 1);
    let row: u64 = 0;
    while (i + size <= patternTo) {
      row = load<u64>(level + ((i as usize) << 3)) & starts;
      if (row !== 0) break;
      i++;
    }
    if (row === 0) break;
    const j = ctz<u64>(row) as u32;
    if (size > 1) parts = addRange(parts, patternFrom, i, stateFrom, j);
    markRun(matches, i, j, size);
    i += size;
    patternFrom = i;
    stateFrom = j + size;
  }
  return size > 1 ? addRange(parts, patternFrom, patternTo, stateFrom, stateTo) : parts;
}

// ------------------------------------------------------------------------------------------------------------- longer queries

function blocksOfCells(candidate: usize, count: usize, query: usize, scratch: usize, out: usize): u32 {
  const queryCount = load<u32>(query, QUERY_COUNT);
  const table = load<u32>(query, QUERY_TABLE) as usize;
  const matches = scratch;
  const classes = scratch + align8(count << 2);
  const stack = classes + align8(count << 1);
  const cells = stack + 2 * (min(count, queryCount as usize) + 1) * RANGE_BYTES;

  for (let i: usize = 0; i < count; i++) {
    const id = load<u32>(candidate + (i << 2)) as usize;
    store<u16>(classes + (i << 1), load<u16>(table + (id << 1)));
  }
  memory.fill(matches, 0, count << 2);
  // Ranges on the stack are disjoint and not empty, in both sequences: min(count, query count) of them at most.
  let top = addRange(stack, 0, count as u32, 0, queryCount);
  while (top > stack) {
    top -= RANGE_BYTES;
    top = searchRange(top, classes, query, cells, matches);
  }
  return writeBlocks(matches, count, out);
}

/** Takes every block of the longest length out of the range at `range` and replaces it by what is left; returns the new top. */
function searchRange(range: usize, classes: usize, query: usize, cells: usize, matches: usize): usize {
  const patternFrom = load<u32>(range);
  const patternTo = load<u32>(range, 4);
  const stateFrom = load<u32>(range, 8);
  const stateTo = load<u32>(range, 12);
  const possible = min(patternTo - patternFrom, stateTo - stateFrom);
  const prefix = commonPrefix(classes, patternFrom, load<u32>(query, QUERY_POSITION_CLASSES) as usize, stateFrom, possible);
  if (prefix === possible) {
    // One side is the other's beginning: it starts first on both sides, and nothing is left of it.
    markRun(matches, patternFrom, stateFrom, possible);
    return range;
  }
  const starts = load<u32>(query, QUERY_STARTS) as usize;
  if (isDense(classes, patternFrom, patternTo, stateTo - stateFrom, starts)) {
    const state = (load<u32>(query, QUERY_POSITION_CLASSES) as usize) + ((stateFrom as usize) << 1);
    clearDense(cells, stateTo - stateFrom);
    const longest = longestRunDense(classes, patternFrom, patternTo, state, stateTo - stateFrom, cells, possible);
    if (longest > 1) return splitDense(range, longest, classes, query, cells, matches);
    if (longest === 0) return range;
    return splitByRuns(range, 1, classes, query, cells, matches);
  }
  clearCells(cells, stateFrom, stateTo);
  const size = longestRun(classes, patternFrom, patternTo, stateFrom, stateTo, query, cells, possible);
  if (size === 0) return range;
  clearCells(cells, stateFrom, stateTo);
  return splitByRuns(range, size, classes, query, cells, matches);
}

/** How many elements from both starts on are equal, at most `possible`. */
function commonPrefix(classes: usize, patternFrom: u32, positionClasses: usize, stateFrom: u32, possible: u32): u32 {
  let n: u32 = 0;
  while (n < possible) {
    const symbolClass = load<u16>(classes + (((patternFrom + n) as usize) << 1));
    if (symbolClass === 0 || symbolClass !== load<u16>(positionClasses + (((stateFrom + n) as usize) << 1))) break;
    n++;
  }
  return n;
}

/**
 * Cell j holds the run that ends at state position j: high half the pattern position after its end, low half its length. A run is
 * continued from cell j - 1 only if that cell was written for the pattern position before; 0 is never such a position's successor.
 */
function clearCells(cells: usize, stateFrom: u32, stateTo: u32): void {
  memory.fill(cells + ((stateFrom as usize) << 3), 0, ((stateTo - stateFrom) as usize) << 3);
}

/** Length of the longest common run in the range; stops when `possible` is reached or no open run can grow past the best. */
function longestRun(
  classes: usize,
  patternFrom: u32,
  patternTo: u32,
  stateFrom: u32,
  stateTo: u32,
  query: usize,
  cells: usize,
  possible: u32,
): u32 {
  const starts = load<u32>(query, QUERY_STARTS) as usize;
  const positions = load<u32>(query, QUERY_POSITIONS) as usize;
  let best: u32 = 0;
  for (let i = patternFrom; i < patternTo; i++) {
    const symbolClass = load<u16>(classes + ((i as usize) << 1)) as usize;
    let inRow: u32 = 0;
    if (symbolClass !== 0) {
      const first = positions + ((load<u32>(starts + (symbolClass << 2)) as usize) << 2);
      const last = positions + ((load<u32>(starts + (symbolClass << 2), 4) as usize) << 2);
      // Descending, so that cell j - 1 still belongs to the row before.
      for (let p = firstNotBelow(first, last, stateTo); p > first; ) {
        p -= 4;
        const j = load<u32>(p);
        if (j < stateFrom) break;
        const run = runTo(cells, i, j, patternFrom, stateFrom);
        if (run > inRow) inRow = run;
      }
    }
    if (inRow > best) best = inRow;
    if (best === possible || inRow + (patternTo - 1 - i) <= best) break;
  }
  return best;
}

/** Marks the range's blocks of `size`, its longest run; writes what is left of it from `range` on and returns the end of that. */
function splitByRuns(range: usize, size: u32, classes: usize, query: usize, cells: usize, matches: usize): usize {
  const starts = load<u32>(query, QUERY_STARTS) as usize;
  const positions = load<u32>(query, QUERY_POSITIONS) as usize;
  let patternFrom = load<u32>(range);
  const patternTo = load<u32>(range, 4);
  let stateFrom = load<u32>(range, 8);
  const stateTo = load<u32>(range, 12);
  let parts = range;
  for (let i = patternFrom; i < patternTo && stateFrom + size <= stateTo; i++) {
    const symbolClass = load<u16>(classes + ((i as usize) << 1)) as usize;
    if (symbolClass === 0) continue;
    const first = positions + ((load<u32>(starts + (symbolClass << 2)) as usize) << 2);
    const last = positions + ((load<u32>(starts + (symbolClass << 2), 4) as usize) << 2);
    let smallestEnd: u32 = 0;
    if (size === 1) {
      // Any equal pair is a run: the first state position will do.
      const p = firstNotBelow(first, last, stateFrom);
      if (p < last && load<u32>(p) < stateTo) smallestEnd = load<u32>(p) + 1;
    } else {
      for (let p = firstNotBelow(first, last, stateTo); p > first; ) {
        p -= 4;
        const j = load<u32>(p);
        if (j < stateFrom) break;
        if (runTo(cells, i, j, patternFrom, stateFrom) === size) smallestEnd = j + 1;
      }
    }
    if (smallestEnd === 0) continue;
    const start = i + 1 - size;
    if (size > 1) parts = addRange(parts, patternFrom, start, stateFrom, smallestEnd - size);
    markRun(matches, start, smallestEnd - size, size);
    patternFrom = i + 1;
    stateFrom = smallestEnd;
  }
  return size > 1 ? addRange(parts, patternFrom, patternTo, stateFrom, stateTo) : parts;
}

/** As `splitByRuns`, for a range with many equal pairs and a `size` above 1. */
function splitDense(range: usize, size: u32, classes: usize, query: usize, cells: usize, matches: usize): usize {
  const positionClasses = load<u32>(query, QUERY_POSITION_CLASSES) as usize;
  let patternFrom = load<u32>(range);
  const patternTo = load<u32>(range, 4);
  let stateFrom = load<u32>(range, 8);
  const stateTo = load<u32>(range, 12);
  let parts = range;
  clearDense(cells, stateTo - stateFrom);
  for (let i = patternFrom; i < patternTo && stateFrom + size <= stateTo; i++) {
    const end = smallestEndDense(classes, i, positionClasses + ((stateFrom as usize) << 1), stateTo - stateFrom, cells, size);
    if (end === 0) continue;
    const smallestEnd = stateFrom + end;
    const start = i + 1 - size;
    parts = addRange(parts, patternFrom, start, stateFrom, smallestEnd - size);
    markRun(matches, start, smallestEnd - size, size);
    patternFrom = i + 1;
    stateFrom = smallestEnd;
    // Runs begin anew behind the one taken.
    clearDense(cells, stateTo - stateFrom);
  }
  return addRange(parts, patternFrom, patternTo, stateFrom, stateTo);
}

/** Length of the common run that ends at (i, j) and starts inside the range; writes it to cell j. */
function runTo(cells: usize, i: u32, j: u32, patternFrom: u32, stateFrom: u32): u32 {
  let run: u32 = 1;
  if (i > patternFrom && j > stateFrom) {
    const before = load<u64>(cells + (((j - 1) as usize) << 3));
    if (before >> 32 === (i as u64)) run += before as u32;
  }
  store<u64>(cells + ((j as usize) << 3), (((i + 1) as u64) << 32) | (run as u64));
  return run;
}

/** The first of the ascending u32 between two addresses that is not below `least`: by bisection. */
function firstNotBelow(from: usize, to: usize, least: u32): usize {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = low + ((((high - low) >> 3) as usize) << 2);
    if (load<u32>(middle) < least) low = middle + 4;
    else high = middle;
  }
  return low;
}

// ------------------------------------------------------------------------------------------------------------------- for both

/** Appends a range at `end` unless one of its sides is empty. */
function addRange(end: usize, patternFrom: u32, patternTo: u32, stateFrom: u32, stateTo: u32): usize {
  if (patternFrom === patternTo || stateFrom === stateTo) return end;
  store<u32>(end, patternFrom);
  store<u32>(end, patternTo, 4);
  store<u32>(end, stateFrom, 8);
  store<u32>(end, stateTo, 12);
  return end + RANGE_BYTES;
}

/** Notes for each pattern position of a run the state position after its partner's; 0 means none. */
function markRun(matches: usize, i: u32, j: u32, size: u32): void {
  for (let n: u32 = 0; n < size; n++) store<u32>(matches + (((i + n) as usize) << 2), j + n + 1);
}

/** Blocks out of the marks, in order; runs adjacent in both sequences come out joined. */
function writeBlocks(matches: usize, count: usize, out: usize): u32 {
  let block = out;
  let expected: u32 = 0;
  for (let i: usize = 0; i < count; i++) {
    const match = load<u32>(matches + (i << 2));
    if (match === 0) {
      expected = 0;
      continue;
    }
    if (match === expected) {
      const last = block - BLOCK_BYTES;
      store<u32>(last, load<u32>(last, 8) + 1, 8);
    } else {
      store<u32>(block, i as u32);
      store<u32>(block, match - 1, 4);
      store<u32>(block, 1, 8);
      block += BLOCK_BYTES;
    }
    expected = match + 1;
  }
  return ((block - out) / BLOCK_BYTES) as u32;
}
