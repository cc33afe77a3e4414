/** The table of buckets over ClickHouse (sql/0009-minhash-buckets.sql). Rows go in as Native blocks: twenty a pattern are too many to be text. */
import type { BucketIndex } from "./bucket-index.ts";
import { columnOf, numbersOf } from "./candidate-rows.ts";
import type { ClickHouse } from "./clickhouse-client.ts";
import { nativeBlocks } from "./native-blocks.ts";
import { nativeRows } from "./native-rows.ts";

const COLUMNS = ["kb", "generation", "band", "bucket", "pattern_id"] as const;
const SETTINGS = "SETTINGS max_threads = 1, max_block_size = 16384, preferred_block_size_bytes = 0, use_query_condition_cache = 0";
const OF_KB = "kb = {kb:String} AND generation = {generation:UInt32}";

export function clickhouseBuckets(clickhouse: ClickHouse): BucketIndex {
  const db = clickhouse.database;
  const table = `${db}.minhash_buckets`;
  return {
    async add(kb, generation, { patternIds, bands, keys }) {
      const rows = keys.length;
      if (rows === 0) return;
      const ids = new BigUint64Array(rows);
      const bandOf = new Uint8Array(rows);
      for (let at = 0; at < rows; at++) bandOf[at] = at % bands;
      patternIds.forEach((id, row) => {
        ids.fill(id, row * bands, (row + 1) * bands);
      });
      const block = nativeRows(rows, [
        { name: "kb", type: "String", each: kb },
        { name: "generation", type: "UInt32", values: new Uint32Array(rows).fill(generation) },
        { name: "band", type: "UInt8", values: bandOf },
        { name: "bucket", type: "UInt32", values: keys },
        { name: "pattern_id", type: "UInt64", values: ids },
      ]);
      await clickhouse.loadBlock("minhash_buckets", COLUMNS, block);
    },
    async candidates(kb, generation, keys, { below, limit, signal }) {
      const params: Record<string, string | number> = { kb, generation, below, limit: limit + 1 };
      const ranges = Array.from(keys, (key, band) => {
        params[`k${band}`] = key;
        params[`b${band}`] = band;
        return `(band = {b${band}:UInt8} AND bucket = {k${band}:UInt32})`;
      });
      const sql =
        `SELECT pattern_id FROM ${table} WHERE ${OF_KB} AND (${ranges.join(" OR ")}) AND pattern_id < {below:UInt64} ` +
        `GROUP BY pattern_id ORDER BY uniqExact(band) DESC, pattern_id LIMIT {limit:UInt32} ${SETTINGS}`;
      const ids: number[] = [];
      for await (const block of nativeBlocks(clickhouse.native(sql, params, signal))) {
        ids.push(...numbersOf(block, "pattern_id"));
      }
      return { patternIds: ids.slice(0, limit), isCut: ids.length > limit };
    },
    async stored(kb, generation, from, to) {
      const sql =
        "SELECT pattern_id, arraySort(groupUniqArray(bitOr(bitShiftLeft(toUInt64(band), 32), toUInt64(bucket)))) AS entries " +
        `FROM ${table} WHERE ${OF_KB} AND pattern_id >= {from:UInt64} AND pattern_id < {to:UInt64} GROUP BY pattern_id ${SETTINGS}`;
      const found = new Map<number, readonly bigint[]>();
      for await (const block of nativeBlocks(clickhouse.native(sql, { kb, generation, from, to }))) {
        const ids = numbersOf(block, "pattern_id");
        const entries = columnOf(block, "entries");
        const at = (bytes: Uint8Array, index: number): bigint =>
          new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(index * 8, true);
        let start = 0;
        for (let row = 0; row < block.rows; row++) {
          const end = Number(at(entries.ends!, row));
          found.set(
            ids[row]!,
            Array.from({ length: end - start }, (_, i) => at(entries.items, start + i)),
          );
          start = end;
        }
      }
      return found;
    },
    async drop(kb, generation, markPrefix) {
      // The marks first: rows without a mark are made again, a mark without rows would hide patterns.
      await clickhouse.command(`DELETE FROM ${db}.index_marks WHERE ${OF_KB} AND startsWith(name, {markPrefix:String})`, {
        kb,
        generation,
        markPrefix,
      });
      await clickhouse.command(`DELETE FROM ${table} WHERE ${OF_KB}`, { kb, generation });
    },
  };
}
