/**
 * Archives of a kb: its history in parts, and the same history learned again elsewhere. An import goes through the same commits as every other
 * learn: it can be stopped anywhere and sent again, counts once, and comes out the same to the last bit, since float sums are added in the order
 * they were added in. Cost: writing about 10 µs a learn, reading about 40 µs.
 */
import type { ArchiveInfo, ImportProgress, ImportRequest } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { flatten } from "../model/event.ts";
import { patternName } from "../model/pattern.ts";
import { decodePart } from "../store/archive-part.ts";
import type { ArchivePart, ImportRecord } from "../store/archive-store.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import type { KbHead, LearnCommit, OutboxEntry, StateStore, SymbolSums } from "../store/state-store.ts";
import { COMMIT_LEARNS } from "./bulk.ts";
import type { Flusher } from "./flusher.ts";

/** Edits a commit. */
const COMMIT_EDITS = 500;

type LearnEntry = Extract<OutboxEntry, { kind: "learn" }>;
type EditEntry = Extract<OutboxEntry, { kind: "edit" }>;

export interface ArchivesOptions {
  readonly state: StateStore;
  readonly patterns: PatternStore;
  readonly flusher: Flusher;
}

export class Archives {
  readonly #options: ArchivesOptions;

  constructor(options: ArchivesOptions) {
    this.#options = options;
  }

  /** Where an export begins and ends: everything learned before the call, which is in the pattern store when it resolves. */
  async begin(kb: string): Promise<ArchiveInfo> {
    const { state, flusher } = this.#options;
    const head = await state.head(kb);
    await flusher.drained();
    return {
      kb,
      generation: head.generation,
      untilSeq: head.seq,
      patterns: head.totals.total_unique_patterns,
      symbols: head.symbolCount - head.goneSymbols,
      totals: head.totals,
    };
  }

  /** The next part behind number `after`; undefined at the end. Errors: ENGRAM_CONFLICT when the kb was cleared since it was begun. */
  async part(kb: string, generation: number, after: number, untilSeq: number, eventsMax?: number): Promise<ArchivePart | undefined> {
    const { state, patterns } = this.#options;
    const part = await patterns.archive.part(kb, generation, after, untilSeq, eventsMax);
    const now = await state.head(kb);
    if (now.generation !== generation) {
      throw new EngineError("ENGRAM_CONFLICT", "The knowledge base was cleared while it was exported. Begin the export again.");
    }
    return part;
  }

  /**
   * Learns a part. Parts come in order, each with its number; one that is sent again counts once. Errors: ENGRAM_KB_NOT_EMPTY, ENGRAM_ARCHIVE_BROKEN,
   * ENGRAM_BAD_REQUEST when parts come out of order or an import of that id is over.
   */
  async importPart(kb: string, request: ImportRequest, bytes: Buffer): Promise<ImportProgress> {
    const entries = await decodePart(bytes);
    assertNames(entries);
    const record = await this.beginPart(kb, request, entries.length);
    const key = (step: number): string => `${kb} import ${request.id} ${request.part} ${step}`;
    let step = 0;
    for (const run of runsOf(entries)) {
      const kind = run[0]!.kind;
      if (kind === "learn") await this.#learn(kb, run as LearnEntry[], key(step++));
      else if (kind === "edit") await this.#edit(kb, record, run as EditEntry[], key(step++));
      else if (run[0]!.kind === "finalize") await this.#finalize(kb, run[0]!.below);
      else if (run[0]!.kind === "affinity") await this.#setAffinities(kb, record, run[0]!.sums);
    }
    const head = await this.endPart(record, request.last);
    return { id: request.id, changes: entries.length, patterns: head.totals.total_unique_patterns, done: request.last };
  }

  /** Notes where the kb stands after a part. */
  async endPart(record: ImportRecord, last: boolean): Promise<KbHead> {
    const { state, patterns } = this.#options;
    const head = await state.head(record.kb);
    await patterns.archive.saveImport({ ...record, seqAfter: head.seq, state: last ? "done" : "running" });
    return head;
  }

  imports(): Promise<readonly ImportRecord[]> {
    return this.#options.patterns.archive.listImports();
  }

