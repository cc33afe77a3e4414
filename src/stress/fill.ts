/**
 * A corpus put into a data folder without being learned: the tables and counters that learning it would have left, written in large blocks and in the order
 * of their keys. Several times as fast as learning, and it does not become slower with the size of the kb; a test compares every row with those of a corpus
 * that was learned. It says how a large memory answers, not how fast one grows.
 */
import { statfsSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Config } from "../config.ts";
import { openEngine } from "../engine.ts";
import { EngineError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { columnOf } from "../store/candidate-rows.ts";
import { type ClickHouse, openEmbedded } from "../store/clickhouse-client.ts";
import { type FillTarget, fillSymbolTable, fillTables } from "../store/clickhouse-fill.ts";
import { openPatternStore } from "../store/clickhouse-patterns.ts";
import { type FilledPatterns, fillLmdbKb } from "../store/lmdb-fill.ts";
import { nativeBlocks } from "../store/native-blocks.ts";
import type { PatternIndex } from "../store/pattern-index.ts";
import type { Corpus } from "./corpus.ts";
import { CorpusBlocks } from "./corpus-blocks.ts";
import type { OnProgress } from "./record.ts";
import { mergeTable } from "./store-size.ts";

/** Learns a block: a part of every table each. */
const BLOCK = 1_000_000;
/** Blocks whose indexes are filled while the next is drawn and written. */
const BLOCKS_AHEAD = 2;
/** Bytes of disk a pattern while the largest table is merged; about 400 at the end. */
const ROOM_A_PATTERN = 550;
const GENERATION = 1;

export interface Filled {
  readonly seconds: number;
  /** Until everything was merged too. */
  readonly settledSeconds: number;
  /** Of this process. */
  readonly memoryPeakBytes: number;
}

/** Errors: ENGRAM_BAD_REQUEST when the stores are not embedded or the kb is there, ENGRAM_DISK_FULL when the folder has no room for it. */
export async function fillCorpus(config: Config, log: Logger, corpus: Corpus, kb: string, onProgress: OnProgress): Promise<Filled> {
  if (config.clickhouse.url !== undefined || config.redis.url !== undefined)
    throw new EngineError("ENGRAM_BAD_REQUEST", "Only embedded stores can be filled. Leave out --fill, or the addresses of servers.");
  await prepare(config, log, kb);
  assertRoom(config.dataDir, corpus.settings.patterns);

  let memoryPeakBytes = 0;
  const progress: OnProgress = (phase, done, of) => {
    memoryPeakBytes = Math.max(memoryPeakBytes, process.memoryUsage.rss());
    onProgress(phase, done, of);
  };
  const start = performance.now();
  const secondsSince = (): number => (performance.now() - start) / 1_000;
  const target: FillTarget = { kb, generation: GENERATION, persistence: config.sessionDefaults.persistence, atMs: Date.now() };
  const blocks = new CorpusBlocks(corpus);
  // Names are read while tables are looked at.
  const clickhouse = await openEmbedded(join(config.dataDir, "clickhouse"), 2);
  try {
    const { index } = await openPatternStore(clickhouse);
    // Everything is merged once, at the end.
    await clickhouse.command("SYSTEM STOP MERGES");
    try {
      await fillBlocks(clickhouse, index, config.dataDir, target, blocks, corpus.settings.patterns, progress);
    } finally {
      await clickhouse.command("SYSTEM START MERGES");
    }
    const seconds = secondsSince();
    progress("merging names", 0, 0);
    await mergeTable(clickhouse, "pattern_names");
    // The largest table meanwhile.
    const merged = mergeTable(clickhouse, "postings");
    const counted = fillLmdbKb(join(config.dataDir, "state"), {
      kb,
      head: blocks.head(GENERATION),
      symbols: blocks.counters(),
      patterns: namesOf(clickhouse, target, blocks.patternCount, progress),
      frequencyOf: (id) => blocks.frequencyOf(id),
    });
    // Both come to their end before the stores are closed.
    for (const end of await Promise.allSettled([merged, counted])) if (end.status === "rejected") throw end.reason;
    return { seconds, settledSeconds: secondsSince(), memoryPeakBytes };
  } finally {
    await clickhouse.close();
  }
}

/** Makes the folder, the tables and the state store. */
async function prepare(config: Config, log: Logger, kb: string): Promise<void> {
  const engine = await openEngine(config, log);
  try {
    if ((await engine.listKbs()).some((there) => there.kb === kb))
      throw new EngineError("ENGRAM_BAD_REQUEST", `${config.dataDir} holds ${kb} already.`);
  } finally {
    await engine.close();
  }
}

function assertRoom(folder: string, patterns: number): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= patterns * ROOM_A_PATTERN) return;
  const gigabytes = ((patterns * ROOM_A_PATTERN) / 1e9).toFixed(1);
  throw new EngineError(
    "ENGRAM_DISK_FULL",
    `${patterns} patterns need some ${gigabytes} GB of disk for a while. Free them, or fill fewer.`,
  );
}

