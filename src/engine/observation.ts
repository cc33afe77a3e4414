/**
 * What an observation does to a session, as a pure function: event, accumulators, clock, percept; and what auto-learn leaves behind.
 * Reference semantics §2, §3.
 */
import type { Observation } from "../engine-types.ts";
import { averageEmotives, type EmotiveRecord } from "../model/emotives.ts";
import { compareSymbols, type Event } from "../model/event.ts";
import { type PendingVector, SESSION_LIST_MAX, type Session } from "../model/session.ts";
import type { EffectiveConfig } from "../model/session-config.ts";

/** The vector of an observation with its name and the names of its nearest neighbours. */
export interface NamedVector {
  readonly vector: PendingVector;
  readonly neighbours: readonly string[];
}

const newest = <T>(list: readonly T[]): readonly T[] => (list.length > SESSION_LIST_MAX ? list.slice(-SESSION_LIST_MAX) : list);

/** The event of an observation: vector symbols, then strings, each sorted on its own where sorting is on. Empty when it brought neither. */
function eventOf(observation: Observation, named: NamedVector | null, sort: boolean): Event {
  const strings = sort ? [...observation.strings].sort(compareSymbols) : observation.strings;
  if (named === null) return strings;
  const symbols = [...new Set([...named.neighbours, named.vector.symbol])];
  if (sort) symbols.sort(compareSymbols);
  return [...symbols, ...strings];
}

/** The session after the observation, before auto-learn. */
export function observed(session: Session, observation: Observation, named: NamedVector | null, config: EffectiveConfig): Session {
  const event = eventOf(observation, named, config.sort_symbols);
  // Adding 0 turns -0 into 0: JSON text, which keeps sessions and events, knows no other zero.
  const record: EmotiveRecord = Object.entries(observation.emotives).map(([name, value]) => [name, value + 0] as const);
  const emotives = record.length > 0 ? newest([...session.emotives, record]) : session.emotives;
  const metadata = JSON.stringify(observation.metadata);
  return {
    ...session,
    stm: event.length > 0 ? newest([...session.stm, event]) : session.stm,
    emotives,
    observedMetadata: metadata === "{}" ? session.observedMetadata : newest([...session.observedMetadata, metadata]),
    time: session.time + 1,
    pendingVectors: named === null ? session.pendingVectors : newest([...session.pendingVectors, named.vector]),
    percept: {
      strings: [...observation.strings].sort(compareSymbols),
      vectors: observation.vectors,
      emotives: averageEmotives(emotives),
      metadata,
    },
  };
}

/** Whether the STM has reached the length at which it is learned by itself. */
export function autoLearnDue(session: Session, config: EffectiveConfig): boolean {
  return config.max_pattern_length > 0 && session.stm.length >= config.max_pattern_length;
}

/** What auto-learn leaves of the STM: nothing, or in ROLLING mode exactly the newest `max_pattern_length - 1` events. */
export function afterAutoLearn(stm: readonly Event[], config: EffectiveConfig): readonly Event[] {
  const keep = config.max_pattern_length - 1;
  return config.stm_mode === "ROLLING" && keep > 0 ? stm.slice(-keep) : [];
}

/** The session with everything short-term emptied and the clock at 0. */
export function cleared(session: Session): Session {
  return { ...session, stm: [], emotives: [], observedMetadata: [], pendingVectors: [], percept: null, time: 0 };
}
