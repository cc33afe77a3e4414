/**
 * A flush batch as rows of the tables: pure, so that what reaches the pattern store is tested without one. A row is the JSON text of an
 * array in the order of its table's COLUMNS. Numbers that do not fit a table's column cannot occur: limits are checked at the door.
 */
import type { FlushBatch } from "./state-store.ts";

export const COLUMNS = {
  symbols: ["kb", "generation", "symbol_id", "symbol"],
  patterns: ["kb", "generation", "pattern_id", "name_hex", "symbols", "event_ends"],
  vectors: ["kb", "generation", "seq", "position", "symbol", "values"],
  learn_events: [
    "kb",
    "generation",
    "seq",
    "kind",
    "at",
    "pattern_id",
    "is_new",
    "persistence",
    "first_new_symbol",
    "below",
    "emotives",
    "metadata",
    "frequency",
  ],
  deleted_patterns: ["kb", "generation", "pattern_id", "name_hex", "symbols", "event_ends"],
  pattern_names: ["kb", "generation", "name_hex", "pattern_id"],
} as const;

export type Table = keyof typeof COLUMNS;

/** Order in which tables are written: the names last, because a name says that all else of its pattern is there. */
export const WRITE_ORDER: readonly Table[] = ["symbols", "patterns", "vectors", "deleted_patterns", "learn_events", "pattern_names"];

/** Tables that hold a row or more a pattern and are searched: what a delete empties, names first, so that no name stands without its rows. */
export const PATTERN_TABLES: readonly Table[] = ["pattern_names", "patterns"];

/** Unix milliseconds as ClickHouse reads a DateTime64(3). */
const stamp = (ms: number): string => new Date(ms).toISOString().replace("T", " ").replace("Z", "");

export function flushRows(batch: FlushBatch): Record<Table, string[]> {
  const rows: Record<Table, string[]> = {
    symbols: [],
    patterns: [],
    vectors: [],
    deleted_patterns: [],
    learn_events: [],
    pattern_names: [],
  };
  for (const entry of batch.entries) {
    const { kb, generation, seq } = entry;
    if (entry.kind === "edit") {
      const { patternId, name, symbolIds, eventEnds, change } = entry;
      if (change.kind === "delete") rows.deleted_patterns.push(JSON.stringify([kb, generation, patternId, name, symbolIds, eventEnds]));
      const update = change.kind === "update" ? change : undefined;
      const [emotives, metadata] = [update?.emotives ?? null, update?.metadata ?? null].map((value) => JSON.stringify(value));
      rows.learn_events.push(
        JSON.stringify([
          kb,
          generation,
          seq,
          change.kind,
          stamp(entry.atMs),
          patternId,
          false,
          update?.persistence ?? 0,
          0,
          0,
          emotives,
          metadata,
          update?.frequency ?? 0,
        ]),
      );
      continue;
    }
    if (entry.kind !== "learn") {
      const below = entry.kind === "finalize" ? entry.below : 0;
      rows.learn_events.push(JSON.stringify([kb, generation, seq, entry.kind, stamp(entry.atMs), 0, false, 0, 0, below, "[]", "[]", 0]));
      continue;
    }
    const { pattern, symbolIds, patternId } = entry;
    symbolIds.forEach((id, i) => {
      if (id >= entry.firstNewSymbol) rows.symbols.push(JSON.stringify([kb, generation, id, pattern.distinct[i]]));
    });
    if (entry.isNew) {
      const flat = pattern.flat.map((at) => symbolIds[at]);
      rows.patterns.push(JSON.stringify([kb, generation, patternId, pattern.name, flat, pattern.eventEnds]));
      rows.pattern_names.push(JSON.stringify([kb, generation, pattern.name, patternId]));
    }
    entry.vectors.forEach((vector, position) => {
      rows.vectors.push(JSON.stringify([kb, generation, seq, position, vector.symbol, vector.values]));
    });
    rows.learn_events.push(
      JSON.stringify([
        kb,
        generation,
        seq,
        "learn",
        stamp(entry.atMs),
        patternId,
        entry.isNew,
        entry.persistence,
        entry.firstNewSymbol,
        0,
        JSON.stringify(entry.emotives),
        JSON.stringify(entry.metadata),
        0,
      ]),
    );
  }
  return rows;
}
