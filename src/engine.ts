/**
 * The story on one page: open the stores and the pool, observe, learn, predict, close. Every part it names does its own work; this file
 * only says in what order. State travels as values: nothing of a request is kept between requests.
 */
import type { Config } from "./config.ts";
import { Archives } from "./engine/archives.ts";
import { batchRows } from "./engine/batch-rows.ts";
import { Buckets } from "./engine/buckets.ts";
import { BucketsSource } from "./engine/buckets-source.ts";
import { bulkCalls } from "./engine/bulk-calls.ts";
import { DeletedPatterns, withoutDeleted } from "./engine/deleted-patterns.ts";
import { FirstSymbols } from "./engine/first-symbols.ts";
import { Flusher } from "./engine/flusher.ts";
import { Imports } from "./engine/imports.ts";
import { Indexer } from "./engine/indexer.ts";
import { Janitor } from "./engine/janitor.ts";
import { KbCalls } from "./engine/kb-calls.ts";
import { MinhashSettings } from "./engine/minhash-settings.ts";
import { cleared } from "./engine/observation.ts";
import { PatternEdits } from "./engine/pattern-edits.ts";
import { Planner } from "./engine/plan.ts";
import { PostingsSource } from "./engine/postings-source.ts";
import { Predictor } from "./engine/predict.ts";
import { readAffinities, readPattern } from "./engine/reads.ts";
import { RecentFutures } from "./engine/recent-futures.ts";
import { ResidentSource } from "./engine/resident-source.ts";
import { Retention } from "./engine/retention.ts";
import { BulkScorer } from "./engine/score-all.ts";
import { SessionLife } from "./engine/session-life.ts";
import { SessionCalls } from "./engine/sessions.ts";
import { Standing } from "./engine/standing.ts";
import { CallMeter, metered } from "./engine/store-meter.ts";
import { StreamSource } from "./engine/stream-source.ts";
import { SymbolCache } from "./engine/symbol-cache.ts";
import { VectorIndex } from "./engine/vector-index.ts";
import { Verifier } from "./engine/verify.ts";
import type { Engine, PredictOptions } from "./engine-types.ts";
import { EngineError } from "./errors.ts";
import type { Logger } from "./log.ts";
import { kbId } from "./model/kb-id.ts";
import { effectiveConfig, mergeConfig } from "./model/session-config.ts";
import type { KernelPool } from "./pool/kernel-pool.ts";
import { Packer } from "./pool/packer.ts";
import { openPiscinaPool } from "./pool/piscina-pool.ts";
import { ResidentKbs } from "./resident/resident-kbs.ts";
import { openStores, type Stores } from "./store/open.ts";
import { unpackLearns } from "./store/packed-learns.ts";
import type { LearnResult, PackedLearns } from "./store/state-store.ts";

/** Parts that a caller may bring along; what is missing is opened from the settings. Tests bring an inline pool or a store with faults. */
export interface EngineParts {
  readonly stores?: Stores;
  readonly pool?: KernelPool;
}

/**
 * Opens everything or nothing. Fails early: settings, stores, schema, wasm and threads are checked before it resolves.
 * The caller holds the data folder's lock where there is one.
 */
export async function openEngine(config: Config, log: Logger, parts: EngineParts = {}): Promise<Engine> {
  const stores = parts.stores ?? (await openStores(config, log));
  let pool: KernelPool | undefined;
  try {
    pool =
      parts.pool ??
      (await openPiscinaPool({
        threads: config.threads,
        queueMax: config.poolQueueMax,
        residentBytes: config.residentBytes,
        log,
      }));
    const standing = await Standing.check(stores.state, stores.patterns);
    if (standing.behind.length > 0)
      log.error({ kbs: standing.behind }, 'the state store has lost changes of these kbs: run "engram rebuild"');
    return compose(config, log, stores, pool, standing);
  } catch (error) {
    await pool?.close();
    await stores.close();
    throw error;
  }
}

