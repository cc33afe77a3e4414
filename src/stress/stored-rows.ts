/** The patterns of a data folder's store as plain rows, for the other ways of asking: names and symbols as text. Slow on purpose nowhere, fast nowhere. */
import type { ClickHouse } from "../store/clickhouse-client.ts";

export interface StoredRow {
  /** 40 hex digits. */
  readonly name: string;
  readonly symbols: readonly string[];
}

const SLICE = 50_000;

/** Every pattern of the folder's only kb, in slices. */
export async function* storedRows(clickhouse: ClickHouse): AsyncIterable<StoredRow[]> {
  const db = clickhouse.database;
  const symbols: string[] = [];
  for (let from = 0; ; from += SLICE) {
    const rows = await clickhouse.rows<{ symbol: string }>(
      `SELECT symbol FROM ${db}.symbols WHERE symbol_id >= {from:UInt32} AND symbol_id < {to:UInt32} ORDER BY symbol_id`,
      { from, to: from + SLICE },
    );
    for (const { symbol } of rows) symbols.push(symbol);
    if (rows.length < SLICE) break;
  }
  const [last] = await clickhouse.rows<{ below: string }>(`SELECT toString(max(pattern_id) + 1) AS below FROM ${db}.patterns`);
  for (let from = 0; from < Number(last!.below); from += SLICE) {
    const rows = await clickhouse.rows<{ name: string; symbols: number[] }>(
      `SELECT lower(hex(name)) AS name, symbols FROM ${db}.patterns WHERE pattern_id >= {from:UInt64} AND pattern_id < {to:UInt64}`,
      { from, to: from + SLICE },
    );
    yield rows.map((row) => ({ name: row.name, symbols: row.symbols.map((id) => symbols[id]!) }));
  }
}
