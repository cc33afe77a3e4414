/**
 * A thread beside the main one for what many patterns at once cost in text: it reads and packs what is learned in bulk, and writes the rows of a flush
 * (`workers/pack.ts`). It starts with the first such call, and ends when there was none for a while. What it does has no effects, so work that was
 * lost with it is done once more.
 */
import { Piscina } from "piscina";
import type { PackedLines, PackingRules } from "../bulk-types.ts";
import type { PartChanges } from "../engine/part-changes.ts";
import { EngineError, type ErrorCode } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { FlushRows } from "../store/flush-rows.ts";
import type { Fault } from "../wire/task.ts";
import { workerFile } from "./worker-file.ts";

export interface LinesTask {
  readonly kind: "lines";
  readonly bytes: Uint8Array;
  readonly firstLine: number;
  readonly limits: Readonly<Record<string, number>>;
  readonly rules: PackingRules;
  readonly atMs: number;
}

/** Entries of an outbox, one behind the other, and where each ends. */
export interface RowsTask {
  readonly kind: "rows";
  readonly parts: readonly { readonly kb: string; readonly bytes: Uint8Array; readonly ends: Uint32Array }[];
}

/** A part of an archive. */
export interface PartTask {
  readonly kind: "part";
  readonly bytes: Uint8Array;
}

/** What the thread answers: errors of ours cross as code and message. */
export type PackReply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

export type PackTask = (LinesTask | RowsTask | PartTask) & { readonly fault?: Fault | undefined };

/** How long the thread waits for more, in milliseconds. */
const IDLE_MS = 30_000;
/** Batches that wait or are under way; each is some hundred kilobytes, and a request has three at most. */
const TASKS_MAX = 128;

/** The rows of a batch live until it is done: with less room for what is new they would be moved again and again. */
const YOUNG_MIB = 96;

export class Packer {
  readonly #log: Logger;
  readonly #faultOf: () => Fault | undefined;
  #piscina: Piscina | undefined;

  /** `faultOf`: a fault on purpose for the next try, for tests. */
  constructor(log: Logger, faultOf: () => Fault | undefined = () => undefined) {
    this.#log = log;
    this.#faultOf = faultOf;
  }

  /** Errors: ENGRAM_OVERLOADED, ENGRAM_WORKER_LOST. */
  lines(task: Omit<LinesTask, "kind">): Promise<PackedLines> {
    return this.#run<PackedLines>({ kind: "lines", ...task });
  }

  /** Errors: as `lines`. */
  rows(parts: RowsTask["parts"]): Promise<FlushRows> {
    return this.#run<FlushRows>({ kind: "rows", parts });
  }

  /** Errors: as `lines`, and ENGRAM_ARCHIVE_BROKEN. */
  part(bytes: Buffer): Promise<PartChanges> {
    return this.#run<PartChanges>({ kind: "part", bytes });
  }

  async #run<R>(task: PackTask): Promise<R> {
    const reply = await this.#ask(task);
    if (reply.ok) return reply.value as R;
    throw new EngineError(reply.code, reply.message);
  }

  async #ask(task: PackTask): Promise<PackReply> {
    const piscina = this.#open();
    if (piscina.queueSize >= TASKS_MAX) {
      throw new EngineError("ENGRAM_OVERLOADED", "Too many batches of patterns are being read. Try again shortly.");
    }
    try {
      return (await piscina.run({ ...task, fault: this.#faultOf() })) as PackReply;
    } catch (error) {
      this.#log.error({ err: error }, "the thread that packs patterns was lost; its batch is packed once more");
    }
    try {
      return (await piscina.run({ ...task, fault: this.#faultOf() })) as PackReply;
    } catch (error) {
      throw new EngineError("ENGRAM_WORKER_LOST", "The thread that packs patterns was lost twice while it worked on this request.", {
        cause: error,
      });
    }
  }

  #open(): Piscina {
    this.#piscina ??= new Piscina({
      filename: workerFile("pack"),
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: IDLE_MS,
      recordTiming: false,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    return this.#piscina;
  }

  async close(): Promise<void> {
    await this.#piscina?.destroy();
  }
}
