/**
 * The baseline "KATO": its database stages over the same patterns and questions, as KATO writes them, in a table laid out as KATO's is: a row a
 * pattern with the set of its symbols as strings and 20 band values of its MinHash signature. Only the statement is timed; KATO then
 * fetches what it found and scores it in Python, which is given to it here. Opens the store of the data folder; nobody else may have it.
 *
 * The band values are real (the same permutations and bands), so what is found is what KATO would find.
 */
import { createHash } from "node:crypto";
import { Kernels, SIGNATURE_BANDS, SIGNATURE_ROWS, SIGNATURE_VALUES, symbolHash } from "../kernels/index.ts";
import { type ClickHouse, openEmbedded } from "../store/clickhouse-client.ts";
import type { BaselineRow } from "./record.ts";
import { quantile } from "./served.ts";
import { type StoredRow, storedRows } from "./stored-rows.ts";

const FILL_ROWS = 50_000;
const COLUMNS = ["name", "length", "token_set", "lsh_bands"] as const;

export interface Baseline {
  readonly patterns: number;
  readonly questions: readonly (readonly string[])[];
  /** Per threshold and question, the names that an exact scan answers. */
  readonly truth: ReadonlyMap<number, readonly (readonly string[])[]>;
  readonly onProgress: (phase: string, done: number, of: number) => void;
}

/** A band of a signature as one number of 63 bits: which one does not matter as long as equal bands have equal ones. */
function bandsOf(signature: Uint32Array): string[] {
  return Array.from({ length: SIGNATURE_BANDS }, (_, band) => {
    const values = signature.subarray(band * SIGNATURE_ROWS, (band + 1) * SIGNATURE_ROWS);
    const digest = createHash("md5")
      .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
      .digest();
    return (digest.readBigUInt64LE(0) >> 1n).toString();
  });
}

function signatures(kernels: Kernels, sets: readonly (readonly string[])[], hashes: Map<string, number>): Uint32Array {
  const offsets = new Uint32Array(sets.length + 1);
  sets.forEach((set, i) => {
    offsets[i + 1] = offsets[i]! + set.length;
  });
  const flat = new Uint32Array(offsets[sets.length]!);
  sets.forEach((set, i) => {
    set.forEach((symbol, k) => {
      let hash = hashes.get(symbol);
      if (hash === undefined) {
        hash = symbolHash(symbol);
        hashes.set(symbol, hash);
      }
      flat[offsets[i]! + k] = hash;
    });
  });
  return kernels.signatures(flat, offsets);
}

async function fill(clickhouse: ClickHouse, kernels: Kernels, { patterns, onProgress }: Baseline): Promise<void> {
  const db = clickhouse.database;
  const columns = "(name String, length UInt16, token_set Array(String), lsh_bands Array(UInt64)";
  for (const table of ["kato", "kato_bloom"]) await clickhouse.command(`DROP TABLE IF EXISTS ${db}.${table}`);
  await clickhouse.command(`CREATE TABLE ${db}.kato ${columns}) ENGINE = MergeTree ORDER BY (length, name)`);
  await clickhouse.command(
    `CREATE TABLE ${db}.kato_bloom ${columns}, INDEX bands lsh_bands TYPE bloom_filter(0.01) GRANULARITY 1) ENGINE = MergeTree ORDER BY (length, name)`,
  );
  const hashes = new Map<string, number>();
  let done = 0;
  const write = async (rows: readonly StoredRow[]): Promise<void> => {
    const sets = rows.map(({ symbols }) => [...new Set(symbols)]);
    const signed = signatures(kernels, sets, hashes);
    const lines = rows.map(({ name, symbols }, i) => {
      const bands = bandsOf(signed.subarray(i * SIGNATURE_VALUES, (i + 1) * SIGNATURE_VALUES));
      return `["${name}",${symbols.length},${JSON.stringify(sets[i])},[${bands.join(",")}]]`;
    });
    await clickhouse.insert("kato", COLUMNS, lines, `kato-${done}`);
    done += rows.length;
    onProgress("KATO's table", done, patterns);
  };
  let waiting: StoredRow[] = [];
  for await (const rows of storedRows(clickhouse)) {
    waiting.push(...rows);
    if (waiting.length < FILL_ROWS) continue;
    await write(waiting);
    waiting = [];
  }
  if (waiting.length > 0) await write(waiting);
  onProgress("KATO's indexes", 0, 0);
  await clickhouse.load(`INSERT INTO ${db}.kato_bloom SELECT * FROM ${db}.kato`);
  for (const table of ["kato", "kato_bloom"]) await clickhouse.load(`OPTIMIZE TABLE ${db}.${table} FINAL`);
}

