/** Archives of a kb: its history in parts. Writing costs about 10 µs a learn. What is learned from them: `imports.ts`. */
import type { ArchiveInfo } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import type { ArchivePart } from "../store/archive-store.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import type { StateStore } from "../store/state-store.ts";
import type { Flusher } from "./flusher.ts";

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
}
