/**
 * Imports: the history of a kb, or patterns of another memory, learned in parts under an id. Every part goes through the same commits as every other learn: an import can be
 * stopped anywhere and sent again, counts once, and comes out the same to the last bit, since float sums are added in the order they were added in. The calls of an import
 * are served one after another. Cost of an archive over LMDB: about 16 µs a learn of another thread and 24 µs of this one.
 */
import type { ImportProgress, ImportRequest } from "../engine-types.ts";
import { EngineError, ERROR_TABLE } from "../errors.ts";
import type { ImportRecord } from "../store/archive-store.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import type { KbHead, StateStore } from "../store/state-store.ts";
import { patiently } from "./bulk.ts";
import type { Flusher } from "./flusher.ts";
import { KeyedMutex } from "./keyed-mutex.ts";
import type { PartChanges, PartRun } from "./part-changes.ts";
import { PartOrder } from "./part-order.ts";

export interface ImportsOptions {
  readonly state: StateStore;
  readonly patterns: PatternStore;
  readonly flusher: Flusher;
  /** What a part holds; by another thread. */
  readonly partChanges: (bytes: Buffer) => Promise<PartChanges>;
}

/** What is done of an import: a part as a whole, or something that belongs to the part that comes next and may come again. */
export type ImportStep = "part" | "besides";

export class Imports {
  readonly #options: ImportsOptions;
  readonly #calls = new KeyedMutex();
  readonly #order: PartOrder;

