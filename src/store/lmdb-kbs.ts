/** Kbs in LMDB: their numbers (given once, never changed), their heads, and the keys of a generation. */
import { EngineError } from "../errors.ts";
import { compareSymbols } from "../model/event.ts";
import type { Db, Draft } from "./lmdb-commit.ts";
import { GenerationKeys, headKey, kbKey, metaKey, tagEnd, tagStart } from "./lmdb-keys.ts";
import { f64, numberOf } from "./lmdb-outbox.ts";
import { decodeHead, emptyHead, encodeHead, type HeadRecord } from "./state-records.ts";

const KB_COUNT_KEY = metaKey("kbs");

export class LmdbKbs {
  readonly #db: Db;
  readonly #numbers = new Map<string, number>();

  constructor(db: Db) {
    this.#db = db;
  }

  number(kb: string, get: (key: Buffer) => Buffer | undefined = (key) => this.#db.get(key)): number | undefined {
    const cached = this.#numbers.get(kb);
    if (cached !== undefined) return cached;
    const row = get(kbKey(kb));
    if (row === undefined) return undefined;
    if (row.toString("utf8", 4) !== kb)
      throw new EngineError("ENGRAM_STORE_REPLY", "The state store holds another kb under this one's hash.");
    return row.readUInt32LE(0);
  }

  head(kb: string): HeadRecord {
    const number = this.number(kb);
    if (number === undefined) return emptyHead();
    this.#numbers.set(kb, number);
    const row = this.#db.get(headKey(number));
    return row === undefined ? emptyHead() : decodeHead(row);
  }

  /** Keys of a generation; undefined for a kb never written. */
  keys(kb: string, generation: number): GenerationKeys | undefined {
    const number = this.number(kb);
    return number === undefined ? undefined : new GenerationKeys(number, generation);
  }

  /** Inside a change: the kb's number (given now if it has none) and its head; `save` writes the head back. */
  open(draft: Draft, kb: string): { number: number; head: HeadRecord } {
    const known = this.number(kb, (key) => draft.get(key));
    if (known !== undefined) {
      const row = draft.get(headKey(known));
      return { number: known, head: row === undefined ? emptyHead() : decodeHead(row) };
    }
    const number = numberOf(draft.get(KB_COUNT_KEY));
    draft.put(KB_COUNT_KEY, f64(number + 1));
    const row = Buffer.alloc(4 + Buffer.byteLength(kb, "utf8"));
    row.writeUInt32LE(number, 0);
    row.write(kb, 4, "utf8");
    draft.put(kbKey(kb), row);
    return { number, head: emptyHead() };
  }

  save(draft: Draft, kb: string, number: number, head: HeadRecord): void {
    draft.put(headKey(number), Buffer.concat([encodeHead(head), Buffer.from(kb, "utf8")]));
  }

  /** In ascending order. */
  list(): string[] {
    const rows = this.#db.getRange({ start: tagStart("K"), end: tagEnd("K") });
    return [...rows].map(({ value }) => value.toString("utf8", 4)).sort(compareSymbols);
  }
}
