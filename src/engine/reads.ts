/** Reads of what a kb has learned: one pattern as it is shown, and the affinities of its symbols. */
import type { PatternView } from "../engine-types.ts";
import type { EmotiveRecord } from "../model/emotives.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import type { StateStore } from "../store/state-store.ts";
import { newPatterns } from "../store/tail-columns.ts";
import type { SymbolCache } from "./symbol-cache.ts";

/** Times a kb may be cleared between two reads of one call before the pattern counts as unknown. */
const TRIES = 3;

/** A pattern's symbols and events. */
export interface StoredContent {
  readonly patternId: number;
  readonly symbolIds: readonly number[];
  readonly eventEnds: readonly number[];
}

/** Content of a pattern by its bare name, from the outbox or the pattern store; undefined when neither holds it (any more). */
export async function readContent(
  { state, patterns }: { readonly state: StateStore; readonly patterns: PatternStore },
  kb: string,
  generation: number,
  name: string,
  patternId: number,
): Promise<StoredContent | undefined> {
  // The tail first: what leaves it meanwhile is in the pattern store by then.
  const waiting = newPatterns(await state.tail(kb, generation)).find((entry) => entry.patternId === patternId);
  if (waiting === undefined) return patterns.patternByName(kb, generation, name);
  return { patternId, symbolIds: waiting.pattern.flat.map((at) => waiting.symbolIds[at]!), eventEnds: waiting.pattern.eventEnds };
}

/** A pattern by its bare name, with its counters; undefined when the kb does not know it. */
export async function readPattern(
  stores: { readonly state: StateStore; readonly patterns: PatternStore; readonly symbols: SymbolCache },
  kb: string,
  name: string,
): Promise<PatternView | undefined> {
  if (!/^[0-9a-f]{40}$/.test(name)) return undefined;
  const { state, symbols } = stores;
  for (let tries = 0; tries < TRIES; tries++) {
    const { generation } = await state.head(kb);
    const record = (await state.counters(kb, generation, [name], [])).patterns[0];
    if (record === undefined) return undefined;
    const stored = await readContent(stores, kb, generation, name, record.patternId);
    if (stored === undefined) continue;
    const names = await symbols.names(kb, generation, stored.symbolIds);
    const flat = stored.symbolIds.map((id) => names.get(id)!);
    return {
      name: `PTRN|${name}`,
      patternData: stored.eventEnds.map((end, i) => flat.slice(i === 0 ? 0 : stored.eventEnds[i - 1], end)),
      length: flat.length,
      frequency: record.frequency,
      emotives: record.emotives,
      metadata: record.metadata,
    };
  }
  return undefined;
}

/** Symbols of a kb that have an affinity, with it, in slices. */
export async function* readAffinities(state: StateStore, kb: string): AsyncIterable<readonly (readonly [string, EmotiveRecord])[]> {
  const { generation, symbolCount } = await state.head(kb);
  for await (const rows of state.listSymbols(kb, generation, 0, symbolCount)) {
    const affinities = await state.affinities(
      kb,
      generation,
      rows.map((row) => row.id),
    );
    yield rows.map((row, i) => [row.symbol, affinities[i]!] as const).filter(([, affinity]) => affinity.length > 0);
  }
}
