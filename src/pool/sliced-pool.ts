/**
 * The pool's logic, the same whatever runs a slice: cut columns into batches that fit a slot, copy them into shared memory, run them slice
 * by slice, look between slices whether the caller still wants the answer, and put the score blocks in row order.
 *
 * A call holds up to LANES_MAX slots, so that one batch is copied while another is scored. Each slot is worked by as many runners as there
 * are threads, each taking the next rows when its slice is back; a running slice is never stopped (that would end its thread).
 */
import { POOL_SLOTS, SHORT_QUERY_MAX, SLOT_BYTES } from "../../assembly/layout.ts";
import { EngineError } from "../errors.ts";
import { assertTableFits } from "../kernels/instance.ts";
import type { PoolLayout } from "../kernels/pool-memory.ts";
import { symbolHash } from "../kernels/sign.ts";
import { unpackPartners } from "../kernels/thread.ts";
import type { BandSpec } from "../wire/band-spec.ts";
import { batchBounds, copyRows, writeCandidateBatch } from "../wire/candidate-batch.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";
import { sealQueryBlock } from "../wire/query-block.ts";
import type { Partner, PreparedQuery, QuerySpec, SymbolTable } from "../wire/query-spec.ts";
import { type ScoreBlock, viewScoreBlock } from "../wire/score-block.ts";
import type { Fault, Reply, SliceTask } from "../wire/task.ts";
import { PoolBlockMemory } from "./block-memory.ts";
import { BlockScan } from "./block-scan.ts";
import { BulkScan, type PackedQueries, type PackHits } from "./bulk-scan.ts";
import type { BlockMemory, KernelPool, PlacedBlock, ScoreOptions } from "./kernel-pool.ts";
import { Pace } from "./pace.ts";
import { assertGoesOn, SlotQueue } from "./slot-queue.ts";
import { allOrFirstError } from "./wait-all.ts";

/** Slots a call holds at most: one is copied while the other is scored. */
const LANES_MAX = 2;

/* Nanoseconds before anything was timed; a wrong guess costs one slice that is too short or too long. */
const TOKEN_ROW_NS = 150;
const CHARACTER_ROW_NS = 3_000;
const MINHASH_ROW_NS = 2_000;
const PARTNER_PAIR_NS = 40;

/** Where slices run. Never rejects for what a task did: that is in the reply; ENGRAM_WORKER_LOST when a thread was lost twice. */
export interface SliceRunner {
  readonly threads: number;
  /** Tasks run on the calling thread. */
  readonly isInline: boolean;
  run(task: SliceTask): Promise<Reply>;
  close(): Promise<void>;
}

export interface SlicedPoolOptions {
  /** Calls that wait for a slot at most; the next one gets ENGRAM_POOL_FULL. */
  readonly queueMax: number;
  /** Fixes the rows of a slice; for tests. */
  readonly sliceRows?: number | undefined;
  /** Milliseconds after which a scan gives way if others wait, or the event loop does; for benches. */
  readonly yieldMs?: number | undefined;
  /** Asked for each slice; for tests. */
  readonly faultOf?: (() => Fault | undefined) | undefined;
}

interface Slice<T> {
  readonly batch: number;
  readonly from: number;
  readonly value: T;
}

