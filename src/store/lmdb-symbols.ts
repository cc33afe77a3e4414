/**
 * Symbols of kbs as objects, kept from commit to commit: what a learn needs of each symbol (its id and its counters) without a read, and one
 * write a symbol a commit however many learns of the commit hold it. That is what makes bulk loading fast: a learn of 14 symbols costs
 * about 25 reads and 14 writes without it.
 *
 * What is kept of a kb is right as long as the kb stands at the number of our own last commit: anybody else's change, and every change of
 * another kind, moves that number. A commit that fails drops everything.
 */
import { EngineError } from "../errors.ts";
import type { Draft } from "./lmdb-commit.ts";
import { GenerationKeys, isHashed } from "./lmdb-keys.ts";
import { decodeSymbol, encodeSymbol, type HeadRecord, type SymbolRecord } from "./state-records.ts";

/** Symbols kept over all kbs, about 200 bytes each. */
const KEPT_MAX = 400_000;

export interface SymbolSlot {
  readonly id: number;
  /** undefined: given its id by this very commit, and not counted yet. */
  row: SymbolRecord | undefined;
}

interface KbSymbols {
  generation: number;
  /** Sequence number of the kb at which the slots are right. */
  seq: number;
  readonly slots: Map<string, SymbolSlot>;
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** A symbol found by its hash must be the very symbol. */
export function verifySymbol(stored: Buffer | undefined, symbol: string): void {
  if (stored?.toString("utf8") === symbol) return;
  throw new EngineError("ENGRAM_STORE_REPLY", "The state store holds another symbol under the hash of a long one.");
}

/** The symbols of one kb during one commit. */
export class SymbolSlots {
  readonly #draft: Draft;
  readonly #keys: GenerationKeys;
  readonly #kb: KbSymbols;
  readonly #changed = new Set<SymbolSlot>();

  constructor(draft: Draft, kbNumber: number, kb: KbSymbols) {
    this.#draft = draft;
    this.#keys = new GenerationKeys(kbNumber, kb.generation);
    this.#kb = kb;
  }

  /** The slot of a symbol; one that is unknown gets the next id, and `head` is raised. */
  of(symbol: string, head: HeadRecord): SymbolSlot {
    const kept = this.#kb.slots.get(symbol);
    if (kept !== undefined) return kept;
    const slot = this.#read(symbol) ?? this.#create(symbol, head);
    this.#kb.slots.set(symbol, slot);
    return slot;
  }

  #read(symbol: string): SymbolSlot | undefined {
    const known = this.#draft.get(this.#keys.byText("i", symbol));
    if (known === undefined) return undefined;
    const id = known.readUInt32LE(0);
    if (isHashed(symbol)) verifySymbol(this.#draft.get(this.#keys.byId("n", id)), symbol);
    const row = this.#draft.get(this.#keys.byId("c", id));
    return { id, row: row === undefined ? undefined : decodeSymbol(row) };
  }

  #create(symbol: string, head: HeadRecord): SymbolSlot {
    const id = head.symbolCount;
    head.symbolCount += 1;
    this.#draft.put(this.#keys.byText("i", symbol), u32(id));
    this.#draft.put(this.#keys.byId("n", id), Buffer.from(symbol, "utf8"));
    return { id, row: undefined };
  }

  set(slot: SymbolSlot, row: SymbolRecord): void {
    slot.row = row;
    this.#changed.add(slot);
  }

  /** Writes what changed to the draft. `seq` is where the kb stands with it. */
  write(seq: number): void {
    for (const { id, row } of this.#changed) if (row !== undefined) this.#draft.put(this.#keys.byId("c", id), encodeSymbol(row));
    this.#changed.clear();
    this.#kb.seq = seq;
  }
}

export class SymbolKeeper {
  readonly #kbs = new Map<number, KbSymbols>();

  open(draft: Draft, kbNumber: number, head: HeadRecord): SymbolSlots {
    let kb = this.#kbs.get(kbNumber);
    if (kb === undefined || kb.generation !== head.generation || kb.seq !== head.seq) {
      kb = { generation: head.generation, seq: head.seq, slots: new Map() };
      this.#kbs.set(kbNumber, kb);
    }
    // Changed while it is open: a commit that does not come to its end leaves a number nobody stands at.
    kb.seq = Number.NaN;
    return new SymbolSlots(draft, kbNumber, kb);
  }

  /** Keeps the memory bounded; called between commits. */
  trim(): void {
    let kept = 0;
    for (const { slots } of this.#kbs.values()) kept += slots.size;
    if (kept > KEPT_MAX) this.#kbs.clear();
  }

  /** A transaction failed: nothing that was changed in it is true. */
  drop(): void {
    this.#kbs.clear();
  }
}
