/**
 * A session as KATO keeps it in Redis (`kato:session:<id>`): JSON for those who read Redis beside us. Written with every save in the key layout
 * `kato`, never read back. Costs one JSON text a save, about 1 kB with 14 events.
 */
import { SESSION_LIST_MAX, type Session } from "../model/session.ts";

const isoOf = (ms: number): string => new Date(ms).toISOString().replace("Z", "000+00:00");

export function katoSessionView(session: Session): string {
  const { percept } = session;
  return JSON.stringify({
    session_id: session.id,
    node_id: session.nodeId,
    created_at: isoOf(session.createdAtMs),
    last_accessed: isoOf(session.expiresAtMs - session.ttlSeconds * 1_000),
    expires_at: isoOf(session.expiresAtMs),
    ttl_seconds: session.ttlSeconds,
    stm: session.stm,
    emotives_accumulator: session.emotives.map((record) => Object.fromEntries(record)),
    metadata_accumulator: session.observedMetadata.map((text) => JSON.parse(text) as unknown),
    time: session.time,
    percept_data:
      percept === null
        ? {}
        : {
            strings: percept.strings,
            vectors: percept.vectors,
            emotives: Object.fromEntries(percept.emotives),
            metadata: JSON.parse(percept.metadata) as unknown,
          },
    predictions: [],
    metadata: JSON.parse(session.metadata) as unknown,
    access_count: session.version,
    max_stm_size: SESSION_LIST_MAX,
    max_emotives_size: SESSION_LIST_MAX,
    max_metadata_size: SESSION_LIST_MAX,
    session_config: session.config,
  });
}
