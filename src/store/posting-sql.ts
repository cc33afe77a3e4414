/**
 * The SQL that lists the candidates of a state out of the postings, and what a posting row says.
 *
 * A posting row carries the signature of the whole pattern: 64 bits, bit (id mod 64) of each of its symbols. The number of the state's
 * symbols whose bit is set bounds the overlap from above, before any row is counted; then the rows found for a pattern, plus the bits of
 * the symbols that were not read at its length, bound it more closely. A symbol that the state repeats counts again as far as the pattern has room for
 * repeats: its length less the bits of its signature.
 *
 * It carries the first byte of the pattern's name too: equally similar patterns rank by name, and thousands may have the same bound, of which
 * then only those of the first bytes have to be looked at.
 *
 * The SQL is short on purpose: in a small question analysing it costs more than reading, and each function and each number counts (a cast around each number
 * and a condition for each symbol: half as long again, and twice with twenty symbols).
 */
import type { Params } from "./clickhouse-client.ts";
import type { PostingQuestion } from "./pattern-index.ts";

/** Similarities stand in SQL as whole numbers of this part, so that no rounding of theirs is between us and the store. */
export const SIMILARITY_SCALE = 1e12;
/** A length is stored in 16 bits. */
const LENGTH_MAX = 65_535;
/** Lengths for which a list of masks says what was not read; what lies beyond shares an entry. */
const MASKED_LENGTHS = 512;
const LIST_SETTINGS = "max_block_size = 65505, use_query_condition_cache = 0";
/** From so many rows on a list is read by two threads: a third to a half less time. */
const LIST_SHARED_ROWS = 100_000;
const threadsFor = ({ rows }: PostingQuestion): number => (rows < LIST_SHARED_ROWS ? 1 : 2);

/** Bit of a symbol in a signature. The SQL below must agree. */
const signatureBit = (symbol: number): number => symbol & 63;
export const SIGNATURE_SQL = "arrayReduce('groupBitOr', arrayMap(x -> bitShiftLeft(toUInt64(1), bitAnd(x, 63)), symbols))";
export const NAME_BYTE_SQL = "reinterpretAsUInt8(substring(name, 1, 1))";

export interface BoundSql {
  readonly sql: string;
  /** Without kb and generation, of which it speaks too. */
  readonly params: Params;
}

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

/** Similarity asked, as a whole number of SIMILARITY_SCALE: rounded down, and with the epsilon that the kernels have, so never stricter than they are. */
export const scaledSimilarity = (similarity: number): number => Math.max(0, Math.floor((similarity - 1e-9) * SIMILARITY_SCALE));

interface Parts {
  readonly params: Params;
  /** Which rows: of the kb, of a length, of a symbol; and of them those whose signature lets their pattern reach the similarity. */
  readonly from: string;
  /** Symbols that the state has more than once, read at some length. */
  readonly repeated: readonly { readonly symbol: string; readonly more: string }[];
  /** Bits of signature `g` at length `l` that symbols not read there would set, and what their repeats would bring. */
  unread(kind: "once" | "again", l: string, g: string): string[];
  reaches(count: string, length: string): string;
}

function partsOf(db: string, question: PostingQuestion): Parts {
  const params: Record<string, number | bigint | readonly number[] | readonly bigint[]> = {
    q: question.stateLength,
    t: scaledSimilarity(question.similarity),
    low: question.lengthFrom,
  };
  // What a row's bits may bring once, and what repeats may bring.
  const row = { once: new Map<number, number>(), again: new Map<number, number>() };
  const repeated: { symbol: string; more: string }[] = [];
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
      repeated.push({ symbol: `{s${i}:UInt32}`, more: `{w${i}:UInt32}` });
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
  const unreadBits = (kind: "once" | "again") =>
    unreadMasks(question, (weight) => (kind === "once" ? 1 : weight - 1)).map((byLength, level) => {
      params[`un${kind}${level}`] = byLength;
      return (l: string, g: string): string =>
        `bitCount(bitAnd(${g}, arrayElement({un${kind}${level}:Array(UInt64)}, least(${l}, ${byLength.length}))))`;
    });
  const unread = { once: unreadBits("once"), again: unreadBits("again") };
  const reaches = (count: string, length: string): string =>
    `toUInt64(${count}) * ${2 * SIMILARITY_SCALE} >= {t:UInt64} * (${length} + {q:UInt32})`;
  const from =
    `FROM ${db}.postings PREWHERE ${reaches(overlapSql(inRow("once"), inRow("again"), "length", "signature"), "length")} ` +
    `WHERE kb = {kb:String} AND generation = {generation:UInt32} AND length >= {low:UInt16} AND (${ranges.join(" OR ")})`;
  return { params, from, repeated, unread: (kind, l, g) => unread[kind].map((bits) => bits(l, g)), reaches };
}

/** Candidates grouped, judged, ordered and cut by the store: pattern_id, overlap, len, n. */
export function groupedSql(db: string, question: PostingQuestion): BoundSql {
  const { params, from, repeated, unread, reaches } = partsOf(db, question);
  const once = ["count()", ...unread("once", "l", "g")];
  const again = [...repeated.map(({ symbol, more }) => `${more} * countIf(symbol = ${symbol})`), ...unread("again", "l", "g")];
  const sql =
    "SELECT pattern_id, toUInt16(least(ub, l)) AS overlap, l AS len, n FROM (" +
    `SELECT pattern_id, any(length) AS l, any(signature) AS g, any(name_byte) AS n, ${overlapSql(once, again, "l", "g")} AS ub ${from} AND pattern_id < {below:UInt64} ` +
    `GROUP BY pattern_id) WHERE ${reaches("least(ub, l)", "l")} ` +
    `ORDER BY overlap / (len + {q:UInt32}) DESC, n, pattern_id LIMIT {limit:UInt32} ` +
    `SETTINGS max_threads = ${threadsFor(question)}, ${LIST_SETTINGS}`;
  return { sql, params: { ...params, limit: question.limit, below: question.idsBelow } };
}

/**
 * The rows themselves, to be counted by pattern (posting-tally.ts): id, len, n and, where some symbol was not read at every length, `unread` of the pattern.
 * Where the state repeats a symbol also `more`, what the row's symbol brings again, `unread_more` of the pattern, and `room`, which bounds what both come to.
 */
export function rowsSql(db: string, question: PostingQuestion): BoundSql {
  const { params, from, repeated, unread } = partsOf(db, question);
  const once = unread("once", "length", "signature");
  const again = unread("again", "length", "signature");
  const columns = ["toUInt32(pattern_id) AS id", "length AS len", "name_byte AS n"];
  if (once.length > 0) columns.push(`toUInt8(${once.join(" + ")}) AS unread`);
  if (repeated.length > 0 || again.length > 0) {
    const more = repeated.map(({ symbol, more }) => `${more} * (symbol = ${symbol})`);
    columns.push(`toUInt8(${more.length === 0 ? "0" : more.join(" + ")}) AS more`);
    columns.push(`toUInt8(${again.length === 0 ? "0" : again.join(" + ")}) AS unread_more`);
    columns.push("toUInt16(length - bitCount(signature)) AS room");
  }
  return { sql: `SELECT ${columns.join(", ")} ${from} SETTINGS max_threads = ${threadsFor(question)}, ${LIST_SETTINGS}`, params };
}
