/**
 * Symbols of knowledge bases on the main thread: ids of symbols, symbols of ids, and the table of texts that some stages need. Ids never
 * change within a generation, so what is kept is never wrong; only "unknown" is always asked anew. Least recently used kbs go first.
 */
import { symbolHash } from "../kernels/sign.ts";
import type { SymbolTable } from "../pool/kernel-pool.ts";
import { type StateStore, UNKNOWN_SYMBOL } from "../store/state-store.ts";
import { SymbolTexts } from "./symbol-texts.ts";

/** Symbols kept over all kbs, about 150 bytes each: 300 MB at most. */
const KEPT_MAX = 2_000_000;

export type Texts = Pick<SymbolTexts, "get" | "event">;

interface KbSymbols {
  readonly ids: Map<string, number>;
  readonly names: SymbolTexts;
  table: GrowingTable | undefined;
  building: Promise<void> | undefined;
  /** False once it is forgotten: a look-up under way may still use it, and nobody counts it. */
  counted: boolean;
}

/** Columns that grow by doubling; a table handed out is a view of the front, which is never written again. */
class GrowingTable {
  count = 0;
  points = 0;
  offsets = new Uint32Array(new SharedArrayBuffer(4 * 1025));
  codePoints = new Uint32Array(new SharedArrayBuffer(4 * 8192));
  hashes = new Uint32Array(new SharedArrayBuffer(4 * 1024));

  push(symbol: string): void {
    const codes: number[] = [];
    for (const character of symbol) codes.push(character.codePointAt(0)!);
    // Each by itself: one of them has an entry more than the other, so doubled they no longer fill up together.
    if (this.count + 1 >= this.offsets.length) this.offsets = grown(this.offsets, this.count + 2);
    if (this.count >= this.hashes.length) this.hashes = grown(this.hashes, this.count + 1);
    if (this.points + codes.length > this.codePoints.length) this.codePoints = grown(this.codePoints, this.points + codes.length);
    this.codePoints.set(codes, this.points);
    this.points += codes.length;
    this.hashes[this.count] = symbolHash(symbol);
    this.count++;
    this.offsets[this.count] = this.points;
  }
}

function grown(old: Uint32Array<SharedArrayBuffer>, needed: number): Uint32Array<SharedArrayBuffer> {
  const bigger = new Uint32Array(new SharedArrayBuffer(4 * Math.max(needed, old.length * 2)));
  bigger.set(old);
  return bigger;
}

export class SymbolCache {
  readonly #state: StateStore;
  /** Insertion order is order of use: a kb that is used moves to the end. */
  readonly #kbs = new Map<string, KbSymbols>();
  #kept = 0;
  #hits = 0;
  #misses = 0;

  constructor(state: StateStore) {
    this.#state = state;
  }

  #of(kb: string, generation: number): KbSymbols {
    const key = `${generation} ${kb}`;
    const entry = this.#kbs.get(key) ?? { ids: new Map(), names: new SymbolTexts(), table: undefined, building: undefined, counted: true };
    this.#kbs.delete(key);
    this.#kbs.set(key, entry);
    for (const [oldKey, old] of this.#kbs) {
      if (this.#kept <= KEPT_MAX) break;
      this.#forget(oldKey, old);
    }
    return entry;
  }

  #count(asked: number, missing: number): void {
    this.#hits += asked - missing;
    this.#misses += missing;
  }

  /** Symbols found in memory, symbols asked of the store, and what is kept. */
  figures(): { hits: number; misses: number; kept: number } {
    return { hits: this.#hits, misses: this.#misses, kept: this.#kept };
  }

  /** Forgets a kb's symbols, or all; answers how many. A look-up under way finishes with what it has. */
  forget(kb?: string): number {
    const before = this.#kept;
    for (const [key, entry] of this.#kbs) {
      // A key is the generation, a space, the kb.
      if (kb !== undefined && key.slice(key.indexOf(" ") + 1) !== kb) continue;
      this.#forget(key, entry);
    }
    return before - this.#kept;
  }

  #keep(entry: KbSymbols, id: number, symbol: string): void {
    if (entry.names.has(id)) return;
    entry.ids.set(symbol, id);
    entry.names.set(id, symbol);
    if (entry.counted) this.#kept++;
  }

  #forget(key: string, entry: KbSymbols): void {
    this.#kept -= entry.names.size + (entry.table?.count ?? 0);
    entry.counted = false;
    this.#kbs.delete(key);
  }

  /** Ids parallel to `symbols`, UNKNOWN_SYMBOL where the kb does not know one. */
  async ids(kb: string, generation: number, symbols: readonly string[]): Promise<Uint32Array> {
    const entry = this.#of(kb, generation);
    const missing = [...new Set(symbols)].filter((symbol) => !entry.ids.has(symbol));
    this.#count(symbols.length, missing.length);
    if (missing.length > 0) {
      const found = await this.#state.symbolIds(kb, generation, missing);
      missing.forEach((symbol, i) => {
        if (found[i] !== UNKNOWN_SYMBOL) this.#keep(entry, found[i]!, symbol);
      });
    }
    return Uint32Array.from(symbols, (symbol) => entry.ids.get(symbol) ?? UNKNOWN_SYMBOL);
  }

  /** Symbols of ids, as a look-up that holds at least these. An id may come several times. */
  names(kb: string, generation: number, ids: ArrayLike<number>): Promise<Texts> {
    return this.namesOf(kb, generation, [ids]);
  }

  /** As `names`, for many lists. */
  async namesOf(kb: string, generation: number, lists: Iterable<ArrayLike<number>>): Promise<Texts> {
    const entry = this.#of(kb, generation);
    // Thousands of ids an answer, nearly all known: nothing is made for those.
    const unknown = new Set<number>();
    let asked = 0;
    for (const ids of lists) {
      asked += ids.length;
      for (let i = 0; i < ids.length; i++) if (!entry.names.has(ids[i]!)) unknown.add(ids[i]!);
    }
    const missing = [...unknown];
    this.#count(asked, missing.length);
    if (missing.length > 0) {
      const found = await this.#state.symbolNames(kb, generation, missing);
      missing.forEach((id, i) => {
        this.#keep(entry, id, found[i]!);
      });
    }
    return entry.names;
  }

  /** Texts and hashes of the symbols below `count`. Built once and extended; the first call reads all symbols of the kb. */
  async table(kb: string, generation: number, count: number): Promise<SymbolTable> {
    const entry = this.#of(kb, generation);
    while (entry.building !== undefined) await entry.building;
    entry.table ??= new GrowingTable();
    const table = entry.table;
    if (table.count < count) {
      const build = async (): Promise<void> => {
        const before = table.count;
        for await (const rows of this.#state.listSymbols(kb, generation, before, count)) {
          for (const row of rows) table.push(row.symbol);
          if (entry.counted) this.#kept += rows.length;
        }
      };
      entry.building = build().finally(() => {
        entry.building = undefined;
      });
      await entry.building;
    }
    return {
      key: `${generation} ${kb} ${count}`,
      origin: `${generation} ${kb}`,
      count,
      textOffsets: table.offsets.subarray(0, count + 1),
      codePoints: table.codePoints.subarray(0, table.offsets[count]),
      hashes: table.hashes.subarray(0, count),
    };
  }
}
