/**
 * The candidate source "stream": every pattern of a kb's generation, exactly once, as columns: first what the pattern store holds (read
 * once and kept as far as memory allows, see scan-cache.ts), then the unflushed tail. Exact, and the oracle for every other source.
 *
 * The tail is taken before the pattern store is read, and pattern ids are dense: whatever is not in the tail must be in the store, so the
 * number of rows is known beforehand. When it does not come out (a clear-all in between), the reader starts over with a new head.
 */
import { EngineError } from "../errors.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import type { KbHead, OutboxEntry, StateStore } from "../store/state-store.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";
import type { ScanCache } from "./scan-cache.ts";
import { newPatterns, tailColumns } from "./tail-columns.ts";

/** The kb changed under the reader: take a new head and read again. */
export class KbChanged extends Error {}

export interface Stream {
  /** Patterns this stream will give; with `firstSymbol`, at most. */
  readonly patternCount: number;
  /** Symbol ids in it are below this. */
  readonly symbolCount: number;
  columns(): AsyncIterable<CandidateColumns>;
}

export async function openStream(
  state: StateStore,
  sources: { readonly patterns: PatternStore; readonly scans: ScanCache },
  head: KbHead,
  options: { readonly firstSymbol?: number; readonly signal?: AbortSignal },
): Promise<Stream> {
  const tail = await state.tail(head.kb, head.generation);
  const fresh = newPatterns(tail);
  const below = fresh[0]?.patternId ?? head.patternCount;
  const { firstSymbol } = options;
  const wanted = firstSymbol === undefined ? fresh : fresh.filter((entry) => entry.symbolIds[entry.pattern.flat[0]!] === firstSymbol);

  async function* columns(): AsyncIterable<CandidateColumns> {
    let rows = 0;
    if (below > 0) {
      const scan =
        firstSymbol === undefined
          ? sources.scans.scan(head.kb, head.generation, below, options.signal)
          : sources.patterns.scan(head.kb, head.generation, { below, ...options });
      for await (const part of scan) {
        rows += part.rows;
        yield part;
      }
    }
    if (firstSymbol === undefined && rows !== below) {
      const now = await state.head(head.kb);
      if (now.generation !== head.generation) throw new KbChanged();
      throw new EngineError(
        "ENGRAM_STORE_REPLY",
        `The pattern store gave ${rows} of ${below} patterns of ${head.kb}. If its data were removed, rebuild from a backup.`,
      );
    }
    if (wanted.length > 0) yield tailColumns(wanted);
  }
  return { patternCount: below + fresh.length, symbolCount: knownSymbols(head, tail), columns };
}

/** Symbols of a head and of a tail that may be newer than it. */
function knownSymbols(head: KbHead, tail: readonly OutboxEntry[]): number {
  let count = head.symbolCount;
  for (const entry of tail) {
    if (entry.kind !== "learn") continue;
    count = Math.max(count, entry.firstNewSymbol);
    for (const id of entry.symbolIds) if (id >= count) count = id + 1;
  }
  return count;
}
