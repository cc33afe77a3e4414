/**
 * Writes a kb into the LMDB state store as learns would have left it, in the order of the keys: pages are filled one after the other, where learns, whose
 * names are hashes, each touch another one. For a kb that is made as a whole (the corpus of a stress run). About 2 µs a pattern.
 *
 * Not for a kb that somebody may ask meanwhile, and not to be begun again after a crash: the head is written last, so until then the kb is listed, and empty.
 */
import { EngineError } from "../errors.ts";
import type { Db } from "./lmdb-commit.ts";
import { Draft } from "./lmdb-commit.ts";
import { LmdbKbs } from "./lmdb-kbs.ts";
import { GenerationKeys } from "./lmdb-keys.ts";
import { openLmdb } from "./lmdb-open.ts";
import { encodeSymbol, type HeadRecord, NEW_PATTERN_BYTES, newPatternRow } from "./state-records.ts";

export interface FilledSymbol {
  readonly symbol: string;
  readonly frequency: number;
  readonly patternMemberFrequency: number;
}

/** Patterns in the order of their names. */
export interface FilledPatterns {
  /** Bare names, 40 hex digits each, one behind the other. */
  readonly names: string;
  readonly ids: BigUint64Array;
}

export interface FilledKb {
  readonly kb: string;
  readonly head: HeadRecord;
  /** By id. */
  readonly symbols: Iterable<FilledSymbol>;
  readonly patterns: AsyncIterable<FilledPatterns>;
  /** Of a pattern's id: how often it was learned. */
  readonly frequencyOf: (patternId: number) => number;
}

/** Symbols a transaction. */
const SYMBOLS_A_STEP = 20_000;
const NAME_DIGITS = 40;

/** Fills a store that was opened before, and that nobody has open now. Errors: ENGRAM_BAD_REQUEST when the kb is there; those of `openLmdb`. */
export async function fillLmdbKb(path: string, { kb, head, symbols, patterns, frequencyOf }: FilledKb): Promise<void> {
  const db = openLmdb(path);
  try {
    const kbs = new LmdbKbs(db);
    if (kbs.number(kb) !== undefined) throw new EngineError("ENGRAM_BAD_REQUEST", `${kb} is in the state store already.`);
    const change = <T>(write: (draft: Draft) => T): T =>
      db.transactionSync(() => {
        const draft = new Draft(db);
        draft.settle();
        return write(draft);
      });
    const { number } = change((draft) => kbs.open(draft, kb));
    const keys = new GenerationKeys(number, head.generation);
    fillSymbols(change, keys, symbols);
    for await (const { names, ids } of patterns) db.transactionSync(() => fillPatterns(db, keys, names, ids, frequencyOf));
    change((draft) => kbs.save(draft, kb, number, head));
  } finally {
    await db.close();
  }
}

function fillSymbols(change: (write: (draft: Draft) => void) => void, keys: GenerationKeys, symbols: Iterable<FilledSymbol>): void {
  let id = 0;
  let step: FilledSymbol[] = [];
  const write = (draft: Draft): void => {
    for (const { symbol, frequency, patternMemberFrequency } of step) {
      const row = Buffer.allocUnsafe(4);
      row.writeUInt32LE(id);
      draft.put(keys.byText("i", symbol), row);
      draft.put(keys.byId("n", id), Buffer.from(symbol, "utf8"));
      draft.put(keys.byId("c", id), encodeSymbol({ frequency, patternMemberFrequency, finalizedMemberFrequency: 0, finalizedSeq: 0 }));
      id += 1;
    }
    step = [];
  };
  for (const symbol of symbols) {
    step.push(symbol);
    if (step.length === SYMBOLS_A_STEP) change(write);
  }
  change(write);
}

function fillPatterns(db: Db, keys: GenerationKeys, names: string, ids: BigUint64Array, frequencyOf: (patternId: number) => number): void {
  // Both are copied by each put.
  const key = keys.byText("p", "0".repeat(NAME_DIGITS));
  const nameAt = key.length - NAME_DIGITS;
  const row = Buffer.alloc(NEW_PATTERN_BYTES);
  for (let at = 0; at < ids.length; at++) {
    const id = Number(ids[at]);
    key.write(names.slice(at * NAME_DIGITS, (at + 1) * NAME_DIGITS), nameAt, "latin1");
    newPatternRow(row, id, frequencyOf(id));
    db.putSync(key, row);
  }
}
