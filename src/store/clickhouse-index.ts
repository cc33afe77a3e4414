/**
 * The pattern index over ClickHouse: postings with signatures (posting-sql.ts). Rows are made by INSERT SELECT inside the store, from the
 * patterns it holds, so nothing crosses the wire; sorted 250,000 patterns at a time they cost 4-15 µs a pattern (bench/record/).
 *
 * Candidates of an engine in this process are counted here (posting-tally.ts); a server groups them itself and sends what is left.
 */

import type { CandidateColumns } from "../wire/candidate-columns.ts";
import { CANDIDATE_COLUMNS, candidatesOf, columnOf, numbersOf } from "./candidate-rows.ts";
import type { ClickHouse, Params } from "./clickhouse-client.ts";
import { type NativeBlock, nativeBlocks } from "./native-blocks.ts";
import { FIRST_SYMBOLS_MARK, type PatternIndex, POSTINGS_MARK, type PostingCandidates, type PostingQuestion } from "./pattern-index.ts";
import { groupedSql, NAME_BYTE_SQL, rowsSql, SIGNATURE_SQL } from "./posting-sql.ts";
import { isTallied, PostingTallies } from "./posting-tally.ts";

const SETTINGS = "SETTINGS max_threads = 1, max_block_size = 16384, preferred_block_size_bytes = 0, use_query_condition_cache = 0";
/**
 * So many patterns are fetched by two questions at a time. Half of what a fetch costs is finding the granules of each id (70 µs of 190 in a hundred million
 * patterns), which a question does on one thread whatever its settings.
 */
const FETCH_HALVED = 128;
/** One sorted part a range: blocks are squashed until nothing of a range is left over. */
export const LOAD_SETTINGS =
  "SETTINGS max_threads = 1, max_insert_threads = 1, max_insert_block_size = 16777216, min_insert_block_size_rows = 16777216, " +
  "min_insert_block_size_bytes = 1073741824, use_query_condition_cache = 0";
/** Tables of the indexes, which hold rows of a pattern. */
export const INDEX_TABLES = ["postings", "first_symbols", "minhash_buckets"] as const;
const TABLES = [...INDEX_TABLES, "index_marks"] as const;

const POSTING_COLUMNS = "kb, generation, symbol, length, pattern_id, signature, name_byte";