export class SlicedPool implements KernelPool {
  readonly threads: number;
  readonly #runner: SliceRunner;
  readonly resident: BlockMemory;
  readonly #bytes: Uint8Array;
  readonly #layout: PoolLayout;
  readonly #options: SlicedPoolOptions;
  readonly #slots: SlotQueue;
  readonly #bulk: BulkScan;
  readonly #paces = new WeakMap<PreparedQuery, Pace>();
  readonly #blockScan: BlockScan;
  /** Tasks sent to threads and not answered yet. */
  #underWay = 0;
  readonly #running = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(runner: SliceRunner, memories: readonly WebAssembly.Memory[], layout: PoolLayout, options: SlicedPoolOptions) {
    this.threads = runner.threads;
    this.#runner = runner;
    const bytes = memories.map((memory) => new Uint8Array(memory.buffer));
    this.#bytes = bytes[0]!;
    this.resident = new PoolBlockMemory(bytes, layout, {
      takeSlot: async () => this.#slots.take() ?? this.#slots.wait({}),
      releaseSlot: (slot) => this.#slots.release(slot),
      seal: (task) =>
        this.#during(async () => {
          const { buffer } = await this.#run({ ...task, fault: this.#options.faultOf?.() });
          return new Float64Array(buffer)[0]!;
        }),
    });
    this.#layout = layout;
    this.#options = options;
    this.#slots = new SlotQueue(layout.slots, options.queueMax);
    this.#bulk = new BulkScan({
      bytes: this.#bytes,
      slots: this.#slots,
      slotCount: layout.slots,
      queueMax: options.queueMax,
      threads: this.threads,
      runSlice: (task, size, pace) => this.#runSlice(task, size, pace),
      inSlices: (count, pace, scoreOptions, run) => this.#inSlices(count, pace, scoreOptions, run),
      faultOf: () => options.faultOf?.(),
    });
    this.#blockScan = new BlockScan({
      threads: this.threads,
      isInline: runner.isInline,
      sliceRows: options.sliceRows,
      yieldMs: options.yieldMs,
      run: (task) => this.#run(task),
      faultOf: () => options.faultOf?.(),
    });
    this.#blockScan.yieldWhen(false);
  }

  prepare(spec: QuerySpec): PreparedQuery {
    if (spec.symbolCount > this.#layout.symbolCapacity) {
      throw new EngineError(
        "ENGRAM_LIMIT_EXCEEDED",
        `The kb has ${spec.symbolCount} symbols; the workers' tables hold ${this.#layout.symbolCapacity}.`,
      );
    }
    const isCharacter = spec.similarity === "character";
    if (isCharacter || spec.stages.some(({ name }) => name === "minhash")) {
      if (spec.table === null || spec.table.count < spec.symbolCount) {
        throw new RangeError("character mode and the minhash stage need a symbol table of all symbols");
      }
      assertTableFits(spec.table, isCharacter, this.#layout);
    }
    return { spec, bytes: sealQueryBlock(spec, symbolHash) };
  }

  score(query: PreparedQuery, columns: CandidateColumns, options: ScoreOptions = {}): Promise<readonly ScoreBlock[]> {
    return this.#during(() => this.#score(query, columns, options));
  }

  scan(query: PreparedQuery, blocks: readonly PlacedBlock[], take: (block: ScoreBlock) => void, options: ScoreOptions = {}): Promise<void> {
    return this.#during(() => this.#scan(query, blocks, take, options));
  }

  partners(symbols: readonly string[], table: SymbolTable, threshold: number, options: ScoreOptions = {}): Promise<readonly Partner[]> {
    return this.#during(() => this.#partners(symbols, table, threshold, options));
  }

  scoreMany(queries: PackedQueries, columns: CandidateColumns, options: ScoreOptions = {}): Promise<readonly PackHits[]> {
    return this.#during(() => this.#bulk.score(queries, columns, options));
  }

  bandKeys(columns: CandidateColumns, spec: BandSpec, table: SymbolTable, options: ScoreOptions = {}): Promise<Uint32Array> {
    return this.#during(() => this.#bandKeys(columns, spec, table, options));
  }

  close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#running).then(() => this.#runner.close());
    return this.#closed;
  }

  /** Refuses when closed; else `close` waits for the call. */
  #during<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) return Promise.reject(new EngineError("ENGRAM_CLOSED", "The kernel pool is closed."));
    const promise = call();
    this.#running.add(promise);
    const done = (): void => void this.#running.delete(promise);
    promise.then(done, done);
    return promise;
  }

  async #score(query: PreparedQuery, columns: CandidateColumns, options: ScoreOptions): Promise<readonly ScoreBlock[]> {
    assertGoesOn(options);
    const bounds = batchBounds(columns, SLOT_BYTES);
    const batches = bounds.length - 1;
    if (batches === 0) return [];
    const slots: number[] = [];
    try {
      for (let slot = this.#slots.take(); slot !== undefined; slot = this.#slots.take()) {
        slots.push(slot);
        if (slots.length === Math.min(batches, LANES_MAX)) break;
      }
      // The caller may reuse its bytes as soon as this awaits: what has no slot yet is copied aside.
      const waiting = slots.length === 0 ? this.#slots.wait(options) : undefined;
      const copied = slots.length;
      for (const [batch, slot] of slots.entries()) this.#write(slot, columns, bounds, batch, 0);
      const rest = copied < batches ? copyRows(columns, bounds[copied]!) : columns;
      if (waiting !== undefined) {
        slots.push(await waiting);
        this.#write(slots[0]!, rest, bounds, 0, 0);
      }
      let nextBatch = slots.length;
      const found: Slice<ScoreBlock>[] = [];
      const lane = async (slot: number, first: number): Promise<void> => {
        for (let batch = first; ; ) {
          await this.#scanBatch(query, slot, batch, bounds[batch + 1]! - bounds[batch]!, found, options);
          if (nextBatch >= batches) return;
          batch = nextBatch++;
          this.#write(slot, rest, bounds, batch, bounds[copied]!);
        }
      };
      await allOrFirstError(
        slots.map((slot, first) => lane(slot, first)),
        () => {
          nextBatch = batches;
        },
      );
      return found.sort((a, b) => a.batch - b.batch || a.from - b.from).map(({ value }) => value);
    } finally {
      for (const slot of slots) this.#slots.release(slot);
    }
  }

  /** Copies a batch to a slot; `rowsBefore` of the bounds' rows are not in `columns`. */
  #write(slot: number, columns: CandidateColumns, bounds: readonly number[], batch: number, rowsBefore: number): void {
    writeCandidateBatch(this.#bytes, placeOf(slot), columns, bounds[batch]! - rowsBefore, bounds[batch + 1]! - rowsBefore);
  }

  #scanBatch(
    query: PreparedQuery,
    slot: number,
    batch: number,
    rows: number,
    found: Slice<ScoreBlock>[],
    options: ScoreOptions,
  ): Promise<void> {
    const table = tableNeeded(query.spec);
    return this.#inSlices(rows, this.#paceOf(query), options, async (from, to) => {
      const buffer = await this.#runSlice(
        {
          kind: "score",
          query: query.bytes,
          table,
          place: placeOf(slot),
          from,
          to,
          floor: options.floor?.() ?? Number.NEGATIVE_INFINITY,
          fault: this.#options.faultOf?.(),
        },
        to - from,
        this.#paceOf(query),
      );
      found.push({ batch, from, value: viewScoreBlock(buffer) });
    });
  }

  async #scan(
    query: PreparedQuery,
    blocks: readonly PlacedBlock[],
    take: (block: ScoreBlock) => void,
    options: ScoreOptions,
  ): Promise<void> {
    assertGoesOn(options);
    if (blocks.length === 0) return;
    // The slot itself stays empty: it stands for a place in the bounded queue.
    const slot = this.#slots.take() ?? (await this.#slots.wait(options));
    try {
      const { spec } = query;
      await this.#blockScan.scan(query, tableNeeded(spec), blocks, take, { kind: kindOf(spec), guessNs: guessNs(spec), options });
    } finally {
      this.#slots.release(slot);
    }
  }

  async #partners(symbols: readonly string[], table: SymbolTable, threshold: number, options: ScoreOptions): Promise<readonly Partner[]> {
    assertGoesOn(options);
    assertTableFits(table, true, this.#layout);
    if (symbols.length === 0 || table.count === 0) return [];
    // The slot itself stays empty: it stands for a place in the bounded queue.
    const slot = this.#slots.take() ?? (await this.#slots.wait(options));
    try {
      const pace = new Pace(PARTNER_PAIR_NS * symbols.length, this.threads);
      const found: Slice<Partner[]>[] = [];
      await this.#inSlices(table.count, pace, options, async (from, to) => {
        const task: SliceTask = { kind: "partners", symbols, table, threshold, from, to, fault: this.#options.faultOf?.() };
        found.push({ batch: 0, from, value: unpackPartners(await this.#runSlice(task, to - from, pace)) });
      });
      return found.flatMap(({ value }) => value).sort((a, b) => a.symbolId - b.symbolId || a.queryIndex - b.queryIndex);
    } finally {
      this.#slots.release(slot);
    }
  }

  async #bandKeys(columns: CandidateColumns, spec: BandSpec, table: SymbolTable, options: ScoreOptions): Promise<Uint32Array> {
    assertGoesOn(options);
    assertTableFits(table, false, this.#layout);
    const keys = new Uint32Array(columns.rows * spec.bands);
    if (columns.rows === 0) return keys;
    const bounds = batchBounds(columns, SLOT_BYTES);
    // The caller may reuse its bytes as soon as this awaits. One copy, against microseconds of signing a row.
    const own = copyRows(columns, 0);
    const slot = this.#slots.take() ?? (await this.#slots.wait(options));
    try {
      const pace = new Pace(MINHASH_ROW_NS, this.threads);
      for (let batch = 0; batch + 1 < bounds.length; batch++) {
        const [first, end] = [bounds[batch]!, bounds[batch + 1]!];
        writeCandidateBatch(this.#bytes, placeOf(slot), own, first, end);
        await this.#inSlices(end - first, pace, options, async (from, to) => {
          const fault = this.#options.faultOf?.();
          const task: SliceTask = { kind: "bands", bands: spec, table, memory: 0, place: placeOf(slot), from, to, fault };
          keys.set(new Uint32Array(await this.#runSlice(task, to - from, pace)), (first + from) * spec.bands);
        });
      }
      return keys;
    } finally {
      this.#slots.release(slot);
    }
  }

  /** Calls `runSlice` for consecutive ranges of `count` things, as many at once as there are threads; none is started after an error. */
  async #inSlices(count: number, pace: Pace, options: ScoreOptions, runSlice: (from: number, to: number) => Promise<void>): Promise<void> {
    let next = 0;
    const runner = async (): Promise<void> => {
      while (next < count) {
        assertGoesOn(options);
        const from = next;
        next = Math.min(count, from + (this.#options.sliceRows ?? pace.rowsFor(count - from)));
        await runSlice(from, next);
      }
    };
    await allOrFirstError(Array.from({ length: this.threads }, runner), () => {
      next = count;
    });
  }

  async #runSlice(task: SliceTask, size?: number, pace?: Pace): Promise<ArrayBuffer> {
    const { buffer, nanoseconds } = await this.#run(task);
    if (size !== undefined) pace?.note(size, nanoseconds);
    return buffer;
  }

  /** Runs a task; while more are sent than there are threads, scans give way. */
  async #run(task: SliceTask): Promise<Extract<Reply, { ok: true }>> {
    this.#blockScan.yieldWhen(++this.#underWay > this.threads);
    try {
      const reply = await this.#runner.run(task);
      if (!reply.ok) throw new EngineError(reply.code, reply.message);
      return reply;
    } finally {
      this.#blockScan.yieldWhen(--this.#underWay > this.threads);
    }
  }

  #paceOf(query: PreparedQuery): Pace {
    let pace = this.#paces.get(query);
    if (pace === undefined) {
      pace = new Pace(guessNs(query.spec), this.threads);
      this.#paces.set(query, pace);
    }
    return pace;
  }
}

function placeOf(slot: number): number {
  return POOL_SLOTS + slot * SLOT_BYTES;
}

function guessNs({ similarity, stages }: QuerySpec): number {
  const matchNs = similarity === "character" ? CHARACTER_ROW_NS : TOKEN_ROW_NS;
  return matchNs + (stages.some(({ name }) => name === "minhash") ? MINHASH_ROW_NS : 0);
}

/** Queries of one kind take about as long a row: what the next slice's size is guessed by. */
function kindOf({ similarity, stages, symbols, partners, recallThreshold }: QuerySpec): string {
  const form = symbols.length > SHORT_QUERY_MAX ? "long" : "short";
  return `${similarity} ${form} ${partners === null} ${Math.round(recallThreshold * 5)} ${stages.map(({ name }) => name).join()}`;
}

/** The table if anything looks inside symbols; otherwise it need not travel. */
function tableNeeded({ similarity, stages, table }: QuerySpec): SymbolTable | null {
  return similarity === "character" || stages.some(({ name }) => name === "minhash") ? table : null;
}
