/**
 * Scanned patterns kept in memory, so that asking the same kb again reads from the pattern store only what is new. Patterns of a generation
 * never change and their ids are dense, so what is kept is never wrong: it is the first so many patterns. Bounded in bytes; least recently
 * used kbs go first, and a kb larger than the bound is not kept at all.
 *
 * Cost of a hit: nothing but handing out views. Only the last part of a kb is ever small: it is read anew together with what came since,
 * until it is full, so that learning pattern by pattern does not leave a part a pattern.
 */
import type { PatternStore } from "../store/pattern-store.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";

/** A part of at least so many rows is left as it is; about half a millisecond of kernel work. */
const FULL_ROWS = 8_192;

interface Kept {
  readonly generation: number;
  /** In id order from 0 on, each with the id of its first row. */
  parts: readonly { readonly first: number; readonly columns: CandidateColumns }[];
  /** Patterns held: ids below this. */
  upTo: number;
  bytes: number;
}

const bytesOf = (columns: CandidateColumns): number =>
  columns.patternIds.length +
  columns.names.length +
  columns.distinctCounts.length +
  columns.symbolEnds.length +
  columns.symbolIds.length +
  columns.eventOffsets.length +
  columns.eventEnds.length;

export class ScanCache {
  readonly #patterns: Pick<PatternStore, "scan">;
  readonly #bytesMax: number;
  /** Insertion order is order of use. */
  readonly #kbs = new Map<string, Kept>();
  #bytes = 0;

  /** `bytesMax` 0 keeps nothing. */
  constructor(patterns: Pick<PatternStore, "scan">, bytesMax: number) {
    this.#patterns = patterns;
    this.#bytesMax = bytesMax;
  }

  /** Patterns with an id below `below`, each once, in id order; as `PatternStore.scan`, from memory as far as it reaches. */
  async *scan(kb: string, generation: number, below: number, signal: AbortSignal | undefined): AsyncIterable<CandidateColumns> {
    const kept = this.#use(kb, generation);
    const { parts, upTo } = kept ?? { parts: [], upTo: 0 };
    const last = parts.at(-1);
    const from = below > upTo && last !== undefined && last.columns.rows < FULL_ROWS ? last.first : upTo;
    for (const { first, columns } of parts) {
      if (first >= Math.min(from, below)) break;
      yield first + columns.rows <= below ? columns : { ...columns, rows: below - first };
    }
    if (from >= below) return;

    let fresh: { first: number; columns: CandidateColumns }[] | undefined = [];
    let rows = 0;
    let bytes = 0;
    for await (const columns of this.#patterns.scan(kb, generation, { from, below, ...(signal && { signal }) })) {
      fresh?.push({ first: from + rows, columns });
      rows += columns.rows;
      bytes += bytesOf(columns);
      // More than may be kept: go on reading, keep nothing.
      if (bytes > this.#bytesMax) fresh = undefined;
      yield columns;
    }
    if (fresh !== undefined && rows === below - from) this.#keep(kb, generation, from, below, fresh);
  }

  #use(kb: string, generation: number): Kept | undefined {
    const kept = this.#kbs.get(kb);
    if (kept === undefined) return undefined;
    // An older generation is void; a newer one is not for this reader.
    if (kept.generation !== generation) return undefined;
    this.#kbs.delete(kb);
    this.#kbs.set(kb, kept);
    return kept;
  }

  /** Puts what was read from `from` on behind what is kept, unless another reader has come further meanwhile. */
  #keep(kb: string, generation: number, from: number, below: number, fresh: readonly { first: number; columns: CandidateColumns }[]): void {
    const old = this.#kbs.get(kb);
    if (old !== undefined && (old.generation > generation || (old.generation === generation && old.upTo >= below))) return;
    const before = old?.generation === generation ? old.parts.filter((part) => part.first < from) : [];
    const reach = before.reduce((sum, part) => sum + part.columns.rows, 0);
    if (reach !== from) return;
    this.#drop(kb);
    const parts = [...before, ...fresh];
    const bytes = parts.reduce((sum, part) => sum + bytesOf(part.columns), 0);
    if (bytes > this.#bytesMax) return;
    this.#kbs.set(kb, { generation, parts, upTo: below, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#kbs.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#drop(oldest);
    }
  }

  #drop(kb: string): void {
    this.#bytes -= this.#kbs.get(kb)?.bytes ?? 0;
    this.#kbs.delete(kb);
  }
}
