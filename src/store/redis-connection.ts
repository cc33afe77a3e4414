/**
 * One connection to Redis (a server, the master behind Sentinels, a cluster): how it fails, how a script is run, and how a change is made
 * sure of (`redis-barrier.ts`). A call fails within milliseconds while Redis is away, and is never sent twice by itself: the caller knows
 * whether repeating is safe. Errors carry neither the address nor the password.
 */
import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster, Redis } from "ioredis";
import { EngineError } from "../errors.ts";
import { type Logger, silentLogger } from "../log.ts";
import { parseRedisAddress } from "./redis-address.ts";
import { WriteBarrier } from "./redis-barrier.ts";
import { clientOf, type RedisLogin } from "./redis-client.ts";
import { slotOf } from "./redis-places.ts";
import { SCRIPTS, type ScriptName } from "./redis-scripts.ts";

/** Version of the keys and records in Redis; another one found on open is refused with ENGRAM_DATA_FORMAT. */
const REDIS_FORMAT = "3";

export type RedisLayout = "kato" | "compact";

export interface RedisConnectionOptions extends RedisLogin {
  readonly url: string;
  readonly keyPrefix: string;
  /** Which keys are written (`redis-kato-script.ts`); absent: kato, and in a cluster compact, the only one there. */
  readonly layout?: RedisLayout | undefined;
  /** Patterns that the layout kato takes. */
  readonly katoPatternsMax: number;
  /** Before KATO's own key names, for tests that share a server. */
  readonly katoPrefix: string;
  readonly commandTimeoutMs: number;
  readonly socketTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly log?: Logger;
}

const SHAS = new Map<ScriptName, string>(
  (Object.keys(SCRIPTS) as ScriptName[]).map((name) => [name, createHash("sha1").update(SCRIPTS[name], "utf8").digest("hex")]),
);

export type ScriptArgument = string | number | Buffer;

/** Between two tries to compare a server that came back. */
const SETTLE_RETRY_MS = 200;

/** The servers of a connection, one or many: each has its own append-only file. */
interface Node {
  readonly barrier: WriteBarrier;
}

export class RedisConnection {
  readonly #redis: Redis | Cluster;
  readonly layout: RedisLayout;
  readonly prefix: string;
  readonly #layoutArgument: string;
  readonly #listener: () => Redis | Cluster;
  readonly #log: Logger;
  readonly #secrets: readonly string[];
  readonly #nodes = new Map<Redis | Cluster, Node>();
  readonly #underWay = new Set<Promise<unknown>>();
  #storeId = "";
  #lastTrouble = "";
  #closed = false;
  /** Called whenever a connection was lost: what was cached may belong to another past. */
  onLost: () => void = () => {};
  /**
   * Called when the server that came back is another process than before (started again, or promoted in a failover): it may have lost what
   * was acknowledged. Changes are refused until it resolves. Not in a cluster.
   */
  onReplaced: () => Promise<void> = async () => {};
  #serverId: string | undefined;
  /** Rises with every connection lost: what was found out about an earlier one does not count. */
  #losses = 0;
  #settled = true;

