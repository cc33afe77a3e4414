/**
 * Parts of archives out of ClickHouse: four SELECTs in Native format, packed as they come. Nothing is decoded here, so a part of 20,000 learns
 * costs some 200 ms, most of it gzip. Imports are written down in a table of their own.
 */

import { encodePart, SECTIONS, type Section } from "./archive-part.ts";
import type { ArchivePart, ArchiveStore, ImportRecord } from "./archive-store.ts";
import type { ClickHouse, Params } from "./clickhouse-client.ts";

/** Changes a part, at most: a few megabytes. */
const PART_EVENTS = 20_000;
/** Symbols of all patterns of a part, at most, whatever their length: bounds the memory of both ends. */
const PART_SYMBOLS = 4_000_000;
const IMPORTS_LISTED = 1_000;

const OF_KB = "kb = {kb:String} AND generation = {generation:UInt32}";
const IN_RANGE = `${OF_KB} AND learn_events.seq > {after:UInt64} AND learn_events.seq <= {last:UInt64}`;

export function clickhouseArchive(clickhouse: ClickHouse): ArchiveStore {
  const db = clickhouse.database;
  const named = `pattern_id IN (SELECT learn_events.pattern_id FROM ${db}.learn_events WHERE ${IN_RANGE} AND kind IN ('learn', 'update', 'delete'))`;
  const patterns = (columns: string): string =>
    ["patterns", "deleted_patterns"]
      .map((table) => `SELECT ${columns} FROM ${db}.${table} WHERE ${OF_KB} AND ${named}`)
      .join(" UNION ALL ");
  const queries: Readonly<Record<Section, string>> = {
    events:
      "SELECT learn_events.seq AS seq, multiIf(kind = 'learn', toUInt8(1), kind = 'update', toUInt8(2), kind = 'delete', toUInt8(3), kind = 'finalize', toUInt8(4), toUInt8(5)) AS kind, " +
      "toUInt64(toUnixTimestamp64Milli(at)) AS at_ms, learn_events.pattern_id AS pattern_id, toUInt8(is_new) AS is_new, persistence, below, frequency, emotives, metadata " +
      `FROM ${db}.learn_events WHERE ${IN_RANGE} AND learn_events.kind != 'clear' ORDER BY learn_events.seq`,
    patterns: patterns("pattern_id, name, symbols, event_ends"),
    symbols: `SELECT symbol_id, symbol FROM ${db}.symbols WHERE ${OF_KB} AND symbol_id IN (SELECT arrayJoin(symbols) FROM (${patterns("symbols")}))`,
    vectors: `SELECT vectors.seq AS seq, symbol, \`values\` FROM ${db}.vectors WHERE ${OF_KB} AND vectors.seq > {after:UInt64} AND vectors.seq <= {last:UInt64} ORDER BY vectors.seq, position`,
  };

  async function bytesOf(sql: string, params: Params): Promise<Buffer> {
    const chunks: Buffer[] = [];
    // Copied: the engine's chunk is its own until the next one is asked for.
    for await (const chunk of clickhouse.native(`${sql} SETTINGS max_threads = 1, use_query_condition_cache = 0`, params))
      chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }

  async function part(
    kb: string,
    generation: number,
    after: number,
    until: number,
    eventsMax = PART_EVENTS,
  ): Promise<ArchivePart | undefined> {
    const of = { kb, generation };
    const [longest] = await clickhouse.rows<{ longest: number }>(`SELECT max(length) AS longest FROM ${db}.patterns WHERE ${OF_KB}`, of);
    const limit = Math.max(1, Math.min(PART_EVENTS, eventsMax, Math.floor(PART_SYMBOLS / Math.max(1, longest?.longest ?? 1))));
    // What is not counted by a request id stands alone in its part: sent again, it does again what was the last thing done.
    const [alone] = await clickhouse.rows<{ seq: string; first: string }>(
      `SELECT toString(min(learn_events.seq)) AS seq, toString((SELECT min(learn_events.seq) FROM ${db}.learn_events WHERE ${IN_RANGE} AND kind != 'clear')) AS first ` +
        `FROM ${db}.learn_events WHERE ${IN_RANGE} AND kind IN ('finalize', 'affinity')`,
      { ...of, after, last: until },
    );
    const at = Number(alone?.seq ?? 0);
    const end = at === 0 ? until : at === Number(alone!.first) ? at : at - 1;
    const [range] = await clickhouse.rows<{ events: string; first: string; last: string }>(
      `SELECT toString(count()) AS events, toString(min(s)) AS first, toString(max(s)) AS last FROM (SELECT learn_events.seq AS s FROM ${db}.learn_events ` +
        `WHERE ${IN_RANGE} AND kind != 'clear' ORDER BY s LIMIT {limit:UInt32})`,
      { ...of, after, last: end, limit },
    );
    const events = Number(range?.events ?? 0);
    if (events === 0) return undefined;
    const last = Number(range!.last);
    const sections = {} as Record<Section, Buffer>;
    for (const name of SECTIONS) sections[name] = await bytesOf(queries[name], { ...of, after, last });
    return { bytes: await encodePart(sections), events, firstSeq: Number(range!.first), lastSeq: last };
  }

  const select =
    "SELECT id, kb, generation, toString(seq_before) AS seq_before, toString(seq_after) AS seq_after, merged, state, parts, " +
    `toString(toUnixTimestamp64Milli(at)) AS at_ms FROM ${db}.imports FINAL`;
  return {
    part,
    async saveImport(record) {
      const { id, kb, generation, seqBefore, seqAfter, merged, state, parts, atMs } = record;
      const row = JSON.stringify([id, kb, generation, seqBefore, seqAfter, merged ? 1 : 0, state, parts, atMs, Date.now()]);
      const columns = ["id", "kb", "generation", "seq_before", "seq_after", "merged", "state", "parts", "at", "version"];
      await clickhouse.insert("imports", columns, [row], `import-${id}-${seqAfter}-${parts}-${state}`);
    },
    async findImport(id) {
      const [row] = await clickhouse.rows<ImportRow>(`${select} WHERE id = {id:String}`, { id });
      return row && recordOf(row);
    },
    async listImports() {
      return (await clickhouse.rows<ImportRow>(`${select} ORDER BY at DESC, id LIMIT ${IMPORTS_LISTED}`)).map(recordOf);
    },
  };
}

interface ImportRow {
  readonly id: string;
  readonly kb: string;
  readonly generation: number;
  readonly seq_before: string;
  readonly seq_after: string;
  readonly merged: number;
  readonly state: ImportRecord["state"];
  readonly parts: number;
  readonly at_ms: string;
}

const recordOf = (row: ImportRow): ImportRecord => ({
  id: row.id,
  kb: row.kb,
  generation: row.generation,
  seqBefore: Number(row.seq_before),
  seqAfter: Number(row.seq_after),
  merged: row.merged === 1,
  state: row.state,
  parts: row.parts,
  atMs: Number(row.at_ms),
});
