/**
 * KATO 3 as a source: patterns from its ClickHouse table `patterns_data`, counters, emotives and metadata from its Redis. Reads only. Patterns
 * come in the table's own order (length, name), so a place is the last pair seen and duplicates stand side by side.
 *
 * Vectors live in a third store (Qdrant) and are not read: their names are symbols like any other and come along. Cost: one query and three
 * MGET a batch.
 */
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { Redis } from "ioredis";
import type { ImportedPattern } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import type { EmotiveRecord } from "../model/emotives.ts";
import { nodeOf } from "./mongo-documents.ts";
import { type CheckLimits, checkPattern, integerOf } from "./pattern-check.ts";
import { BATCH_PATTERNS, type MigrationSource, type Problem, type SourceBatch, type SourceKb, type SourceSymbol } from "./source.ts";

export interface KatoOptions {
  readonly clickhouse: { readonly url: string; readonly user: string; readonly password: string };
  readonly redisUrl: string;
  readonly serviceName: string;
  readonly limits: CheckLimits;
  readonly batchPatterns?: number;
}

/** KATO names this database in its queries whatever its settings say. */
const DATABASE = "kato";
/** A batch is a range of the table's own order: milliseconds, on a busy server seconds. */
const REQUEST_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 5_000;

interface PatternRow {
  readonly name: string;
  readonly length: number;
  readonly pattern_data: string[][];
}

