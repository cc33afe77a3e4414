/**
 * Symbols of kbs as objects, kept from commit to commit: what a learn needs of each symbol (its id, its counters and its affinity) without a
 * read, and one write of each a commit however many learns of the commit hold it. That is what makes bulk loading fast: a learn of 14 symbols
 * costs about 25 reads and 14 writes without it, and as many again when it brings emotives.
 *
 * What is kept of a kb is right as long as the kb stands at the number of our own last commit: anybody else's change, and every change of
 * another kind, moves that number. A commit that fails drops everything.
 */
import { EngineError } from "../errors.ts";
import type { EmotiveRecord } from "../model/emotives.ts";
import { addAverages, encodeAffinity, readAffinity, type Sums } from "./lmdb-affinity.ts";
import type { Draft } from "./lmdb-commit.ts";
import { GenerationKeys, isHashed } from "./lmdb-keys.ts";
import { decodeSymbol, encodeSymbol, type HeadRecord, type SymbolRecord } from "./state-records.ts";

/** Symbols, and emotives of their affinities, kept over all kbs; about 200 bytes each. */
const KEPT_MAX = 400_000;

export interface SymbolSlot {
  readonly id: number;
  /** Without figures until it is counted for the first time, by the very commit that gave it its id. */
  isCounted: boolean;
  /** Changed in place: a learn of 14 symbols would leave as many objects behind otherwise. */
  readonly row: { -readonly [K in keyof SymbolRecord]: number };
  isChanged: boolean;
  /** Undefined: not read yet. */
  affinity: Sums | undefined;
  isAffinityChanged: boolean;
}

interface KbSymbols {
  generation: number;
  /** Sequence number of the kb at which the slots are right. */
  seq: number;
  readonly slots: Map<string, SymbolSlot>;
  /** Emotives kept, over all symbols. */
  emotives: number;
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

const NEW_ROW: SymbolRecord = { frequency: 0, patternMemberFrequency: 0, finalizedMemberFrequency: 0, finalizedSeq: 0 };

/** A symbol with the row that stands in the store. */
const slotOf = (id: number, row: Buffer | undefined): SymbolSlot => ({
  id,
  isCounted: row !== undefined,
  row: row === undefined ? { ...NEW_ROW } : decodeSymbol(row),
  isChanged: false,
  affinity: undefined,
  isAffinityChanged: false,
});

/** Changes a symbol's counters; the pmf that finalize-training saw is kept aside when it changes for the first time. */
export function countSymbol(head: HeadRecord, row: SymbolSlot["row"], frequency: number, members: number): void {
  if (members !== 0 && head.finalizedSeq !== 0 && row.finalizedSeq !== head.finalizedSeq) {
    row.finalizedMemberFrequency = row.patternMemberFrequency;
    row.finalizedSeq = head.finalizedSeq;
  }
  row.frequency += frequency;
  row.patternMemberFrequency += members;
}

/** An id times this, and a place below it, are exact in a double. */
const PLACES_MAX = 2 ** 21;

/** By id. Sorted as numbers, id and place in one: five times as fast as with a comparison, for thousands of them. */
function inOrder(slots: SymbolSlot[]): SymbolSlot[] {
  if (slots.length > PLACES_MAX) return slots.sort((a, b) => a.id - b.id);
  const order = Float64Array.from(slots, ({ id }, place) => id * PLACES_MAX + place).sort();
  return Array.from(order, (key) => slots[key % PLACES_MAX] as SymbolSlot);
}

/** The symbols of one kb during one commit. */
export class SymbolSlots {
  readonly #draft: Draft;
  readonly #keys: GenerationKeys;
  readonly #kb: KbSymbols;
  #changed: SymbolSlot[] = [];
  #affinityChanged: SymbolSlot[] = [];

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
    return slotOf(id, row);
  }

  #create(symbol: string, head: HeadRecord): SymbolSlot {
    const id = head.symbolCount;
    head.symbolCount += 1;
    this.#draft.put(this.#keys.byText("i", symbol), u32(id));
    this.#draft.put(this.#keys.byId("n", id), Buffer.from(symbol, "utf8"));
    return slotOf(id, undefined);
  }

  /** Counts a learn of a pattern that the symbol stands in: `members` is 1 when the pattern is new. */
  count(slot: SymbolSlot, head: HeadRecord, frequency: number, members: 0 | 1): void {
    const { row } = slot;
    if (members === 1 && slot.isCounted && row.patternMemberFrequency === 0) head.goneSymbols -= 1;
    countSymbol(head, row, frequency, members);
    slot.isCounted = true;
    if (slot.isChanged) return;
    slot.isChanged = true;
    this.#changed.push(slot);
  }

  /** Adds a learn's averages to the affinity of a symbol. */
  raise(slot: SymbolSlot, averages: EmotiveRecord): void {
    const kept = slot.affinity?.size ?? 0;
    slot.affinity ??= readAffinity(this.#draft.get(this.#keys.byId("a", slot.id)));
    addAverages(slot.affinity, averages);
    this.#kb.emotives += slot.affinity.size - kept;
    if (slot.isAffinityChanged) return;
    slot.isAffinityChanged = true;
    this.#affinityChanged.push(slot);
  }

  /** Writes what changed to the draft, in the order of the keys. `seq` is where the kb stands with it. */
  write(seq: number): void {
    for (const slot of inOrder(this.#affinityChanged)) {
      this.#draft.put(this.#keys.byId("a", slot.id), encodeAffinity(slot.affinity as Sums));
      slot.isAffinityChanged = false;
    }
    for (const slot of inOrder(this.#changed)) {
      this.#draft.put(this.#keys.byId("c", slot.id), encodeSymbol(slot.row));
      slot.isChanged = false;
    }
    this.#changed = [];
    this.#affinityChanged = [];
    this.#kb.seq = seq;
  }
}

export class SymbolKeeper {
  readonly #kbs = new Map<number, KbSymbols>();

  open(draft: Draft, kbNumber: number, head: HeadRecord): SymbolSlots {
    let kb = this.#kbs.get(kbNumber);
    if (kb === undefined || kb.generation !== head.generation || kb.seq !== head.seq) {
      kb = { generation: head.generation, seq: head.seq, slots: new Map(), emotives: 0 };
      this.#kbs.set(kbNumber, kb);
    }
    // Changed while it is open: a commit that does not come to its end leaves a number nobody stands at.
    kb.seq = Number.NaN;
    return new SymbolSlots(draft, kbNumber, kb);
  }

  /** Keeps the memory bounded; called between commits. */
  trim(): void {
    let kept = 0;
    for (const { slots, emotives } of this.#kbs.values()) kept += slots.size + emotives;
    if (kept > KEPT_MAX) this.#kbs.clear();
  }

  /** A transaction failed: nothing that was changed in it is true. */
  drop(): void {
    this.#kbs.clear();
  }
}
