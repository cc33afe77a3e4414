/**
 * A thread's part of a scan: it takes slices off the scan's board until none is left, keeps the best of them all in one heap, and answers once.
 * What one thread finds helps the others at once, through the board's floor. Cost beside the kernels: some microseconds a slice, and about
 * one a kept match, once a thread and not once a slice.
 */
import { CONTEXT_FLOOR, CONTEXT_KEPT, SCRATCH_HEAP } from "../../assembly/layout.ts";
import { viewQueryBlock } from "../wire/query-block.ts";
import { ScanBoard } from "../wire/scan-board.ts";
import type { ScanTask } from "../wire/task.ts";
import type { PoolInstance } from "./instance.ts";
import { Scoring } from "./stages.ts";

/** Between two looks at the board: short beside a deadline and a scan's end, long beside what a look costs. */
const LOOK_MS = 1;
/** Of larger shares finding the key takes more than it saves. */
const SHARE_MAX = 2_048;

/** Returns a sealed score block of the slices that the task took: none, where others had them all. Errors: as `Scoring`. */
export function scanSlices(instance: PoolInstance, task: ScanTask): ArrayBuffer {
  const board = new ScanBoard(task.board);
  const query = viewQueryBlock(task.query);
  const scoring = new Scoring(instance, query, task.table, board.floor);
  const startedAt = clock();
  let lookedAt = startedAt;
  let run = 1;
  let taken = 0;
  for (let next = task.from; next < task.to && taken < task.slicesMax && !board.isStopped; ) {
    const end = takeRun(board, next, Math.min(task.to, next + Math.min(run, task.slicesMax - taken)), task.number);
    if (end === next) {
      next++;
      continue;
    }
    for (const [place, from, to] of board.pieces(next, end)) scoring.add({ place, from, to });
    shareFloor(instance, board, query.keep, task);
    taken += end - next;
    const now = clock();
    // As many slices at once as take the time between two looks; fewer towards the end, so that all threads end together.
    const sliceMs = Math.max(1e-6, (now - lookedAt) / (end - next));
    run = Math.max(1, Math.min(Math.round(LOOK_MS / sliceMs), Math.ceil((task.to - end) / task.sharers / 2)));
    lookedAt = now;
    next = end;
    if (now >= task.deadlineAt || (now - startedAt >= task.yieldMs && board.isYielding)) break;
  }
  return scoring.seal();
}

/** Unix milliseconds with fractions: the same on all threads. */
function clock(): number {
  return performance.timeOrigin + performance.now();
}

/** Takes the slices from `first` on, up to `end` or to the first that another task has; returns where it stopped. */
function takeRun(board: ScanBoard, first: number, end: number, task: number): number {
  let next = first;
  while (next < end && board.take(next, task)) next++;
  return next;
}

/**
 * Tells the others what this thread's worst kept match is, once it keeps enough, and its best so many that all threads' together are enough; and hears the
 * same of them.
 */
function shareFloor(instance: PoolInstance, board: ScanBoard, keep: number, { sharer, sharers }: ScanTask): void {
  const { kernels, scratch, words, doubles } = instance;
  const kept = words[(scratch + CONTEXT_KEPT) / 4]!;
  if (keep > 0 && kept >= keep) board.raiseFloor(doubles[(scratch + SCRATCH_HEAP) / 8]!);
  const share = Math.ceil(keep / sharers);
  if (sharers > 1 && share > 0 && share <= Math.min(kept, SHARE_MAX)) board.raiseShare(sharer, kernels.keyOfRank(scratch, share));
  const floor = (scratch + CONTEXT_FLOOR) / 8;
  doubles[floor] = Math.max(doubles[floor]!, board.floor);
}
