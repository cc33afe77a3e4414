/**
 * Indexed vectors of knowledge bases, for the exact three nearest. Kept on the main thread as they were indexed; each look-up first asks
 * the state store for what came since. Cost: one pass over the kb's vectors a look-up.
 */
import type { PendingVector } from "../model/session.ts";
import { nearestVectors } from "../model/vector.ts";
import type { KbHead, StateStore } from "../store/state-store.ts";

/** How many neighbours an observed vector brings along. Reference semantics §11.3. */
const NEIGHBOURS = 3;
/** Kbs whose vectors are kept; others are read again when they are used. */
const KBS_MAX = 16;

export class VectorIndex {
  readonly #state: StateStore;
  readonly #kbs = new Map<string, PendingVector[]>();

  constructor(state: StateStore) {
    this.#state = state;
  }

  /** Symbols of the nearest indexed vectors, nearest first; none when the dimension differs. */
  async nearest(head: KbHead, values: readonly number[]): Promise<readonly string[]> {
    if (head.vectorDimension !== values.length) return [];
    const key = `${head.generation} ${head.kb}`;
    const known = this.#kbs.get(key) ?? [];
    this.#kbs.delete(key);
    this.#kbs.set(key, known);
    if (this.#kbs.size > KBS_MAX) this.#kbs.delete(this.#kbs.keys().next().value as string);
    const from = known.length;
    const fresh = await this.#state.listVectors(head.kb, head.generation, from);
    // Another look-up may have added the same ones while this one waited.
    known.push(...fresh.slice(known.length - from));
    return nearestVectors(values, known, NEIGHBOURS).map((vector) => vector.symbol);
  }
}
