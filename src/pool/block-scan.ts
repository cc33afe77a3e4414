/**
 * The pool's way through resident blocks: each thread gets one task, takes slices off a board that all share, and answers once, when nothing is
 * left, when it is told to stop, or when others have waited for a thread as long as a slice may take; what is left then goes into a
 * new task at the end of the queue. A slice costs no message, and the winners of a thread are copied once.
 */
import { BATCH_ROWS_MAX } from "../../assembly/layout.ts";
import type { PreparedQuery, SymbolTable } from "../wire/query-spec.ts";
import { ScanBoard } from "../wire/scan-board.ts";
import { type ScoreBlock, viewScoreBlock } from "../wire/score-block.ts";
import type { Fault, Reply, ScanTask } from "../wire/task.ts";
import type { PlacedBlock, ScoreOptions } from "./kernel-pool.ts";
import { SLICE_NS, SLICE_NS_MIN } from "./pace.ts";
import { cutSlices } from "./scan-slices.ts";
import { assertGoesOn } from "./slot-queue.ts";
import { allOrFirstError } from "./wait-all.ts";

/** Nanoseconds that one slice should take: the end of a scan and its deadline are met that closely. */
const BOARD_SLICE_NS = 2.5e5;
/** Rows of a slice: a board's numbers are nothing beside so many rows; no guess of their cost makes it longer than this. */
const BOARD_ROWS_MIN = 256;
const BOARD_ROWS_MAX = 16_384;
const NS_PER_MS = 1e6;
/** Weight of the newest scan in what a row is expected to cost. */
const NEWEST_WEIGHT = 0.5;

export interface BlockScanParts {
  readonly threads: number;
  /** Tasks run on the calling thread, which must have its turns. */
  readonly isInline: boolean;
  /** Fixes the rows of a slice, and every run of slices is a task; for tests. */
  readonly sliceRows: number | undefined;
  /** Milliseconds after which a task gives way if others wait. */
  readonly yieldMs: number | undefined;
  run(task: ScanTask): Promise<Extract<Reply, { ok: true }>>;
  faultOf(): Fault | undefined;
}

export class BlockScan {
  readonly #parts: BlockScanParts;
  /** Of the scans under way. */
  readonly #boards = new Set<ScanBoard>();
  /** Nanoseconds a row took the last scans of a kind. */
  readonly #rowNs = new Map<string, number>();
  #isYielding = false;
  #tasks = 0;

  constructor(parts: BlockScanParts) {
    this.#parts = parts;
  }

  /** Whether scans give way after a while: somebody waits for a thread. */
  yieldWhen(somebodyWaits: boolean): void {
    const isYielding = somebodyWaits || this.#parts.isInline || this.#parts.sliceRows !== undefined;
    if (isYielding === this.#isYielding) return;
    this.#isYielding = isYielding;
    for (const board of this.#boards) board.isYielding = isYielding;
  }

  /** As `KernelPool.scan`. `kind`: scans of one kind take about as long a row; `guessNs`: before one was seen. */
  async scan(
    query: PreparedQuery,
    table: SymbolTable | null,
    blocks: readonly PlacedBlock[],
    take: (block: ScoreBlock) => void,
    { kind, guessNs, options }: { readonly kind: string; readonly guessNs: number; readonly options: ScoreOptions },
  ): Promise<void> {
    const rowNs = this.#rowNs.get(kind) ?? guessNs;
    // A task keeps at most as many matches as its scratch holds, whatever the query asks: then it takes one slice.
    const isWide = query.spec.keep > BATCH_ROWS_MAX;
    const sliceRows =
      this.#parts.sliceRows ?? Math.min(BOARD_ROWS_MAX, Math.max(BOARD_ROWS_MIN, Math.ceil(BOARD_SLICE_NS / rowNs / 8) * 8));
    const { rows, slices, memories } = cutSlices(blocks, Math.min(sliceRows, BATCH_ROWS_MAX));
    const sharers = Math.max(1, Math.min(this.#parts.threads, Math.ceil((rows * rowNs) / SLICE_NS_MIN)));
    const board = ScanBoard.make(slices, options.floor?.() ?? Number.NEGATIVE_INFINITY, sharers);
    board.isYielding = this.#isYielding;
    const stop = (): void => board.stop();
    const shared = {
      kind: "scan",
      query: query.bytes,
      table,
      board: board.buffer,
      sharers,
      slicesMax: isWide ? 1 : Number.POSITIVE_INFINITY,
      yieldMs: this.#parts.yieldMs ?? (this.#parts.sliceRows === undefined ? SLICE_NS / NS_PER_MS : 0),
      deadlineAt: options.deadlineAt === undefined ? Number.POSITIVE_INFINITY : performance.timeOrigin + options.deadlineAt,
    } as const;
    const spent = { rows: 0, ns: 0 };
    const runner = async (sharer: number): Promise<void> => {
      for (const slices of memories) {
        // What is free on a board that says stop stays free.
        while (!board.isStopped && board.hasFree(slices.from, slices.to)) {
          assertGoesOn(options);
          const reply = await this.#parts.run({ ...shared, ...slices, sharer, number: this.#nextTask(), fault: this.#parts.faultOf() });
          const block = viewScoreBlock(reply.buffer);
          spent.rows += block.candidates;
          spent.ns += reply.nanoseconds;
          take(block);
          board.raiseFloor(options.floor?.() ?? Number.NEGATIVE_INFINITY);
        }
      }
    };
    this.#boards.add(board);
    options.signal?.addEventListener("abort", stop);
    try {
      await allOrFirstError(
        Array.from({ length: sharers }, (_, sharer) => runner(sharer)),
        stop,
      );
      // No task failed, so it was the caller who stopped it.
      if (board.isStopped) assertGoesOn(options);
    } finally {
      options.signal?.removeEventListener("abort", stop);
      this.#boards.delete(board);
    }
    if (spent.rows > 0) this.#rowNs.set(kind, rowNs + (Math.max(1, spent.ns / spent.rows) - rowNs) * NEWEST_WEIGHT);
  }

  /** Numbers a board knows tasks by: not 0, within an i32. */
  #nextTask(): number {
    this.#tasks = (this.#tasks % 0x7fffffff) + 1;
    return this.#tasks;
  }
}
