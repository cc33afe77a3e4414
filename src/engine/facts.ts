/**
 * What the stores know about the matches that are left: texts of their symbols, their frequencies and emotives, and counters of those
 * symbols that a metric will ask for. All counters are read at one moment; a kb that was cleared or finalized in between is read anew.
 */
import type { SymbolFigures } from "../aggregate/aggregate-input.ts";
import type { Match } from "../aggregate/best-matches.ts";
import { EngineError } from "../errors.ts";
import type { Counters } from "../resident/kb-counters.ts";
import type { ResidentKb } from "../resident/resident-kb.ts";
import { type KbHead, type StateStore, UNKNOWN_SYMBOL } from "../store/state-store.ts";
import { KbChanged } from "./plan.ts";
import type { SymbolCache, Texts } from "./symbol-cache.ts";

/** What of a match is needed to make it an object. */
export type Kept = Pick<Match, "name" | "patternId" | "symbolIds" | "eventEnds">;

export interface Facts {
  readonly texts: Texts;
  readonly snapshot: Counters;
  readonly figures: ReadonlyMap<string, SymbolFigures>;
}

export interface FactsQuestion {
  readonly head: KbHead;
  readonly kept: readonly Kept[];
  /** Ids of the state's symbols; unknown ones are passed over. */
  readonly stateIds: Iterable<number>;
  /** Of each match, the ids whose counters are needed besides the state's. */
  readonly countersOf: (match: Kept, at: number) => Uint32Array;
  /** Emotive whose affinity is wanted, of the state's symbols or of all that are counted. */
  readonly affinity: { readonly emotive: string; readonly of: "state" | "all" } | undefined;
}

/** `memory`: the kb's counters in memory, where it is there; without it the state store is asked. */
export async function readFacts(
  state: StateStore,
  symbols: SymbolCache,
  question: FactsQuestion,
  memory?: Pick<ResidentKb, "counters">,
): Promise<Facts> {
  const { head, kept } = question;
  const counted = new Set<number>();
  for (const id of question.stateIds) if (id !== UNKNOWN_SYMBOL) counted.add(id);
  const stateSymbols = counted.size;
  kept.forEach((match, at) => {
    for (const id of question.countersOf(match, at)) counted.add(id);
  });
  const list = [...counted];
  const texts = await symbols.namesOf(head.kb, head.generation, [list, ...kept.map(({ symbolIds }) => symbolIds)]);
  const names = kept.map((match) => match.name);
  const remembered = await memory?.counters({ patternIds: kept.map((match) => match.patternId), names, symbolIds: list });
  const snapshot: Counters = remembered ?? (await state.counters(head.kb, head.generation, names, list));
  // A pattern that was a match and has no counters was deleted in between.
  const deleted = snapshot.head.deletedCount > head.deletedCount && snapshot.patterns.includes(undefined);
  if (deleted || snapshot.head.generation !== head.generation || snapshot.head.finalizedBelow !== head.finalizedBelow)
    throw new KbChanged();
  const { affinity } = question;
  // The state's symbols stand first in the list.
  const weighted = affinity === undefined ? [] : list.slice(0, affinity.of === "state" ? stateSymbols : list.length);
  const affinities = weighted.length === 0 ? [] : await state.affinities(head.kb, head.generation, weighted);
  const figures = new Map<string, SymbolFigures>();
  list.forEach((id, at) => {
    const counters = snapshot.symbols[at];
    if (counters === undefined) throw lost(head.kb, `counters of symbol ${id}`);
    figures.set(texts.get(id)!, {
      frequency: counters.frequency,
      patternMemberFrequency: counters.patternMemberFrequency,
      finalizedMemberFrequency: snapshot.finalized?.memberFrequencies[at] ?? 0,
      affinity: affinities[at]?.find(([name]) => name === affinity?.emotive)?.[1] ?? 0,
    });
  });
  kept.forEach((match, at) => {
    if (snapshot.patterns[at] === undefined) throw lost(head.kb, `counters of pattern ${match.name}`);
  });
  return { texts, snapshot, figures };
}

/**
 * Ids of the symbols that may stand in the present of a match: its events from the first matching block to the last, and the event before,
 * which alignment may move into the present. The whole pattern where there is no block, or where finalize-training covered it.
 */
export function presentIds(match: Match, finalizedBelow: number): Uint32Array {
  const { blocks, eventEnds, symbolIds } = match;
  if (blocks.length === 0 || match.patternId < finalizedBelow) return symbolIds;
  const first = blocks[0]!;
  const last = blocks.at(-3)! + blocks.at(-1)!;
  let from = 0;
  let before = 0;
  let to = symbolIds.length;
  for (const end of eventEnds) {
    if (end <= first) {
      from = before;
      before = end;
    }
    if (end >= last) {
      to = end;
      break;
    }
  }
  return symbolIds.subarray(from, to);
}

const lost = (kb: string, what: string): EngineError =>
  new EngineError("ENGRAM_STORE_REPLY", `The state store of ${kb} lacks the ${what}. Stop the server and run "engram rebuild".`);