/** Errors: ENGRAM_STORE_UNREACHABLE when either store does not answer. */
export async function openKatoServer(options: KatoOptions): Promise<MigrationSource> {
  const { serviceName, limits, batchPatterns = BATCH_PATTERNS } = options;
  const secrets = [options.clickhouse.password, passwordOf(options.redisUrl), passwordOf(options.clickhouse.url)].filter(
    (secret) => secret !== "",
  );
  const asking = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      const text = secrets.reduce(
        (clean, secret) => clean.replaceAll(secret, "***"),
        error instanceof Error ? error.message : String(error),
      );
      throw new EngineError("ENGRAM_STORE_UNREACHABLE", `KATO's stores failed ${what}: ${text}. The same command goes on from here.`, {
        cause: new Error(text),
      });
    }
  };
  const clickhouse = createClient({
    url: options.clickhouse.url,
    username: options.clickhouse.user,
    password: options.clickhouse.password,
    request_timeout: REQUEST_TIMEOUT_MS,
    max_open_connections: 2,
    application: "engram migrate",
    // It would print whole queries with their login; what went wrong reaches the caller.
    log: { level: ClickHouseLogLevel.OFF },
  });
  const redis = new Redis(options.redisUrl, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 3,
    retryStrategy: (times) => (times > 5 ? null : 200 * times),
  });
  // Each failure reaches the caller of a command; without a listener it would also end the process.
  redis.on("error", () => undefined);
  const close = async (): Promise<void> => {
    redis.disconnect();
    await clickhouse.close();
  };
  const rows = async <T>(what: string, query: string, params: Record<string, unknown> = {}): Promise<T[]> =>
    asking(what, async () => (await clickhouse.query({ query, query_params: params, format: "JSONEachRow" })).json<T>());
  try {
    await asking("to connect", () => redis.connect());
    await rows("to answer", "SELECT 1");
  } catch (error) {
    await close();
    throw error;
  }

  async function* batches(kb: SourceKb, resume: string | undefined): AsyncIterable<SourceBatch> {
    let [afterLength, afterName] = resume === undefined ? [0, ""] : (JSON.parse(resume) as [number, string]);
    for (;;) {
      const found = await rows<PatternRow>(
        "reading patterns",
        `SELECT name, length, pattern_data FROM ${DATABASE}.patterns_data WHERE kb_id = {kb:String} ` +
          "AND (length, name) > ({length:UInt32}, {name:String}) ORDER BY length, name LIMIT {limit:UInt32}",
        { kb: kb.name, length: afterLength, name: afterName, limit: batchPatterns },
      );
      if (found.length === 0) return;
      const last = found.at(-1)!;
      // Rows beyond the limit may repeat the last one's name: the place after it skips them, so they are counted here.
      const repeats = await repeatsOf(kb, last);
      const [frequencies, emotives, metadata] = await Promise.all(
        ["frequency", "emotives", "metadata"].map((what) =>
          asking(`reading ${what}`, () => redis.mget(found.map((row) => `${kb.name}:${what}:${row.name}`))),
        ),
      );
      const patterns: ImportedPattern[] = [];
      const problems: Problem[] = [];
      found.forEach((row, at) => {
        if (found[at - 1]?.name === row.name) {
          problems.push({ kind: "duplicate", entry: row.name, leftOut: true, detail: "its table holds the row more than once" });
          return;
        }
        const checked = checkPattern(
          {
            entry: row.name,
            name: row.name,
            events: row.pattern_data,
            frequency: integerOf(frequencies![at]),
            emotives: jsonOf(emotives![at]),
            metadata: jsonOf(metadata![at]),
          },
          limits,
        );
        problems.push(...checked.problems);
        if (checked.pattern !== undefined) patterns.push(checked.pattern);
      });
      const repeated = repeats - found.filter((row) => row.name === last.name).length;
      for (let n = 0; n < repeated; n++) {
        problems.push({ kind: "duplicate", entry: last.name, leftOut: true, detail: "its table holds the row more than once" });
      }
      [afterLength, afterName] = [last.length, last.name];
      yield { patterns, problems, entries: found.length + repeated, resume: JSON.stringify([afterLength, afterName]) };
    }
  }

  async function repeatsOf(kb: SourceKb, row: PatternRow): Promise<number> {
    const [count] = await rows<{ n: string }>(
      "reading patterns",
      `SELECT toString(count()) AS n FROM ${DATABASE}.patterns_data WHERE kb_id = {kb:String} AND length = {length:UInt32} AND name = {name:String}`,
      { kb: kb.name, length: row.length, name: row.name },
    );
    return Number(count!.n);
  }

  async function* symbols(kb: SourceKb): AsyncIterable<readonly SourceSymbol[]> {
    let cursor = "0";
    do {
      // A scan may give a symbol twice: what is said of it is the same both times.
      const [next, found] = await asking("reading symbols", () => redis.hscan(`${kb.name}:symbols:pmf`, cursor, "COUNT", batchPatterns));
      cursor = next;
      const names = found.filter((_, at) => at % 2 === 0);
      if (names.length === 0) continue;
      const frequencies = await asking("reading symbols", () => redis.hmget(`${kb.name}:symbols:freq`, ...names));
      const affinities = await asking("reading affinities", () => {
        const pipeline = redis.pipeline();
        for (const name of names) pipeline.hgetall(`${kb.name}:affinity:${name}`);
        return pipeline.exec();
      });
      yield names.map((symbol, at) => ({
        symbol,
        frequency: integerOf(frequencies[at]),
        patternMemberFrequency: integerOf(found[2 * at + 1]),
        affinity: affinityOf(affinities?.[at]?.[1]),
      }));
    } while (cursor !== "0");
  }

  return {
    description: `KATO 3 (ClickHouse at ${new URL(options.clickhouse.url).host}, Redis at ${new URL(options.redisUrl).host})`,
    async listKbs() {
      const found = await rows<{ kb_id: string; n: string }>(
        "listing knowledge bases",
        `SELECT kb_id, toString(count()) AS n FROM ${DATABASE}.patterns_data GROUP BY kb_id ORDER BY kb_id`,
      );
      return found.map(({ kb_id: name, n }) => ({ name, node: nodeOf(name, serviceName), patterns: Number(n) }));
    },
    batches,
    symbols,
    close,
  };
}

function passwordOf(url: string): string {
  return URL.canParse(url) ? decodeURIComponent(new URL(url).password) : "";
}

/** JSON as KATO's Redis holds it; what cannot be read is handed on as text and told of as no record. */
function jsonOf(text: string | null | undefined): unknown {
  if (text === null || text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function affinityOf(hash: unknown): EmotiveRecord {
  if (typeof hash !== "object" || hash === null) return [];
  return Object.entries(hash)
    .map(([name, value]) => [name, Number(value)] as const)
    .filter(([, value]) => Number.isFinite(value));
}