function compose(config: Config, log: Logger, stores: Stores, pool: KernelPool, standing: Standing): Engine {
  const { events } = stores;
  const meters = { state: new CallMeter(), patterns: new CallMeter(), vectors: new CallMeter() };
  const state = metered(stores.state, meters.state);
  const patterns = metered(stores.patterns, meters.patterns);
  const symbols = new SymbolCache(state);
  const recent = new RecentFutures(log, stores.notes);
  const life = new SessionLife({
    state,
    events,
    serviceName: config.serviceName,
    ttlSeconds: config.sessionTtlSeconds,
    forget: (id) => recent.forget(id),
  });
  const deleted = new DeletedPatterns(state);
  const minhash = new MinhashSettings(patterns.settings, state);
  const buckets = new Buckets({ patterns, pool, symbols, deleted, settings: minhash });
  const indexer = new Indexer({
    state,
    index: patterns.index,
    buckets,
    minhash,
    log,
    step: config.indexStep,
    isLoading: () => flusher.isLoading,
  });
  const packer = new Packer(log);
  const flusher = new Flusher({
    state,
    patterns,
    log,
    rowsMax: config.flushRowsMax,
    intervalMs: config.flushIntervalMs,
    rowsOf: (batch) => batchRows(packer, batch),
    flushed: (kb) => indexer.notify(kb),
    loaded: () => indexer.loaded(),
  });
  const resumed = indexer.resume().catch((error) => log.warn({ err: error }, "looking for patterns without an index failed"));
  const janitor = new Janitor(state, log);
  const kbs = new ResidentKbs({ state, patterns, memory: pool.resident, log, deletedAt: (head) => deleted.at(head), withoutDeleted });
  stores.state.onReplaced = async (lost) => {
    await standing.recheck(stores.state, stores.patterns);
    // Ids of patterns and symbols may mean something else now.
    kbs.forget();
    symbols.forget();
    deleted.forgetAll();
    const behind = new Set(standing.behind);
    if (lost.length > 0) log.error({ kbs: lost }, "redis came back without changes that were acknowledged");
    if (behind.size > 0) log.error({ kbs: [...behind] }, 'the state store has lost changes of these kbs: run "engram rebuild"');
    return lost.filter((kb) => !behind.has(kb));
  };
  const planner = new Planner([
    new ResidentSource({ kbs, pool, deleted }),
    new StreamSource({ state, patterns, deleted, pool }),
    new PostingsSource({ state, patterns, deleted, pool, indexer }),
    new BucketsSource({ state, patterns, deleted, pool, indexer, minhash }),
  ]);
  const predictor = new Predictor({
    state,
    patterns,
    planner,
    firstSymbols: new FirstSymbols({ state, patterns, deleted, indexer }),
    deleted,
    pool,
    symbols,
    deadlineMs: config.deadlineMs,
    rowsMax: config.rowsReadMax,
    queueMax: config.poolQueueMax,
  });
  const calls = new SessionCalls({
    state,
    vectors: metered(new VectorIndex(state), meters.vectors),
    defaults: config.sessionDefaults,
    autoExtend: config.sessionAutoExtend,
    symbolsPerPatternMax: config.symbolsPerPatternMax,
    stmSymbolsMax: config.stmSymbolsMax,
    committed: (learn, result) => {
      kbs.learned(learn.kb, () => [learn], [result]);
      flusher.notify();
    },
    assertWritable: (kb) => standing.assert(kb),
  });
  const learner = {
    state,
    flusher,
    committed: (kb: string, packed: PackedLearns, results: readonly LearnResult[]) =>
      kbs.learned(kb, () => unpackLearns(kb, packed), results),
    symbolsPerPatternMax: config.symbolsPerPatternMax,
    persistence: config.sessionDefaults.persistence,
  };
  const verifier = new Verifier({ state, patterns, flusher, buckets, indexer });
  const archives = new Archives({ state, patterns, flusher });
  const imports = new Imports({ state, patterns, flusher, partChanges: (bytes) => packer.part(bytes) });
  const edits = new PatternEdits({ state, patterns, symbols, deleted, learner });
  const retention = new Retention({ settings: patterns.settings, edits, log });
  const kbCalls = new KbCalls({
    state,
    flusher,
    archives,
    imports,
    minhash,
    forgetSettings: async (kb) => {
      await retention.forget(kb);
      await minhash.forget(kb);
    },
  });
  let closed: Promise<void> | undefined;
  /** Calls under way, so that closing can wait for them. */
  const running = new Set<Promise<unknown>>();
  const during = <R>(call: () => Promise<R>): Promise<R> => {
    if (closed !== undefined)
      return Promise.reject(new EngineError("ENGRAM_CLOSED", "The server is shutting down. Try again on another one, or shortly."));
    // Async, so that what a call checks before its first wait is a rejection like everything after it.
    const promise = (async () => call())();
    running.add(promise);
    const done = (): void => void running.delete(promise);
    promise.then(done, done);
    return promise;
  };
  const bulk = new BulkScorer({ state, patterns, deleted, pool, symbols, during });
  async function* whileOpen<T>(source: AsyncIterable<T>): AsyncIterable<T> {
    for await (const part of source) {
      if (closed !== undefined) throw new EngineError("ENGRAM_CLOSED", "The server is shutting down.");
      yield part;
    }
  }

  const shut = async (): Promise<void> => {
    imports.close();
    await Promise.allSettled(running);
    await janitor.close();
    await retention.close();
    let failure: unknown;
    try {
      await flusher.close();
    } catch (error) {
      failure = error;
      log.error({ err: error }, "what waits could not be written to the pattern store; it is kept and written at the next start");
    }
    await resumed;
    await indexer.close();
    await kbs.close();
    await packer.close();
    await pool.close();
    await stores.close();
    if (failure !== undefined) throw failure;
  };

  return {
    createSession: (request) => during(() => life.create(request)),
    cloneSession: (id, change = {}) => during(() => life.clone(id, change)),
    listSessions: (limit, options = {}) => during(() => life.list(limit, options)),
    deleteSessions: (which, { dryRun = false } = {}) => during(() => life.deleteMany(which, dryRun)),
    session: (id, options = {}) => during(async () => (await calls.read(id, (options.slide ?? true) && config.sessionAutoExtend)).session),
    peekSession: (id) => during(async () => (await state.readSession(id, Date.now(), false))?.session),
    deleteSession: (id) => during(() => life.delete(id)),
    countSessions: () => during(() => state.countSessions(Date.now())),
    extendSession: (id, ttlSeconds) =>
      during(() => calls.update(id, (session) => ({ ...session, ttlSeconds, expiresAtMs: Date.now() + ttlSeconds * 1000 }))),
    configure: (id, update) => during(() => calls.update(id, (session) => ({ ...session, config: mergeConfig(session.config, update) }))),
    effectiveConfig: (session) => calls.config(session),

    observe: (id, observation, options) => during(() => calls.observe(id, observation, options)),
    observeSequence: (id, observations, flags, options) => during(() => calls.observeSequence(id, observations, flags, options)),
    learn: (id, options) => during(() => calls.learn(id, options)),
    predict: (id, options: PredictOptions = {}) =>
      during(async () => {
        const { session, head } = await calls.read(id);
        standing.assert(session.kb);
        const result = await predictor.predict(head, session.stm, calls.config(session), options);
        if (session.stm.length === 0) return { ...result, futurePotentials: await recent.of(id), session };
        if (session.stm.length > 1 || session.stm[0]!.length > 1) {
          const key = `${session.version} ${head.generation} ${head.seq}`;
          await recent.remember({ session: id, key, lifeMs: session.ttlSeconds * 1_000 }, result.futurePotentials);
        }
        return { ...result, session };
      }),
    clearStm: (id) => during(async () => void (await calls.clearStm(id))),
    clearAll: (id) =>
      during(async () => {
        const { session } = await calls.read(id);
        standing.assert(session.kb);
        await state.clearKb(session.kb, Date.now());
        flusher.notify();
        await calls.update(id, cleared);
      }),
    finalizeTraining: (id) =>
      during(async () => {
        const start = performance.now();
        const { session } = await calls.read(id);
        standing.assert(session.kb);
        const head = await state.finalizeKb(session.kb, Date.now());
        flusher.notify();
        return { patternsProcessed: head.patternCount - head.deletedCount, timeMs: performance.now() - start };
      }),

    kbOf: (nodeId) => kbId(nodeId, config.serviceName),
    pattern: (kb, name) => during(() => readPattern({ state, patterns, symbols }, kb, name.replace(/^PTRN\|/, ""))),
    listPatterns: (kb, query, limit, cursor) =>
      during(() => {
        standing.assert(kb);
        return edits.list(kb, query, limit, cursor);
      }),
    patterns: (kb, names) => during(() => edits.many(kb, names)),
    updatePattern: (kb, name, change, options = {}) =>
      during(() => {
        standing.assert(kb);
        return edits.update(kb, name, change, options);
      }),
    deletePatterns: (kb, which, options = {}) =>
      during(() => {
        standing.assert(kb);
        const dryRun = options.dryRun ?? false;
        return "names" in which
          ? edits.deleteNamed(kb, which.names, dryRun, options)
          : edits.deleteMatching(kb, which.query, dryRun, options);
      }),
    kbHead: (kb) => during(() => state.head(kb)),
    kbTotals: (kb) => during(async () => (await state.head(kb)).totals),
    async *symbolRows(kb) {
      const head = await during(() => state.head(kb));
      // A symbol whose patterns were all deleted keeps its id, and is no symbol of the kb any more.
      for await (const rows of whileOpen(state.listSymbols(kb, head.generation, 0, head.symbolCount)))
        yield rows.filter((row) => row.patternMemberFrequency > 0);
    },
    affinities: (kb) => whileOpen(readAffinities(state, kb)),
    symbolAffinity: (kb, symbol) =>
      during(async () => {
        const head = await state.head(kb);
        const [id] = await state.symbolIds(kb, head.generation, [symbol]);
        return (await state.affinities(kb, head.generation, [id!]))[0]!;
      }),

    ...bulkCalls({ learner, packer, imports, during, assertWritable: (kb) => standing.assert(kb) }),
    predictState: (kb, events, own = {}, options: PredictOptions = {}) =>
      during(async () => {
        standing.assert(kb);
        return predictor.predict(await state.head(kb), events, effectiveConfig(config.sessionDefaults, own), options);
      }),

    subscribe: (listener) => events.subscribe(listener),
    scoreAll: (request) => bulk.score(request),
    verifyKb: (kb, repair) =>
      during(() => {
        standing.assert(kb);
        return verifier.verify(kb, repair);
      }),
    minhash: (kb) =>
      during(async () => {
        const setting = await minhash.get(kb);
        if (setting === undefined) return undefined;
        const { generation, patternCount } = await state.head(kb);
        return { setting, indexedBelow: await indexer.bucketsBelow(kb, generation, patternCount, setting) };
      }),
    setMinhash: (kb, asked) =>
      during(async () => {
        standing.assert(kb);
        await minhash.set(kb, asked);
        indexer.notify(kb);
      }),
    retention: (kb) => during(() => retention.get(kb)),
    setRetention: (kb, seconds) => during(() => retention.set(kb, seconds)),
    applyRetention: (kb, nowMs) => during(() => retention.apply(kb, nowMs)),
    listKbs: () => during(() => kbCalls.list()),
    deleteKb: (kb) => during(() => kbCalls.delete(kb)),
    copyKb: (from, to) =>
      during(() => {
        standing.assert(from);
        standing.assert(to);
        return kbCalls.copy(from, to);
      }),
    beginArchive: (kb) =>
      during(() => {
        standing.assert(kb);
        return archives.begin(kb);
      }),
    archivePart: (kb, generation, after, untilSeq, eventsMax) => during(() => archives.part(kb, generation, after, untilSeq, eventsMax)),
    importPart: (kb, request, bytes) =>
      during(() => {
        standing.assert(kb);
        return imports.importPart(kb, request, bytes);
      }),
    imports: () => during(() => imports.list()),
    rollbackImport: (id, discardNewer) => during(() => imports.rollback(id, discardNewer)),

    flush: () =>
      during(async () => {
        await flusher.drained();
        await indexer.settle();
      }),
    health: () =>
      during(async () => {
        const start = performance.now();
        const stateStore = await state.ping();
        const between = performance.now();
        const patternStore = await patterns.ping();
        const end = performance.now();
        const outbox = await state.outboxSize();
        return { stateStore, patternStore, outbox, threads: pool.threads, stateStoreMs: between - start, patternStoreMs: end - between };
      }),
    figures: () => ({
      stateStore: { ...meters.state.figures(), backEnd: state.backEnd },
      patternStore: { ...meters.patterns.figures(), backEnd: config.clickhouse.url === undefined ? "embedded" : "server" },
      vectorIndex: meters.vectors.figures(),
      patterns: kbs.figures(),
      symbols: symbols.figures(),
      sessionsCreated: life.created,
      sessionsDeleted: life.deleted,
    }),
    dropCaches: (kb) => ({ patterns: kbs.forget(kb), symbols: symbols.forget(kb) }),
    close: () => (closed ??= shut()),
  };
}
