/** Learns of one commit, one by one or packed: each kb is opened once, and its symbols, outbox entries and head are written once. */
import type { Draft } from "./lmdb-commit.ts";
import type { LmdbKbs } from "./lmdb-kbs.ts";
import { GenerationKeys } from "./lmdb-keys.ts";
import { applyLearn, slotsOf } from "./lmdb-learn.ts";
import { appendRuns } from "./lmdb-outbox.ts";
import { RunBuilder } from "./lmdb-runs.ts";
import type { SymbolKeeper, SymbolSlot, SymbolSlots } from "./lmdb-symbols.ts";
import { type PreparedLearn, writeLearnEntry } from "./outbox-entry.ts";
import { workOf } from "./packed-learns.ts";
import type { HeadRecord } from "./state-records.ts";
import type { LearnResult, PackedLearns } from "./state-store.ts";

/** A kb during one commit. */
interface OpenKb {
  readonly number: number;
  readonly keys: GenerationKeys;
  readonly head: HeadRecord;
  readonly symbols: SymbolSlots;
  /** Outbox entries to be appended. */
  readonly entries: RunBuilder;
}

export class LmdbLearner {
  readonly #kbs: LmdbKbs;
  readonly #symbols: SymbolKeeper;

  constructor(kbs: LmdbKbs, symbols: SymbolKeeper) {
    this.#kbs = kbs;
    this.#symbols = symbols;
  }

  learn(draft: Draft, prepared: readonly PreparedLearn[]): LearnResult[] {
    const results = new Array<LearnResult>(prepared.length);
    // Kb by kb, in their order within it: a builder of rows is used alone.
    const kbs = new Map<string, number[]>();
    prepared.forEach(({ learn: { kb } }, at) => {
      const positions = kbs.get(kb);
      if (positions === undefined) kbs.set(kb, [at]);
      else positions.push(at);
    });
    for (const [kb, positions] of kbs) {
      const open = this.#openKb(draft, kb);
      for (const at of positions) {
        const one = prepared[at] as PreparedLearn;
        const slots = slotsOf(one.learn.pattern.distinct, open.symbols, open.head);
        const { result, facts } = applyLearn(draft, open.keys, open.head, open.head.seq + 1, one, open.symbols, slots);
        open.entries.add((entry) => writeLearnEntry(entry, facts, one.learn.atMs, one.body));
        results[at] = result;
      }
      this.#saveKb(draft, kb, open);
    }
    return results;
  }

  learnPacked(draft: Draft, kb: string, packed: PackedLearns): LearnResult[] {
    const open = this.#openKb(draft, kb);
    const { keys, head, symbols } = open;
    const { places, placeEnds, times } = packed;
    // Looked up when the first learn that holds it comes: that is the one which gives a new symbol its id.
    const slots = new Array<SymbolSlot | undefined>(packed.symbols.length);
    const names = Buffer.from(packed.names.buffer, packed.names.byteOffset, packed.names.byteLength).toString("hex");
    let from = 0;
    const slotOf = (i: number): SymbolSlot => {
      const place = places[from + i] as number;
      const slot = slots[place] ?? symbols.of(packed.symbols[place] as string, head);
      slots[place] = slot;
      return slot;
    };
    const results = new Array<LearnResult>(packed.count);
    for (let at = 0; at < packed.count; at++) {
      const work = workOf(packed, names, at);
      const { result, facts } = applyLearn(draft, keys, head, head.seq + 1, work, symbols, slotOf);
      open.entries.add((entry) => writeLearnEntry(entry, facts, times[at] as number, work.body));
      results[at] = result;
      from = placeEnds[at] as number;
    }
    this.#saveKb(draft, kb, open);
    return results;
  }

  #saveKb(draft: Draft, kb: string, { number, head, symbols, entries }: OpenKb): void {
    symbols.write(head.seq);
    appendRuns(draft, number, head, entries.take());
    this.#kbs.save(draft, kb, number, head);
    this.#symbols.trim();
  }

  #openKb(draft: Draft, kb: string): OpenKb {
    const { number, head } = this.#kbs.open(draft, kb);
    const keys = new GenerationKeys(number, head.generation);
    return { number, keys, head, symbols: this.#symbols.open(draft, number, head), entries: new RunBuilder() };
  }
}
