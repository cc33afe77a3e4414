/**
 * An engine in memory, for tests of the HTTP face: sessions, STM, patterns and counters are real enough to be read back, predictions are
 * whatever the test puts in. Every call is recorded. Not for tests of numbers.
 */
import { createHash } from "node:crypto";
import type { LearnedPattern, NewPattern, PackedLines, PackedPatterns } from "../../src/bulk-types.ts";
import type {
  AskedMinhash,
  CallOptions,
  EditReport,
  Engine,
  EngineFigures,
  ImportedPattern,
  KbMinhash,
  Observation,
  ObserveResult,
  ObserveSequenceResult,
  PatternQuery,
  PatternReplacement,
  PatternsPage,
  PatternView,
  PredictionTrace,
  PredictOptions,
  PredictResult,
  ScoreAllRequest,
  ScoredState,
  SessionChoice,
  SessionListing,
  SessionsDeleted,
} from "../../src/engine-types.ts";
import { EngineError } from "../../src/errors.ts";
import type { ImportRequest } from "../../src/kb-life-types.ts";
import type { EmotiveRecord } from "../../src/model/emotives.ts";
import { averageEmotives } from "../../src/model/emotives.ts";
import type { Event } from "../../src/model/event.ts";
import type { Session } from "../../src/model/session.ts";
import {
  type ConfigUpdate,
  type EffectiveConfig,
  effectiveConfig,
  mergeConfig,
  type SessionConfig,
} from "../../src/model/session-config.ts";
import type { SessionEvent } from "../../src/model/session-event.ts";
import type { KbHead, KbTotals, SymbolRow } from "../../src/store/state-store.ts";
import { FakeLines } from "./fake-lines.ts";

const TTL_SECONDS = 3_600;

export const NO_TRACE: PredictionTrace = {
  source: "none",
  plan: [],
  exact: true,
  certified: true,
  rowsRead: 0,
  candidates: 0,
  stages: [],
  dropped: { filtered: 0, belowThreshold: 0, withoutBlocks: 0, pruned: 0, cut: 0 },
  microseconds: { total: 0, state: 0, read: 0, transfer: 0, kernel: 0, aggregate: 0 },
};

const unfaked = async (): Promise<never> => {
  throw new Error("the fake engine has no such call");
};

interface FakeKb {
  readonly patterns: Map<string, PatternView>;
  readonly symbols: Map<string, { frequency: number; patternMemberFrequency: number }>;
  readonly affinities: Map<string, EmotiveRecord>;
}

export class FakeEngine implements Engine {
  readonly calls: { readonly name: string; readonly args: readonly unknown[] }[] = [];
  readonly sessions = new Map<string, Session>();
  readonly kbs = new Map<string, FakeKb>();
  answer: PredictResult = { predictions: [], futurePotentials: [], trace: NO_TRACE };
  /** Thrown by the next call of any kind but `peekSession`. */
  failure: Error | undefined;
  /** Predictions wait for this; the signal they were given is kept in `signals`. */
  gate: Promise<void> | undefined;
  readonly signals: (AbortSignal | undefined)[] = [];
  readonly listeners = new Set<(event: SessionEvent) => void>();
  stateStoreUp = true;
  patternStoreUp = true;
  #made = 0;