export function clickhouseIndex(clickhouse: ClickHouse): PatternIndex {
  const db = clickhouse.database;
  const ofKb = "kb = {kb:String} AND generation = {generation:UInt32}";
  const tallies = new PostingTallies();
  const raise = (kb: string, generation: number, name: string, below: number): Promise<void> =>
    clickhouse.load(
      `INSERT INTO ${db}.index_marks (kb, generation, name, below) SELECT {kb:String}, {generation:UInt32}, {name:String}, {below:UInt64}`,
      { kb, generation, name, below },
    );

  return {
    async mark(kb, generation, name) {
      const [row] = await clickhouse.rows<{ below: string }>(
        `SELECT toString(max(index_marks.below)) AS below FROM ${db}.index_marks WHERE ${ofKb} AND index_marks.name = {name:String}`,
        { kb, generation, name },
      );
      return Number(row?.below ?? 0);
    },
    raise,
    async addPostings(kb, generation, from, to) {
      // Whoever clears the kb looks here for whether there is anything to delete.
      if (from === 0) await raise(kb, generation, POSTINGS_MARK, 0);
      await clickhouse.load(
        `INSERT INTO ${db}.postings (${POSTING_COLUMNS}) ` +
          `SELECT kb, generation, symbol, length, pattern_id, ${SIGNATURE_SQL} AS signature, ${NAME_BYTE_SQL} AS name_byte FROM ${db}.patterns ` +
          "ARRAY JOIN arrayDistinct(symbols) AS symbol " +
          `WHERE ${ofKb} AND pattern_id >= {from:UInt64} AND pattern_id < {to:UInt64} ${LOAD_SETTINGS}`,
        { kb, generation, from, to },
      );
      await raise(kb, generation, POSTINGS_MARK, to);
    },
    async addFirstSymbols(kb, generation, from, to) {
      if (from === 0) await raise(kb, generation, FIRST_SYMBOLS_MARK, 0);
      await clickhouse.load(
        `INSERT INTO ${db}.first_symbols SELECT kb, generation, first_symbol, length, name, pattern_id FROM ${db}.patterns ` +
          `WHERE ${ofKb} AND pattern_id >= {from:UInt64} AND pattern_id < {to:UInt64} ${LOAD_SETTINGS}`,
        { kb, generation, from, to },
      );
      await raise(kb, generation, FIRST_SYMBOLS_MARK, to);
    },
    async beginningWith(kb, generation, symbol, { below, limit, signal }) {
      const sql =
        `SELECT pattern_id FROM ${db}.first_symbols WHERE ${ofKb} AND symbol = {symbol:UInt32} AND pattern_id < {below:UInt64} ` +
        `ORDER BY length, name LIMIT {limit:UInt32} ${SETTINGS}`;
      const ids: number[] = [];
      for await (const block of nativeBlocks(clickhouse.native(sql, { kb, generation, symbol, below, limit }, signal))) {
        ids.push(...numbersOf(block, "pattern_id"));
      }
      return ids;
    },
    candidates: (kb, generation, question, signal) =>
      clickhouse.isWithin && isTallied(question)
        ? tallies.count(question, nativeBlocks(clickhouse.native(...within(rowsSql(db, question), kb, generation), signal)))
        : grouped(question, nativeBlocks(clickhouse.native(...within(groupedSql(db, question), kb, generation), signal))),
    async lengths(kb, generation, below) {
      const rows = await clickhouse.rows<{ length: number; patterns: number }>(
        `SELECT length, toUInt32(count()) AS patterns FROM ${db}.patterns WHERE ${ofKb} AND pattern_id < {below:UInt64} GROUP BY length`,
        { kb, generation, below },
      );
      const counts: number[] = new Array(Math.max(-1, ...rows.map(({ length }) => length)) + 1).fill(0);
      for (const { length, patterns } of rows) counts[length] = patterns;
      return counts;
    },
    async *fetch(kb, generation, patternIds, signal) {
      const sql = `SELECT ${CANDIDATE_COLUMNS} FROM ${db}.patterns WHERE ${ofKb} AND pattern_id IN {ids:Array(UInt64)} ${SETTINGS}`;
      const read = async (ids: readonly number[]): Promise<CandidateColumns[]> => {
        const blocks: CandidateColumns[] = [];
        for await (const block of nativeBlocks(clickhouse.native(sql, { kb, generation, ids }, signal))) blocks.push(candidatesOf(block));
        return blocks;
      };
      const middle = patternIds.length < FETCH_HALVED ? patternIds.length : patternIds.length >>> 1;
      const halves = [patternIds.slice(0, middle), patternIds.slice(middle)].filter(({ length }) => length > 0);
      const ends = await Promise.allSettled(halves.map(read));
      for (const half of ends) {
        if (half.status === "rejected") throw half.reason;
        yield* half.value;
      }
    },
    async dropBefore(kb, generation) {
      const [row] = await clickhouse.rows<{ marks: string }>(
        `SELECT toString(count()) AS marks FROM ${db}.index_marks WHERE kb = {kb:String} AND generation < {generation:UInt32}`,
        { kb, generation },
      );
      // Most kbs are too small to have been indexed: nothing to delete, and a delete costs a rewrite of every part's mask.
      if (Number(row?.marks ?? 0) === 0) return;
      for (const table of TABLES) {
        await clickhouse.command(`DELETE FROM ${db}.${table} WHERE kb = {kb:String} AND generation < {generation:UInt32}`, {
          kb,
          generation,
        });
      }
    },
  };
}

function within({ sql, params }: { sql: string; params: Params }, kb: string, generation: number): [sql: string, params: Params] {
  return [sql, { ...params, kb, generation }];
}

/** What the store has grouped, as it stands in its answer. */
async function grouped({ stateLength }: PostingQuestion, blocks: AsyncIterable<NativeBlock>): Promise<PostingCandidates> {
  const ids: number[] = [];
  const bounds: number[] = [];
  const nameBytes: number[] = [];
  for await (const block of blocks) {
    const view = (name: string): DataView => {
      const { items } = columnOf(block, name);
      return new DataView(items.buffer, items.byteOffset, items.byteLength);
    };
    const [patternIds, overlaps, lengths, names] = [view("pattern_id"), view("overlap"), view("len"), view("n")];
    for (let row = 0; row < block.rows; row++) {
      ids.push(Number(patternIds.getBigUint64(row * 8, true)));
      bounds.push((2 * overlaps.getUint16(row * 2, true)) / (lengths.getUint16(row * 2, true) + stateLength));
      nameBytes.push(names.getUint8(row));
    }
  }
  return { patternIds: Float64Array.from(ids), bounds: Float64Array.from(bounds), nameBytes: Uint8Array.from(nameBytes) };
}
