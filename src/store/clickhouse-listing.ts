/** Reading patterns by what they are, from ClickHouse: a page costs some milliseconds, more where a filter passes few of many patterns. */
import type { ClickHouse, Params } from "./clickhouse-client.ts";
import type { ListedPattern, PatternFilter, PatternListing } from "./pattern-listing.ts";

/** Ids in one query: far below the query size limit. */
const IDS_MAX = 5_000;

const COLUMNS = "toString(pattern_id) AS id, lower(hex(name)) AS hex_name, symbols, event_ends";
const OF_KB = "kb = {kb:String} AND generation = {generation:UInt32}";

interface Row {
  readonly id: string;
  readonly hex_name: string;
  readonly symbols: readonly number[];
  readonly event_ends: readonly number[];
}

const listedOf = (row: Row): ListedPattern => ({
  patternId: Number(row.id),
  name: row.hex_name,
  symbolIds: row.symbols,
  eventEnds: row.event_ends,
});

export function clickhouseListing(clickhouse: ClickHouse): PatternListing {
  const db = clickhouse.database;
  return {
    async list(kb, generation, filter, from, limit) {
      const { conditions, params } = conditionsOf(db, filter);
      const rows = await clickhouse.rows<Row>(
        `SELECT ${COLUMNS} FROM ${db}.patterns WHERE ${[OF_KB, "pattern_id >= {from:UInt64}", ...conditions].join(" AND ")} ` +
          "ORDER BY pattern_id LIMIT {limit:UInt32}",
        { kb, generation, from, limit, ...params },
      );
      return rows.map(listedOf);
    },
    async byId(kb, generation, ids) {
      const found = new Map<number, ListedPattern>();
      for (let at = 0; at < ids.length; at += IDS_MAX) {
        const rows = await clickhouse.rows<Row>(
          `SELECT ${COLUMNS} FROM ${db}.patterns WHERE ${OF_KB} AND pattern_id IN {ids:Array(UInt64)}`,
          { kb, generation, ids: ids.slice(at, at + IDS_MAX) },
        );
        for (const row of rows) found.set(Number(row.id), listedOf(row));
      }
      return found;
    },
  };
}

function conditionsOf(db: string, filter: PatternFilter): { conditions: string[]; params: Params } {
  const conditions: string[] = [];
  const params: Record<string, number> = {};
  const add = (name: string, value: number | undefined, condition: string): void => {
    if (value === undefined) return;
    params[name] = value;
    conditions.push(condition);
  };
  add("low", filter.lengthMin, "length >= {low:UInt32}");
  add("high", filter.lengthMax, "length <= {high:UInt32}");
  add("symbol", filter.symbolId, "has(symbols, {symbol:UInt32})");
  const learnedSince = (name: string): string =>
    `(SELECT learn_events.pattern_id FROM ${db}.learn_events WHERE ${OF_KB} AND kind = 'learn' AND toUnixTimestamp64Milli(at) >= {${name}:UInt64})`;
  add("since", filter.learnedSinceMs, `pattern_id IN ${learnedSince("since")}`);
  add("before", filter.learnedBeforeMs, `pattern_id NOT IN ${learnedSince("before")}`);
  return { conditions, params };
}
