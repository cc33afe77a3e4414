/** The outbox of an LMDB store as others use it: read by predictions, taken and trimmed by the flusher. Changes: `lmdb-outbox.ts`. */
import { randomBytes } from "node:crypto";
import { EncodedBatch } from "./encoded-batch.ts";
import type { Db, GroupCommit } from "./lmdb-commit.ts";
import type { LmdbKbs } from "./lmdb-kbs.ts";
import { outboxKey } from "./lmdb-keys.ts";
import { FLUSH_KEY, finishFlush, numberOf, takeFlush, WAITING_KEY } from "./lmdb-outbox.ts";
import { entriesOfRow } from "./lmdb-runs.ts";
import { newPatternOf } from "./outbox-entry.ts";
import type { FlushBatch, OutboxEntry } from "./state-store.ts";
import { ofGeneration, TailCache } from "./tail-cache.ts";

/** Entries decoded and kept for `tail`, over all kbs: about 50 MB. */
const TAIL_ENTRIES_MAX = 50_000;

export class LmdbQueue {
  readonly #db: Db;
  readonly #commits: GroupCommit;
  readonly #kbs: LmdbKbs;
  readonly #storeId: string;
  readonly #tails = new TailCache(TAIL_ENTRIES_MAX);

  constructor(db: Db, commits: GroupCommit, kbs: LmdbKbs, storeId: string) {
    this.#db = db;
    this.#commits = commits;
    this.#kbs = kbs;
    this.#storeId = storeId;
  }

  // ── inside a read: of one snapshot ──

  /** How many entries wait, over all kbs. */
  size(): number {
    return numberOf(this.#db.get(WAITING_KEY));
  }

  /** Nothing waits and nothing is in hand. */
  isIdle(): boolean {
    return this.size() === 0 && this.#db.get(FLUSH_KEY) === undefined;
  }

  tail(kb: string, generation: number): readonly OutboxEntry[] {
    const { pushed, trimmed } = this.#kbs.head(kb);
    const number = this.#kbs.number(kb);
    if (number === undefined || pushed === trimmed) return [];
    const read = (from: number): Buffer[] => this.#rows(number, from, pushed).flatMap(entriesOfRow);
    const from = Math.max(this.#tails.end(kb), trimmed);
    const entries = this.#tails.extend(kb, trimmed, from, read(from)) ?? this.#tails.extend(kb, trimmed, trimmed, read(trimmed));
    return ofGeneration(entries ?? [], generation);
  }

  /** Id of the first new pattern of the generation; nothing behind it is read. */
  firstNew(kb: string, generation: number): number | undefined {
    const { pushed, trimmed } = this.#kbs.head(kb);
    const number = this.#kbs.number(kb);
    if (number === undefined) return undefined;
    for (const { value } of this.#db.getRange({ start: outboxKey(number, trimmed), end: outboxKey(number, pushed) })) {
      for (const entry of entriesOfRow(value)) {
        const id = newPatternOf(entry, generation);
        if (id !== undefined) return id;
      }
    }
    return undefined;
  }

  #rows(number: number, from: number, to: number): Buffer[] {
    return [...this.#db.getRange({ start: outboxKey(number, from), end: outboxKey(number, to) })].map(({ value }) => value);
  }

  // ── changes ──

  async take(owner: string, limit: number, leaseMs: number): Promise<FlushBatch | undefined> {
    // The random part keeps tokens unique even after an older copy of the folder was put back.
    const stem = `${this.#storeId}-${randomBytes(4).toString("hex")}`;
    const taken = await this.#commits.run((draft) => takeFlush(draft, owner, limit, leaseMs, Date.now(), stem));
    return taken && new EncodedBatch(taken.token, taken.parts);
  }

  finish(owner: string, token: string): Promise<boolean> {
    return this.#commits.run((draft) => finishFlush(draft, owner, token));
  }
}
