/**
 * The best matches of a task: a bounded heap with the worst kept match at its root. Better is a greater key, then the smaller name, so
 * what is kept does not depend on the order in which rows come. A task may go over several batches: an entry says which one its row is in.
 * Cost: O(1) for a match that is not kept, O(log keep) for one that is.
 */
import {
  ASK_KEEP,
  CONTEXT_FLOOR,
  CONTEXT_KEPT,
  HEAP_BATCH,
  HEAP_ENTRY_BYTES,
  HEAP_ROW,
  HEAP_SIMILARITY,
  SCRATCH_BLOCKS_WORK,
  SCRATCH_HEAP,
} from "./layout";
import { askOf, nameOf } from "./memory";

/** Starts a task: nothing is kept; matches with a key below `floor` need not be. */
export function beginTask(scratch: usize, floor: f64): void {
  store<u32>(scratch, 0, CONTEXT_KEPT);
  store<f64>(scratch, floor, CONTEXT_FLOOR);
}

/** Offers a match; it stays if it is among the best `keep` so far. */
export function offer(scratch: usize, batch: usize, key: f64, similarity: f64, row: u32): void {
  if (key < load<f64>(scratch, CONTEXT_FLOOR)) return;
  const heap = scratch + SCRATCH_HEAP;
  const keep = load<u32>(askOf(scratch), ASK_KEEP);
  const kept = load<u32>(scratch, CONTEXT_KEPT);
  if (kept < keep) {
    store<u32>(scratch, kept + 1, CONTEXT_KEPT);
    siftUp(heap, batch, kept, key, similarity, row);
  } else if (keep > 0) {
    if (!isWorse(load<f64>(heap), load<u32>(heap, HEAP_BATCH), load<u32>(heap, HEAP_ROW), key, batch, row)) return;
    siftDown(heap, batch, 0, kept, key, similarity, row);
  }
}

/** Puts the kept entries in order, best first. They are no heap afterwards. */
export function sortKept(scratch: usize): void {
  const heap = scratch + SCRATCH_HEAP;
  for (let last = load<u32>(scratch, CONTEXT_KEPT); last > 1; ) {
    last--;
    const place = entryAt(heap, last);
    const key = load<f64>(place);
    const similarity = load<f64>(place, HEAP_SIMILARITY);
    const row = load<u32>(place, HEAP_ROW);
    const batch = load<u32>(place, HEAP_BATCH) as usize;
    copyEntry(place, heap);
    siftDown(heap, batch, 0, last, key, similarity, row);
  }
}

/** Key of the `rank`-th best kept entry, 1 or more and at most as many as are kept. The heap stays one. Cost: a few nanoseconds a kept entry. */
export function keyOfRank(scratch: usize, rank: u32): f64 {
  const heap = scratch + SCRATCH_HEAP;
  const keys = scratch + SCRATCH_BLOCKS_WORK;
  const kept = load<u32>(scratch, CONTEXT_KEPT);
  for (let n: u32 = 0; n < kept; n++) store<f64>(keys + ((n as usize) << 3), load<f64>(entryAt(heap, n)));
  // Places of the greatest and the least key that the one sought may be, and its own: parted as quicksort does.
  let from = keys;
  let to = keys + (((kept - 1) as usize) << 3);
  const wanted = keys + (((rank - 1) as usize) << 3);
  while (from < to) {
    const pivot = load<f64>(from + (((to - from) >> 4) << 3));
    let left = from;
    let right = to;
    while (left <= right) {
      while (load<f64>(left) > pivot) left += 8;
      while (load<f64>(right) < pivot) right -= 8;
      if (left > right) break;
      const key = load<f64>(left);
      store<f64>(left, load<f64>(right));
      store<f64>(right, key);
      left += 8;
      right -= 8;
    }
    if (wanted <= right) to = right;
    else if (wanted >= left) from = left;
    else break;
  }
  return load<f64>(wanted);
}

function entryAt(heap: usize, index: u32): usize {
  return heap + (index as usize) * HEAP_ENTRY_BYTES;
}

function writeEntry(place: usize, batch: usize, key: f64, similarity: f64, row: u32): void {
  store<f64>(place, key);
  store<f64>(place, similarity, HEAP_SIMILARITY);
  store<u32>(place, row, HEAP_ROW);
  store<u32>(place, batch as u32, HEAP_BATCH);
}

function copyEntry(to: usize, from: usize): void {
  writeEntry(to, load<u32>(from, HEAP_BATCH) as usize, load<f64>(from), load<f64>(from, HEAP_SIMILARITY), load<u32>(from, HEAP_ROW));
}

/** Whether match a goes behind match b. */
function isWorse(keyA: f64, batchA: usize, rowA: u32, keyB: f64, batchB: usize, rowB: u32): bool {
  if (keyA !== keyB) return keyA < keyB;
  return isNameBefore(nameOf(batchB, rowB), nameOf(batchA, rowA));
}

/** Whether the match goes behind the entry at `place`. */
function isWorseThan(place: usize, key: f64, batch: usize, row: u32): bool {
  return isWorse(key, batch, row, load<f64>(place), load<u32>(place, HEAP_BATCH) as usize, load<u32>(place, HEAP_ROW));
}

/** The new entry starts at `index` and rises as long as it is worse than its parent. */
function siftUp(heap: usize, batch: usize, index: u32, key: f64, similarity: f64, row: u32): void {
  let at = index;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const place = entryAt(heap, parent);
    if (!isWorseThan(place, key, batch, row)) break;
    copyEntry(entryAt(heap, at), place);
    at = parent;
  }
  writeEntry(entryAt(heap, at), batch, key, similarity, row);
}

/** The entry starts at `index` and sinks below every child that is worse; `count` entries are in the heap. */
function siftDown(heap: usize, batch: usize, index: u32, count: u32, key: f64, similarity: f64, row: u32): void {
  let at = index;
  while (true) {
    let child: u32 = 2 * at + 1;
    if (child >= count) break;
    let place = entryAt(heap, child);
    if (child + 1 < count) {
      const next = place + HEAP_ENTRY_BYTES;
      if (isWorseThan(place, load<f64>(next), load<u32>(next, HEAP_BATCH) as usize, load<u32>(next, HEAP_ROW))) {
        child++;
        place = next;
      }
    }
    if (isWorseThan(place, key, batch, row)) break;
    copyEntry(entryAt(heap, at), place);
    at = child;
  }
  writeEntry(entryAt(heap, at), batch, key, similarity, row);
}

/** Whether the 20-byte name at `a` comes before that at `b`, byte by byte. */
function isNameBefore(a: usize, b: usize): bool {
  const headA = bswap<u64>(load<u64>(a));
  const headB = bswap<u64>(load<u64>(b));
  if (headA !== headB) return headA < headB;
  const bodyA = bswap<u64>(load<u64>(a, 8));
  const bodyB = bswap<u64>(load<u64>(b, 8));
  if (bodyA !== bodyB) return bodyA < bodyB;
  return bswap<u32>(load<u32>(a, 16)) < bswap<u32>(load<u32>(b, 16));
}
