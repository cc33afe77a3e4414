/**
 * Looking over the tables in ClickHouse: each check is one query that answers how many rows are wrong, and names a few. Costs a read of the kb's
 * columns a check; the comparison of postings also sorts out repeats, which takes memory for a hash a row.
 */
import type { ClickHouse } from "./clickhouse-client.ts";
import type { ExpectedTables, Finding, PatternAudit } from "./pattern-audit.ts";
import { FIRST_SYMBOLS_MARK, type PatternIndex, POSTINGS_MARK } from "./pattern-index.ts";
import { NAME_BYTE_SQL, SIGNATURE_SQL } from "./posting-sql.ts";

const OF_KB = "kb = {kb:String} AND generation = {generation:UInt32}";
/** Numbers of one epoch follow each other; the first of a later one may follow any. */
const EPOCH = 2 ** 40;

interface Check {
  readonly name: string;
  readonly derived: boolean;
  /** One row a difference, its first column called `what`. */
  readonly sql: string;
}

function checksOf(db: string): readonly Check[] {
  const of = (table: string, columns: string): string => `SELECT ${columns} FROM ${db}.${table} WHERE ${OF_KB}`;
  const news = `SELECT learn_events.pattern_id FROM ${db}.learn_events WHERE ${OF_KB} AND kind = 'learn' AND is_new`;
  const gone = of("deleted_patterns", "pattern_id");
  const id = "toString(pattern_id) AS what";
  const indexedBy = (mark: string): string =>
    `pattern_id < (SELECT max(index_marks.below) FROM ${db}.index_marks WHERE ${OF_KB} AND index_marks.name = '${mark}')`;
  const indexed = indexedBy(POSTINGS_MARK);
  const firsts = `SELECT DISTINCT pattern_id, symbol, length, name FROM ${db}.first_symbols WHERE ${OF_KB}`;
  const wantedFirsts = `SELECT pattern_id, symbols[1] AS symbol, length, name FROM ${db}.patterns WHERE ${OF_KB} AND ${indexedBy(FIRST_SYMBOLS_MARK)} AND pattern_id NOT IN (${gone})`;
  const postings = `SELECT DISTINCT pattern_id, symbol, length, signature, name_byte FROM ${db}.postings WHERE ${OF_KB}`;
  const wanted = `SELECT pattern_id, arrayJoin(arrayDistinct(symbols)) AS symbol, length, ${SIGNATURE_SQL} AS signature, ${NAME_BYTE_SQL} AS name_byte FROM ${db}.patterns WHERE ${OF_KB} AND ${indexed} AND pattern_id NOT IN (${gone})`;
  const before = "lagInFrame(seq, 1, seq) OVER (ORDER BY seq ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)";
  return [
    { name: "patterns.duplicate", derived: false, sql: `${of("patterns", id)} GROUP BY pattern_id HAVING count() > 1` },
    { name: "patterns.orphan", derived: false, sql: `${of("patterns", id)} AND pattern_id NOT IN (${news})` },
    {
      name: "patterns.missing",
      derived: false,
      sql: `SELECT toString(pattern_id) AS what FROM (${news}) WHERE pattern_id NOT IN (${of("patterns", "pattern_id")}) AND pattern_id NOT IN (${gone})`,
    },
    { name: "patterns.deleted", derived: true, sql: `${of("patterns", id)} AND pattern_id IN (${gone})` },
    {
      name: "patterns.derived",
      derived: true,
      sql: `${of("patterns", id)} AND (length != length(symbols) OR distinct_count != length(arrayDistinct(symbols)) OR first_symbol != symbols[1])`,
    },
    {
      name: "patterns.events",
      derived: false,
      sql: `${of("patterns", id)} AND (event_ends[-1] != length(symbols) OR arrayExists((a, b) -> a >= b, arrayPopBack(event_ends), arrayPopFront(event_ends)))`,
    },
    { name: "patterns.symbols", derived: false, sql: `${of("patterns", id)} AND arrayMax(symbols) >= {symbolCount:UInt64}` },
    {
      name: "names.missing",
      derived: true,
      sql: `${of("patterns", id)} AND pattern_id NOT IN (${gone}) AND (pattern_id, name) NOT IN (${of("pattern_names", "pattern_id, name")})`,
    },
    {
      name: "names.orphan",
      derived: true,
      sql: `${of("pattern_names", id)} AND (pattern_id, name) NOT IN (${of("patterns", "pattern_id, name")})`,
    },
    {
      name: "symbols.duplicate",
      derived: false,
      sql: `${of("symbols", "toString(symbol_id) AS what")} GROUP BY symbol_id HAVING count() > 1`,
    },
    {
      name: "symbols.missing",
      derived: false,
      sql: `SELECT toString(number) AS what FROM numbers({symbolCount:UInt64}) WHERE number NOT IN (${of("symbols", "symbol_id")})`,
    },
    {
      name: "symbols.surplus",
      derived: false,
      sql: `${of("symbols", "toString(symbol_id) AS what")} AND symbol_id >= {symbolCount:UInt64}`,
    },
    {
      name: "events.duplicate",
      derived: false,
      sql: `SELECT toString(seq) AS what FROM ${db}.learn_events WHERE ${OF_KB} GROUP BY seq HAVING count() > 1`,
    },
    {
      name: "events.missing",
      derived: false,
      sql: `SELECT toString(seq) AS what FROM (SELECT seq, ${before} AS earlier FROM ${db}.learn_events WHERE ${OF_KB}) WHERE seq > earlier + 1 AND seq % ${EPOCH} != 1`,
    },
    {
      name: "events.unknown",
      derived: false,
      sql: `SELECT toString(seq) AS what FROM ${db}.learn_events WHERE ${OF_KB} AND kind IN ('learn', 'update', 'delete') AND pattern_id NOT IN (${of("patterns", "pattern_id")}) AND pattern_id NOT IN (${gone})`,
    },
    {
      name: "postings.missing",
      derived: true,
      sql: `SELECT concat('pattern ', toString(pattern_id), ', symbol ', toString(symbol)) AS what FROM (${wanted} EXCEPT ${postings})`,
    },
    {
      name: "postings.surplus",
      derived: true,
      sql: `SELECT concat('pattern ', toString(pattern_id), ', symbol ', toString(symbol)) AS what FROM (${postings} EXCEPT ${wanted})`,
    },
    { name: "firsts.missing", derived: true, sql: `SELECT ${id} FROM (${wantedFirsts} EXCEPT ${firsts})` },
    { name: "firsts.surplus", derived: true, sql: `SELECT ${id} FROM (${firsts} EXCEPT ${wantedFirsts})` },
  ];
}

