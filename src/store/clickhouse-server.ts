/**
 * ClickHouse as a server, over HTTP: a pool of kept-alive connections, time limits, TLS, compression, and repeating. Every call of the pattern
 * store may be repeated: reads change nothing, inserts carry a deduplication token, the schema's and the deleting statements lead to the
 * same state. So a call that met a broken connection, a proxy's 503 or a server that is full for the moment is tried again a few times,
 * within about half a second; beyond that it fails with ENGRAM_STORE_UNREACHABLE, and the flusher goes on trying.
 *
 * Users, passwords and addresses stand in no error and no log line. Not for an engine in this process: `clickhouse-client.ts`.
 */
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { ClickHouseError, ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { EngineError } from "../errors.ts";
import { type ClickHouse, clickhouseError, INSERT_SETTINGS, LOAD_BLOCK_SETTINGS } from "./clickhouse-client.ts";

export interface ClickHouseServer {
  /** `http://` or `https://`; may hold user and password. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Connections at a time; a call beyond waits for one. */
  readonly connectionsMax: number;
  /** Without a byte for this long, a request has failed. */
  readonly requestTimeoutMs: number;
  /** gzip both ways: for a network that is slower than a core packs, some 100 MB a second. */
  readonly compression: boolean;
  /** Files in PEM form, for a server whose authority the system does not know, and for one that asks who we are. */
  readonly tlsCaFile?: string | undefined;
  readonly tlsCertFile?: string | undefined;
  readonly tlsKeyFile?: string | undefined;
}

/** Pauses before the second, third and fourth try, each halved at random so that processes do not come back in step. */
const RETRY_PAUSES_MS = [30, 120, 360];

/** A server closes idle connections after 3 s (before 23.11) or 10 s; one closed while a request is sent costs a retry. */
const IDLE_SOCKET_MS = 2_500;

/**
 * Answers of a server that is there but cannot do it now: too many queries, a socket's time-out, no network between servers, a replica
 * without its coordination, an insert whose end it does not know, no thread, no memory.
 */
const PASSING = new Set(["202", "209", "210", "242", "319", "439", "241", "999"]);

const secretsOf = (server: ClickHouseServer): string[] => {
  const { password } = new URL(server.url);
  return [server.password, password, decodeURIComponent(password)].filter((secret) => secret !== "");
};

function tlsOf(server: ClickHouseServer): { ca_cert: Buffer } | { ca_cert: Buffer; cert: Buffer; key: Buffer } | undefined {
  const read = (file: string): Buffer => {
    try {
      return readFileSync(file);
    } catch (error) {
      throw new EngineError(
        "ENGRAM_SETTINGS_INVALID",
        `The TLS file ${file} for ClickHouse cannot be read. Check its path and permissions.`,
        {
          cause: error,
        },
      );
    }
  };
  const { tlsCaFile, tlsCertFile, tlsKeyFile } = server;
  if ((tlsCertFile === undefined) !== (tlsKeyFile === undefined) || (tlsCertFile !== undefined && tlsCaFile === undefined)) {
    throw new EngineError(
      "ENGRAM_SETTINGS_INVALID",
      "A client certificate for ClickHouse takes three files: clickhouse.tlsCaFile, clickhouse.tlsCertFile and clickhouse.tlsKeyFile.",
    );
  }
  if (tlsCaFile === undefined) return undefined;
  const ca_cert = read(tlsCaFile);
  return tlsCertFile === undefined || tlsKeyFile === undefined ? { ca_cert } : { ca_cert, cert: read(tlsCertFile), key: read(tlsKeyFile) };
}

/** Opens a ClickHouse server and makes the database if it is absent. Errors: ENGRAM_SETTINGS_INVALID, ENGRAM_STORE_UNREACHABLE, ENGRAM_STORE_REPLY. */
export async function openServer(server: ClickHouseServer): Promise<ClickHouse> {
  const { database } = server;
  if (!/^\w{1,64}$/.test(database)) {
    throw new EngineError(
      "ENGRAM_SETTINGS_INVALID",
      "The ClickHouse database name may hold letters, digits and underscores only, 64 at most.",
    );
  }
  const tls = tlsOf(server);
  const url = new URL(server.url);
  const client = createClient({
    url: `${url.origin}${url.pathname}`,
    username: decodeURIComponent(url.username) || server.user,
    password: decodeURIComponent(url.password) || server.password,
    application: "engram",
    request_timeout: server.requestTimeoutMs,
    max_open_connections: server.connectionsMax,
    keep_alive: { enabled: true, idle_socket_ttl: IDLE_SOCKET_MS, eagerly_destroy_stale_sockets: true },
    compression: { request: server.compression, response: server.compression },
    // Rows come to `insert` as JSON texts already: they are handed on, not parsed and printed again.
    json: { stringify: (value) => (typeof value === "string" ? value : JSON.stringify(value)), parse: JSON.parse },
    // The client would print each failed query with its arguments; what is worth a line is logged by who called.
    log: { level: ClickHouseLogLevel.OFF },
    ...(tls && { tls }),
  });
  const secrets = secretsOf(server);
  const failure = (error: unknown, doing: string): EngineError => serverError(error, doing, secrets);

  /** Tries a call again while that may help. */
  async function insist<T>(doing: string, call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let tries = 0; ; tries++) {
      try {
        return await call();
      } catch (error) {
        if (signal?.aborted) throw new EngineError("ENGRAM_ABORTED", "The caller ended the request.", { cause: error });
        const known = failure(error, doing);
        const pause = RETRY_PAUSES_MS[tries];
        if (known.code !== "ENGRAM_STORE_UNREACHABLE" || pause === undefined) throw known;
        await sleep(pause * (0.5 + Math.random() / 2));
      }
    }
  }

  try {
    await insist("opening the server", () =>
      client.command({ query: "CREATE DATABASE IF NOT EXISTS {database:Identifier}", query_params: { database } }),
    );
  } catch (error) {
    await client.close();
    throw error;
  }
  return {
    database,
    isWithin: false,
    rows: <T>(sql: string, params: object = {}) =>
      insist("reading", async (): Promise<T[]> => {
        const answer = await client.query({ query: sql, query_params: { ...params }, format: "JSONEachRow" });
        return await answer.json<T>();
      }),
    command: async (sql, params) => {
      await insist("changing the schema or deleting", () => client.command({ query: sql, query_params: { ...params } }));
    },
    load: async (sql, params) => {
      await insist("filling an index", () => client.command({ query: sql, query_params: { ...params } }));
    },
    insert: async (table, columns, rows, token) => {
      const values = rows instanceof Uint8Array ? [Buffer.from(rows).toString("utf8").trimEnd()] : rows;
      await insist(`inserting into ${table}`, () =>
        client.insert({
          table: `${database}.${table}`,
          columns: [...columns] as [string, ...string[]],
          values,
          format: "JSONCompactEachRow",
          clickhouse_settings: {
            ...INSERT_SETTINGS,
            max_insert_block_size: String(INSERT_SETTINGS.max_insert_block_size),
            min_insert_block_size_rows: String(INSERT_SETTINGS.min_insert_block_size_rows),
            min_insert_block_size_bytes: String(INSERT_SETTINGS.min_insert_block_size_bytes),
            insert_deduplication_token: token,
          },
        }),
      );
    },
    loadBlock: async (table, columns, block) => {
      await insist(`inserting into ${table}`, async () => {
        const { stream } = await client.exec({
          query: `INSERT INTO ${database}.${table} (${columns.join(", ")}) FORMAT Native`,
          values: Readable.from([Buffer.from(block.buffer, block.byteOffset, block.byteLength)], { objectMode: false }),
          clickhouse_settings: LOAD_BLOCK_SETTINGS,
        });
        stream.resume();
        await finished(stream);
      });
    },
    async *native(sql, params, signal) {
      const open = (): Promise<{ stream: AsyncIterable<unknown> }> =>
        client.exec({ query: `${sql} FORMAT Native`, query_params: { ...params }, ...(signal && { abort_signal: signal }) });
      // Only the beginning is repeated: what was handed on cannot be taken back, and the caller scans anew.
      const { stream } = await insist("reading patterns", open, signal);
      try {
        for await (const chunk of stream) yield chunk as Uint8Array;
      } catch (error) {
        if (signal?.aborted) throw new EngineError("ENGRAM_ABORTED", "The caller ended the request.", { cause: error });
        throw failure(error, "reading patterns");
      }
      if (signal?.aborted) throw new EngineError("ENGRAM_ABORTED", "The caller ended the request.");
    },
    ping: async () => (await client.ping()).success,
    close: () => client.close(),
  };
}

/** What the client threw, in the engine's codes and without secrets. What no ClickHouse said came from the way there. */
export function serverError(error: unknown, doing: string, secrets: readonly string[]): EngineError {
  if (error instanceof EngineError) return error;
  const text = secrets.reduce((clean, secret) => clean.replaceAll(secret, "***"), error instanceof Error ? error.message : String(error));
  // A plain error as cause: the client's own may carry the request.
  const cause = new Error(text);
  if (!(error instanceof ClickHouseError) || PASSING.has(error.code)) {
    if (/No space left on device|NOT_ENOUGH_SPACE/i.test(text)) return clickhouseError(cause, doing);
    return new EngineError("ENGRAM_STORE_UNREACHABLE", `ClickHouse does not answer while ${doing}. Try again; check that it runs.`, {
      cause,
    });
  }
  if (error.type === "AUTHENTICATION_FAILED" || error.type === "ACCESS_DENIED") {
    const told = `ClickHouse refused ${doing}: the user's name, password or rights do not suffice. Set clickhouse.user and clickhouse.password.`;
    return new EngineError("ENGRAM_STORE_REPLY", told, { cause });
  }
  return clickhouseError(cause, doing);
}
