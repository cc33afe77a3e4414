/**
 * The pattern store over ClickHouse, server or embedded: the same SQL. Scans are read as Native blocks and handed on as views; nothing
 * here looks at a candidate. Cost on two cores: about 0.1–0.2 µs a pattern to scan, 30–60 ms to write a batch of any usual size.
 */
import { EngineError } from "../errors.ts";
import type { PendingVector } from "../model/session.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";
import { CANDIDATE_COLUMNS, candidatesOf } from "./candidate-rows.ts";
import { clickhouseArchive } from "./clickhouse-archive.ts";
import { clickhouseAudit } from "./clickhouse-audit.ts";
import { clickhouseBuckets } from "./clickhouse-buckets.ts";
import type { ClickHouse } from "./clickhouse-client.ts";
import { clickhouseIndex, INDEX_TABLES } from "./clickhouse-index.ts";
import { clickhouseListing } from "./clickhouse-listing.ts";
import { clickhouseSettings } from "./clickhouse-settings.ts";
import { COLUMNS, flushRows, PATTERN_TABLES, WRITE_ORDER } from "./flush-rows.ts";
import { migrate, readMigrations } from "./migrate.ts";
import { nativeBlocks } from "./native-blocks.ts";
import type { PatternStore, ScanOptions } from "./pattern-store.ts";
import type { OutboxEntry, PatternEdit, PatternUpdate, SymbolSums } from "./state-store.ts";

/**
 * Rows a block of a scan: about 1–2 ms of kernel work at 14 symbols a pattern, so two threads share even a small kb, and small enough
 * that the first block is there early.
 */
const SCAN_BLOCK_ROWS = 16_384;
/** Changes read at once in a rebuild: bounds memory, and the list of pattern ids stays far below ClickHouse's query size limit. */
const EVENT_SLICE = 5_000;

/** Changes that concern one pattern, by its id. */
const OF_A_PATTERN: ReadonlySet<EventRow["kind"]> = new Set(["learn", "update", "delete"]);

interface EventRow {
  generation: number;
  seq: string;
  kind: "learn" | "clear" | "finalize" | "update" | "delete" | "affinity";
  at_ms: string;
  pattern_id: string;
  is_new: boolean;
  persistence: number;
  first_new_symbol: number;
  below: string;
  emotives: string;
  metadata: string;
  frequency: string;
}

function changeOf(row: EventRow): PatternEdit["change"] {
  if (row.kind === "delete") return { kind: "delete" };
  const frequency = Number(row.frequency);
  const emotives: PatternUpdate["emotives"] | null = JSON.parse(row.emotives);
  const metadata: PatternUpdate["metadata"] | null = JSON.parse(row.metadata);
  return {
    kind: "update",
    persistence: row.persistence,
    ...(frequency > 0 && { frequency }),
    ...(emotives && { emotives }),
    ...(metadata && { metadata }),
  };
}

