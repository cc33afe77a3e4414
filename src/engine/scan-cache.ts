/**
 * Scanned patterns kept in memory, so that asking the same kb again reads from the pattern store only what is new. Patterns of a generation
 * never change, and ids are given out densely, so what is kept is never wrong: it is the patterns with ids below a bound, from which those
 * deleted since are taken out when the kb is next read. Bounded in bytes; least recently used kbs go first, and a kb larger than the bound
 * is not kept at all.
 *
 * Cost of a hit: nothing but handing out views. Only the last part of a kb is ever small: it is read anew together with what came since,
 * until it is full, so that learning pattern by pattern does not leave a part a pattern.
 */
import type { PatternStore } from "../store/pattern-store.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";
import { type DeletedIds, NONE_DELETED, withoutDeleted } from "./deleted-patterns.ts";

/** A part of at least so many rows is left as it is; about half a millisecond of kernel work. */
const FULL_ROWS = 8_192;

/** Every pattern with an id in [first, end) that was not deleted when it was read. */
interface Part {
  readonly first: number;
  readonly end: number;
  readonly columns: CandidateColumns;
}

interface Kept {
  readonly generation: number;
  /** In id order from 0 on, without gaps. */
  parts: readonly Part[];
  /** Patterns held: ids below this. */
  upTo: number;
  bytes: number;
  /** Length of the longest list of deletes that was applied. */
  deletedCount: number;
}

const bytesOf = (columns: CandidateColumns): number =>
  columns.patternIds.length +
  columns.names.length +
  columns.distinctCounts.length +
  columns.symbolEnds.length +
  columns.symbolIds.length +
  columns.eventOffsets.length +
  columns.eventEnds.length;

const idOf = (columns: CandidateColumns, row: number): number =>
  Number(new DataView(columns.patternIds.buffer, columns.patternIds.byteOffset).getBigUint64(row * 8, true));

/** How many rows have an id below `below`. */
function rowsBelow(columns: CandidateColumns, below: number): number {
  let low = 0;
  let high = columns.rows;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (idOf(columns, middle) < below) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class ScanCache {
  readonly #patterns: Pick<PatternStore, "scan">;
  readonly #bytesMax: number;
  /** Insertion order is order of use. */
  readonly #kbs = new Map<string, Kept>();
  #bytes = 0;
  #hits = 0;
  #misses = 0;

  /** `bytesMax` 0 keeps nothing. */
  constructor(patterns: Pick<PatternStore, "scan">, bytesMax: number) {
    this.#patterns = patterns;
    this.#bytesMax = bytesMax;
  }

  /**
   * Patterns with an id below `below` that are not in `deleted`, each once, in id order; as `PatternStore.scan`, from memory as far as it
   * reaches.
   */
  async *scan(
    kb: string,
    generation: number,
    below: number,
    signal: AbortSignal | undefined,
    deleted: DeletedIds = NONE_DELETED,
  ): AsyncIterable<CandidateColumns> {
    const kept = this.#use(kb, generation);
    if (kept !== undefined) this.#removeDeleted(kept, deleted);
    const { parts, upTo } = kept ?? { parts: [], upTo: 0 };
    const last = parts.at(-1);
    const from = below > upTo && last !== undefined && last.columns.rows < FULL_ROWS ? last.first : upTo;
    for (const { first, end, columns } of parts) {
      if (first >= Math.min(from, below)) break;
      const rows = end <= below ? columns.rows : rowsBelow(columns, below);
      if (rows > 0) yield rows === columns.rows ? columns : { ...columns, rows };
    }
    if (from >= below) {
      this.#hits++;
      return;
    }
    this.#misses++;

    let fresh: Part[] | undefined = [];
    let rows = 0;
    let bytes = 0;
    let first = from;
    for await (const scanned of this.#patterns.scan(kb, generation, { from, below, ...(signal && { signal }) })) {
      if (scanned.rows === 0) continue;
      const end = idOf(scanned, scanned.rows - 1) + 1;
      const columns = withoutDeleted(scanned, deleted);
      fresh?.push({ first, end, columns });
      first = end;
      rows += columns.rows;
      bytes += bytesOf(columns);
      // More than may be kept: go on reading, keep nothing.
      if (bytes > this.#bytesMax) fresh = undefined;
      if (columns.rows > 0) yield columns;
    }
    const complete = rows === below - from - deleted.countIn(from, below);
    if (fresh !== undefined && complete) this.#keep(kb, generation, from, below, fresh);
  }

  /** Takes deleted patterns out of what is kept, once for every reader that follows. */
  #removeDeleted(kept: Kept, deleted: DeletedIds): void {
    if (deleted.count <= kept.deletedCount) return;
    kept.parts = kept.parts.map((part) => {
      const columns = withoutDeleted(part.columns, deleted);
      return columns === part.columns ? part : { ...part, columns };
    });
    kept.deletedCount = deleted.count;
    const bytes = kept.parts.reduce((sum, part) => sum + bytesOf(part.columns), 0);
    this.#bytes += bytes - kept.bytes;
    kept.bytes = bytes;
  }

  /** Scans answered from memory alone, scans that read the store, and what is kept. */
  figures(): { hits: number; misses: number; kept: number; bytes: number; bytesMax: number } {
    let kept = 0;
    for (const { upTo } of this.#kbs.values()) kept += upTo;
    return { hits: this.#hits, misses: this.#misses, kept, bytes: this.#bytes, bytesMax: this.#bytesMax };
  }

  /** Forgets a kb, or all; answers how many patterns. */
  forget(kb?: string): number {
    let forgotten = 0;
    for (const name of kb === undefined ? [...this.#kbs.keys()] : [kb]) {
      forgotten += this.#kbs.get(name)?.upTo ?? 0;
      this.#drop(name);
    }
    return forgotten;
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
  #keep(kb: string, generation: number, from: number, below: number, fresh: readonly Part[]): void {
    const old = this.#kbs.get(kb);
    if (old !== undefined && (old.generation > generation || (old.generation === generation && old.upTo >= below))) return;
    const before = old?.generation === generation ? old.parts.filter((part) => part.first < from) : [];
    if ((before.at(-1)?.end ?? 0) !== from) return;
    this.#drop(kb);
    // What follows the last row up to `below` was deleted: the last part speaks for it too.
    const last = fresh.at(-1);
    const parts = last === undefined ? before : [...before, ...fresh.slice(0, -1), { ...last, end: below }];
    if (parts.length === 0) return;
    const bytes = parts.reduce((sum, part) => sum + bytesOf(part.columns), 0);
    if (bytes > this.#bytesMax) return;
    this.#kbs.set(kb, { generation, parts, upTo: below, bytes, deletedCount: 0 });
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
