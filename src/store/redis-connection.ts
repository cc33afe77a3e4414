/**
 * One connection to Redis: how it fails, how a script is run, and how a change is made sure of (`redis-barrier.ts`). A call fails within
 * milliseconds while Redis is away, and is never sent twice by itself: the caller knows whether repeating is safe. Errors carry neither the
 * address nor the password.
 */
import { createHash, randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { EngineError } from "../errors.ts";
import { type Logger, silentLogger } from "../log.ts";
import { WriteBarrier } from "./redis-barrier.ts";
import { SCRIPTS, type ScriptName } from "./redis-scripts.ts";
import { STATE_FORMAT } from "./state-records.ts";

export interface RedisConnectionOptions {
  readonly url: string;
  readonly keyPrefix: string;
  readonly commandTimeoutMs: number;
  readonly socketTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly log?: Logger;
}

/** Reconnect at most this long after the last try: every process is back within about a third of a second of Redis. */
const RETRY_MS_MAX = 300;

const SHAS = new Map<ScriptName, string>(
  (Object.keys(SCRIPTS) as ScriptName[]).map((name) => [name, createHash("sha1").update(SCRIPTS[name], "utf8").digest("hex")]),
);

export type ScriptArgument = string | number | Buffer;

export class RedisConnection {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #log: Logger;
  readonly #secrets: readonly string[];
  readonly #barrier: WriteBarrier;
  readonly #underWay = new Set<Promise<unknown>>();
  #storeId = "";
  #lastTrouble = "";
  #closed = false;
  /** Called whenever the connection was lost: what was cached may belong to another past. */
  onLost: () => void = () => {};

  private constructor(redis: Redis, options: RedisConnectionOptions) {
    this.#redis = redis;
    this.#prefix = options.keyPrefix;
    this.#log = options.log ?? silentLogger;
    this.#secrets = secretsOf(options.url);
    redis.on("error", (error: Error) => this.#trouble(error));
    this.#barrier = new WriteBarrier({ info: () => this.#info(), policy: () => this.#policy() }, this.#log);
    redis.on("close", () => {
      this.#barrier.lost();
      this.onLost();
    });
  }

  /** Connects and checks the data format. Errors: ENGRAM_SETTINGS_INVALID, ENGRAM_STORE_UNREACHABLE, ENGRAM_DATA_FORMAT. */
  static async open(options: RedisConnectionOptions): Promise<RedisConnection> {
    if (!URL.canParse(options.url) || !/^rediss?:$/.test(new URL(options.url).protocol)) {
      throw new EngineError("ENGRAM_SETTINGS_INVALID", "The address of Redis must have the form redis://host:port or rediss://host:port.");
    }
    const redis = new Redis(options.url, {
      lazyConnect: true,
      // RESP2 gives the same shapes on every server version.
      protocol: 2,
      disableClientInfo: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      // 0 and not 1: with resending off, ioredis rejects what was under way only when this count is reached; with 1 it forgets such a
      // command at the first reconnect, and its caller waits for the whole command timeout.
      maxRetriesPerRequest: 0,
      commandTimeout: options.commandTimeoutMs,
      socketTimeout: options.socketTimeoutMs,
      connectTimeout: options.connectTimeoutMs,
      retryStrategy: (times) => Math.min(RETRY_MS_MAX, 20 * 2 ** Math.min(times - 1, 8)) * (0.5 + Math.random() / 2),
    });
    const connection = new RedisConnection(redis, options);
    try {
      await redis.connect();
      await connection.#identify();
    } catch (error) {
      redis.disconnect();
      connection.#closed = true;
      throw connection.#error(error);
    }
    return connection;
  }

  async #identify(): Promise<void> {
    const key = `${this.#prefix}id`;
    // Written only when it is not there: a server that takes no more writes can still be opened for reading.
    if ((await this.#redis.exists(key)) === 0) await this.#redis.setnx(key, `${STATE_FORMAT}:${randomBytes(8).toString("hex")}`);
    const id = (await this.#redis.get(key)) ?? "";
    const [format = ""] = id.split(":");
    if (format !== STATE_FORMAT) {
      throw new EngineError("ENGRAM_DATA_FORMAT", `The state store has data format ${format}; this version reads format ${STATE_FORMAT}.`);
    }
    this.#storeId = id;
  }

  /** Random name of this store, made when it was first used. */
  get storeId(): string {
    return this.#storeId.slice(STATE_FORMAT.length + 1);
  }

  /** Runs a script. Bulk replies are Buffers. After an error the script may have run all the same (its answer was lost). */
  async run(name: ScriptName, ...args: readonly ScriptArgument[]): Promise<unknown> {
    if (this.#closed) throw new EngineError("ENGRAM_CLOSED", "The state store is closed.");
    try {
      try {
        return await this.#redis.callBuffer("evalsha", SHAS.get(name) as string, 0, this.#prefix, this.#storeId, ...args);
      } catch (error) {
        // Not run at all: the server does not have the script yet (or any more).
        if (!messageOf(error).startsWith("NOSCRIPT")) throw error;
        return await this.#redis.callBuffer("eval", SCRIPTS[name], 0, this.#prefix, this.#storeId, ...args);
      }
    } catch (error) {
      throw this.#error(error);
    }
  }

  /** Runs a script that changes something, and answers when the change is in the server's append-only file. */
  change(name: ScriptName, ...args: readonly ScriptArgument[]): Promise<unknown> {
    const answer = this.#change(name, args);
    this.#underWay.add(answer);
    const over = (): boolean => this.#underWay.delete(answer);
    answer.then(over, over);
    return answer;
  }

  async #change(name: ScriptName, args: readonly ScriptArgument[]): Promise<unknown> {
    const reply = await this.run(name, ...args);
    await this.#barrier.cross();
    return reply;
  }

  async #info(): Promise<string | undefined> {
    try {
      return await this.#redis.info("persistence");
    } catch (error) {
      if (/^NOPERM\b/.test(messageOf(error))) return undefined;
      throw this.#error(error);
    }
  }

  async #policy(): Promise<string | undefined> {
    try {
      const reply = (await this.#redis.call("config", "get", "appendfsync")) as string[];
      return reply[1];
    } catch (error) {
      // Forbidden to this user, or not there at all, as with many hosts.
      if (isReply(error)) return undefined;
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

/** The password of a URL, as written and decoded. */
function secretsOf(url: string): string[] {
  const { password } = new URL(url);
  return password === "" ? [] : [...new Set([password, decodeURIComponent(password)])];
}
