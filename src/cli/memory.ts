/**
 * The memory a command works on, wherever it lives: in a running server (found by `--url` or by the data folder's lock), or opened in
 * this process. Both are equals for the commands. Opening in this process takes the folder's lock until `close`.
 */
import { setTimeout as pause } from "node:timers/promises";
import { type Config, usesDataFolder } from "../config.ts";
import type { OneSymbolPrediction, Prediction, ScoreAllRequest, ScoredState } from "../engine-types.ts";
import { EngineError, ERROR_TABLE, type ErrorCode } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Event } from "../model/event.ts";
import type { SessionConfig } from "../model/session-config.ts";
import { lockDataFolder, readDataLock } from "../store/data-lock.ts";

export type Sequence = readonly Event[];
export type AnyPrediction = Prediction | OneSymbolPrediction;

export interface Memory {
  /** For messages: "the server at http://…" or "this process". */
  readonly where: string;
  /** Learns each sequence once; resolves when all are durable. A repeat with the same key soon after counts nothing twice. */
  learn(sequences: readonly Sequence[], key: string): Promise<{ stored: number; tooShort: number }>;
  predict(state: Sequence, config: SessionConfig): Promise<readonly AnyPrediction[]>;
  /** Each state's answer, in order: one pass over the kb for all of them (512 at most). */
  score(states: readonly Sequence[], settings: ScoreSettings): Promise<readonly ScoredState[]>;
  /** Distinct patterns learned. */
  patternCount(): Promise<number>;
  close(): Promise<void>;
}

export type ScoreSettings = Required<Pick<ScoreAllRequest, "cutoff" | "keep" | "similarity">>;

export interface MemoryPlace {
  readonly config: Config;
  readonly log: Logger;
  /** Node id whose knowledge base is meant. */
  readonly node: string;
  /** A server's address; without it the data folder decides. */
  readonly url?: string | undefined;
}

/** Errors: ENGRAM_DATA_LOCKED when another process has the folder and answers no HTTP, ENGRAM_STORE_UNREACHABLE, those of opening. */
export async function openMemory(place: MemoryPlace): Promise<Memory> {
  if (place.url !== undefined) return remoteMemory(place.url, place.node);
  if (usesDataFolder(place.config)) {
    const owner = await readDataLock(place.config.dataDir);
    if (owner?.url) return remoteMemory(owner.url, place.node);
  }
  return localMemory(place);
}

async function localMemory({ config, log, node }: MemoryPlace): Promise<Memory> {
  const lock = usesDataFolder(config) ? await lockDataFolder(config.dataDir) : undefined;
  try {
    // Loaded here, so that a command that talks to a server starts without the stores' native parts.
    const { openEngine } = await import("../engine.ts");
    const engine = await openEngine(config, log);
    const kb = engine.kbOf(node);
    return {
      where: "this process",
      learn: (sequences, key) => engine.learnSequences(kb, sequences, { idempotencyKey: key }),
      predict: async (state, settings) => (await engine.predictState(kb, state, settings)).predictions,
      score: async (queries, settings) => {
        const answers: ScoredState[] = [];
        for await (const answer of engine.scoreAll({ kb, queries, ...settings })) answers.push(answer);
        return answers;
      },
      patternCount: async () => (await engine.kbHead(kb)).patternCount,
      close: async () => {
        try {
          await engine.close();
        } finally {
          await lock?.release();
        }
      },
    };
  } catch (error) {
    await lock?.release();
    throw error;
  }
}

function remoteMemory(url: string, node: string): Memory {
  const base = `${url.replace(/\/+$/, "")}/v1/kbs/${encodeURIComponent(node)}`;
  return {
    where: `the server at ${url}`,
    learn: async (sequences, key) => {
      const answer = await call<{ stored: number; too_short: number }>(`${base}/learn`, { sequences }, { "idempotency-key": key });
      return { stored: answer.stored, tooShort: answer.too_short };
    },
    predict: async (state, config) =>
      (await call<{ predictions: readonly AnyPrediction[] }>(`${base}/predict`, { state, config })).predictions,
    score: async (queries, settings) =>
      (await call<{ results: readonly ScoredState[] }>(`${base}/score`, { queries, ...settings })).results,
    patternCount: async () => (await call<{ patterns: number }>(`${base}/stats`)).patterns,
    close: async () => undefined,
  };
}

async function call<T>(url: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<T> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(
      url,
      body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) },
    );
    text = await response.text();
  } catch (error) {
    throw new EngineError(
      "ENGRAM_STORE_UNREACHABLE",
      `The server at ${new URL(url).origin} does not answer. Check the address and that it runs.`,
      {
        cause: error,
      },
    );
  }
  const answer = jsonOf(text);
  if (response.ok && answer !== undefined) return answer as T;
  const { code, message } = (answer as { error?: { code?: string; message?: string } } | undefined)?.error ?? {};
  const known = code !== undefined && Object.hasOwn(ERROR_TABLE, code);
  throw new EngineError(
    known ? (code as ErrorCode) : "ENGRAM_STORE_REPLY",
    message ?? `The server answered ${response.status} to ${new URL(url).pathname}. Is it an Engram of this version?`,
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the caller reports the status, which says more than the text.
    return undefined;
  }
}

const WAIT_FOR = new Set<ErrorCode>(["ENGRAM_OUTBOX_FULL", "ENGRAM_OVERLOADED", "ENGRAM_POOL_FULL"]);
/** A full outbox drains in batches of some tens of milliseconds; asking again sooner would only add load. */
const WAIT_MS = 250;
/** Longer than ClickHouse needs to restart; after that someone should look. */
const PATIENCE_MS = 120_000;

/** Repeats a call that was refused for load and did nothing, until it passes or two minutes are over. */
export async function withPatience<T>(attempt: () => Promise<T>, waitMs = WAIT_MS, patienceMs = PATIENCE_MS): Promise<T> {
  const until = Date.now() + patienceMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof EngineError) || !WAIT_FOR.has(error.code) || Date.now() + waitMs > until) throw error;
      await pause(waitMs);
    }
  }
}
