/**
 * A flush batch as rows of the tables: pure, so that what reaches the pattern store is tested without one. A row is the JSON text of an
 * array in the order of its table's COLUMNS. Numbers that do not fit a table's column cannot occur: limits are checked at the door.
 * About 3 µs a learn of 14 symbols.
 */
import { RowText } from "./row-text.ts";
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
  /** The rows of each table, with a line end behind each. */
  readonly tables: Readonly<Record<Table, Uint8Array>>;
  /** Kbs that get new patterns. */
  readonly learned: readonly string[];
  /** Kbs whose older generations are over, and the one that is not. */
  readonly cleared: readonly (readonly [kb: string, generation: number])[];
  readonly hasDeletes: boolean;
}

type Texts = Readonly<Record<Table, RowText>>;

export function flushRows(entries: Iterable<OutboxEntry>): FlushRows {
  const learned = new Set<string>();
  const cleared: [string, number][] = [];
  let hasDeletes = false;
  const texts = Object.fromEntries(WRITE_ORDER.map((table) => [table, new RowText()])) as Record<Table, RowText>;
  const starts = new Map<string, Map<number, Uint8Array>>();
  for (const entry of entries) {
    const start = startOf(starts, entry);
    if (entry.kind === "learn") {
      addLearn(texts, start, entry);
      if (entry.isNew) learned.add(entry.kb);
    } else if (entry.kind === "edit") {
      addEdit(texts, start, entry);
      if (entry.change.kind === "delete") hasDeletes = true;
    } else if (entry.kind === "affinity") {
      event(texts, start, entry, "affinity").ascii("0,false,0,0,0,");
      nested(texts.learn_events, entry.sums).ascii(',"[]",0]\n');
    } else {
      event(texts, start, entry, entry.kind).ascii("0,false,0,0,");
      texts.learn_events.number(entry.kind === "finalize" ? entry.below : 0).ascii(',"[]","[]",0]\n');
      if (entry.kind === "clear") cleared.push([entry.kb, entry.generation]);
    }
  }
  const tables = {} as Record<Table, Uint8Array>;
  for (const table of WRITE_ORDER) tables[table] = texts[table].take();
  return { tables, learned: [...learned], cleared, hasDeletes };
}

/** What the rows of a kb's generation begin with. */
function startOf(starts: Map<string, Map<number, Uint8Array>>, { kb, generation }: OutboxEntry): Uint8Array {
  let ofKb = starts.get(kb);
  if (ofKb === undefined) {
    ofKb = new Map();
    starts.set(kb, ofKb);
  }
  let start = ofKb.get(generation);
  if (start === undefined) {
    start = Buffer.from(`[${JSON.stringify(kb)},${generation},`, "utf8");
    ofKb.set(generation, start);
  }
  return start;
}

/** Begins the row of a change. A number is read as the ticks of a DateTime64(3): milliseconds. */
const event = ({ learn_events }: Texts, start: Uint8Array, { seq, atMs }: OutboxEntry, kind: string): RowText =>
  learn_events.raw(start).number(seq).ascii(`,"${kind}",`).number(atMs).comma();

/** A JSON text inside a JSON text. */
const nested = (text: RowText, value: unknown): RowText => text.json(JSON.stringify(value));
const nestedList = (text: RowText, list: readonly unknown[]): RowText => (list.length === 0 ? text.ascii('"[]"') : nested(text, list));

function addLearn(texts: Texts, start: Uint8Array, entry: Extract<OutboxEntry, { kind: "learn" }>): void {
  const { pattern, symbolIds, patternId, firstNewSymbol } = entry;
  for (let i = 0; i < symbolIds.length; i++) {
    const id = symbolIds[i] as number;
    if (id >= firstNewSymbol) texts.symbols.raw(start).number(id).comma().json(pattern.distinct[i]).ascii("]\n");
  }
  if (entry.isNew) {
    const { flat, eventEnds, name } = pattern;
    const row = texts.patterns.raw(start).number(patternId).ascii(',"').ascii(name).ascii('",[');
    for (let i = 0; i < flat.length; i++) {
      if (i > 0) row.comma();
      row.number(symbolIds[flat[i] as number] as number);
    }
    row.ascii("],[").numbers(eventEnds).ascii("]]\n");
    texts.pattern_names.raw(start).ascii('"').ascii(name).ascii('",').number(patternId).ascii("]\n");
  }
  entry.vectors.forEach(({ symbol, values }, position) => {
    texts.vectors.raw(start).number(entry.seq).comma().number(position).comma().json(symbol).comma().json(values).ascii("]\n");
  });
  const row = event(texts, start, entry, "learn")
    .number(patternId)
    .ascii(entry.isNew ? ",true," : ",false,");
  row.number(entry.persistence).comma().number(firstNewSymbol).ascii(",0,");
  nestedList(row, entry.emotives).comma();
  nestedList(row, entry.metadata).ascii(",0]\n");
}

function addEdit(texts: Texts, start: Uint8Array, entry: Extract<OutboxEntry, { kind: "edit" }>): void {
  const { patternId, name, symbolIds, eventEnds, change } = entry;
  if (change.kind === "delete") {
    const row = texts.deleted_patterns.raw(start).number(patternId).ascii(',"').ascii(name).ascii('",[');
    row.numbers(symbolIds).ascii("],[").numbers(eventEnds).ascii("]]\n");
    event(texts, start, entry, "delete").number(patternId).ascii(',false,0,0,0,"null","null",0]\n');
    return;
  }
  const { persistence, emotives, metadata, frequency } = change;
  const row = event(texts, start, entry, "update").number(patternId).ascii(",false,").number(persistence).ascii(",0,0,");
  nested(row, emotives ?? null).comma();
  nested(row, metadata ?? null)
    .comma()
    .number(frequency ?? 0)
    .ascii("]\n");
}
