/**
 * The buckets of knowledge bases that ask for MinHash: signs their patterns in the pool and keeps the keys in the pattern store, a range of ids at a
 * time, behind the flush (indexer.ts says when); and looks over what is kept, by signing again.
 *
 * Cost: some 10 µs a pattern of 14 symbols and 20 bands, two of them on the kernel threads. Memory: the kb's symbol table, and a range's keys, 10 MB.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError } from "../errors.ts";
import { symbolHash } from "../kernels/sign.ts";
import { type MinhashSetting, minhashKey } from "../model/minhash.ts";
import type { KernelPool } from "../pool/kernel-pool.ts";
import type { Finding } from "../store/pattern-audit.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import type { KbHead } from "../store/state-store.ts";
import type { BandSpec } from "../wire/band-spec.ts";
import type { DeletedPatterns } from "./deleted-patterns.ts";
import type { MinhashSettings } from "./minhash-settings.ts";
import type { SymbolCache } from "./symbol-cache.ts";

/** Patterns whose keys are put in together: 1.3 million rows at 20 bands. */
export const BUCKET_RANGE_MAX = 65_536;
/** Every mark of buckets begins so. */
const MARK_PREFIX = "minhash ";
/** A pool that is full serves questions; signing waits for a moment between them. */
const FULL_PAUSE_MS = 50;
const FULL_TRIES = 100;
const EXAMPLES = 5;

/** Name of the mark of a setting's rows. */
export const bucketMark = (setting: MinhashSetting): string => MARK_PREFIX + minhashKey(setting);

/** As the kernels are told. Keys of another setting have another seed: rows that one left behind would be met once in 2^32. */
export function bandSpecOf(setting: MinhashSetting): BandSpec {
  const { scheme, permutations: values, bands, rows } = setting;
  return { scheme, values, bands, rows, seed: symbolHash(minhashKey(setting)) };
}

interface BucketsOptions {
  readonly patterns: Pick<PatternStore, "scan" | "buckets" | "index">;
  readonly pool: KernelPool;
  readonly symbols: SymbolCache;
  readonly deleted: DeletedPatterns;
  readonly settings: MinhashSettings;
}

export class Buckets {
  readonly #options: BucketsOptions;

  constructor(options: BucketsOptions) {
    this.#options = options;
  }

  /** Puts the patterns with ids in [from, to) in, at most BUCKET_RANGE_MAX, and raises the mark. All of them must be in the pattern store. */
  async add(head: KbHead, setting: MinhashSetting, from: number, to: number): Promise<void> {
    const { patterns } = this.#options;
    const { kb, generation } = head;
    const mark = bucketMark(setting);
    if (from === 0) await patterns.index.raise(kb, generation, mark, 0);
    const parts: { ids: BigUint64Array; keys: Uint32Array }[] = [];
    for await (const part of this.#signed(head, setting, from, to)) parts.push(part);
    const patternIds = new BigUint64Array(parts.reduce((sum, { ids }) => sum + ids.length, 0));
    const keys = new Uint32Array(patternIds.length * setting.bands);
    let row = 0;
    for (const part of parts) {
      patternIds.set(part.ids, row);
      keys.set(part.keys, row * setting.bands);
      row += part.ids.length;
    }
    await patterns.buckets.add(kb, generation, { patternIds, bands: setting.bands, keys });
    await patterns.index.raise(kb, generation, mark, to);
  }

  /** Empties a kb's buckets, so that they are made anew. Whoever remembers a mark must forget it first. */
  async drop({ kb, generation, patternCount }: KbHead): Promise<void> {
    const { patterns, settings } = this.#options;
    // Most kbs have none, and a delete costs a rewrite of every part's mask.
    if ((await settings.get(kb)) === undefined && (await patterns.buckets.stored(kb, generation, 0, patternCount)).size === 0) return;
    await patterns.buckets.drop(kb, generation, MARK_PREFIX);
  }

  /** What is missing in a kb's buckets and what is surplus. Signs every pattern below the mark. */
  async findings(head: KbHead): Promise<readonly Finding[]> {
    const { patterns, settings, deleted } = this.#options;
    const { kb, generation } = head;
    const setting = await settings.get(kb);
    const below = setting === undefined ? 0 : await patterns.index.mark(kb, generation, bucketMark(setting));
    const missing = new Difference("buckets.missing");
    const surplus = new Difference("buckets.surplus");
    const gone = await deleted.at(head);
    for (let from = 0; from < below; from += BUCKET_RANGE_MAX) {
      const to = Math.min(below, from + BUCKET_RANGE_MAX);
      const stored = await patterns.buckets.stored(kb, generation, from, to);
      for await (const { ids, keys } of this.#signed(head, setting!, from, to)) {
        ids.forEach((patternId, row) => {
          const id = Number(patternId);
          if (gone.has(id)) return;
          const wanted = Array.from(keys.subarray(row * setting!.bands, (row + 1) * setting!.bands), entryOf);
          const found = stored.get(id) ?? [];
          stored.delete(id);
          missing.add(id, wanted.filter((entry) => !found.includes(entry)).length);
          surplus.add(id, found.filter((entry) => !wanted.includes(entry)).length);
        });
      }
      for (const [id, entries] of stored) surplus.add(id, entries.length);
    }
    // Rows beyond the mark are those of a fill that was stopped, unless nobody asked for any.
    if (setting === undefined) {
      const stored = await patterns.buckets.stored(kb, generation, 0, head.patternCount);
      for (const [id, entries] of stored) surplus.add(id, entries.length);
    }
    return [missing, surplus].flatMap((difference) => difference.list());
  }

  async *#signed(
    head: KbHead,
    setting: MinhashSetting,
    from: number,
    to: number,
  ): AsyncIterable<{ readonly ids: BigUint64Array; readonly keys: Uint32Array }> {
    const { patterns, symbols } = this.#options;
    const { kb, generation } = head;
    const table = await symbols.table(kb, generation, head.symbolCount);
    const spec = bandSpecOf(setting);
    for await (const columns of patterns.scan(kb, generation, { from, below: to })) {
      const keys = await this.#whenThereIsRoom(() => this.#options.pool.bandKeys(columns, spec, table));
      // A copy: the bytes are the scan's, and not aligned.
      yield { ids: new BigUint64Array(new Uint8Array(columns.patternIds).buffer), keys };
    }
  }

  async #whenThereIsRoom<T>(call: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof EngineError) || error.code !== "ENGRAM_POOL_FULL" || tries === FULL_TRIES) throw error;
        await sleep(FULL_PAUSE_MS);
      }
    }
  }
}

const entryOf = (key: number, band: number): bigint => (BigInt(band) << 32n) | BigInt(key);

class Difference {
  readonly #check: string;
  readonly #examples: string[] = [];
  #count = 0;

  constructor(check: string) {
    this.#check = check;
  }

  add(patternId: number, entries: number): void {
    if (entries === 0) return;
    this.#count += entries;
    if (this.#examples.length < EXAMPLES) this.#examples.push(`pattern ${patternId}, ${entries} of its bands`);
  }

  list(): Finding[] {
    return this.#count === 0 ? [] : [{ check: this.#check, count: this.#count, examples: this.#examples, derived: true }];
  }
}
