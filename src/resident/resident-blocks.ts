/**
 * The patterns of one generation of a kb in resident memory: blocks that queries scan in place. What was loaded is sealed (sorted, eight side by
 * side); what is learned stands behind it as small batches, which grow by doubling and are sealed in the background when there are
 * enough of them, so a learn costs a few copies of its own bytes and a query meets few blocks. Blocks are written once and published after;
 * a scan pins those it uses, and a block that was replaced or dropped goes back to the arena with its last pin.
 */
import { EngineError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { BlockMemory, PlacedBlock } from "../pool/kernel-pool.ts";
import { type NewPattern, tailColumns } from "../store/tail-columns.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";
import { joinColumns } from "../wire/join-columns.ts";

/** Learned patterns that are worth sealing: below it the batches are scanned as they are, in a fraction of a millisecond. */
const SEAL_ROWS = 8_192;

interface Held {
  readonly block: PlacedBlock;
  pins: number;
  isDropped: boolean;
}

/** A run of learned patterns: its columns, to join it with its neighbours, and where it lies. */
interface Run {
  readonly columns: CandidateColumns;
  readonly held: readonly Held[];
}

/** Blocks that stay where they are until `release`. */
export interface PinnedBlocks {
  readonly blocks: readonly PlacedBlock[];
  readonly rows: number;
  release(): void;
}

export class ResidentBlocks {
  readonly #memory: BlockMemory;
  readonly #log: Logger;
  #sealed: Held[] = [];
  #runs: Run[] = [];
  /** Runs before this are being sealed and must stay as they are. */
  #frozen = 0;
  /** Learned, not in memory yet: the next scan brings them there. */
  #waiting: NewPattern[] = [];
  #isDropped = false;
  #sealing: Promise<void> | undefined;
  /** Patterns held, waiting ones included. */
  rows = 0;
  /** Bytes of resident memory. */
  bytes = 0;
  /** Scans under way. */
  pins = 0;

  constructor(memory: BlockMemory, log: Logger) {
    this.#memory = memory;
    this.#log = log;
  }

  /**
   * Takes columns of the pattern store; sealed when it resolves. `symbolCount`: ids are below. False: there is no room, and nothing was taken.
   * The columns may be reused after it resolves. Errors: ENGRAM_STORE_REPLY for columns that are no patterns; those of the pool.
   */
  async load(columns: CandidateColumns, symbolCount: number): Promise<boolean> {
    const blocks = await this.#memory.seal(columns, symbolCount);
    if (blocks === undefined) return false;
    if (this.#isDropped) {
      for (const block of blocks) this.#memory.free(block);
      return true;
    }
    this.#sealed = [...this.#sealed, ...blocks.map((block) => this.#hold(block))];
    this.rows += columns.rows;
    return true;
  }

  /** Takes a pattern that was just learned. */
  learned(pattern: NewPattern): void {
    this.#waiting.push(pattern);
    this.rows++;
  }

  /** True when so much was learned without a question that it should be brought to memory. */
  get isPressed(): boolean {
    return this.#waiting.length >= SEAL_ROWS;
  }

  /** Everything, to be scanned. Undefined: there is no room for what was learned. */
  pin(symbolCount: number): PinnedBlocks | undefined {
    if (!this.settle(symbolCount)) return undefined;
    const held = [...this.#sealed, ...this.#runs.flatMap((run) => run.held)];
    for (const one of held) one.pins++;
    this.pins++;
    let isReleased = false;
    return {
      blocks: held.map(({ block }) => block),
      rows: this.rows,
      release: () => {
        if (isReleased) return;
        isReleased = true;
        this.pins--;
        for (const one of held) {
          one.pins--;
          this.#freeIfUnused(one);
        }
      },
    };
  }

  /** Brings what was learned into memory. False: there is no room for it. */
  settle(symbolCount: number): boolean {
    if (this.#waiting.length === 0) return true;
    const joined = [tailColumns(this.#waiting)];
    let rows = joined[0]!.rows;
    let keep = this.#runs.length;
    // Runs at most twice as long go in with it: each pattern is copied as often as its run doubles.
    while (keep > this.#frozen && this.#runs[keep - 1]!.columns.rows <= 2 * rows) {
      keep--;
      joined.unshift(this.#runs[keep]!.columns);
      rows += this.#runs[keep]!.columns.rows;
    }
    const columns = joinColumns(joined);
    const blocks = this.#memory.place(columns);
    if (blocks === undefined) return false;
    const replaced = this.#runs.slice(keep);
    this.#runs = [...this.#runs.slice(0, keep), { columns, held: blocks.map((block) => this.#hold(block)) }];
    for (const run of replaced) this.#dropRun(run);
    this.#waiting = [];
    this.#sealRuns(symbolCount);
    return true;
  }

  /** Gives everything back, as soon as no scan uses it. Nothing may be taken afterwards. */
  drop(): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    for (const one of [...this.#sealed, ...this.#runs.flatMap((run) => run.held)]) this.#drop(one);
    this.#sealed = [];
    this.#runs = [];
    this.#waiting = [];
  }

  /** Resolves when nothing is sealed in the background. */
  async idle(): Promise<void> {
    while (this.#sealing !== undefined) await this.#sealing;
  }

  /** Seals the runs, if they are enough and none are being sealed. */
  #sealRuns(symbolCount: number): void {
    const runs = this.#runs;
    if (this.#sealing !== undefined || runs.reduce((sum, run) => sum + run.columns.rows, 0) < SEAL_ROWS) return;
    this.#frozen = runs.length;
    const seal = async (): Promise<void> => {
      try {
        const blocks = await this.#memory.seal(joinColumns(runs.map((run) => run.columns)), symbolCount);
        // No room for both forms at a time: they stay as they are, and the next ones try again.
        if (blocks === undefined) return;
        const held = blocks.map((block) => this.#hold(block));
        if (this.#isDropped) {
          for (const one of held) this.#drop(one);
          return;
        }
        this.#sealed = [...this.#sealed, ...held];
        this.#runs = this.#runs.slice(runs.length);
        for (const run of runs) this.#dropRun(run);
      } catch (error) {
        // The runs are whole and go on being scanned; a busy or closing pool is no news.
        if (!(error instanceof EngineError && error.kind === "busy"))
          this.#log.error({ err: error }, "learned patterns could not be sealed");
      } finally {
        this.#frozen = 0;
        this.#sealing = undefined;
      }
    };
    this.#sealing = seal();
  }

  #hold(block: PlacedBlock): Held {
    this.bytes += block.bytes;
    return { block, pins: 0, isDropped: false };
  }

  #dropRun(run: Run): void {
    for (const one of run.held) this.#drop(one);
  }

  #drop(one: Held): void {
    one.isDropped = true;
    this.#freeIfUnused(one);
  }

  #freeIfUnused(one: Held): void {
    if (!one.isDropped || one.pins > 0) return;
    this.bytes -= one.block.bytes;
    this.#memory.free(one.block);
  }
}
