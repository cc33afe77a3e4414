/**
 * How a scan's blocks are cut: slices of about as many rows, each in one memory, for a task works in one. Small blocks share a slice. Cost: a few
 * numbers a slice.
 */
import type { PieceNumbers } from "../wire/scan-board.ts";
import type { PlacedBlock } from "./kernel-pool.ts";

/** Consecutive slices in one memory: from `from` to `to` (exclusive). */
export interface MemorySlices {
  readonly memory: number;
  readonly from: number;
  readonly to: number;
}

export interface ScanSlices {
  readonly rows: number;
  readonly slices: readonly (readonly PieceNumbers[])[];
  readonly memories: readonly MemorySlices[];
}

/** Slices of `sliceRows` rows at most (1 or more). Every row is in one of them. */
export function cutSlices(blocks: readonly PlacedBlock[], sliceRows: number): ScanSlices {
  const slices: PieceNumbers[][] = [];
  const memories: { memory: number; from: number; to: number }[] = [];
  const byMemory = new Map<number, PlacedBlock[]>();
  for (const block of blocks) {
    const same = byMemory.get(block.memory);
    if (same === undefined) byMemory.set(block.memory, [block]);
    else same.push(block);
  }
  let rows = 0;
  for (const [memory, own] of byMemory) {
    const first = slices.length;
    let open: PieceNumbers[] = [];
    let openRows = 0;
    for (const block of own) {
      rows += block.rows;
      // A block that does not fit what is open starts a slice: whole groups of rows meet the kernels.
      for (let from = 0; from < block.rows; ) {
        const to = Math.min(block.rows, from + sliceRows);
        if (openRows > 0 && openRows + (to - from) > sliceRows) {
          slices.push(open);
          open = [];
          openRows = 0;
        }
        open.push([block.place, from, to]);
        openRows += to - from;
        from = to;
      }
    }
    if (openRows > 0) slices.push(open);
    if (slices.length > first) memories.push({ memory, from: first, to: slices.length });
  }
  return { rows, slices, memories };
}
