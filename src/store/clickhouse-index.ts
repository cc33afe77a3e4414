/**
 * The pattern index over ClickHouse: postings with signatures. Rows are made by INSERT SELECT inside the store, from the patterns it holds,
 * so nothing crosses the wire; sorted 250,000 patterns at a time they cost 4-15 µs a pattern (bench/record/).
 *
 * A posting row carries the signature of the whole pattern: 64 bits, bit (id mod 64) of each of its symbols. The number of the state's
 * symbols whose bit is set bounds the overlap from above, before any row is grouped; then the rows found for a pattern, plus the bits of
 * the symbols that were not read at its length, bound it more closely. A symbol that the state repeats counts again as far as the pattern has room for
 * repeats: its length less the bits of its signature.
 *
 * It carries the first byte of the pattern's name too: equally similar patterns rank by name, and thousands may have the same bound, of which
 * then only those of the first bytes have to be looked at.
 */

import type { CandidateColumns } from "../wire/candidate-columns.ts";
import { CANDIDATE_COLUMNS, candidatesOf, columnOf, numbersOf } from "./candidate-rows.ts";
import type { ClickHouse, Params } from "./clickhouse-client.ts";
import { nativeBlocks } from "./native-blocks.ts";
import { FIRST_SYMBOLS_MARK, type PatternIndex, POSTINGS_MARK, type PostingCandidates, type PostingQuestion } from "./pattern-index.ts";

/** Similarities stand in SQL as whole numbers of this part, so that no rounding of theirs is between us and the store. */
const SIMILARITY_SCALE = 1e12;
/** A length is stored in 16 bits. */
const LENGTH_MAX = 65_535;
/** Lengths for which a list of masks says what was not read; what lies beyond shares an entry. */
const MASKED_LENGTHS = 512;
const SETTINGS = "SETTINGS max_threads = 1, max_block_size = 16384, preferred_block_size_bytes = 0, use_query_condition_cache = 0";
const LIST_SETTINGS = "max_block_size = 65505, use_query_condition_cache = 0";
/** From so many rows on a list is read by two threads: a third to a half less time. */
const LIST_SHARED_ROWS = 100_000;
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

/** Bit of a symbol in a signature. The SQL below must agree. */
const signatureBit = (symbol: number): number => symbol & 63;
export const SIGNATURE_SQL = "arrayReduce('groupBitOr', arrayMap(x -> bitShiftLeft(toUInt64(1), bitAnd(x, 63)), symbols))";
export const NAME_BYTE_SQL = "reinterpretAsUInt8(substring(name, 1, 1))";
const POSTING_COLUMNS = "kb, generation, symbol, length, pattern_id, signature, name_byte";

/**
 * Bits that weigh at least 1, at least 2 …, a mask each: the sum of the counts of a signature's bits in them is the sum of the weights of its bits.
 */
function masksOf(weights: ReadonlyMap<number, number>): bigint[] {
  const masks: bigint[] = [];
  for (let least = 1; least <= Math.max(0, ...weights.values()); least++) {
    let mask = 0n;
    for (const [bit, weight] of weights) if (weight >= least) mask |= 1n << BigInt(bit);
    masks.push(mask);
  }
  return masks;
}

function addWeight(weights: Map<number, number>, symbol: number, weight: number): void {
  const bit = signatureBit(symbol);
  weights.set(bit, (weights.get(bit) ?? 0) + weight);
}

/**
 * For each length from 1 on, the masks of what was not read at that length, level by level: lists of equal length, which end where the reads do, or with an
 * entry for every length beyond MASKED_LENGTHS: of what was not read at one of them. None where everything was read.
 */
function unreadMasks({ reads }: PostingQuestion, weightOf: (weight: number) => number): bigint[][] {
  const longest = Math.min(LENGTH_MAX, Math.max(...reads.map(({ lengthTo }) => lengthTo)));
  const byLength: bigint[][] = [];
  for (let length = 1; length <= Math.min(longest, MASKED_LENGTHS + 1); length++) {
    const weights = new Map<number, number>();
    for (const { symbol, weight, lengthTo } of reads) {
      if (Math.min(lengthTo, LENGTH_MAX) < (length > MASKED_LENGTHS ? longest : length)) addWeight(weights, symbol, weightOf(weight));
    }
    byLength.push(masksOf(weights));
  }
  const levels = Math.max(0, ...byLength.map(({ length }) => length));
  return Array.from({ length: levels }, (_, level) => byLength.map((masks) => masks[level] ?? 0n));
}

/**
 * At most so many symbols are shared. What repeats bring is no more than the pattern has symbols beyond its distinct ones, of which there are at least as many
 * as bits in its signature.
 */
function overlapSql(once: readonly string[], again: readonly string[], length: string, signature: string): string {
  if (again.length === 0) return once.join(" + ");
  return `${once.join(" + ")} + least(${again.join(" + ")}, toUInt64(${length} - bitCount(${signature})))`;
}

