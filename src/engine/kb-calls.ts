/** Knowledge bases as wholes: what there are, copying one, deleting one. A copy is its history learned again, so it costs what learning costs. */
import { randomBytes } from "node:crypto";
import type { ImportProgress, KbSize } from "../engine-types.ts";
import type { ArchivePart } from "../store/archive-store.ts";
import type { StateStore } from "../store/state-store.ts";
import type { Archives } from "./archives.ts";
import { bothOf } from "./both-of.ts";
import type { Flusher } from "./flusher.ts";
import type { Imports } from "./imports.ts";
import type { MinhashSettings } from "./minhash-settings.ts";

interface KbCallsOptions {
  readonly state: StateStore;
  readonly flusher: Flusher;
  readonly archives: Archives;
  readonly imports: Imports;
  readonly minhash: MinhashSettings;
  readonly forgetSettings: (kb: string) => Promise<void>;
}

export class KbCalls {
  readonly #state: StateStore;
  readonly #flusher: Flusher;
  readonly #archives: Archives;
  readonly #minhash: MinhashSettings;
  readonly #imports: Imports;
  readonly #forgetSettings: (kb: string) => Promise<void>;

  /** `forgetSettings`: unsets what was decided for a kb that is deleted. */
  constructor({ state, flusher, archives, imports, minhash, forgetSettings }: KbCallsOptions) {
    this.#state = state;
    this.#flusher = flusher;
    this.#archives = archives;
    this.#imports = imports;
    this.#minhash = minhash;
    this.#forgetSettings = forgetSettings;
  }

  /** Kbs that were ever written and hold anything, in ascending order. One read a kb. */
  async list(): Promise<readonly KbSize[]> {
    const sizes: KbSize[] = [];
    const minhash = await this.#minhash.list();
    for (const kb of await this.#state.listKbs()) {
      const head = await this.#state.head(kb);
      if (head.totals.total_unique_patterns === 0) continue;
      sizes.push({
        kb,
        patterns: head.totals.total_unique_patterns,
        symbols: head.symbolCount - head.goneSymbols,
        totals: head.totals,
        changes: head.seq,
        deleted: head.deletedCount,
        minhash: minhash.get(kb),
      });
    }
    return sizes;
  }

  /** Forgets everything a kb has learned; answers how many patterns that were. */
  async delete(kb: string): Promise<number> {
    const { totals } = await this.#state.head(kb);
    await this.#state.clearKb(kb, Date.now());
    await this.#forgetSettings(kb);
    this.#flusher.notify();
    return totals.total_unique_patterns;
  }

  /**
   * Learns one kb's history into another one without patterns, which asks for MinHash as the first one does unless it was asked for otherwise. Errors:
   * those of an import.
   */
  async copy(from: string, to: string): Promise<ImportProgress> {
    const id = `copy-${randomBytes(8).toString("hex")}`;
    const { generation, untilSeq, patterns } = await this.#archives.begin(from);
    await this.#minhash.copy(from, to);
    const fetch = (after: number): Promise<ArchivePart | undefined> => this.#archives.part(from, generation, after, untilSeq);
    let done: ImportProgress = { id, changes: 0, patterns, done: true };
    let part = await fetch(0);
    let next = part && (await fetch(part.lastSeq));
    for (let at = 0; part !== undefined; at++) {
      const request = { id, part: at, last: next === undefined, merge: false };
      // The part behind the next is fetched while this one is learned.
      const behind = next === undefined ? Promise.resolve(undefined) : fetch(next.lastSeq);
      [done, [part, next]] = await bothOf(
        this.#imports.importPart(to, request, part.bytes),
        behind.then((found) => [next, found] as const),
      );
    }
    return done;
  }
}
