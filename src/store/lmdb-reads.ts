/** Reads of what a kb has learned, from LMDB: synchronous, 1 to 3 µs a row, except `counters`, which gives up its turn in between. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { EngineError } from "../errors.ts";
import type { EmotiveRecord } from "../model/emotives.ts";
import type { PendingVector } from "../model/session.ts";
import type { Db } from "./lmdb-commit.ts";
import type { LmdbKbs } from "./lmdb-kbs.ts";
import { GenerationKeys, headKey, isHashed } from "./lmdb-keys.ts";
import { verifySymbol } from "./lmdb-symbols.ts";
import { RecordReader } from "./state-bytes.ts";
import { decodeHead, decodePattern, decodeSymbol, emptyHead, finalizedView, headView, readEmotives, readVector } from "./state-records.ts";
import { type CounterSnapshot, type SymbolRow, UNKNOWN_SYMBOL } from "./state-store.ts";

/** Reads between two turns of the event loop: about 4 ms. 30,000 winners would take some 60 ms at once. */
const READS_A_TURN = 2_000;

export class LmdbReads {
  readonly #db: Db;
  readonly #kbs: LmdbKbs;

  constructor(db: Db, kbs: LmdbKbs) {
    this.#db = db;
    this.#kbs = kbs;
  }

  symbolIds(kb: string, generation: number, symbols: readonly string[]): Uint32Array {
    const ids = new Uint32Array(symbols.length).fill(UNKNOWN_SYMBOL);
    const keys = this.#kbs.keys(kb, generation);
    if (keys === undefined) return ids;
    symbols.forEach((symbol, i) => {
      const row = this.#db.get(keys.byText("i", symbol));
      if (row === undefined) return;
      const id = row.readUInt32LE(0);
      if (isHashed(symbol)) verifySymbol(this.#db.get(keys.byId("n", id)), symbol);
      ids[i] = id;
    });
    return ids;
  }

  symbolNames(kb: string, generation: number, ids: readonly number[]): string[] {
    const keys = this.#kbs.keys(kb, generation);
    return ids.map((id) => {
      const row = keys === undefined ? undefined : this.#db.get(keys.byId("n", id));
      if (row === undefined) throw new EngineError("ENGRAM_STORE_REPLY", `Symbol id ${id} was never given out in this generation.`);
      return row.toString("utf8");
    });
  }

  /** Rows with ids in [from, to). */
  symbolRows(kb: string, generation: number, from: number, to: number): SymbolRow[] {
    const keys = this.#kbs.keys(kb, generation);
    if (keys === undefined) return [];
    const names = [...this.#db.getRange({ start: keys.byId("n", from), end: keys.byId("n", to) })];
    return names.map(({ value }, i) => {
      const counters = this.#db.get(keys.byId("c", from + i));
      if (counters === undefined) throw new EngineError("ENGRAM_STORE_REPLY", `Symbol id ${from + i} has no counters.`);
      const { frequency, patternMemberFrequency } = decodeSymbol(counters);
      return { id: from + i, symbol: value.toString("utf8"), frequency, patternMemberFrequency };
    });
  }

  /** `get` reads in one transaction, so that the counters are of one moment although other requests run in between. */
  async counters(
    kb: string,
    generation: number,
    names: readonly string[],
    symbolIds: readonly number[],
    get: (key: Buffer) => Buffer | undefined,
  ): Promise<CounterSnapshot> {
    const number = this.#kbs.number(kb, get);
    const row = number === undefined ? undefined : get(headKey(number));
    const head = row === undefined ? emptyHead() : decodeHead(row);
    const keys = number === undefined || row === undefined ? undefined : new GenerationKeys(number, generation);
    const patterns = await inTurns(names, (name) => {
      const pattern = keys === undefined ? undefined : get(keys.byText("p", name));
      return pattern === undefined ? undefined : decodePattern(pattern);
    });
    const symbols = await inTurns(symbolIds, (id) => {
      const symbol = keys === undefined ? undefined : get(keys.byId("c", id));
      return symbol === undefined ? undefined : decodeSymbol(symbol);
    });
    const counted = symbols.map((symbol) =>
      symbol === undefined ? undefined : { frequency: symbol.frequency, patternMemberFrequency: symbol.patternMemberFrequency },
    );
    return { head: headView(kb, head), patterns, symbols: counted, finalized: finalizedView(head, symbols) };
  }

  affinities(kb: string, generation: number, symbolIds: readonly number[]): EmotiveRecord[] {
    const keys = this.#kbs.keys(kb, generation);
    return symbolIds.map((id) => {
      const row = keys === undefined ? undefined : this.#db.get(keys.byId("a", id));
      return row === undefined ? [] : readEmotives(new RecordReader(row));
    });
  }

  vectors(kb: string, generation: number, from: number): PendingVector[] {
    const keys = this.#kbs.keys(kb, generation);
    if (keys === undefined) return [];
    const rows = this.#db.getRange({ start: keys.byId("v", from), end: keys.end("v") });
    return [...rows].map(({ value }) => readVector(new RecordReader(value)));
  }

  deleted(kb: string, generation: number, from: number): number[] {
    const keys = this.#kbs.keys(kb, generation);
    if (keys === undefined) return [];
    return [...this.#db.getRange({ start: keys.byId("d", from), end: keys.end("d") })].map(({ value }) => value.readDoubleLE(0));
  }
}

async function inTurns<A, B>(items: readonly A[], read: (item: A) => B): Promise<B[]> {
  const out: B[] = [];
  for (let from = 0; from < items.length; from += READS_A_TURN) {
    if (from > 0) await nextTurn();
    for (const item of items.slice(from, from + READS_A_TURN)) out.push(read(item));
  }
  return out;
}
