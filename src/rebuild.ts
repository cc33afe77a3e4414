/**
 * Recreates the kb half of the state store from the pattern store: every change that still counts is replayed in order, so counters,
 * numbers and float sums come out as they were at the last flush. Sessions are not in the pattern store and do not come back.
 * Cost: about 20,000 changes a second; memory for one slice and for the symbols of one kb.
 */
import type { Config } from "./config.ts";
import { EngineError } from "./errors.ts";
import type { Logger } from "./log.ts";
import { openStores } from "./store/open.ts";
import type { PatternStore } from "./store/pattern-store.ts";
import type { StateStore } from "./store/state-store.ts";

export interface RebuildOptions {
  /** A kb that is rebuilt although its state store is up to date: what it counts is in doubt. */
  readonly anew?: string;
  /** Called after each slice with what was replayed so far over all kbs. */
  readonly onProgress?: (progress: { kb: string; changes: number }) => void;
}

export interface RebuildResult {
  readonly rebuilt: readonly string[];
  /** Kbs whose state store already was at least as far. */
  readonly current: readonly string[];
  readonly changes: number;
}

/** Opens the stores of the settings, rebuilds, closes. The caller holds the data folder's lock. */
export async function rebuildState(config: Config, log: Logger, options: RebuildOptions = {}): Promise<RebuildResult> {
  const stores = await openStores(config, log);
  try {
    return await rebuildStores(stores.state, stores.patterns, options);
  } finally {
    await stores.close();
  }
}

/** Replays into open stores. Errors: ENGRAM_STATE_BEHIND when a kb's state store is neither empty nor up to date. */
async function rebuildStores(state: StateStore, patterns: PatternStore, options: RebuildOptions = {}): Promise<RebuildResult> {
  const rebuilt: string[] = [];
  const current: string[] = [];
  let changes = 0;
  for (const { kb, seq } of await patterns.listKbs()) {
    if (options.anew !== undefined && kb !== options.anew) continue;
    if (kb === options.anew) await forget(state, patterns, kb);
    const head = await state.head(kb);
    if (head.seq >= seq) {
      current.push(kb);
      continue;
    }
    if (head.seq > 0) {
      throw new EngineError(
        "ENGRAM_STATE_BEHIND",
        `The state store knows ${kb} up to change ${head.seq} of ${seq}: it is an older copy. Remove the state store (not the pattern store), then rebuild.`,
      );
    }
    for await (const slice of patterns.events(kb)) {
      await state.replay(slice);
      changes += slice.length;
      options.onProgress?.({ kb, changes });
    }
    await state.raiseEpoch(kb);
    rebuilt.push(kb);
  }
  return { rebuilt, current, changes };
}

/** Entries a batch, while what waits is written. */
const FLUSH_ENTRIES = 5_000;
const LEASE_MS = 10_000;
const SWEEP = 10_000;

/** Empties a kb's half of the state store, after everything that waits has been written. Errors: ENGRAM_OVERLOADED while another process writes. */
async function forget(state: StateStore, patterns: PatternStore, kb: string): Promise<void> {
  // LMDB is this process's alone: what a killed one held is taken over at once, under the name it always has.
  const owner = state.backEnd === "lmdb" ? "the process that has the data folder" : `rebuild ${process.pid}`;
  for (let batch = await state.takeFlush(owner, FLUSH_ENTRIES, LEASE_MS); batch !== undefined; ) {
    await patterns.write(batch);
    await state.finishFlush(owner, batch.token);
    batch = await state.takeFlush(owner, FLUSH_ENTRIES, LEASE_MS);
  }
  if (!(await state.forgetKb(kb))) {
    throw new EngineError(
      "ENGRAM_OVERLOADED",
      `Changes of ${kb} wait to be written, and another process has them. Stop every server, then try again.`,
    );
  }
  while ((await state.sweepGenerations(SWEEP)) > 0);
}
