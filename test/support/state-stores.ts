/** What the contract suite needs around a state store: an empty one of either back end, learns and sessions to give it, and comparing with the twin. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { EmotiveRecord } from "../../src/model/emotives.ts";
import type { PendingVector, Session } from "../../src/model/session.ts";
import { openLmdbState } from "../../src/store/lmdb-open.ts";
import { openRedisState } from "../../src/store/redis-open.ts";
import type { FlushBatch, KbHead, LearnCommit, OutboxEntry, StateStore, SymbolRow } from "../../src/store/state-store.ts";
import type { TwinKb } from "../reference/state.ts";
import type { RedisServer } from "./redis-server.ts";

export interface OpenedState {
  readonly store: StateStore;
  /** Ends the store's process half (the file is closed, the server ended) and opens the same data again. */
  reopen(): Promise<OpenedState>;
  /** A second store over the same data, as another process has it. */
  second(): Promise<StateStore>;
  dispose(): Promise<void>;
}

export interface StateBackEnd {
  readonly name: "lmdb" | "redis";
  /** Each flush batch holds entries of one kb, as in a cluster. */
  readonly flushesOneKb?: boolean;
  /** An empty store. */
  open(outboxMax?: number): Promise<OpenedState>;
}

const OUTBOX_MAX = 100_000;

export const lmdbBackEnd: StateBackEnd = {
  name: "lmdb",
  open: async (outboxMax = OUTBOX_MAX) => {
    const folder = mkdtempSync(join(tmpdir(), "engram-lmdb-"));
    // A dot in the last part, which lmdb would by itself take for a file name.
    const path = join(folder, "state.v1");
    const opened = async (): Promise<OpenedState> => {
      const store = await openLmdbState({ path, outboxMax });
      return {
        store,
        reopen: async () => {
          await store.close();
          return opened();
        },
        second: () => openLmdbState({ path, outboxMax }),
        dispose: async () => {
          await store.close();
          rmSync(folder, { recursive: true, force: true });
        },
      };
    };
    return opened();
  },
};

let prefixes = 0;

/** Stores on one server, told apart by their prefix; without a layout, on a cluster. */
export function redisBackEnd(
  server: () => Pick<RedisServer, "url" | "start" | "stopProcess">,
  layout: "kato" | "compact" | undefined,
): StateBackEnd {
  return {
    name: "redis",
    flushesOneKb: layout === undefined,
    open: async (outboxMax = OUTBOX_MAX) => {
      const keyPrefix = `test${(prefixes += 1)}:`;
      const katoPrefix = `kato${keyPrefix}`;
      const options = { url: server().url, outboxMax, keyPrefix, katoPrefix, layout, commandTimeoutMs: 20_000, socketTimeoutMs: 20_000 };
      const opened = async (): Promise<OpenedState> => {
        const store = await openRedisState(options);
        return {
          store,
          reopen: async () => {
            await store.close();
            await server().stopProcess();
            await server().start();
            return opened();
          },
          second: () => openRedisState(options),
          dispose: () => store.close(),
        };
      };
      return opened();
    },
  };
}

/** Strings that break careless stores. */
export const HOSTILE = [
  "it's",
  "nul\0in",
  "\0",
  "\u{1F600}",
  "\uE000",
  "\u{10000}",
  "__proto__",
  "constructor",
  "10",
  "1e3",
  "-0",
  "",
  " ",
  "tab\tnew\nline\r",
  "\\x00",
  '"quoted"',
  "a:b:c",
  "%s%d",
  "x".repeat(5_000),
  `${"x".repeat(5_000)}y`,
  "é",
  "e\u0301",
] as const;

export interface LearnInput {
  readonly emotives?: readonly EmotiveRecord[];
  readonly metadata?: LearnCommit["metadata"];
  readonly vectors?: readonly PendingVector[];
  readonly persistence?: number;
  readonly atMs?: number;
}

/** A learn of the given events; its name stands for them as a hash does. */
export function learnOf(kb: string, events: readonly (readonly string[])[], input: LearnInput = {}): LearnCommit {
  const flatSymbols = events.flat();
  const distinct = [...new Set(flatSymbols)];
  const eventEnds: number[] = [];
  for (const event of events) eventEnds.push((eventEnds.at(-1) ?? 0) + event.length);
  return {
    kb,
    pattern: {
      name: createHash("sha1").update(JSON.stringify(events)).digest("hex"),
      distinct,
      flat: flatSymbols.map((symbol) => distinct.indexOf(symbol)),
      eventEnds,
    },
    emotives: input.emotives ?? [],
    metadata: input.metadata ?? [],
    vectors: input.vectors ?? [],
    persistence: input.persistence ?? 5,
    atMs: input.atMs ?? 1_700_000_000_000,
  };
}

export const NOW = 1_700_000_000_000;

export function sessionOf(id: string, over: Partial<Session> = {}): Session {
  return {
    id,
    nodeId: "node",
    kb: "kb",
    createdAtMs: NOW,
    ttlSeconds: 60,
    expiresAtMs: NOW + 60_000,
    metadata: "{}",
    config: {},
    stm: [],
    emotives: [],
    observedMetadata: [],
    time: 0,
    percept: null,
    pendingVectors: [],
    finished: [],
    version: 1,
    ...over,
  };
}

export async function allSymbols(store: StateStore, head: KbHead): Promise<SymbolRow[]> {
  const rows: SymbolRow[] = [];
  for await (const slice of store.listSymbols(head.kb, head.generation, 0, head.symbolCount)) rows.push(...slice);
  return rows;
}

/** Takes and finishes batches until nothing waits; answers them. */
export async function drain(store: StateStore, limit = 1_000): Promise<FlushBatch[]> {
  const batches: FlushBatch[] = [];
  for (;;) {
    const batch = await store.takeFlush("test", limit, 60_000);
    if (batch === undefined) return batches;
    batches.push(batch);
    expect(await store.finishFlush("test", batch.token)).toBe(true);
  }
}

/** Everything a kb half shows must equal the twin's, bit for bit; `tail` may be left out where it was flushed. */
export async function expectTwin(store: StateStore, twin: TwinKb, tail: readonly OutboxEntry[] | undefined = twin.outbox): Promise<void> {
  const head = await store.head(twin.kb);
  expect(head).toEqual(twin.head());
  const rows = await allSymbols(store, head);
  expect(rows).toEqual(twin.symbolRows());
  const ids = [...rows.map(({ id }) => id), head.symbolCount];
  const names = [...twin.now.patterns.keys(), "f".repeat(40)];
  expect(await store.counters(twin.kb, head.generation, names, ids)).toEqual(twin.counters(names, ids));
  expect(await store.affinities(twin.kb, head.generation, ids)).toEqual(twin.affinities(ids));
  expect(await store.listVectors(twin.kb, head.generation, 0)).toEqual(twin.now.vectors);
  expect(await store.listDeleted(twin.kb, head.generation, 0)).toEqual(twin.now.deleted);
  const symbols = rows.map(({ symbol }) => symbol);
  expect([...(await store.symbolIds(twin.kb, head.generation, symbols))]).toEqual(rows.map(({ id }) => id));
  expect(
    await store.symbolNames(
      twin.kb,
      head.generation,
      rows.map(({ id }) => id),
    ),
  ).toEqual(symbols);
  if (tail === undefined) return;
  for (let generation = 1; generation <= head.generation; generation++) {
    expect(await store.tail(twin.kb, generation)).toEqual(tail.filter((entry) => entry.generation === generation));
  }
}

/** The code of the error that a promise ends with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return "no error";
}