interface Stage {
  readonly name: string;
  readonly sql: (question: readonly string[], threshold: number, bands: readonly string[]) => string;
}

/** A string literal: the symbols are the corpus's own, and still no character of them stands in SQL as it is. */
const literal = (symbol: string): string => `unhex('${Buffer.from(symbol, "utf8").toString("hex")}')`;

const SETTINGS = "SETTINGS max_threads = 1, use_query_condition_cache = 0";

function stagesOf(db: string): Stage[] {
  const lsh = (table: string) => (_: readonly string[], __: number, bands: readonly string[]) =>
    `SELECT name FROM ${db}.${table} WHERE hasAny(lsh_bands, CAST([${bands.join(",")}], 'Array(UInt64)')) ${SETTINGS}`;
  return [
    { name: "KATO: bands, no index", sql: lsh("kato") },
    { name: "KATO: bands, bloom index", sql: lsh("kato_bloom") },
    {
      name: "KATO: Jaccard at the same number",
      sql: (question, threshold) => {
        const set = `[${[...new Set(question)].map(literal).join(",")}]`;
        const common = `length(arrayIntersect(token_set, ${set}))`;
        return `SELECT name FROM ${db}.kato WHERE ${common} / length(arrayDistinct(arrayConcat(token_set, ${set}))) >= ${threshold} ${SETTINGS}`;
      },
    },
  ];
}

/** Fills KATO's tables, asks every checked question at every threshold, drops them again. */
export async function katoBaseline(folder: string, baseline: Baseline): Promise<BaselineRow[]> {
  const clickhouse = await openEmbedded(folder, 1);
  const kernels = new Kernels();
  const db = clickhouse.database;
  try {
    await fill(clickhouse, kernels, baseline);
    const rows: BaselineRow[] = [];
    for (const [threshold, truth] of baseline.truth) {
      for (const { name, sql } of stagesOf(db)) {
        const times: number[] = [];
        let [wanted, found] = [0, 0];
        const before = await counters(clickhouse);
        for (const [i, names] of truth.entries()) {
          baseline.onProgress(`${name} at ${threshold}`, i, truth.length);
          const question = baseline.questions[i]!;
          const bands = bandsOf(signatures(kernels, [[...new Set(question)]], new Map()));
          const start = performance.now();
          const given = new Set<string>();
          for (const row of await clickhouse.rows<{ name: string }>(sql(question, threshold, bands))) given.add(row.name);
          times.push(performance.now() - start);
          wanted += names.length;
          found += names.filter((right) => given.has(right)).length;
        }
        const after = await counters(clickhouse);
        times.sort((a, b) => a - b);
        rows.push({
          name,
          threshold,
          questions: truth.length,
          patterns: baseline.patterns,
          p50: quantile(times, 0.5),
          p95: quantile(times, 0.95),
          recall: wanted === 0 ? 1 : found / wanted,
          rowsRead: (after.rows - before.rows) / truth.length,
          bytesRead: (after.bytes - before.bytes) / truth.length,
        });
      }
    }
    return rows;
  } finally {
    for (const table of ["kato", "kato_bloom"]) await clickhouse.command(`DROP TABLE IF EXISTS ${db}.${table}`);
    await clickhouse.close();
  }
}

/** Rows and bytes that ClickHouse has read since it was opened. */
async function counters(clickhouse: ClickHouse): Promise<{ rows: number; bytes: number }> {
  const events = await clickhouse.rows<{ event: string; value: string }>(
    "SELECT event, toString(value) AS value FROM system.events WHERE event IN ('SelectedRows', 'SelectedBytes')",
  );
  const value = (name: string): number => Number(events.find(({ event }) => event === name)?.value ?? 0);
  return { rows: value("SelectedRows"), bytes: value("SelectedBytes") };
}