/**
 * The SQL of a question and its values. It is short on purpose: in a small question analysing it costs more than reading, and each function and each number
 * counts (a cast around each number and a condition for each symbol: half as long again, and twice with twenty symbols).
 */
function candidatesSql(db: string, question: PostingQuestion): { sql: string; params: Params } {
  const params: Record<string, number | bigint | readonly number[] | readonly bigint[]> = {
    q: question.stateLength,
    // Rounded down, and with the epsilon that the kernels have: never stricter than they are.
    t: Math.max(0, Math.floor((question.similarity - 1e-9) * SIMILARITY_SCALE)),
    low: question.lengthFrom,
    limit: question.limit,
  };
  // What a symbol brings once, and what its repeats may bring: by bits of a row, and by the rows that a pattern has.
  const row = { once: new Map<number, number>(), again: new Map<number, number>() };
  const found = { once: ["count()"], again: [] as string[] };
  const symbolsTo = new Map<number, number[]>();
  question.reads.forEach(({ symbol, weight, lengthTo }, i) => {
    addWeight(row.once, symbol, 1);
    addWeight(row.again, symbol, weight - 1);
    const high = Math.min(lengthTo, LENGTH_MAX);
    if (high < question.lengthFrom) return;
    symbolsTo.set(high, [...(symbolsTo.get(high) ?? []), symbol]);
    if (weight > 1) {
      params[`w${i}`] = weight - 1;
      params[`s${i}`] = symbol;
      found.again.push(`{w${i}:UInt32} * countIf(symbol = {s${i}:UInt32})`);
    }
  });
  const ranges = [...symbolsTo].map(([high, symbols], i) => {
    params[`h${i}`] = high;
    params[`r${i}`] = symbols;
    return `symbol IN {r${i}:Array(UInt64)} AND length <= {h${i}:UInt16}`;
  });
  const inRow = (kind: "once" | "again"): string[] =>
    masksOf(row[kind]).map((mask, level) => {
      params[`${kind}${level}`] = mask;
      return `bitCount(bitAnd(signature, {${kind}${level}:UInt64}))`;
    });
  for (const kind of ["once", "again"] as const) {
    unreadMasks(question, (weight) => (kind === "once" ? 1 : weight - 1)).forEach((byLength, level) => {
      params[`un${kind}${level}`] = byLength;
      found[kind].push(`bitCount(bitAnd(g, arrayElement({un${kind}${level}:Array(UInt64)}, least(l, ${byLength.length}))))`);
    });
  }
  const reaches = (count: string, length: string): string =>
    `toUInt64(${count}) * ${2 * SIMILARITY_SCALE} >= {t:UInt64} * (${length} + {q:UInt32})`;
  const sql =
    "SELECT pattern_id, toUInt16(least(ub, l)) AS overlap, l AS len, n FROM (" +
    `SELECT pattern_id, any(length) AS l, any(signature) AS g, any(name_byte) AS n, ${overlapSql(found.once, found.again, "l", "g")} AS ub FROM ${db}.postings ` +
    `PREWHERE ${reaches(overlapSql(inRow("once"), inRow("again"), "length", "signature"), "length")} ` +
    `WHERE kb = {kb:String} AND generation = {generation:UInt32} AND length >= {low:UInt16} AND (${ranges.join(" OR ")}) ` +
    `GROUP BY pattern_id) WHERE ${reaches("least(ub, l)", "l")} ` +
    `ORDER BY overlap / (len + {q:UInt32}) DESC, n, pattern_id LIMIT {limit:UInt32} ` +
    `SETTINGS max_threads = ${question.rows < LIST_SHARED_ROWS ? 1 : 2}, ${LIST_SETTINGS}`;
  return { sql, params };
}

export function clickhouseIndex(clickhouse: ClickHouse): PatternIndex {
  const db = clickhouse.database;
  const ofKb = "kb = {kb:String} AND generation = {generation:UInt32}";

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
    async candidates(kb, generation, question, signal): Promise<PostingCandidates> {
      const { sql, params } = candidatesSql(db, question);
      const ids: number[] = [];
      const bounds: number[] = [];
      const nameBytes: number[] = [];
      for await (const block of nativeBlocks(clickhouse.native(sql, { ...params, kb, generation }, signal))) {
        const view = (name: string): DataView => {
          const { items } = columnOf(block, name);
          return new DataView(items.buffer, items.byteOffset, items.byteLength);
        };
        const [patternIds, overlaps, lengths, names] = [view("pattern_id"), view("overlap"), view("len"), view("n")];
        for (let row = 0; row < block.rows; row++) {
          ids.push(Number(patternIds.getBigUint64(row * 8, true)));
          bounds.push((2 * overlaps.getUint16(row * 2, true)) / (lengths.getUint16(row * 2, true) + question.stateLength));
          nameBytes.push(names.getUint8(row));
        }
      }
      return { patternIds: Float64Array.from(ids), bounds: Float64Array.from(bounds), nameBytes: Uint8Array.from(nameBytes) };
    },
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