  /** Takes an import back: its kb is empty again, as it was. Errors: ENGRAM_IMPORT_UNKNOWN, ENGRAM_NEWER_LEARNS, ENGRAM_BAD_REQUEST for a merge. */
  async rollback(id: string, discardNewer: boolean): Promise<ImportRecord> {
    const { state, patterns, flusher } = this.#options;
    const record = await patterns.archive.findImport(id);
    if (record === undefined) throw new EngineError("ENGRAM_IMPORT_UNKNOWN", `There is no import ${id}. "engram imports" lists them.`);
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

  /**
   * The import's record before a part of at most so many changes; at its first part the kb is looked at, and the record made before anything is
   * learned. Errors as `importPart`.
   */
  async beginPart(kb: string, request: ImportRequest, changes: number): Promise<ImportRecord> {
    const { state, patterns } = this.#options;
    const known = await patterns.archive.findImport(request.id);
    if (known !== undefined) {
      if (known.kb !== kb || known.state === "rolledBack") {
        throw new EngineError("ENGRAM_BAD_REQUEST", `The import ${request.id} is another one, or was taken back. Begin with a new id.`);
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

  async #learn(kb: string, entries: readonly LearnEntry[], requestId: string): Promise<void> {
    const { state, flusher } = this.#options;
    const learns = entries.map(
      ({ pattern, emotives, metadata, vectors, persistence, atMs }): LearnCommit => ({
        kb,
        pattern,
        emotives,
        metadata,
        vectors,
        persistence,
        atMs,
      }),
    );
    while ((await state.commitLearns(learns, requestId)) === "outboxFull") await flusher.drained();
    flusher.notify();
  }

  async #edit(kb: string, { generation, merged }: ImportRecord, entries: readonly EditEntry[], requestId: string): Promise<void> {
    const { state, flusher } = this.#options;
    if (merged) throw unmergeable();
    const edits = entries.map(({ name, patternId, symbolIds, eventEnds, change }) => ({ name, patternId, symbolIds, eventEnds, change }));
    let outcomes = await state.editPatterns(kb, generation, edits, entries[0]!.atMs, requestId);
    while (outcomes === "outboxFull") {
      await flusher.drained();
      outcomes = await state.editPatterns(kb, generation, edits, entries[0]!.atMs, requestId);
    }
    if (outcomes.includes("unknown")) {
      throw new EngineError("ENGRAM_ARCHIVE_BROKEN", "The archive changes a pattern that it did not bring. Fetch or copy it again.");
    }
    flusher.notify();
  }

  async #setAffinities(kb: string, { generation, merged }: ImportRecord, sums: SymbolSums): Promise<void> {
    const { state, flusher } = this.#options;
    if (merged) throw unmergeable();
    let outcome = await state.setAffinities(kb, generation, sums, Date.now());
    while (outcome === "outboxFull") {
      await flusher.drained();
      outcome = await state.setAffinities(kb, generation, sums, Date.now());
    }
    if (outcome === "over") throw new EngineError("ENGRAM_CONFLICT", "The knowledge base was cleared during the import. Begin it again.");
    flusher.notify();
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

/** Entries of one kind that follow each other, as many as one commit takes. */
function* runsOf(entries: readonly OutboxEntry[]): Generator<OutboxEntry[]> {
  let run: OutboxEntry[] = [];
  for (const entry of entries) {
    const max = entry.kind === "learn" ? COMMIT_LEARNS : entry.kind === "edit" ? COMMIT_EDITS : 1;
    if (run.length > 0 && (run[0]!.kind !== entry.kind || run.length >= max)) {
      yield run;
      run = [];
    }
    run.push(entry);
  }
  if (run.length > 0) yield run;
}

/** A pattern's name is the hash of what it holds; an archive in which it is not was changed. */
function assertNames(entries: readonly OutboxEntry[]): void {
  for (const entry of entries) {
    if (entry.kind !== "learn" || !entry.isNew) continue;
    const { pattern } = entry;
    const symbols = pattern.flat.map((at) => pattern.distinct[at]!);
    const events = pattern.eventEnds.map((end, i) => symbols.slice(i === 0 ? 0 : pattern.eventEnds[i - 1], end));
    if (flatten(events).length !== symbols.length || patternName(events) !== pattern.name) {
      throw new EngineError(
        "ENGRAM_ARCHIVE_BROKEN",
        `Pattern ${pattern.name} of the archive is not what its name says. Fetch or copy it again.`,
      );
    }
  }
}