/** Opens the pattern store: applies what is missing of the schema. */
export async function openPatternStore(clickhouse: ClickHouse): Promise<PatternStore> {
  await migrate(clickhouse, readMigrations(new URL("./sql/", import.meta.url)));
  const db = clickhouse.database;
  const index = clickhouseIndex(clickhouse);

  async function* scan(kb: string, generation: number, options: ScanOptions): AsyncIterable<CandidateColumns> {
    const first = options.firstSymbol === undefined ? "" : " AND first_symbol = {first:UInt32}";
    const sql =
      `SELECT ${CANDIDATE_COLUMNS} FROM ${db}.patterns ` +
      `WHERE kb = {kb:String} AND generation = {generation:UInt32} AND pattern_id >= {from:UInt64} AND pattern_id < {below:UInt64}${first} ` +
      `SETTINGS max_threads = 1, max_block_size = ${SCAN_BLOCK_ROWS}, preferred_block_size_bytes = 0, use_query_condition_cache = 0`;
    const params = { kb, generation, from: options.from ?? 0, below: options.below, first: options.firstSymbol ?? 0 };
    for await (const block of nativeBlocks(clickhouse.native(sql, params, options.signal))) yield candidatesOf(block);
  }

  async function symbolsOf(kb: string, generation: number): Promise<string[]> {
    const rows = await clickhouse.rows<{ symbol: string }>(
      `SELECT symbol FROM ${db}.symbols WHERE kb = {kb:String} AND generation = {generation:UInt32} ORDER BY symbol_id`,
      { kb, generation },
    );
    return rows.map((row) => row.symbol);
  }

  async function patternsOf(kb: string, generation: number, ids: readonly number[]) {
    const rows = await clickhouse.rows<{ pattern_id: string; name: string; symbols: number[]; event_ends: number[] }>(
      ["patterns", "deleted_patterns"]
        .map(
          (table) =>
            `SELECT toString(${table}.pattern_id) AS pattern_id, lower(hex(${table}.name)) AS name, symbols, event_ends FROM ${db}.${table} ` +
            `WHERE kb = {kb:String} AND generation = {generation:UInt32} AND ${table}.pattern_id IN {ids:Array(UInt64)}`,
        )
        .join(" UNION ALL "),
      { kb, generation, ids },
    );
    return new Map(rows.map((row) => [Number(row.pattern_id), row]));
  }

  async function* events(kb: string): AsyncIterable<readonly OutboxEntry[]> {
    const [start] = await clickhouse.rows<{ seq: string }>(
      `SELECT toString(max(seq)) AS seq FROM ${db}.learn_events WHERE kb = {kb:String} AND kind = 'clear'`,
      { kb },
    );
    let after = Math.max(0, Number(start?.seq ?? 0) - 1);
    let generation = -1;
    let symbols: string[] = [];
    for (;;) {
      const rows = await clickhouse.rows<EventRow>(
        "SELECT generation, toString(seq) AS seq, kind, toString(toUnixTimestamp64Milli(at)) AS at_ms, toString(pattern_id) AS pattern_id, " +
          "is_new, persistence, first_new_symbol, toString(below) AS below, emotives, metadata, toString(frequency) AS frequency " +
          `FROM ${db}.learn_events WHERE kb = {kb:String} AND learn_events.seq > {after:UInt64} ORDER BY learn_events.seq LIMIT ${EVENT_SLICE}`,
        { kb, after },
      );
      if (rows.length === 0) return;
      const last = Number(rows.at(-1)!.seq);
      if (rows[0]!.generation !== generation) {
        generation = rows[0]!.generation;
        symbols = await symbolsOf(kb, generation);
      }
      const ids = [...new Set(rows.filter((row) => OF_A_PATTERN.has(row.kind)).map((row) => Number(row.pattern_id)))];
      const patterns = await patternsOf(kb, generation, ids);
      const vectors = await clickhouse.rows<{ seq: string; symbol: string; values: number[] }>(
        `SELECT toString(seq) AS seq, symbol, \`values\` FROM ${db}.vectors WHERE kb = {kb:String} AND generation = {generation:UInt32} ` +
          "AND vectors.seq > {after:UInt64} AND vectors.seq <= {last:UInt64} ORDER BY vectors.seq, position",
        { kb, generation, after, last },
      );
      const vectorsBySeq = new Map<number, PendingVector[]>();
      for (const { seq, symbol, values } of vectors) {
        const known = vectorsBySeq.get(Number(seq));
        if (known === undefined) vectorsBySeq.set(Number(seq), [{ symbol, values }]);
        else known.push({ symbol, values });
      }
      yield rows.map((row): OutboxEntry => {
        const seq = Number(row.seq);
        const base = { kb, generation: row.generation, seq, atMs: Number(row.at_ms) };
        if (row.kind === "clear") return { ...base, kind: "clear" };
        if (row.kind === "finalize") return { ...base, kind: "finalize", below: Number(row.below) };
        if (row.kind === "affinity") return { ...base, kind: "affinity", sums: JSON.parse(row.emotives) as SymbolSums };
        const patternId = Number(row.pattern_id);
        const pattern = patterns.get(patternId);
        if (pattern === undefined) {
          throw new EngineError(
            "ENGRAM_STORE_REPLY",
            `The pattern store has a change of pattern ${patternId} of ${kb}, but not the pattern.`,
          );
        }
        if (row.kind !== "learn") {
          const { name, symbols: symbolIds, event_ends: eventEnds } = pattern;
          return { ...base, kind: "edit", name, patternId, symbolIds, eventEnds, change: changeOf(row) };
        }
        const symbolIds = [...new Set(pattern.symbols)];
        const position = new Map(symbolIds.map((id, i) => [id, i]));
        return {
          ...base,
          kind: "learn",
          patternId,
          isNew: row.is_new,
          symbolIds,
          firstNewSymbol: row.first_new_symbol,
          pattern: {
            name: pattern.name,
            distinct: symbolIds.map((id) => {
              const symbol = symbols[id];
              if (symbol === undefined) throw new EngineError("ENGRAM_STORE_REPLY", `The pattern store lacks symbol ${id} of ${kb}.`);
              return symbol;
            }),
            flat: pattern.symbols.map((id) => position.get(id)!),
            eventEnds: pattern.event_ends,
          },
          emotives: JSON.parse(row.emotives),
          metadata: JSON.parse(row.metadata),
          vectors: vectorsBySeq.get(seq) ?? [],
          persistence: row.persistence,
        };
      });
      after = last;
    }
  }

  async function purgeDeleted(): Promise<void> {
    const gone = `SELECT pattern_id FROM ${db}.deleted_patterns WHERE kb = {kb:String} AND generation = {generation:UInt32}`;
    const kbs = await clickhouse.rows<{ kb: string; generation: number }>(
      `SELECT DISTINCT kb, generation FROM ${db}.deleted_patterns ORDER BY kb, generation`,
    );
    for (const params of kbs) {
      for (const table of [...PATTERN_TABLES, ...INDEX_TABLES]) {
        const where = `kb = {kb:String} AND generation = {generation:UInt32} AND pattern_id IN (${gone})`;
        const left = await clickhouse.rows(`SELECT 1 AS one FROM ${db}.${table} WHERE ${where} LIMIT 1`, params);
        if (left.length > 0) await clickhouse.command(`DELETE FROM ${db}.${table} WHERE ${where}`, params);
      }
    }
  }

  return {
    // The entries are left alone where the rows are at hand: asking for them decodes them.
    async write(batch, { tables } = flushRows(batch.entries)) {
      for (const table of WRITE_ORDER) {
        if (tables[table].length > 0) await clickhouse.insert(table, COLUMNS[table], tables[table], `${batch.token}-${table}`);
      }
    },
    scan,
    async patternByName(kb, generation, name) {
      const [row] = await clickhouse.rows<{ pattern_id: string; symbols: number[]; event_ends: number[] }>(
        `SELECT toString(pattern_id) AS pattern_id, symbols, event_ends FROM ${db}.patterns ` +
          "WHERE kb = {kb:String} AND generation = {generation:UInt32} AND patterns.pattern_id IN (" +
          `SELECT pattern_id FROM ${db}.pattern_names WHERE kb = {kb:String} AND generation = {generation:UInt32} AND name = unhex({name:String}))`,
        { kb, generation, name },
      );
      return row && { patternId: Number(row.pattern_id), symbolIds: row.symbols, eventEnds: row.event_ends };
    },
    async listKbs() {
      const rows = await clickhouse.rows<{ kb: string; seq: string }>(
        `SELECT kb, toString(max(seq)) AS seq FROM ${db}.learn_events GROUP BY kb ORDER BY kb`,
      );
      return rows.map((row) => ({ kb: row.kb, seq: Number(row.seq) }));
    },
    async counts(kb, generation) {
      const count = (table: string, extra = ""): string =>
        `(SELECT count() FROM ${db}.${table} WHERE kb = {kb:String} AND generation = {generation:UInt32}${extra})`;
      const [row] = await clickhouse.rows<Record<string, string>>(
        `SELECT toString(${count("patterns")}) AS patterns, toString(${count("pattern_names")}) AS names, toString(${count("symbols")}) AS symbols, ` +
          `toString(${count("vectors")}) AS vectors, toString(${count("learn_events", " AND kind = 'learn'")}) AS learns`,
        { kb, generation },
      );
      const number = (name: string): number => Number(row?.[name]);
      return {
        patterns: number("patterns"),
        names: number("names"),
        symbols: number("symbols"),
        vectors: number("vectors"),
        learns: number("learns"),
      };
    },
    events,
    index,
    buckets: clickhouseBuckets(clickhouse),
    listing: clickhouseListing(clickhouse),
    settings: clickhouseSettings(clickhouse),
    archive: clickhouseArchive(clickhouse),
    audit: clickhouseAudit(clickhouse, { purgeDeleted, addPostings: index.addPostings, addFirstSymbols: index.addFirstSymbols }),
    async dropBefore(kb, generation) {
      await index.dropBefore(kb, generation);
      for (const table of WRITE_ORDER) {
        await clickhouse.command(`DELETE FROM ${db}.${table} WHERE kb = {kb:String} AND generation < {generation:UInt32}`, {
          kb,
          generation,
        });
      }
    },
    purgeDeleted,
    ping: () => clickhouse.ping(),
    close: () => clickhouse.close(),
  };
}
