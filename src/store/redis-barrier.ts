/**
 * Write barrier of the Redis state store: an answer is passed on only when its bytes are in the append-only file, as seen by the system.
 * Under `appendfsync everysec` Redis answers first and, while a flush to disk is under way, keeps what it answered in its own memory for up
 * to 2 s; a killed server loses that. `INFO persistence`, asked after the answer, tells how much is written and how much waits. WAITAOF
 * would say the same, from Redis 7.2 on only. Cost: one or two INFO (10 µs of the server each), shared by all callers who wait; none under
 * `appendfsync always`, which writes and flushes before it answers. It does not wait for the disk: a power cut is not its subject.
 */
import { EngineError } from "../errors.ts";
import type { Logger } from "../log.ts";

/** What `INFO persistence` says of the append-only file. */
export interface AofState {
  readonly enabled: boolean;
  /** Bytes handed to the system with write(2), over all files. */
  readonly written: number;
  /** Bytes in the server's memory, to be written next. */
  readonly waiting: number;
  /** `written` of two states can be compared while this is the same: a rewrite of the file begins a new count. */
  readonly series: string;
  /** The last write(2) failed; the server keeps the bytes and tries again each second. */
  readonly refused: boolean;
}

/** What the barrier asks of the server; both fail with an EngineError when it cannot be asked. */
export interface BarrierServer {
  /** `INFO persistence`; undefined when this user may not ask. */
  info(): Promise<string | undefined>;
  /** The value of `appendfsync`; undefined when this user may not ask. */
  policy(): Promise<string | undefined>;
}

interface Waiter {
  readonly sinceMs: number;
  /** `written` at which this caller's bytes are in the file. */
  target: number | undefined;
  /** Answers of INFO seen so far. */
  rounds: number;
  resolve(): void;
  reject(error: EngineError): void;
}

/** Redis writes after 2 s whatever the disk does; the rest is for a write that blocks. */
const WAIT_MS_MAX = 5_000;
/** Between two looks at a file that is not being written: a flush takes milliseconds to seconds, and 500 INFO a second are half a percent of a server. */
const LOOK_MS = 2;
/** For this long nothing is asked of a server that needs no barrier, and its policy not again: an operator can change it any time. */
const POLICY_MS = 10_000;

/** Errors: ENGRAM_STORE_REPLY. */
export function parseAof(info: string): AofState {
  const field = (name: string): string | undefined => new RegExp(`^${name}:([^\\r\\n]*)`, "m").exec(info)?.[1];
  const enabled = field("aof_enabled") === "1";
  const bytes = (name: string): number => {
    const value = field(name);
    if (value !== undefined && /^\d+$/.test(value)) return Number(value);
    if (!enabled) return 0;
    throw new EngineError("ENGRAM_STORE_REPLY", `Redis does not tell ${name}, so it cannot be seen whether a change is in its file.`);
  };
  return {
    enabled,
    written: bytes("aof_current_size"),
    waiting: bytes("aof_buffer_length"),
    // The count of rewrites is told from Redis 7 on; before, the size after the last one stands for it.
    series: `${bytes("aof_base_size")}/${field("aof_rewrites") ?? ""}`,
    refused: (field("aof_last_write_status") ?? "ok") !== "ok",
  };
}

export class WriteBarrier {
  readonly #server: BarrierServer;
  readonly #log: Logger;
  /** Came while an INFO was under way, which may be older than their answers: they wait for the next. */
  #arrived: Waiter[] = [];
  #asked: Waiter[] = [];
  #running = false;
  #last: AofState | undefined;
  #freeUntilMs = 0;
  #policyAtMs = 0;
  readonly #said = new Set<string>();

  constructor(server: BarrierServer, log: Logger) {
    this.#server = server;
    this.#log = log;
  }

  /**
   * To be called when the answer of a change has arrived, in the same turn of the event loop; resolves when the change is in the file.
   * Errors: ENGRAM_STORE_UNREACHABLE and ENGRAM_DISK_FULL, after which the change may or may not survive the server's end.
   */
  cross(): Promise<void> {
    const sinceMs = performance.now();
    if (sinceMs < this.#freeUntilMs) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#arrived.push({ sinceMs, target: undefined, rounds: 0, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  /** The connection is lost: the next one may lead to a server started again, whose figures say nothing of what waited here. */
  lost(): void {
    this.#last = undefined;
    this.#freeUntilMs = 0;
    this.#policyAtMs = 0;
    this.#fail(unsure("the connection was lost"));
  }

  /** Looks until nobody waits. Never rejects: what goes wrong goes to those who wait. */
  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#arrived.length + this.#asked.length > 0) {
        await this.#look();
        // The first look often sees commands of its own turn, written at the turn's end, before the answer leaves: the second follows at once.
        if (this.#asked.some(({ rounds }) => rounds > 1)) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    } catch (error) {
      this.#fail(error instanceof EngineError ? error : unsure(String(error)));
    } finally {
      this.#running = false;
    }
  }

  async #look(): Promise<void> {
    this.#asked.push(...this.#arrived.splice(0));
    const ask = performance.now() >= this.#policyAtMs;
    const [info, policy] = await Promise.all([this.#server.info(), ask ? this.#server.policy() : undefined]);
    const now = performance.now();
    if (ask) this.#policyAtMs = now + POLICY_MS;
    const state = info === undefined ? undefined : parseAof(info);
    if (state === undefined || !state.enabled || policy === "always") {
      if (state === undefined) this.#sayOnce("the Redis user may not ask INFO: a learn may be lost when the server is killed; allow +info");
      else if (!state.enabled) this.#sayOnce("redis keeps no append-only file: what is acknowledged does not survive the server's end");
      this.#freeUntilMs = now + POLICY_MS;
      for (const waiter of this.#asked.splice(0)) waiter.resolve();
      return;
    }
    const last = this.#last;
    const follows = last !== undefined && state.series === last.series && state.written >= last.written;
    this.#last = state;
    this.#asked = this.#asked.filter((waiter) => !settle(waiter, state, follows, now));
  }

  #fail(error: EngineError): void {
    for (const waiter of [...this.#asked.splice(0), ...this.#arrived.splice(0)]) waiter.reject(error);
  }

  #sayOnce(text: string): void {
    if (this.#said.has(text)) return;
    this.#said.add(text);
    this.#log.warn({}, text);
  }
}

/** True when the waiter was told. `follows`: this state counts on from the one before. */
function settle(waiter: Waiter, state: AofState, follows: boolean, now: number): boolean {
  if (!follows) waiter.target = undefined;
  if (state.waiting === 0 || (waiter.target !== undefined && state.written >= waiter.target)) {
    waiter.resolve();
    return true;
  }
  if (state.refused) {
    const told = "Redis cannot write its append-only file; the change may or may not survive its end. Free disk; reads go on.";
    waiter.reject(new EngineError("ENGRAM_DISK_FULL", told));
    return true;
  }
  if (now - waiter.sinceMs > WAIT_MS_MAX) {
    waiter.reject(unsure(`its append-only file was not written for ${WAIT_MS_MAX} ms`));
    return true;
  }
  waiter.target ??= state.written + state.waiting;
  waiter.rounds += 1;
  return false;
}

function unsure(why: string): EngineError {
  const told = `Redis answered, but did not show that the change is in its file (${why}). It may or may not survive; read again, then repeat.`;
  return new EngineError("ENGRAM_STORE_UNREACHABLE", told);
}
