/**
 * The best matches of a slice: a bounded heap with the worst kept match at its root. Better is a greater key, then the smaller name, so
 * what is kept does not depend on the order in which rows come. Cost: O(1) for a match that is not kept, O(log keep) for one that is.
 */
import { ASK_KEEP, CONTEXT_KEPT, HEAP_ENTRY_BYTES, HEAP_ROW, HEAP_SIMILARITY, SCRATCH_HEAP } from "./layout";
import { askOf, nameOf } from "./memory";

/** Offers a match; it stays if it is among the best `keep` so far. */
export function offer(scratch: usize, batch: usize, key: f64, similarity: f64, row: u32): void {
  const heap = scratch + SCRATCH_HEAP;
  const keep = load<u32>(askOf(scratch), ASK_KEEP);
  const kept = load<u32>(scratch, CONTEXT_KEPT);
  if (kept < keep) {
    store<u32>(scratch, kept + 1, CONTEXT_KEPT);
    siftUp(heap, batch, kept, key, similarity, row);
  } else if (keep > 0) {
    const worst = load<f64>(heap);
    if (key < worst || (key === worst && !isNameBefore(batch, row, load<u32>(heap, HEAP_ROW)))) return;
    siftDown(heap, batch, 0, kept, key, similarity, row);
  }
}

/** Puts the kept entries in order, best first. They are no heap afterwards. */
export function sortKept(scratch: usize, batch: usize): void {
  const heap = scratch + SCRATCH_HEAP;
  for (let last = load<u32>(scratch, CONTEXT_KEPT); last > 1; ) {
    last--;
    const place = entryAt(heap, last);
    const key = load<f64>(place);
    const similarity = load<f64>(place, HEAP_SIMILARITY);
    const row = load<u32>(place, HEAP_ROW);
    copyEntry(place, heap);
    siftDown(heap, batch, 0, last, key, similarity, row);
  }
}

function entryAt(heap: usize, index: u32): usize {
  return heap + (index as usize) * HEAP_ENTRY_BYTES;
}

function writeEntry(place: usize, key: f64, similarity: f64, row: u32): void {
  store<f64>(place, key);
  store<f64>(place, similarity, HEAP_SIMILARITY);
  store<u32>(place, row, HEAP_ROW);
}

function copyEntry(to: usize, from: usize): void {
  writeEntry(to, load<f64>(from), load<f64>(from, HEAP_SIMILARITY), load<u32>(from, HEAP_ROW));
}

/** Whether (key, row) is worse than the entry at `place`. */
function isWorse(batch: usize, key: f64, row: u32, place: usize): bool {
  const other = load<f64>(place);
  if (key !== other) return key < other;
  return isNameBefore(batch, load<u32>(place, HEAP_ROW), row);
}

/** The new entry starts at `index` and rises as long as it is worse than its parent. */
function siftUp(heap: usize, batch: usize, index: u32, key: f64, similarity: f64, row: u32): void {
  let at = index;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const place = entryAt(heap, parent);
    if (!isWorse(batch, key, row, place)) break;
    copyEntry(entryAt(heap, at), place);
    at = parent;
  }
  writeEntry(entryAt(heap, at), key, similarity, row);
}

/** The entry starts at `index` and sinks below every child that is worse; `count` entries are in the heap. */
function siftDown(heap: usize, batch: usize, index: u32, count: u32, key: f64, similarity: f64, row: u32): void {
  let at = index;
  while (true) {
    let child: u32 = 2 * at + 1;
    if (child >= count) break;
    let place = entryAt(heap, child);
    if (child + 1 < count && isWorse(batch, load<f64>(place, HEAP_ENTRY_BYTES), load<u32>(place, HEAP_ENTRY_BYTES + HEAP_ROW), place)) {
      child++;
      place += HEAP_ENTRY_BYTES;
    }
    if (isWorse(batch, key, row, place)) break;
    copyEntry(entryAt(heap, at), place);
    at = child;
  }
  writeEntry(entryAt(heap, at), key, similarity, row);
}

/** Whether row a's name comes before row b's, byte by byte. */
function isNameBefore(batch: usize, a: u32, b: u32): bool {
  const nameA = nameOf(batch, a);
  const nameB = nameOf(batch, b);
  const headA = bswap<u64>(load<u64>(nameA));
  const headB = bswap<u64>(load<u64>(nameB));
  if (headA !== headB) return headA < headB;
  const bodyA = bswap<u64>(load<u64>(nameA, 8));
  const bodyB = bswap<u64>(load<u64>(nameB, 8));
  if (bodyA !== bodyB) return bodyA < bodyB;
  return bswap<u32>(load<u32>(nameA, 16)) < bswap<u32>(load<u32>(nameB, 16));
}
