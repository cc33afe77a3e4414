/**
 * What the pattern store asks of ClickHouse, and the embedded engine behind it (the server: `clickhouse-server.ts`; no other file knows which
 * it is). Both come through `@clickhouse/client`; bytes (Native blocks in, raw JSON lines out) take the embedded engine's own calls, because
 * its bodies otherwise pass through a UTF-8 string.
 *
 * An embedded session runs one query at a time, so there is a small pool: one writer, one loader
 * for what takes seconds, and readers that are leased. Settings are never
 * passed to the embedded engine as settings (they would stay for later queries): they stand in a SETTINGS clause of the SQL.
 */
import { rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createClient } from "@clickhouse/client";
import type { ChdbConnection } from "chdb/connection";
import { EngineError } from "../errors.ts";
import { Lease } from "./lease.ts";

type Client = ReturnType<typeof createClient>;

/** Values of `{name:Type}` placeholders. */
export type Params = Readonly<Record<string, string | number | bigint | readonly number[] | readonly bigint[]>>;

export interface ClickHouse {
  /** Name of the database that holds the tables; safe to stand in SQL. */
  readonly database: string;
  /** The engine runs in this process: its memory and its threads are the process's own, and bytes from it cross no network. */
  readonly isWithin: boolean;
  /** Rows of a query as objects. UInt64 comes as a number: keep asked values below 2^53 or cast them to String. */
  rows<T>(sql: string, params?: Params): Promise<T[]>;
  command(sql: string, params?: Params): Promise<void>;
  /** A command that may take seconds, beside the writer: filling an index. One at a time in the embedded engine. */
  load(sql: string, params?: Params): Promise<void>;
  /**
   * Inserts rows given as JSON arrays (one text a row, or all of them as bytes with a line end behind each), as one block. An insert repeated with
   * an equal token changes nothing.
   */
  insert(table: string, columns: readonly string[], rows: readonly string[] | Uint8Array, token: string): Promise<void>;
  /**
   * Inserts a block of rows in Native format (native-rows.ts), beside the writer as `load`, as one part. Not known again when it is repeated: for tables
   * in which a row that stands twice changes nothing.
   */
  loadBlock(table: string, columns: readonly string[], block: Uint8Array): Promise<void>;
  /** Bytes of the answer in Native format, as they come. Ending the iteration early stops the query. */
  native(sql: string, params: Params, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  ping(): Promise<boolean>;
  close(): Promise<void>;
}

/** One block an insert: a token speaks for a block, so a batch split in two would be judged by halves. */
export const INSERT_SETTINGS = {
  async_insert: 0,
  precise_float_parsing: 1,
  input_format_parallel_parsing: 0,
  max_insert_block_size: 1_048_576,
  min_insert_block_size_rows: 1_048_576,
  min_insert_block_size_bytes: 1_073_741_824,
} as const;

/** One sorted part a load. */
export const LOAD_BLOCK_SETTINGS = {
  max_insert_block_size: "16777216",
  min_insert_block_size_rows: "16777216",
  min_insert_block_size_bytes: "1073741824",
} as const;

/**
 * Puts values in the place of `{name:Type}` where the embedded stream call takes no parameters. Integers are written as digits and
 * text as `unhex('…')`, so no character of a value ever stands in the SQL.
 */
export function bindLiterals(sql: string, params: Params): string {
  return sql.replace(/\{(\w+):([\w()]+)\}/g, (_, name: string, type: string) => {
    const value = Object.hasOwn(params, name) ? params[name] : undefined;
    if (typeof value === "string" && type === "String") return `unhex('${Buffer.from(value, "utf8").toString("hex")}')`;
    // Digits alone: the engine takes the narrowest type, and each cast would cost as much to analyse as a condition.
    if (isUnsigned(value) && /^UInt(8|16|32|64)$/.test(type)) return String(value);
    if (Array.isArray(value) && type === "Array(UInt64)" && value.every(isUnsigned)) {
      // One literal: a thousand calls of a function cost as much as the look-up they are for.
      return `CAST([${value.join(",")}], 'Array(UInt64)')`;
    }
    throw new EngineError("ENGRAM_STORE_REPLY", `The query's parameter ${name}:${type} has no value of that type.`);
  });
}

function isUnsigned(value: unknown): value is number | bigint {
  return typeof value === "bigint" ? value >= 0n && value < 1n << 64n : Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Names are the program's own; the file's may hold anything. */
function loadBlockSql(table: string, columns: readonly string[], file: string): string {
  const quoted = `'${file.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const settings = Object.entries({ max_threads: 1, ...LOAD_BLOCK_SETTINGS }).map(([name, value]) => `${name} = ${value}`);
  return `INSERT INTO ${table} (${columns.join(", ")}) FROM INFILE ${quoted} SETTINGS ${settings.join(", ")} FORMAT Native`;
}

/** Maps what the client throws to the engine's codes; the text of the cause stays in the log only. */
export function clickhouseError(error: unknown, doing: string): EngineError {
  if (error instanceof EngineError) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (/No space left on device|NOT_ENOUGH_SPACE|Cannot reserve .* not enough space/i.test(text)) {
    return new EngineError("ENGRAM_DISK_FULL", `ClickHouse has no disk space left while ${doing}. Free space on its disk; reads go on.`, {
      cause: error,
    });
  }
  if (/Cannot lock file|Another server instance/i.test(text)) {
    return new EngineError(
      "ENGRAM_DATA_LOCKED",
      "Another process has the ClickHouse data folder open. Stop it, or choose another data folder.",
      {
        cause: error,
      },
    );
  }
  if (/ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|ENOTFOUND|Timeout|socket hang up/i.test(text)) {
    return new EngineError("ENGRAM_STORE_UNREACHABLE", `ClickHouse does not answer while ${doing}. Try again; check that it runs.`, {
      cause: error,
    });
  }
  return new EngineError("ENGRAM_STORE_REPLY", `ClickHouse refused ${doing}: ${text.split("\n")[0]!.slice(0, 300)}`, { cause: error });
}

/** Chunks of a stream, the next one asked for before the last is used: the engine works only while it is asked. */
async function* readAhead(stream: AsyncIterable<{ raw(): Uint8Array }>): AsyncIterable<Uint8Array> {
  const chunks = stream[Symbol.asyncIterator]();
  let next = chunks.next();
  try {
    for (;;) {
      const chunk = await next;
      if (chunk.done === true) return;
      const bytes = chunk.value.raw();
      next = chunks.next();
      yield bytes;
    }
  } finally {
    // The stream may be given up only when nothing of it is under way; how that ended is the consumer's no more.
    await next.catch(() => undefined);
    await chunks.return?.();
  }
}

/**
 * How the engine is started. Parts that merges left are removed by two threads: by default 128 are made for it some time after a load, and their
 * stacks stay.
 */
const ENGINE_ARGUMENTS: readonly string[] = ["--max_parts_cleaning_thread_pool_size=2"];

/** Opens the embedded engine on a folder. `readers` queries run at a time besides the writer. */
export async function openEmbedded(path: string, readers: number): Promise<ClickHouse> {
  // Loaded here only, so that an installation that talks to a server can leave the 540 MB package out.
  const [{ Session }, { createChdbConnection }] = await Promise.all([import("chdb"), import("chdb/connection")]);
  let engine: { close(): void } | undefined;
  const connections: ChdbConnection[] = [];
  const clients: Client[] = [];
  const connect = (): number => {
    const connection = createChdbConnection({ path });
    connections.push(connection);
    clients.push(createClient({ connection: connection as never, application: "engram" }));
    return connections.length - 1;
  };
  let writer: Lease<number>;
  let loader: Lease<number>;
  let pool: Lease<number>;
  try {
    // The first to open a folder says how the engine is started; it stays open as long as the others.
    engine = new Session(path, { connectionArgs: [...ENGINE_ARGUMENTS] });
    writer = new Lease([connect()]);
    loader = new Lease([connect()]);
    pool = new Lease(Array.from({ length: readers }, connect));
    await clients[0]!.command({ query: "CREATE DATABASE IF NOT EXISTS engram" });
  } catch (error) {
    await Promise.allSettled(clients.map((client) => client.close()));
    engine?.close();
    throw clickhouseError(error, "opening the data folder");
  }
  const commandOn =
    (lease: Lease<number>, doing: string) =>
    (sql: string, params?: Params): Promise<void> =>
      lease.with(async (i) => {
        try {
          await clients[i]!.command({ query: sql, query_params: { ...params } });
        } catch (error) {
          throw clickhouseError(error, doing);
        }
      });
  return {
    database: "engram",
    isWithin: true,
    rows: (sql, params) =>
      pool.with(async (i) => {
        try {
          const answer = await clients[i]!.query({ query: sql, query_params: { ...params }, format: "JSONEachRow" });
          return await answer.json();
        } catch (error) {
          throw clickhouseError(error, "reading");
        }
      }),
    command: commandOn(writer, "changing the schema or deleting"),
    load: commandOn(loader, "filling an index"),
    insert: (table, columns, rows, token) =>
      writer.with(async (i) => {
        try {
          await connections[i]!.chdb.rawInsert({
            table: `engram.${table}`,
            columns: [...columns],
            values:
              rows instanceof Uint8Array
                ? Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength)
                : Buffer.from(`${rows.join("\n")}\n`, "utf8"),
            format: "JSONCompactEachRow",
            settings: { ...INSERT_SETTINGS, insert_deduplication_token: token },
          });
        } catch (error) {
          throw clickhouseError(error, `inserting into ${table}`);
        }
      }),
    loadBlock: (table, columns, block) =>
      loader.with(async (i) => {
        // The engine takes bytes of a file only. There is one loader, so one name does; a killed process leaves one file at most.
        const file = join(resolve(path), "block.native");
        try {
          await writeFile(file, block);
          await clients[i]!.command({ query: loadBlockSql(`engram.${table}`, columns, file) });
        } catch (error) {
          throw clickhouseError(error, `inserting into ${table}`);
        } finally {
          await rm(file, { force: true });
        }
      }),
    async *native(sql, params, signal) {
      const i = await pool.take(signal);
      try {
        const stream = connections[i]!.chdb.queryStream(bindLiterals(sql, params), { format: "Native", ...(signal && { signal }) });
        yield* readAhead(stream);
      } catch (error) {
        if (signal?.aborted) throw new EngineError("ENGRAM_ABORTED", "The caller ended the request.", { cause: error });
        throw clickhouseError(error, "reading patterns");
      } finally {
        pool.give(i);
      }
    },
    ping: async () => (await clients[1]!.ping()).success,
    close: async () => {
      await writer.drain();
      await loader.drain();
      await pool.drain();
      for (const client of clients) await client.close();
      engine?.close();
    },
  };
}