  private constructor(redis: Redis | Cluster, layout: RedisLayout, secrets: readonly string[], options: RedisConnectionOptions) {
    this.#redis = redis;
    this.#listener = () => clientOf(parseRedisAddress(options.url), options);
    this.layout = layout;
    this.prefix = options.keyPrefix;
    this.#layoutArgument = layout === "kato" ? `k${options.katoPatternsMax} ${options.katoPrefix}` : "";
    this.#log = options.log ?? silentLogger;
    this.#secrets = secrets;
    redis.on("error", (error: Error) => this.#trouble(error));
    if (redis instanceof Redis) {
      redis.on("close", () => {
        this.#settled = false;
        this.#losses += 1;
        this.#lost(redis);
      });
      redis.on("ready", () => void this.#settle(redis));
    } else {
      redis.on("node error", (error: Error) => this.#trouble(error));
      redis.on("+node", (node: Redis) => {
        node.on("close", () => this.#lost(node));
      });
      redis.on("-node", (node: Redis) => {
        this.#lost(node);
        this.#nodes.delete(node);
      });
    }
  }

  /** Connects and checks the data format. Errors: ENGRAM_SETTINGS_INVALID, ENGRAM_STORE_UNREACHABLE, ENGRAM_DATA_FORMAT. */
  static async open(options: RedisConnectionOptions): Promise<RedisConnection> {
    const address = parseRedisAddress(options.url);
    const layout = options.layout ?? (address.kind === "cluster" ? "compact" : "kato");
    if (address.kind === "cluster" && layout === "kato") {
      const told = "The key layout kato is not for Redis Cluster: its keys have no common slot. Set redis.layout to compact.";
      throw new EngineError("ENGRAM_SETTINGS_INVALID", told);
    }
    const secrets = [options.password, options.sentinelPassword, address.password].flatMap((secret) =>
      secret ? [secret, encodeURIComponent(secret)] : [],
    );
    const redis = clientOf(address, options);
    const connection = new RedisConnection(redis, layout, [...new Set(secrets)], options);
    try {
      await redis.connect();
      // Every node is connected before the first call: calls that come while one connects would be refused.
      if (redis instanceof Cluster) await Promise.all(redis.nodes("master").map((node) => node.ping()));
      await connection.#identify();
    } catch (error) {
      redis.disconnect();
      connection.#closed = true;
      throw connection.#error(error);
    }
    return connection;
  }

  get isCluster(): boolean {
    return this.#redis instanceof Cluster;
  }

  async #identify(): Promise<void> {
    const key = `${this.prefix}id`;
    const head = `${REDIS_FORMAT} ${this.layout}`;
    // Written only when it is not there: a server that takes no more writes can still be opened for reading.
    if ((await this.#redis.exists(key)) === 0) await this.#redis.setnx(key, `${head}:${randomBytes(8).toString("hex")}`);
    const id = (await this.#redis.get(key)) ?? "";
    const [found = ""] = id.split(":");
    if (found !== head) {
      const [format, layout] = found.split(" ");
      const told =
        format === REDIS_FORMAT
          ? `The state store has the key layout ${layout}, and ${this.layout} is set. Set redis.layout to ${layout}, or empty it and run "engram rebuild".`
          : `The state store has data format ${format}; this version reads format ${REDIS_FORMAT}.`;
      throw new EngineError("ENGRAM_DATA_FORMAT", told);
    }
    this.#storeId = id;
  }

  /** Random name of this store, made when it was first used. */
  get storeId(): string {
    return this.#storeId.slice(this.#storeId.indexOf(":") + 1);
  }

  /** Runs a script on a place (`redis-scripts.ts`). Bulk replies are Buffers. After an error it may have run all the same (its answer was lost). */
  async run(name: ScriptName, place: string, ...args: readonly ScriptArgument[]): Promise<unknown> {
    if (this.#closed) throw new EngineError("ENGRAM_CLOSED", "The state store is closed.");
    const all = [1, place, this.#layoutArgument, this.isCluster ? "" : this.#storeId, ...args];
    try {
      try {
        return await this.#redis.callBuffer("evalsha", SHAS.get(name) as string, ...all);
      } catch (error) {
        // Not run at all: the server does not have the script yet (or any more).
        if (!messageOf(error).startsWith("NOSCRIPT")) throw error;
        return await this.#redis.callBuffer("eval", SCRIPTS[name], ...all);
      }
    } catch (error) {
      throw this.#error(error);
    }
  }

  /** Runs a script that changes something, and answers when the change is in the server's append-only file. */
  change(name: ScriptName, place: string, ...args: readonly ScriptArgument[]): Promise<unknown> {
    const answer = this.#change(name, place, args);
    this.#underWay.add(answer);
    const over = (): boolean => this.#underWay.delete(answer);
    answer.then(over, over);
    return answer;
  }

  async #change(name: ScriptName, place: string, args: readonly ScriptArgument[]): Promise<unknown> {
    if (!this.#settled && !this.#closed) {
      const told = "Redis came back and is being compared with what was acknowledged before. Try again shortly.";
      throw new EngineError("ENGRAM_STORE_UNREACHABLE", told);
    }
    const reply = await this.run(name, place, ...args);
    await this.#nodeOf(place).barrier.cross();
    return reply;
  }

  /** After each connect: lets changes in when the server is known, or found to have lost nothing that matters. Never rejects. */
  async #settle(redis: Redis): Promise<void> {
    const losses = this.#losses;
    while (!this.#closed && losses === this.#losses) {
      try {
        const id = /^run_id:(\w+)/m.exec((await this.#info(redis, "server")) ?? "")?.[1];
        if (this.#serverId !== undefined && id !== this.#serverId) await this.onReplaced();
        if (losses !== this.#losses) return;
        this.#serverId = id;
        this.#settled = true;
        return;
      } catch (error) {
        this.#log.warn({ err: error }, "redis came back and cannot be compared yet; changes are refused meanwhile");
        await sleep(SETTLE_RETRY_MS);
      }
    }
  }

  /** The server that holds a place. */
  #nodeOf(place: string): Node {
    const redis = this.#redis instanceof Redis ? this.#redis : masterOf(this.#redis, place);
    const known = this.#nodes.get(redis);
    if (known !== undefined) return known;
    const barrier = new WriteBarrier({ info: () => this.#info(redis, "persistence"), policy: () => this.#policy(redis) }, this.#log);
    this.#nodes.set(redis, { barrier });
    return { barrier };
  }

  #lost(redis: Redis): void {
    this.#nodes.get(redis)?.barrier.lost();
    this.onLost();
  }

  async #info(redis: Redis | Cluster, section: "persistence" | "server"): Promise<string | undefined> {
    try {
      return await redis.info(section);
    } catch (error) {
      if (/^NOPERM\b/.test(messageOf(error))) return undefined;
      throw this.#error(error);
    }
  }

  async #policy(redis: Redis | Cluster): Promise<string | undefined> {
    try {
      const reply = (await redis.call("config", "get", "appendfsync")) as string[];
      return reply[1];
    } catch (error) {
      // Forbidden to this user, or not there at all, as with many hosts.
      if (isReply(error)) return undefined;
      throw this.#error(error);
    }
  }

  /** A further connection, for what a subscriber may not share; not connected yet, and its end is the caller's. */
  listener(): Redis | Cluster {
    const listener = this.#listener();
    listener.on("error", (error: Error) => this.#trouble(error));
    return listener;
  }

  /** Errors: ENGRAM_STORE_UNREACHABLE. */
  async publish(channel: string, text: string): Promise<void> {
    try {
      await this.#redis.publish(channel, text);
    } catch (error) {
      throw this.#error(error);
    }
  }

  async ping(): Promise<boolean> {
    if (this.#closed) return false;
    try {
      return (await this.#redis.ping()) === "PONG";
    } catch (error) {
      this.#log.warn({ trouble: this.#clean(messageOf(error)) }, "redis does not answer");
      return false;
    }
  }

  /** Waits for what is under way, as far as Redis still answers. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // Their looks at the file come after their answers, so QUIT has to come after both.
    await Promise.allSettled(this.#underWay);
    try {
      await this.#redis.quit();
    } catch (error) {
      this.#log.debug({ trouble: this.#clean(messageOf(error)) }, "redis was away when its connection was closed");
    }
    this.#redis.disconnect();
  }

  #clean(text: string): string {
    return this.#secrets.reduce((clean, secret) => clean.replaceAll(secret, "***"), text);
  }

  #trouble(error: Error): void {
    const text = this.#clean(messageOf(error));
    // Said once, not at every try to connect again.
    if (text !== this.#lastTrouble) this.#log.warn({ trouble: text }, "trouble with the connection to redis");
    this.#lastTrouble = text;
  }

  #error(error: unknown): EngineError {
    if (error instanceof EngineError) return error;
    const text = this.#clean(messageOf(error));
    // A plain error as cause: ioredis hangs the command with its arguments on its own, and AUTH's are the password.
    const cause = new Error(text);
    if (/\bENGRAMGONE\b/.test(text)) {
      const told = "Redis was emptied or exchanged while this process ran. Start it again, so that what was learned is rebuilt.";
      return new EngineError("ENGRAM_STATE_BEHIND", told, { cause });
    }
    if (/\b(OOM|MISCONF)\b/.test(text)) {
      return new EngineError("ENGRAM_DISK_FULL", `Redis takes no more writes: ${text}. Free memory or disk; reads go on.`, { cause });
    }
    if (!isReply(error) || AWAY.test(text)) {
      const why = /isn't writeable|max retries|is closed/i.test(text) ? this.#lastTrouble || "connection lost" : text;
      return new EngineError("ENGRAM_STORE_UNREACHABLE", `Redis is not reachable (${why}). Try again shortly.`, { cause });
    }
    return new EngineError("ENGRAM_STORE_REPLY", `Redis refused a call: ${text}.`, { cause });
  }
}

/** Answers of a server that is there but cannot serve now. */
const AWAY = /\b(LOADING|READONLY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|MOVED|ASK|TRYAGAIN|BUSY|NOAUTH|WRONGPASS|NOPERM)\b/;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error));
const isReply = (error: unknown): boolean => error instanceof Error && error.name === "ReplyError";

/** The master of a place's slot, as far as the cluster's map is known; a wrong guess is a barrier at the wrong server, never a lost call. */
function masterOf(cluster: Cluster, place: string): Redis {
  const masters = cluster.nodes("master");
  const [key] = cluster.slots[slotOf(place)] ?? [];
  const found = masters.find(({ options }) => `${options.host}:${options.port}` === key) ?? masters[0];
  if (found === undefined) throw new EngineError("ENGRAM_STORE_UNREACHABLE", "No master of the Redis cluster is known. Try again shortly.");
  return found;
}
