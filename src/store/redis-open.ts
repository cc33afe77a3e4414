/** Opens the state store on Redis: the address says whether one server, Sentinels or a cluster. */
import { type Logger, silentLogger } from "../log.ts";
import type { EventBus } from "./event-bus.ts";
import { RedisClusterState } from "./redis-cluster-state.ts";
import { RedisConnection, type RedisLayout } from "./redis-connection.ts";
import { openRedisEvents } from "./redis-events.ts";
import { RedisState } from "./redis-state.ts";
import type { SessionNotes } from "./session-notes.ts";
import type { StateStore, StateStoreLimits } from "./state-store.ts";

export interface RedisStateOptions extends StateStoreLimits {
  /** In one of the forms of `redis-address.ts`. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  readonly tlsCaFile?: string | undefined;
  readonly layout?: RedisLayout | undefined;
  readonly katoPatternsMax?: number;
  /** Before every key of this deployment. */
  readonly keyPrefix?: string;
  readonly katoPrefix?: string;
  /** A call not answered by then fails. It leaves room for a slow bulk learn before it in the server's queue. */
  readonly commandTimeoutMs?: number;
  /** A connection that gives no byte for this long while it owes an answer is cut and made again. */
  readonly socketTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
  readonly log?: Logger;
}

/** The state store, with what its processes share beside it. */
export interface RedisStores {
  readonly state: StateStore;
  readonly events: EventBus;
  readonly notes: SessionNotes;
}

/** The state store alone. Errors: ENGRAM_SETTINGS_INVALID, ENGRAM_STORE_UNREACHABLE, ENGRAM_DATA_FORMAT. */
export async function openRedisState(options: RedisStateOptions): Promise<StateStore> {
  return (await connect(options)).state;
}

/** Errors: as `openRedisState`. */
export async function openRedis(options: RedisStateOptions): Promise<RedisStores> {
  const { state, connection } = await connect(options);
  try {
    return { state, events: await openRedisEvents(connection, options.log ?? silentLogger), notes: state.notes };
  } catch (error) {
    await state.close();
    throw error;
  }
}

async function connect(options: RedisStateOptions): Promise<{ state: RedisState; connection: RedisConnection }> {
  const log = options.log ?? silentLogger;
  const connection = await RedisConnection.open({
    keyPrefix: "engram:",
    katoPrefix: "",
    katoPatternsMax: 2_000_000,
    commandTimeoutMs: 1_000,
    socketTimeoutMs: 2_000,
    connectTimeoutMs: 2_000,
    ...options,
  });
  const state = connection.isCluster
    ? new RedisClusterState(connection, options.outboxMax, log)
    : new RedisState(connection, options.outboxMax, log);
  return { state, connection };
}
