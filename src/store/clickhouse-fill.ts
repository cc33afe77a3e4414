/**
 * Writes patterns of one kb into the tables as flushes of their learns would have, from files of a block each, so that no row is read as text. For a kb that is made as a whole (the corpus of a stress run); one symbol an event. The files are read by the engine itself, so this is for
 * the embedded one.
 */
import { rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { ClickHouse } from "./clickhouse-client.ts";
import { LOAD_SETTINGS } from "./clickhouse-index.ts";
import { nativeRows } from "./native-rows.ts";

/** New patterns, by id. */
export interface FillPatterns {
  readonly firstId: number;
  /** 20 bytes each. */
  readonly names: Uint8Array;
  /** Symbol ids of all of them, and where those of each end. */
  readonly symbols: Uint32Array;
  readonly ends: BigUint64Array;
}

/** Learns, by number. */
export interface FillLearns {
  readonly firstSeq: number;
  readonly patternIds: BigUint64Array;
  readonly isNew: Uint8Array;
  readonly firstNewSymbols: Uint32Array;
}

export interface FillTarget {
  readonly kb: string;
  readonly generation: number;
  readonly persistence: number;
  readonly atMs: number;
}

/** Writes a block of learns and of the patterns they brought. `folder` takes two files meanwhile. */
export async function fillTables(
  clickhouse: ClickHouse,
  folder: string,
  { kb, generation, persistence, atMs }: FillTarget,
  patterns: FillPatterns,
  learns: FillLearns,
): Promise<void> {
  const db = clickhouse.database;
  const params = { kb, generation };
  const count = patterns.ends.length;
  const patternFile = join(resolve(folder), `fill-patterns-${patterns.firstId}.native`);
  const learnFile = join(resolve(folder), `fill-learns-${learns.firstSeq}.native`);
  try {
    await writeFile(
      patternFile,
      nativeRows(count, [
        { name: "id", type: "UInt64", values: numbersFrom(patterns.firstId, count) },
        { name: "name", type: "FixedString(20)", values: patterns.names },
        { name: "ids", type: "Array(UInt32)", ends: patterns.ends, items: patterns.symbols },
      ]),
    );
    const of = (columns: string): string => `file({file:String}, 'Native', '${columns}') ${LOAD_SETTINGS}`;
    const patternColumns = "id UInt64, name FixedString(20), ids Array(UInt32)";
    const file = patternFile;
    await clickhouse.command(
      `INSERT INTO ${db}.patterns (kb, generation, pattern_id, name, symbols, event_ends) SELECT {kb:String}, {generation:UInt32}, id, name, ids, ` +
        `CAST(arrayEnumerate(ids), 'Array(UInt16)') FROM ${of(patternColumns)}`,
      { ...params, file },
    );
    await clickhouse.command(
      `INSERT INTO ${db}.pattern_names (kb, generation, name, pattern_id) SELECT {kb:String}, {generation:UInt32}, name, id FROM ${of(patternColumns)}`,
      { ...params, file },
    );
    await writeFile(
      learnFile,
      nativeRows(learns.isNew.length, [
        { name: "number", type: "UInt64", values: numbersFrom(learns.firstSeq, learns.isNew.length) },
        { name: "id", type: "UInt64", values: learns.patternIds },
        { name: "new", type: "UInt8", values: learns.isNew },
        { name: "first", type: "UInt32", values: learns.firstNewSymbols },
      ]),
    );
    await clickhouse.command(
      `INSERT INTO ${db}.learn_events (kb, generation, seq, kind, at, pattern_id, is_new, persistence, first_new_symbol, below, emotives, metadata, ` +
        "frequency) SELECT {kb:String}, {generation:UInt32}, number, 'learn', fromUnixTimestamp64Milli(toInt64({at:UInt64}), 'UTC'), id, new = 1, " +
        `{persistence:UInt16}, first, 0, '[]', '[]', 0 FROM ${of("number UInt64, id UInt64, new UInt8, first UInt32")}`,
      { ...params, at: atMs, persistence, file: learnFile },
    );
  } finally {
    await rm(patternFile, { force: true });
    await rm(learnFile, { force: true });
  }
}

/** Writes a kb's symbols, by id. */
export async function fillSymbolTable(clickhouse: ClickHouse, { kb, generation }: FillTarget, symbols: readonly string[]): Promise<void> {
  const rows = symbols.map((symbol, id) => JSON.stringify([kb, generation, id, symbol]));
  await clickhouse.insert("symbols", ["kb", "generation", "symbol_id", "symbol"], rows, `fill-${kb}-${generation}`);
}

function numbersFrom(first: number, count: number): BigUint64Array {
  const numbers = new BigUint64Array(count);
  for (let at = 0; at < count; at++) numbers[at] = BigInt(first + at);
  return numbers;
}
