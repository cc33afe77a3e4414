/**
 * What comes back when many queries met one block of candidates: per query how many matched, and of the best of them similarity, pattern id
 * and name. No symbols, no blocks: whoever wants those asks for one prediction.
 *
 *  ┌────────────────────────┬──────────────────┬────────────────────┬───────────────────┬──────────────┐
 *  │ queries, hits, rows, 0 │ matched, kept u32│ similarities (f64) │ pattern ids (f64) │ names (20 B) │   little-endian;
 *  │ u32 each               │ a query each     │ a hit each         │ a hit each        │ a hit each   │   hits by query, best first
 *  └────────────────────────┴──────────────────┴────────────────────┴───────────────────┴──────────────┘
 */
import { NAME_BYTES } from "../../assembly/layout.ts";

const HEADER_BYTES = 16;

export interface HitBlock {
  readonly queries: number;
  /** Candidates that each query met. */
  readonly rows: number;
  /** Per query: matches, and how many of them are here. */
  readonly matched: Uint32Array;
  readonly kept: Uint32Array;
  /** Parallel arrays of all kept hits, those of query 0 first. */
  readonly similarities: Float64Array;
  readonly patternIds: Float64Array;
  readonly names: Uint8Array;
}

function placesOf(queries: number, hits: number) {
  const counts = HEADER_BYTES;
  const similarities = counts + queries * 8;
  const patternIds = similarities + hits * 8;
  const names = patternIds + hits * 8;
  return { counts, similarities, patternIds, names, bytes: names + hits * NAME_BYTES };
}

/** Collects hits and seals them. Grows by doubling. */
export class HitBlockBuilder {
  readonly #rows: number;
  readonly #matched: Uint32Array;
  readonly #kept: Uint32Array;
  #queries = 0;
  #hits = 0;
  #similarities = new Float64Array(256);
  #patternIds = new Float64Array(256);
  #names = new Uint8Array(256 * NAME_BYTES);

  constructor(queries: number, rows: number) {
    this.#rows = rows;
    this.#matched = new Uint32Array(queries);
    this.#kept = new Uint32Array(queries);
  }

  /** Hits of the query at hand; `names` holds the name at `nameAt`. */
  add(similarity: number, patternId: number, names: Uint8Array, nameAt: number): void {
    const at = this.#hits++;
    if (at === this.#similarities.length) this.#grow();
    this.#similarities[at] = similarity;
    this.#patternIds[at] = patternId;
    for (let n = 0; n < NAME_BYTES; n++) this.#names[at * NAME_BYTES + n] = names[nameAt + n]!;
  }

  /** The query at hand is done; the next one follows. */
  endQuery(matched: number, kept: number): void {
    this.#matched[this.#queries] = matched;
    this.#kept[this.#queries] = kept;
    this.#queries++;
  }

  seal(): ArrayBuffer {
    const [queries, hits] = [this.#queries, this.#hits];
    const places = placesOf(queries, hits);
    const buffer = new ArrayBuffer(places.bytes);
    new Uint32Array(buffer, 0, 4).set([queries, hits, this.#rows, 0]);
    new Uint32Array(buffer, places.counts, queries).set(this.#matched.subarray(0, queries));
    new Uint32Array(buffer, places.counts + queries * 4, queries).set(this.#kept.subarray(0, queries));
    new Float64Array(buffer, places.similarities, hits).set(this.#similarities.subarray(0, hits));
    new Float64Array(buffer, places.patternIds, hits).set(this.#patternIds.subarray(0, hits));
    new Uint8Array(buffer, places.names).set(this.#names.subarray(0, hits * NAME_BYTES));
    return buffer;
  }

  #grow(): void {
    const doubled = <A extends Float64Array | Uint8Array>(old: A, next: A): A => {
      next.set(old);
      return next;
    };
    const count = this.#similarities.length * 2;
    this.#similarities = doubled(this.#similarities, new Float64Array(count));
    this.#patternIds = doubled(this.#patternIds, new Float64Array(count));
    this.#names = doubled(this.#names, new Uint8Array(count * NAME_BYTES));
  }
}

/** A sealed block as views on its bytes. It comes from a thread of this process, never from outside. */
export function viewHitBlock(buffer: ArrayBuffer): HitBlock {
  const [queries, hits, rows] = new Uint32Array(buffer, 0, 4) as unknown as [number, number, number];
  const places = placesOf(queries, hits);
  return {
    queries,
    rows,
    matched: new Uint32Array(buffer, places.counts, queries),
    kept: new Uint32Array(buffer, places.counts + queries * 4, queries),
    similarities: new Float64Array(buffer, places.similarities, hits),
    patternIds: new Float64Array(buffer, places.patternIds, hits),
    names: new Uint8Array(buffer, places.names, hits * NAME_BYTES),
  };
}