export function clickhouseAudit(
  clickhouse: ClickHouse,
  anew: { purgeDeleted(): Promise<void> } & Pick<PatternIndex, "addPostings" | "addFirstSymbols">,
): PatternAudit {
  const db = clickhouse.database;
  const checks = checksOf(db);

  async function counted(kb: string, generation: number, expected: ExpectedTables): Promise<Finding[]> {
    const [row] = await clickhouse.rows<{ patterns: string; seq: string }>(
      `SELECT toString((SELECT count() FROM ${db}.patterns WHERE ${OF_KB})) AS patterns, ` +
        `toString((SELECT max(learn_events.seq) FROM ${db}.learn_events WHERE ${OF_KB})) AS seq`,
      { kb, generation },
    );
    const findings: Finding[] = [];
    const differ = (check: string, stored: number, wanted: number): void => {
      if (stored === wanted) return;
      findings.push({
        check,
        count: Math.abs(stored - wanted),
        examples: [`${stored} in the tables, ${wanted} in the state store`],
        derived: false,
      });
    };
    differ("patterns.count", Number(row?.patterns), expected.patterns);
    // A kb that stands at the beginning of an epoch has had no change of it yet.
    if (expected.seq % EPOCH !== 0) differ("events.last", Number(row?.seq), expected.seq);
    return findings;
  }

  return {
    async findings(kb, generation, expected) {
      const findings = await counted(kb, generation, expected);
      for (const { name, derived, sql } of checks) {
        const [row] = await clickhouse.rows<{ count: string; examples: string[] }>(
          `SELECT toString(count()) AS count, groupArray(5)(what) AS examples FROM (${sql})`,
          { kb, generation, symbolCount: expected.symbolCount },
        );
        const count = Number(row?.count ?? 0);
        if (count > 0) findings.push({ check: name, count, examples: row!.examples, derived });
      }
      return findings;
    },
    async repair(kb, generation) {
      const params = { kb, generation };
      await anew.purgeDeleted();
      await clickhouse.command(
        `ALTER TABLE ${db}.patterns UPDATE length = length(symbols), distinct_count = length(arrayDistinct(symbols)), first_symbol = symbols[1] ` +
          `WHERE ${OF_KB} AND (length != length(symbols) OR distinct_count != length(arrayDistinct(symbols)) OR first_symbol != symbols[1]) SETTINGS mutations_sync = 1`,
        params,
      );
      await clickhouse.command(
        `DELETE FROM ${db}.pattern_names WHERE ${OF_KB} AND (pattern_id, name) NOT IN (SELECT pattern_id, name FROM ${db}.patterns WHERE ${OF_KB})`,
        params,
      );
      await clickhouse.load(
        `INSERT INTO ${db}.pattern_names (kb, generation, name, pattern_id) SELECT kb, generation, name, pattern_id FROM ${db}.patterns ` +
          `WHERE ${OF_KB} AND (pattern_id, name) NOT IN (SELECT pattern_id, name FROM ${db}.pattern_names WHERE ${OF_KB})`,
        params,
      );
      const indexes = [
        { table: "postings", mark: POSTINGS_MARK, add: anew.addPostings },
        { table: "first_symbols", mark: FIRST_SYMBOLS_MARK, add: anew.addFirstSymbols },
      ] as const;
      for (const { table, mark, add } of indexes) {
        const [row] = await clickhouse.rows<{ below: string }>(
          `SELECT toString(max(index_marks.below)) AS below FROM ${db}.index_marks WHERE ${OF_KB} AND index_marks.name = {mark:String}`,
          { ...params, mark },
        );
        const below = Number(row?.below ?? 0);
        await clickhouse.command(`DELETE FROM ${db}.${table} WHERE ${OF_KB}`, params);
        if (below > 0) await add(kb, generation, 0, below);
      }
    },
    async checksum(kb, generation) {
      const [row] = await clickhouse.rows<{ sum: string }>(
        `SELECT lower(hex(sum(sipHash64(name)))) AS sum FROM ${db}.patterns WHERE ${OF_KB} AND pattern_id NOT IN (SELECT pattern_id FROM ${db}.deleted_patterns WHERE ${OF_KB})`,
        { kb, generation },
      );
      return (row?.sum ?? "0").padStart(16, "0");
    },
  };
}
