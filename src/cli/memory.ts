/**
 * The memory a command works on, wherever it lives: in a running server (found by `--url` or by the data folder's lock), or opened in
 * this process. Both are equals for the commands. Opening in this process takes the folder's lock until `close`.
 */
import { setTimeout as pause } from "node:timers/promises";
import { EngramClient, EngramError } from "../client/index.ts";
import type { OneSymbolPrediction, Prediction, ScoreAllRequest, ScoredState } from "../engine-types.ts";
import { EngineError, ERROR_TABLE, type ErrorCode } from "../errors.ts";
import type { Event } from "../model/event.ts";
import type { SessionConfig } from "../model/session-config.ts";
import { openOwnEngine, type Place, serverOf } from "./place.ts";

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

export interface MemoryPlace extends Place {
  /** Node id whose knowledge base is meant. */
  readonly node: string;
}

/** Errors: ENGRAM_DATA_LOCKED when another process has the folder and answers no HTTP, ENGRAM_STORE_UNREACHABLE, those of opening. */
export async function openMemory(place: MemoryPlace): Promise<Memory> {
  const url = await serverOf(place);
  return url === undefined ? localMemory(place) : remoteMemory(url, place.node);
}

async function localMemory(place: MemoryPlace): Promise<Memory> {
  const { engine, close } = await openOwnEngine(place);
  const kb = engine.kbOf(place.node);
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
    close,
  };
}

function remoteMemory(url: string, node: string): Memory {
  // No tries of the client's own: whoever calls knows what may be sent again, and for how long (withPatience).
  const client = new EngramClient({ baseUrl: url, retries: 0 });
  return {
    where: `the server at ${url}`,
    learn: async (sequences, key) => {
      const answer = await asked(url, client.learnSequences(node, sequences, { idempotencyKey: key }));
      return { stored: answer.stored, tooShort: answer.too_short };
    },
    // As they came: emotives are an object on the wire.
    predict: async (state, config) =>
      (await asked(url, client.predictState(node, state, config))).predictions as unknown as AnyPrediction[],
    score: async (queries, settings) => (await asked(url, client.scoreStates(node, queries, settings))).results,
    patternCount: async () => (await asked(url, client.kbStats(node))).patterns,
    close: async () => undefined,
  };
}

/** A call's answer; what the client met becomes an error of ours. */
export async function asked<T>(url: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof EngramError)) throw error;
    if (error.status === 0) {
      const { origin } = new URL(url);
      throw new EngineError("ENGRAM_STORE_UNREACHABLE", `The server at ${origin} does not answer. Check the address and that it runs.`, {
        cause: error,
      });
    }
    if (error.code !== undefined && Object.hasOwn(ERROR_TABLE, error.code)) throw new EngineError(error.code as ErrorCode, error.message);
    throw new EngineError("ENGRAM_STORE_REPLY", `${error.message} (status ${error.status}). Is it an Engram of this version?`);
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