  #called(name: string, ...args: unknown[]): void {
    this.calls.push({ name, args });
    const failure = this.failure;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }

  /** Arguments of the last call of that name. */
  last(name: string): readonly unknown[] {
    const call = this.calls.findLast((made) => made.name === name);
    if (call === undefined) throw new Error(`${name} was never called`);
    return call.args;
  }

  #read(id: string): Session {
    const session = this.sessions.get(id);
    if (session === undefined) throw new EngineError("ENGRAM_SESSION_UNKNOWN", `Session ${id} not found or expired`);
    return session;
  }

  #save(session: Session): Session {
    const saved = { ...session, version: session.version + 1 };
    this.sessions.set(session.id, saved);
    return saved;
  }

  kb(kb: string): FakeKb {
    const known = this.kbs.get(kb) ?? { patterns: new Map(), symbols: new Map(), affinities: new Map() };
    this.kbs.set(kb, known);
    return known;
  }

  async createSession(request: Parameters<Engine["createSession"]>[0]): Promise<Session> {
    this.#called("createSession", request);
    const ttlSeconds = request.ttlSeconds ?? TTL_SECONDS;
    const now = Date.now();
    return this.#save({
      id: `session-${(this.#made++).toString(16).padStart(32, "0")}-${now}`,
      nodeId: request.nodeId,
      kb: this.kbOf(request.nodeId),
      createdAtMs: now,
      ttlSeconds,
      expiresAtMs: now + ttlSeconds * 1000,
      metadata: JSON.stringify(request.metadata ?? {}),
      config: request.config ?? {},
      stm: [],
      emotives: [],
      observedMetadata: [],
      time: 0,
      percept: null,
      pendingVectors: [],
      finished: [],
      version: 0,
    });
  }

  async session(id: string): Promise<Session> {
    this.#called("session", id);
    const session = this.#read(id);
    return this.#save({ ...session, expiresAtMs: Date.now() + session.ttlSeconds * 1000 });
  }

  async peekSession(id: string): Promise<Session | undefined> {
    this.calls.push({ name: "peekSession", args: [id] });
    return this.sessions.get(id);
  }

  minhashFound: KbMinhash | undefined;
  async minhash(kb: string): Promise<KbMinhash | undefined> {
    this.#called("minhash", kb);
    return this.minhashFound;
  }
  async setMinhash(kb: string, asked: AskedMinhash): Promise<void> {
    this.#called("setMinhash", kb, asked);
    this.minhashFound = { setting: { bands: 20, rows: 5, permutations: 100, scheme: "datasketch" }, indexedBelow: 0 };
  }

  retentionSeconds: number | undefined;
  async retention(kb: string): Promise<number | undefined> {
    this.#called("retention", kb);
    return this.retentionSeconds;
  }
  async setRetention(kb: string, seconds: number | undefined): Promise<void> {
    this.#called("setRetention", kb, seconds);
    this.retentionSeconds = seconds;
  }
  async applyRetention(kb: string, nowMs?: number): Promise<number> {
    this.#called("applyRetention", kb, nowMs);
    return 0;
  }

  async cloneSession(id: string, change: { nodeId?: string; ttlSeconds?: number } = {}): Promise<Session> {
    this.#called("cloneSession", id, change);
    const clone = { ...this.#read(id), ...change, id: `session-${++this.#made}-clone`, version: 1 };
    this.sessions.set(clone.id, clone);
    return clone;
  }

  async listSessions(limit: number, options: { nodeId?: string; cursor?: string } = {}): Promise<SessionListing> {
    this.#called("listSessions", limit, options);
    return { sessions: [...this.sessions.values()].slice(0, limit) };
  }

  async deleteSessions(which: SessionChoice, options: { dryRun?: boolean } = {}): Promise<SessionsDeleted> {
    this.#called("deleteSessions", which, options);
    return { matched: 0, deleted: 0, sessions: [], unknown: [] };
  }

  async deleteSession(id: string): Promise<boolean> {
    this.#called("deleteSession", id);
    return this.sessions.delete(id);
  }

  async countSessions(): Promise<number> {
    this.#called("countSessions");
    return this.sessions.size;
  }

  async extendSession(id: string, ttlSeconds: number): Promise<Session> {
    this.#called("extendSession", id, ttlSeconds);
    return this.#save({ ...this.#read(id), expiresAtMs: Date.now() + ttlSeconds * 1000 });
  }

  async configure(id: string, update: ConfigUpdate): Promise<Session> {
    this.#called("configure", id, update);
    const session = this.#read(id);
    return this.#save({ ...session, config: mergeConfig(session.config, update) });
  }

  effectiveConfig(session: Session): EffectiveConfig {
    return effectiveConfig({}, session.config);
  }

  async observe(id: string, observation: Observation, options?: CallOptions): Promise<ObserveResult> {
    this.#called("observe", id, observation, options);
    return this.#observe(id, observation);
  }

  #observe(id: string, observation: Observation): ObserveResult {
    const session = this.#read(id);
    const emotives = [...session.emotives, Object.entries(observation.emotives)];
    const saved = this.#save({
      ...session,
      stm: observation.strings.length > 0 ? [...session.stm, [...observation.strings].sort()] : session.stm,
      emotives,
      time: session.time + 1,
      percept: {
        strings: [...observation.strings].sort(),
        vectors: observation.vectors,
        emotives: averageEmotives(emotives),
        metadata: JSON.stringify(observation.metadata),
      },
    });
    return {
      stmLength: saved.stm.length,
      time: saved.time,
      uniqueId: observation.uniqueId ?? `obs-${saved.time}`,
      autoLearnedPattern: null,
    };
  }

  async observeSequence(
    id: string,
    observations: readonly Observation[],
    flags: { learnAfterEach: boolean; learnAtEnd: boolean; clearStmBetween: boolean },
    options?: CallOptions,
  ): Promise<ObserveSequenceResult> {
    this.#called("observeSequence", id, observations, flags, options);
    const initialStmLength = this.#read(id).stm.length;
    const results = observations.map((observation) => this.#observe(id, observation));
    const finalLearnedPattern = flags.learnAtEnd ? this.#learn(id) : null;
    return {
      initialStmLength,
      finalStmLength: this.#read(id).stm.length,
      results,
      autoLearnedPatterns: finalLearnedPattern === null ? [] : [finalLearnedPattern],
      finalLearnedPattern,
    };
  }

  async learn(id: string, options?: CallOptions): Promise<{ patternName: string }> {
    this.#called("learn", id, options);
    return { patternName: this.#learn(id) };
  }

  #learn(id: string): string {
    const session = this.#read(id);
    if (session.stm.length === 0) throw new EngineError("ENGRAM_STM_EMPTY", "Nothing to learn");
    this.#save({ ...session, stm: [] });
    return this.#store(session.kb, session.stm);
  }

  #store(kb: string, events: readonly Event[]): string {
    const flat = events.flat();
    if (flat.length < 2) return "";
    const { patterns, symbols } = this.kb(kb);
    const name = `PTRN|${createHash("sha1").update(JSON.stringify(events)).digest("hex")}`;
    const before = patterns.get(name);
    patterns.set(name, {
      name,
      patternData: events,
      length: flat.length,
      frequency: (before?.frequency ?? 0) + 1,
      emotives: [],
      metadata: [],
    });
    for (const symbol of flat) {
      const counters = symbols.get(symbol) ?? { frequency: 0, patternMemberFrequency: 0 };
      counters.frequency++;
      symbols.set(symbol, counters);
    }
    return name;
  }

  async predict(id: string, options?: PredictOptions): Promise<PredictResult & { readonly session: Session }> {
    this.#called("predict", id, options);
    const session = this.#read(id);
    this.signals.push(options?.signal);
    await this.gate;
    return { ...this.answer, session };
  }

  async clearStm(id: string): Promise<void> {
    this.#called("clearStm", id);
    this.#save({ ...this.#read(id), stm: [], emotives: [], time: 0, percept: null });
  }

  async clearAll(id: string): Promise<void> {
    this.#called("clearAll", id);
    const session = this.#save({ ...this.#read(id), stm: [], emotives: [], time: 0, percept: null });
    this.kbs.delete(session.kb);
  }

  async finalizeTraining(id: string): Promise<{ patternsProcessed: number; timeMs: number }> {
    this.#called("finalizeTraining", id);
    return { patternsProcessed: this.kb(this.#read(id).kb).patterns.size, timeMs: 2 };
  }

  kbOf(nodeId: string): string {
    return `${nodeId}_kato`;
  }

  async pattern(kb: string, name: string): Promise<PatternView | undefined> {
    this.#called("pattern", kb, name);
    return this.kb(kb).patterns.get(name.startsWith("PTRN|") ? name : `PTRN|${name}`);
  }

  async listPatterns(kb: string, query: PatternQuery, limit: number, cursor?: string): Promise<PatternsPage> {
    this.#called("listPatterns", kb, query, limit, cursor);
    const patterns = [...this.kb(kb).patterns.values()].slice(0, limit);
    return { patterns, ...(patterns.length === limit && { cursor: "next" }) };
  }
  async patterns(kb: string, names: readonly string[]): Promise<readonly (PatternView | undefined)[]> {
    this.#called("patterns", kb, names);
    return names.map((name) => this.kb(kb).patterns.get(name));
  }
  async updatePattern(kb: string, name: string, change: PatternReplacement, options: CallOptions = {}): Promise<PatternView | undefined> {
    this.#called("updatePattern", kb, name, change, options);
    return this.kb(kb).patterns.get(name);
  }
  async deletePatterns(
    kb: string,
    which: { readonly names: readonly string[] } | { readonly query: PatternQuery },
    options: CallOptions & { readonly dryRun?: boolean } = {},
  ): Promise<EditReport> {
    this.#called("deletePatterns", kb, which, options);
    const { patterns } = this.kb(kb);
    const names = ("names" in which ? which.names : [...patterns.keys()]).filter((name) => patterns.has(name));
    if (options.dryRun !== true) for (const name of names) patterns.delete(name);
    return { matched: names.length, deleted: options.dryRun === true ? 0 : names.length, names, unknown: [] };
  }

  /** Calls whose routes are tested over a real engine. */
  readonly verifyKb = unfaked;
  readonly listKbs = unfaked;
  readonly deleteKb = unfaked;
  readonly copyKb = unfaked;
  readonly beginArchive = unfaked;
  readonly archivePart = unfaked;
  readonly importPart = unfaked;
  readonly imports = unfaked;
  readonly rollbackImport = unfaked;

  async kbHead(kb: string): Promise<KbHead> {
    this.#called("kbHead", kb);
    const totals = await this.kbTotals(kb);
    return {
      kb,
      generation: 1,
      seq: 0,
      patternCount: totals.total_unique_patterns,
      deletedCount: 0,
      goneSymbols: 0,
      symbolCount: this.kb(kb).symbols.size,
      totals,
      vectorDimension: 0,
      finalizedBelow: 0,
    };
  }

  async kbTotals(kb: string): Promise<KbTotals> {
    const { patterns } = this.kb(kb);
    const all = [...patterns.values()];
    return {
      total_symbols_in_patterns_frequencies: all.reduce((sum, pattern) => sum + pattern.length * pattern.frequency, 0),
      total_pattern_frequencies: patterns.size,
      total_unique_patterns: patterns.size,
    };
  }

  async *symbolRows(kb: string): AsyncGenerator<readonly SymbolRow[]> {
    this.#called("symbolRows", kb);
    let id = 0;
    for (const [symbol, counters] of this.kb(kb).symbols) yield [{ id: id++, symbol, ...counters }];
  }

  async *affinities(kb: string): AsyncGenerator<readonly (readonly [string, EmotiveRecord])[]> {
    this.#called("affinities", kb);
    yield [];
    yield [...this.kb(kb).affinities];
  }

  async symbolAffinity(kb: string, symbol: string): Promise<EmotiveRecord> {
    this.#called("symbolAffinity", kb, symbol);
    return this.kb(kb).affinities.get(symbol) ?? [];
  }

  async learnPatterns(kb: string, patterns: readonly NewPattern[], options: CallOptions = {}) {
    this.#called("learnPatterns", kb, patterns, options);
    return patterns.map(({ events }): LearnedPattern | "tooShort" => {
      const name = `PTRN|${createHash("sha1").update(JSON.stringify(events)).digest("hex")}`;
      return events.flat().length < 2 ? "tooShort" : { name, isNew: true, frequency: 1 };
    });
  }
  readonly #lines = new FakeLines();
  async packLines(bytes: Buffer, firstLine: number, limits: Readonly<Record<string, number>>): Promise<PackedLines> {
    return this.#lines.pack(bytes, firstLine, limits);
  }
  learnPacked(kb: string, patterns: PackedPatterns, options: CallOptions = {}) {
    return this.learnPatterns(kb, this.#lines.patternsOf(patterns), options);
  }
  async importPatterns(kb: string, request: ImportRequest, patterns: readonly ImportedPattern[]): Promise<void> {
    this.#called("importPatterns", kb, request, patterns);
  }
  async setAffinities(
    kb: string,
    affinities: readonly (readonly [symbol: string, sums: EmotiveRecord])[],
    request?: ImportRequest,
  ): Promise<number> {
    this.#called("setAffinities", kb, affinities, ...(request === undefined ? [] : [request]));
    return affinities.length;
  }
  async learnSequences(kb: string, sequences: readonly (readonly Event[])[]): Promise<{ stored: number; tooShort: number }> {
    this.#called("learnSequences", kb, sequences);
    const stored = sequences.filter((events) => this.#store(kb, events) !== "").length;
    return { stored, tooShort: sequences.length - stored };
  }

  async predictState(kb: string, state: readonly Event[], config?: SessionConfig, options?: CallOptions): Promise<PredictResult> {
    this.#called("predictState", kb, state, config, options);
    return this.answer;
  }

  /** Every state matches every pattern by one half. */
  async *scoreAll(request: ScoreAllRequest): AsyncIterable<ScoredState> {
    this.#called("scoreAll", request);
    const names = [...(this.kbs.get(request.kb)?.patterns.keys() ?? [])].sort();
    let index = 0;
    for await (const _ of request.queries as AsyncIterable<readonly Event[]>) {
      const matches = names.slice(0, request.keep ?? 1_000).map((name) => ({ name: `PTRN|${name}`, similarity: 0.5 }));
      yield { index: index++, patterns: names.length, matched: names.length, matches };
    }
  }

  subscribe(listener: (event: SessionEvent) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  async flush(): Promise<void> {}

  async health(): ReturnType<Engine["health"]> {
    this.#called("health");
    return {
      stateStore: this.stateStoreUp,
      patternStore: this.patternStoreUp,
      outbox: 0,
      threads: 2,
      stateStoreMs: 0.25,
      patternStoreMs: 1,
    };
  }

  figures(): EngineFigures {
    const calls = { operations: 4, errors: 1, seconds: 0.5, lastError: { code: "ENGRAM_STORE_UNREACHABLE", atMs: 0 } };
    return {
      stateStore: { ...calls, backEnd: "lmdb" },
      patternStore: { ...calls, backEnd: "embedded" },
      vectorIndex: { operations: 0, errors: 0, seconds: 0, lastError: null },
      patterns: { hits: 3, misses: 1, kept: 20, bytes: 2_000, bytesMax: 10_000 },
      symbols: { hits: 0, misses: 0, kept: 5 },
      sessionsCreated: this.sessions.size,
      sessionsDeleted: 0,
    };
  }

  dropCaches(kb?: string): { patterns: number; symbols: number } {
    this.#called("dropCaches", kb);
    return { patterns: 20, symbols: 5 };
  }

  async close(): Promise<void> {}
}