  constructor(options: ImportsOptions) {
    this.#options = options;
    this.#order = new PartOrder(async (id) => {
      const record = await options.patterns.archive.findImport(id);
      return record?.state === "rolledBack" ? Number.POSITIVE_INFINITY : (record?.parts ?? 0);
    });
  }

  /**
   * Learns a part of an archive. Parts come in order, each with its number; one that is sent again counts once. One that is sent ahead is unpacked, and
   * waits for its turn. Errors: ENGRAM_KB_NOT_EMPTY, ENGRAM_ARCHIVE_BROKEN, ENGRAM_BAD_REQUEST when parts come out of order or an import of that id is
   * over, ENGRAM_CONFLICT when the part before one sent ahead failed or does not come.
   */
  async importPart(kb: string, request: ImportRequest, bytes: Buffer): Promise<ImportProgress> {
    const { id, part, last } = request;
    this.#order.begin(id, part);
    try {
      const { changes, runs } = await this.#options.partChanges(bytes);
      if (request.ahead === true) await this.#order.turn(id, part);
      const head = await this.run(kb, request, changes, "part", async (record) => {
        for (const [step, run] of runs.entries()) await this.#learn(kb, record, run, `${kb} import ${id} ${part} ${step}`);
      });
      this.#order.done(id, part);
      return { id, changes, patterns: head.totals.total_unique_patterns, done: last };
    } catch (error) {
      // What is only busy is sent again.
      if (!(error instanceof EngineError && ERROR_TABLE[error.code].status === 503)) this.#order.failed(id, part);
      throw error;
    }
  }

  /** Does a step of an import, of at most so many changes, unless it is a part that was learned before; answers the kb's head after it. Errors as `importPart`. */
  run(
    kb: string,
    request: ImportRequest,
    changes: number,
    step: ImportStep,
    work: (record: ImportRecord) => Promise<void>,
  ): Promise<KbHead> {
    const { state, patterns } = this.#options;
    return this.#calls.with(request.id, async () => {
      const record = await this.#begin(kb, request, changes, step);
      if (record === "learned") return state.head(kb);
      await work(record);
      const head = await state.head(kb);
      const after = step === "part" ? { parts: request.part + 1, state: request.last ? ("done" as const) : record.state } : {};
      await patterns.archive.saveImport({ ...record, seqAfter: head.seq, ...after });
      return head;
    });
  }

  list(): Promise<readonly ImportRecord[]> {
    return this.#options.patterns.archive.listImports();
  }

  /** Parts that wait are refused. */
  close(): void {
    this.#order.close();
  }

  /** Takes an import back: its kb is empty again, as it was. Errors: ENGRAM_IMPORT_UNKNOWN, ENGRAM_NEWER_LEARNS, ENGRAM_BAD_REQUEST for a merge. */
  async rollback(id: string, discardNewer: boolean): Promise<ImportRecord> {
    const over = await this.#calls.with(id, () => this.#rollback(id, discardNewer));
    // Parts that wait for their turn have it, and are refused.
    this.#order.over(id);
    return over;
  }

  async #rollback(id: string, discardNewer: boolean): Promise<ImportRecord> {
    const { state, patterns, flusher } = this.#options;
    const record = await patterns.archive.findImport(id);
    if (record === undefined)
      throw new EngineError("ENGRAM_IMPORT_UNKNOWN", `There is no import ${id}. "engram kbs list --imports" lists them.`);
    if (record.state === "rolledBack") return record;
    if (record.merged) {
      throw new EngineError(
        "ENGRAM_BAD_REQUEST",
        "This import was merged into patterns that were there, and cannot be told from them any more.",
      );
    }
    const head = await state.head(record.kb);
    if (head.generation === record.generation) {
      if (head.seq > record.seqAfter && !discardNewer) {
        throw new EngineError(
          "ENGRAM_NEWER_LEARNS",
          `The knowledge base has ${head.seq - record.seqAfter} changes that are newer than the import. Taking it back would lose them; say so (discard newer) if that is meant.`,
        );
      }
      await state.clearKb(record.kb, Date.now());
      flusher.notify();
    }
    const over = { ...record, state: "rolledBack" as const };
    await patterns.archive.saveImport(over);
    return over;
  }

  /** The import's record before a step; at its first one the kb is looked at, and the record made before anything is learned. */
  async #begin(kb: string, request: ImportRequest, changes: number, step: ImportStep): Promise<ImportRecord | "learned"> {
    const { state, patterns } = this.#options;
    const known = await patterns.archive.findImport(request.id);
    if (known !== undefined) {
      if (known.kb !== kb || known.state === "rolledBack") {
        throw new EngineError("ENGRAM_BAD_REQUEST", `The import ${request.id} is another one, or was taken back. Begin with a new id.`);
      }
      if (step === "part" && request.part < known.parts) return "learned";
      if (request.part > known.parts) {
        throw new EngineError(
          "ENGRAM_BAD_REQUEST",
          `Part ${known.parts} of the import ${request.id} comes next, not part ${request.part}.`,
        );
      }
      const next = { ...known, seqAfter: Math.max(known.seqAfter, (await state.head(kb)).seq + changes) };
      await patterns.archive.saveImport(next);
      return next;
    }
    if (request.part !== 0) throw new EngineError("ENGRAM_BAD_REQUEST", `The import ${request.id} has not begun: send part 0 first.`);
    const head = await this.#emptied(kb, request.merge);
    const record: ImportRecord = {
      id: request.id,
      kb,
      generation: head.generation,
      seqBefore: head.seq,
      seqAfter: head.seq + changes,
      merged: request.merge && head.totals.total_unique_patterns > 0,
      state: "running",
      parts: 0,
      atMs: Date.now(),
    };
    await patterns.archive.saveImport(record);
    return record;
  }

  /** A kb into which an import can go: without patterns, and numbered from 0. */
  async #emptied(kb: string, merge: boolean): Promise<KbHead> {
    const { state, flusher } = this.#options;
    const head = await state.head(kb);
    if (head.totals.total_unique_patterns > 0) {
      if (merge) return head;
      throw new EngineError(
        "ENGRAM_KB_NOT_EMPTY",
        `The knowledge base holds ${head.totals.total_unique_patterns} patterns. Import under another name, or merge.`,
      );
    }
    if (head.patternCount === 0) return head;
    const cleared = await state.clearKb(kb, Date.now());
    flusher.notify();
    return cleared;
  }

  async #learn(kb: string, { generation, merged }: ImportRecord, run: PartRun, requestId: string): Promise<void> {
    const { state, flusher } = this.#options;
    if (run.kind === "finalize") return this.#finalize(kb, run.below);
    if (run.kind === "learn") {
      await patiently(flusher, () => state.importPacked(kb, run.packed, requestId));
      return;
    }
    if (merged) throw unmergeable();
    if (run.kind === "edit") {
      const outcomes = await patiently(flusher, () => state.editPatterns(kb, generation, run.edits, run.atMs, requestId));
      if (outcomes.includes("unknown")) {
        throw new EngineError("ENGRAM_ARCHIVE_BROKEN", "The archive changes a pattern that it did not bring. Fetch or copy it again.");
      }
      return;
    }
    const outcome = await patiently(flusher, () => state.setAffinities(kb, generation, run.sums, Date.now()));
    if (outcome === "over") throw new EngineError("ENGRAM_CONFLICT", "The knowledge base was cleared during the import. Begin it again.");
  }

  async #finalize(kb: string, below: number): Promise<void> {
    const { state, flusher } = this.#options;
    // Sent again: what was finalized covers these patterns already.
    if ((await state.head(kb)).finalizedBelow >= below && below > 0) return;
    await state.finalizeKb(kb, Date.now());
    flusher.notify();
  }
}

const unmergeable = (): EngineError =>
  new EngineError(
    "ENGRAM_BAD_REQUEST",
    "The archive holds updates or deletes of patterns, or affinities that were set, which cannot be brought together with those of a knowledge base that has patterns already. Import it under a name of its own.",
  );
