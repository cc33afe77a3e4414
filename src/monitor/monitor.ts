/**
 * What the server is asked about itself: counters since start, the machine's state, and readings of both over the last hour under the names
 * of KATO's series. A reading is taken every READ_MS while the server listens, and when somebody asks and the last one is older than a second.
 * Bounded: 20 series of an hour, about 230 kB.
 */
import type { Engine, EngineFigures } from "../engine-types.ts";
import type { Logger } from "../log.ts";
import { Machine, type MachineFigures } from "./machine.ts";
import { NodeLog } from "./nodes.ts";
import { type RequestFigures, RequestMeter } from "./requests.ts";
import { type Reading, Series } from "./series.ts";

const READ_MS = 5_000;
const FRESH_MS = 1_000;
export const KEPT_MINUTES = 60;
/** One more than the timer takes in that time; readings taken on request push the oldest out earlier. */
const READINGS_MAX = (KEPT_MINUTES * 60_000) / READ_MS + 1;

/** All that a reading is made of. */
export interface Snapshot {
  readonly atMs: number;
  readonly machine: MachineFigures;
  readonly requests: RequestFigures;
  readonly engine: EngineFigures;
  /** 0 when the state store could not say; then `error` says why. */
  readonly activeSessions: number;
  readonly concurrent: number;
  readonly error: string | null;
}

const mean = (seconds: number, count: number): number => (count > 0 ? seconds / count : 0);

/** Name → its value in a snapshot. KATO names its stores; ours stand in their places: the pattern store, the vector index, the state store. */
const SERIES: Readonly<Record<string, (now: Snapshot) => number>> = {
  kato_sessions_created_total: ({ engine }) => engine.sessionsCreated,
  kato_sessions_deleted_total: ({ engine }) => engine.sessionsDeleted,
  kato_sessions_active: ({ activeSessions }) => activeSessions,
  kato_session_operations_total: ({ requests }) => requests.sessionCalls,
  kato_requests_total: ({ requests }) => requests.total,
  kato_request_errors_total: ({ requests }) => requests.errors,
  kato_request_duration_seconds: ({ requests }) => mean(requests.seconds, requests.answered),
  kato_concurrent_requests: ({ concurrent }) => concurrent,
  kato_cpu_usage_percent: ({ machine }) => machine.cpuPercent,
  kato_memory_usage_percent: ({ machine }) => machine.memoryPercent,
  kato_disk_usage_percent: ({ machine }) => machine.diskPercent,
  kato_clickhouse_operations_total: ({ engine }) => engine.patternStore.operations,
  kato_clickhouse_errors_total: ({ engine }) => engine.patternStore.errors,
  kato_clickhouse_response_seconds: ({ engine }) => mean(engine.patternStore.seconds, engine.patternStore.operations),
  kato_qdrant_operations_total: ({ engine }) => engine.vectorIndex.operations,
  kato_qdrant_errors_total: ({ engine }) => engine.vectorIndex.errors,
  kato_qdrant_response_seconds: ({ engine }) => mean(engine.vectorIndex.seconds, engine.vectorIndex.operations),
  kato_redis_operations_total: ({ engine }) => engine.stateStore.operations,
  kato_redis_errors_total: ({ engine }) => engine.stateStore.errors,
  kato_redis_response_seconds: ({ engine }) => mean(engine.stateStore.seconds, engine.stateStore.operations),
};
export const SERIES_NAMES: readonly string[] = Object.keys(SERIES);

export interface MonitorOptions {
  readonly engine: Pick<Engine, "figures" | "countSessions">;
  readonly log: Logger;
  /** Lies on the file system whose filling is told. */
  readonly folder: string;
  readonly concurrent: () => number;
}

export class Monitor {
  readonly requests = new RequestMeter();
  readonly nodes = new NodeLog();
  readonly #options: MonitorOptions;
  readonly #machine: Machine;
  readonly #series = new Map(SERIES_NAMES.map((name) => [name, new Series(READINGS_MAX)]));
  #readAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: MonitorOptions) {
    this.#options = options;
    this.#machine = new Machine(options.folder);
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      this.#read().catch((error: unknown) => this.#options.log.warn({ err: error }, "no reading of the figures"));
    }, READ_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The state of this moment; adds a reading to the series when the last one is not fresh. */
  async now(): Promise<Snapshot> {
    return Date.now() - this.#readAtMs < FRESH_MS ? this.#take() : this.#read();
  }

  /** Readings of a series in the last minutes; undefined for a name that is none. */
  series(name: string, minutes: number): Reading[] | undefined {
    return this.#series.get(name)?.since(Date.now() - minutes * 60_000);
  }

  async #read(): Promise<Snapshot> {
    this.#readAtMs = Date.now();
    const now = await this.#take();
    for (const [name, series] of this.#series) series.add(now.atMs, SERIES[name]!(now));
    return now;
  }

  async #take(): Promise<Snapshot> {
    const { engine, concurrent } = this.#options;
    const machine = await this.#machine.read();
    let [activeSessions, error]: [number, string | null] = [0, null];
    try {
      activeSessions = await engine.countSessions();
    } catch (failure) {
      error = (failure as Error).message;
    }
    return {
      atMs: Date.now(),
      machine,
      requests: this.requests.figures(),
      engine: engine.figures(),
      activeSessions,
      concurrent: concurrent(),
      error,
    };
  }
}