/** Draws blocks and writes them; a block is indexed while the next is drawn and written. */
async function fillBlocks(
  clickhouse: ClickHouse,
  index: PatternIndex,
  folder: string,
  target: FillTarget,
  blocks: CorpusBlocks,
  patterns: number,
  progress: OnProgress,
): Promise<void> {
  const underWay: Promise<void>[] = [];
  let writtenBefore: Promise<void> = Promise.resolve();
  let indexedBefore: Promise<void> = Promise.resolve();
  try {
    for (let from = 0; from < patterns; from += BLOCK) {
      const to = Math.min(patterns, from + BLOCK);
      const { patterns: rows, learns } = await blocks.draw(from, to, () => nextTurn());
      const written = writtenBefore.then(() => fillTables(clickhouse, folder, target, rows, learns));
      const indexed = Promise.all([written, indexedBefore]).then(async () => {
        const below = rows.firstId + rows.ends.length;
        await index.addPostings(target.kb, target.generation, rows.firstId, below);
        await index.addFirstSymbols(target.kb, target.generation, rows.firstId, below);
        progress("filling", to, patterns);
      });
      // The first of them that fails is the one that is waited for.
      indexed.catch(() => undefined);
      [writtenBefore, indexedBefore] = [written, indexed];
      underWay.push(indexed);
      if (underWay.length > BLOCKS_AHEAD) await underWay.shift();
    }
    await Promise.all(underWay);
  } finally {
    await Promise.allSettled(underWay);
  }
  await fillSymbolTable(clickhouse, target, blocks.symbols());
}

/** The names that were written, in their order. Errors: an Error when they are not as many as `count`. */
async function* namesOf(
  clickhouse: ClickHouse,
  { kb, generation }: FillTarget,
  count: number,
  progress: OnProgress,
): AsyncIterable<FilledPatterns> {
  const sql =
    `SELECT name, pattern_id FROM ${clickhouse.database}.pattern_names WHERE kb = {kb:String} AND generation = {generation:UInt32} ` +
    "ORDER BY kb, generation, name SETTINGS max_threads = 1, optimize_read_in_order = 1, max_block_size = 65536, use_query_condition_cache = 0";
  let named = 0;
  for await (const block of nativeBlocks(clickhouse.native(sql, { kb, generation }))) {
    const { items } = columnOf(block, "name");
    yield {
      names: Buffer.from(items.buffer, items.byteOffset, items.byteLength).toString("hex"),
      ids: new BigUint64Array(new Uint8Array(columnOf(block, "pattern_id").items).buffer),
    };
    named += block.rows;
    progress("counters", named, count);
    await nextTurn();
  }
  if (named !== count) throw new Error(`${named} names stand in the tables, and ${count} patterns were drawn`);
}
