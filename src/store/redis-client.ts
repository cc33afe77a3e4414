/** Makes the ioredis client of an address: how it connects, waits and gives up. The one place that knows ioredis' options. */
import { readFileSync } from "node:fs";
import { Cluster, Redis, type RedisOptions } from "ioredis";
import { EngineError } from "../errors.ts";
import type { RedisAddress, RedisHost } from "./redis-address.ts";

export interface RedisLogin {
  /** Where the address names none. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Of the Sentinels themselves. */
  readonly sentinelPassword?: string | undefined;
  /** Certificates (PEM) of the authority that signed the servers', where the system does not know it. */
  readonly tlsCaFile?: string | undefined;
  readonly commandTimeoutMs: number;
  readonly socketTimeoutMs: number;
  readonly connectTimeoutMs: number;
}

/** Reconnect at most this long after the last try: every process is back within about a third of a second of Redis. */
const RETRY_MS_MAX = 300;
/** Nodes of a cluster, and Sentinels, are looked up again this long after a failure. */
const retryMs = (times: number): number => Math.min(RETRY_MS_MAX, 20 * 2 ** Math.min(times - 1, 8)) * (0.5 + Math.random() / 2);

function tlsOf({ tls }: RedisAddress, { tlsCaFile }: RedisLogin): RedisOptions["tls"] {
  if (!tls) return undefined;
  if (tlsCaFile === undefined) return {};
  try {
    return { ca: readFileSync(tlsCaFile) };
  } catch (error) {
    throw new EngineError(
      "ENGRAM_SETTINGS_INVALID",
      `The TLS file ${tlsCaFile} for Redis cannot be read. Check its path and permissions.`,
      {
        cause: error,
      },
    );
  }
}

/** A client that is not connected yet. Errors: ENGRAM_SETTINGS_INVALID. */
export function clientOf(address: RedisAddress, login: RedisLogin): Redis | Cluster {
  const tls = tlsOf(address, login);
  const username = address.user ?? login.user;
  const password = address.password ?? login.password;
  const common = {
    lazyConnect: true,
    // RESP2 gives the same shapes on every server version.
    protocol: 2 as const,
    disableClientInfo: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // 0 and not 1: with resending off, ioredis rejects what was under way only when this count is reached; with 1 it forgets such a
    // command at the first reconnect, and its caller waits for the whole command timeout.
    maxRetriesPerRequest: 0,
    commandTimeout: login.commandTimeoutMs,
    socketTimeout: login.socketTimeoutMs,
    connectTimeout: login.connectTimeoutMs,
    retryStrategy: retryMs,
    // While a server reads its file, it is asked again this often. By default ioredis believes the server's own estimate, in whole seconds: a
    // process that came too early stayed away for seconds after the others were back.
    maxLoadingRetryTime: RETRY_MS_MAX,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls }),
  } satisfies RedisOptions;
  if (address.kind === "cluster") {
    return new Cluster([...address.hosts], {
      lazyConnect: true,
      enableOfflineQueue: false,
      clusterRetryStrategy: retryMs,
      // A command whose connection broke may have run: it is not sent again behind the caller's back.
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      slotsRefreshTimeout: login.connectTimeoutMs,
      redisOptions: common,
    });
  }
  const { database: db } = address;
  if (address.kind === "server") return new Redis({ ...common, ...(address.hosts[0] as RedisHost), db });
  return new Redis({
    ...common,
    db,
    sentinels: [...address.hosts],
    name: address.master as string,
    sentinelRetryStrategy: retryMs,
    // A master that was demoted answers READONLY: the Sentinels are asked anew.
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
    ...(login.sentinelPassword !== undefined && { sentinelPassword: login.sentinelPassword }),
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
  });
}
