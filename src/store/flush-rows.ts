/**
 * A flush batch as rows of the tables: pure, so that what reaches the pattern store is tested without one. A row is the JSON text of an
 * array in the order of its table's COLUMNS. Numbers that do not fit a table's column cannot occur: limits are checked at the door.
 */
import type { OutboxEntry } from "./state-store.ts";

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

/** Rows of a batch per table, and what whoever writes them must know of it. */
export interface FlushRows {
  /** Rows one by one, or all of them as text with a line end behind each. */
  readonly tables: Readonly<Record<Table, readonly string[] | Uint8Array>>;
  /** Kbs that get new patterns. */
  readonly learned: readonly string[];
  /** Kbs whose older generations are over, and the one that is not. */
  readonly cleared: readonly (readonly [kb: string, generation: number])[];
  readonly hasDeletes: boolean;
}

/** A row is written as text at once: a learn costs about 3 µs so, and three times as much as a list that is then made JSON. */
export function flushRows(entries: Iterable<OutboxEntry>): FlushRows {
  const learned = new Set<string>();
  const cleared: [string, number][] = [];
  let hasDeletes = false;
  const rows: Record<Table, string[]> = {
    symbols: [],
    patterns: [],
    vectors: [],
    deleted_patterns: [],
    learn_events: [],
    pattern_names: [],
  };
  const starts = new Map<string, string>();
  for (const entry of entries) {
    const { kb, generation, seq, atMs } = entry;
    const place = `${generation} ${kb}`;
    const start = starts.get(place) ?? `[${JSON.stringify(kb)},${generation}`;
    starts.set(place, start);
    // A number is read as the ticks of a DateTime64(3): milliseconds.
    const event = (kind: string, rest: string): void => void rows.learn_events.push(`${start},${seq},"${kind}",${atMs},${rest}]`);
    if (entry.kind === "learn") {
      addLearn(rows, start, entry, event);
      if (entry.isNew) learned.add(kb);
    } else if (entry.kind === "edit") {
      addEdit(rows, start, entry, event);
      if (entry.change.kind === "delete") hasDeletes = true;
    } else if (entry.kind === "affinity") event("affinity", `0,false,0,0,0,${nested(entry.sums)},"[]",0`);
    else {
      event(entry.kind, `0,false,0,0,${entry.kind === "finalize" ? entry.below : 0},"[]","[]",0`);
      if (entry.kind === "clear") cleared.push([kb, generation]);
    }
  }
  return { tables: rows, learned: [...learned], cleared, hasDeletes };
}

/** The same, with the rows of each table as one text: what goes from thread to thread. */
export function flushTexts(entries: Iterable<OutboxEntry>): FlushRows {
  const { tables, ...facts } = flushRows(entries);
  const texts = {} as Record<Table, Uint8Array>;
  for (const table of WRITE_ORDER) {
    const lines = tables[table] as readonly string[];
    texts[table] = lines.length === 0 ? new Uint8Array(0) : Buffer.from(`${lines.join("\n")}\n`, "utf8");
  }
  return { tables: texts, ...facts };
}

type EventWriter = (kind: string, rest: string) => void;

/** A JSON text inside a JSON text. */
const nested = (value: unknown): string => JSON.stringify(JSON.stringify(value));
const nestedList = (list: readonly unknown[]): string => (list.length === 0 ? '"[]"' : nested(list));

function addLearn(rows: Record<Table, string[]>, start: string, entry: Extract<OutboxEntry, { kind: "learn" }>, event: EventWriter): void {
  const { pattern, symbolIds, patternId, firstNewSymbol } = entry;
  for (let i = 0; i < symbolIds.length; i++) {
    const id = symbolIds[i] as number;
    if (id >= firstNewSymbol) rows.symbols.push(`${start},${id},${JSON.stringify(pattern.distinct[i])}]`);
  }
  if (entry.isNew) {
    let flat = "";
    for (const at of pattern.flat) flat += flat === "" ? symbolIds[at] : `,${symbolIds[at]}`;
    rows.patterns.push(`${start},${patternId},"${pattern.name}",[${flat}],[${pattern.eventEnds.join(",")}]]`);
    rows.pattern_names.push(`${start},"${pattern.name}",${patternId}]`);
  }
  entry.vectors.forEach((vector, position) => {
    rows.vectors.push(`${start},${entry.seq},${position},${JSON.stringify(vector.symbol)},${JSON.stringify(vector.values)}]`);
  });
  event(
    "learn",
    `${patternId},${entry.isNew},${entry.persistence},${firstNewSymbol},0,${nestedList(entry.emotives)},${nestedList(entry.metadata)},0`,
  );
}

function addEdit(rows: Record<Table, string[]>, start: string, entry: Extract<OutboxEntry, { kind: "edit" }>, event: EventWriter): void {
  const { patternId, name, symbolIds, eventEnds, change } = entry;
  if (change.kind === "delete") {
    rows.deleted_patterns.push(`${start},${patternId},"${name}",[${symbolIds.join(",")}],[${eventEnds.join(",")}]]`);
    event("delete", `${patternId},false,0,0,0,"null","null",0`);
    return;
  }
  const { persistence, emotives, metadata, frequency } = change;
  event("update", `${patternId},false,${persistence},0,0,${nested(emotives ?? null)},${nested(metadata ?? null)},${frequency ?? 0}`);
}
