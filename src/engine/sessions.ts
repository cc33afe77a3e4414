/**
 * The calls that change a session: each reads it, computes what it becomes, and saves it under the version it read, together with the
 * learn where there is one. A save that lost a race starts over from what is stored; nothing is ever half done.
 */
import { randomUUID } from "node:crypto";
import type { CallOptions, Observation, ObserveResult, ObserveSequenceResult } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { accumulateMetadata } from "../model/metadata.ts";
import { toLearnPattern } from "../model/pattern.ts";
import { FINISHED_CALLS_MAX, type Session } from "../model/session.ts";
import { type EffectiveConfig, effectiveConfig, type SessionConfig } from "../model/session-config.ts";
import { sumVectors, vectorSymbol } from "../model/vector.ts";
import type { KbHead, LearnCommit, LearnResult, StateStore } from "../store/state-store.ts";
import { KeyedMutex } from "./keyed-mutex.ts";
import { afterAutoLearn, autoLearnDue, cleared, type NamedVector, observed } from "./observation.ts";
import { SessionLock } from "./session-lock.ts";
import type { VectorIndex } from "./vector-index.ts";

/** Times a save may lose against other processes before the caller is told to try again. */
const CONFLICTS_MAX = 20;

export interface SessionCallsOptions {
  readonly state: StateStore;
  readonly vectors: VectorIndex;
  readonly defaults: SessionConfig;
  readonly autoExtend: boolean;
  readonly symbolsPerPatternMax: number;
  readonly stmSymbolsMax: number;
  /** Called after every learn that was committed. */
  readonly committed: (learn: LearnCommit, result: LearnResult) => void;
  /** Throws when the kb's learns are refused (its state store is behind the pattern store). */
  readonly assertWritable: (kb: string) => void;
}

export interface SessionState {
  readonly session: Session;
  readonly head: KbHead;
}

/** One step of a call: what the session becomes, and what is learned with it. */
interface Step<R> {
  readonly next: Session;
  readonly learn: LearnCommit | null;
  readonly result: R;
}

const prefixed = (name: string): string => `PTRN|${name}`;
const countSymbols = (session: Session): number => session.stm.reduce((sum, event) => sum + event.length, 0);
/** 32 hex digits: from the cached entropy of randomUUID, for randomBytes costs a system call an observe. */
const newId = (stem: string): string => `${stem}-${randomUUID().replaceAll("-", "")}`;

export class SessionCalls {
  readonly #options: SessionCallsOptions;
  readonly #mutex = new KeyedMutex();

  constructor(options: SessionCallsOptions) {
    this.#options = options;
  }

  config(session: Session): EffectiveConfig {
    return effectiveConfig(this.#options.defaults, session.config);
  }

  /** The session and its kb's head. Errors: ENGRAM_SESSION_UNKNOWN. */
  async read(id: string, slide = this.#options.autoExtend): Promise<SessionState> {
    const found = await this.#options.state.readSession(id, Date.now(), slide);
    if (found === undefined) throw new EngineError("ENGRAM_SESSION_UNKNOWN", `Session ${id} not found or expired`);
    return found;
  }

  /** Changes a session without learning. */
  update(id: string, change: (session: Session) => Session): Promise<Session> {
    return this.#call(id, undefined, async ({ session }) => {
      const next = change(session);
      return { next, learn: null, result: next };
    });
  }

  observe(id: string, observation: Observation, options: CallOptions = {}): Promise<ObserveResult> {
    return this.#call(id, options.idempotencyKey, async (state) => {
      const { next, learn, learned } = await this.#observe(state, observation);
      return { next, learn, result: this.#observeResult(next, observation, learned, "obs") };
    });
  }

  learn(id: string, options: CallOptions = {}): Promise<{ patternName: string }> {
    return this.#call(id, options.idempotencyKey, async ({ session }) => {
      if (session.stm.length === 0) throw new EngineError("ENGRAM_STM_EMPTY", "Cannot learn from empty STM");
      const learn = this.#learnOf(session, true);
      const next = { ...session, stm: [], pendingVectors: [] };
      return { next, learn, result: { patternName: learn === null ? "" : prefixed(learn.pattern.name) } };
    });
  }

  clearStm(id: string): Promise<Session> {
    return this.update(id, cleared);
  }

  /**
   * Observations one after the other. The session is saved with every learn and at the end; with an idempotency key the progress stands
   * in the session too, so a retry goes on where the last learn was committed and counts nothing twice.
   */
  observeSequence(
    id: string,
    observations: readonly Observation[],
    flags: { learnAfterEach: boolean; learnAtEnd: boolean; clearStmBetween: boolean },
    options: CallOptions = {},
  ): Promise<ObserveSequenceResult> {
    const key = options.idempotencyKey;
    return this.#alone(id, async (lock) => {
      let { session, head } = await this.read(id);
      const kept = key === undefined ? undefined : session.finished.find((call) => call.key === key);
      const progress = (kept?.result as { progress?: Progress } | undefined)?.progress;
      if (kept !== undefined && progress === undefined) return kept.result as ObserveSequenceResult;
      const initialStmLength = progress?.initialStmLength ?? session.stm.length;
      const results = [...(progress?.results ?? [])];
      const names = [...(progress?.names ?? [])];
      let finalName: string | null = null;
      /** Saves with a learn; the session goes on from what was saved. */
      const commit = async (next: Session, learn: LearnCommit, position: Omit<Progress, "initialStmLength">): Promise<void> => {
        const marked = key === undefined ? next : finish(next, key, { progress: { ...position, initialStmLength } });
        const saved = { ...marked, version: session.version + 1 };
        await this.#commitLearn(learn, saved, session.version, lock);
        session = saved;
        head = await this.#options.state.head(session.kb);
      };
      // A session whose saves are learns alone keeps its stored version; what is only observed is saved at the end.
      let pending = session;
      for (let i = progress?.index ?? 0; i < observations.length; i++) {
        const observation = observations[i]!;
        const stage = progress !== undefined && i === progress.index ? progress.stage : "observe";
        const between: Session = flags.clearStmBetween && i > 0 && stage === "observe" ? { ...pending, stm: [] } : pending;
        let autoName: string | null = progress !== undefined && i === progress.index ? progress.autoName : null;
        if (stage === "observe") {
          const step = await this.#observe({ session: between, head }, observation);
          pending = step.next;
          if (step.learn !== null) {
            autoName = step.learned;
            await commit(pending, step.learn, { index: i, stage: "learn", autoName, results, names });
            pending = session;
          }
        }
        if (flags.learnAfterEach && pending.stm.length > 0) {
          const learn = this.#learnOf(pending, true);
          const name = learn === null ? "" : prefixed(learn.pattern.name);
          pending = { ...pending, stm: [], pendingVectors: [] };
          names.push(name);
          if (autoName !== null) names.push(autoName);
          results.push(this.#observeResult(pending, observation, autoName, "seq-obs"));
          if (learn !== null) {
            await commit(pending, learn, { index: i + 1, stage: "observe", autoName: null, results, names });
            pending = session;
          }
        } else {
          if (autoName !== null) names.push(autoName);
          results.push(this.#observeResult(pending, observation, autoName, "seq-obs"));
        }
      }
      let learn: LearnCommit | null = null;
      if (flags.learnAtEnd && pending.stm.length > 0) {
        learn = this.#learnOf(pending, true);
        finalName = learn === null ? "" : prefixed(learn.pattern.name);
        names.push(finalName);
        pending = { ...pending, stm: [], pendingVectors: [] };
      }
      const result: ObserveSequenceResult = {
        initialStmLength,
        finalStmLength: pending.stm.length,
        results,
        autoLearnedPatterns: names,
        finalLearnedPattern: finalName,
      };
      const next = { ...(key === undefined ? pending : finish(pending, key, result)), version: session.version + 1 };
      if (learn !== null) await this.#commitLearn(learn, next, session.version, lock);
      else if ((await this.#options.state.saveSession(next, session.version, lock)) === "conflict") throw conflict();
      return result;
    });
  }

  /** Reads, steps, saves; starts over when another process saved first, from then on with the session's lock. */
  #call<R>(id: string, key: string | undefined, step: (state: SessionState) => Promise<Step<R>>): Promise<R> {
    return this.#mutex.with(id, async () => {
      const lock = new SessionLock(this.#options.state, id);
      try {
        for (let tries = 0; tries < CONFLICTS_MAX; tries++) {
          // Not slid here: the save moves the expiry, and a commit of its own for that would double the cost of a slow client's observe.
          const state = await this.read(id, false);
          const { session } = state;
          const done = key === undefined ? undefined : session.finished.find((call) => call.key === key);
          if (done !== undefined) return done.result as R;
          const { next, learn, result } = await step(state);
          const saved = this.#extended({ ...(key === undefined ? next : finish(next, key, result)), version: session.version + 1 });
          if (learn === null) {
            if ((await this.#options.state.saveSession(saved, session.version, lock.owner)) === "saved") return result;
          } else {
            const save = { next: saved, expectedVersion: session.version, lock: lock.owner };
            const commit = await this.#options.state.commitLearn(learn, save);
            if (commit.outcome === "outboxFull") throw outboxFull();
            if (commit.outcome === "committed") {
              this.#options.committed(learn, commit.result);
              return result;
            }
          }
          await lock.take();
        }
        throw conflict();
      } finally {
        await lock.release();
      }
    });
  }

  /** The session with its life begun anew, where every use does that. */
  #extended(session: Session): Session {
    return this.#options.autoExtend ? { ...session, expiresAtMs: Date.now() + session.ttlSeconds * 1_000 } : session;
  }

  /** A call of several saves: with the session's lock from the start, because it cannot start over. */
  #alone<R>(id: string, use: (lock: string) => Promise<R>): Promise<R> {
    return this.#mutex.with(id, async () => {
      const lock = new SessionLock(this.#options.state, id);
      try {
        await lock.take();
        return await use(lock.owner);
      } finally {
        await lock.release();
      }
    });
  }

  async #commitLearn(learn: LearnCommit, next: Session, expectedVersion: number, lock: string): Promise<void> {
    const commit = await this.#options.state.commitLearn(learn, { next, expectedVersion, lock });
    if (commit.outcome === "outboxFull") throw outboxFull();
    if (commit.outcome !== "committed") throw conflict();
    this.#options.committed(learn, commit.result);
  }

  async #observe(
    { session, head }: SessionState,
    observation: Observation,
  ): Promise<{ next: Session; learn: LearnCommit | null; learned: string | null }> {
    const config = this.config(session);
    const next = observed(session, observation, await this.#name(observation, head), config);
    if (next.stm !== session.stm && countSymbols(next) > this.#options.stmSymbolsMax) {
      throw new EngineError(
        "ENGRAM_LIMIT_EXCEEDED",
        `The short-term memory would hold more than ${this.#options.stmSymbolsMax} symbols. Learn it or clear it first; nothing was observed.`,
      );
    }
    if (next.stm === session.stm || !autoLearnDue(next, config)) return { next, learn: null, learned: null };
    const learn = this.#learnOf(next, false);
    return {
      next: { ...next, stm: afterAutoLearn(next.stm, config), pendingVectors: [] },
      learn,
      learned: learn === null ? null : prefixed(learn.pattern.name),
    };
  }

  async #name(observation: Observation, head: KbHead): Promise<NamedVector | null> {
    if (observation.vectors.length === 0) return null;
    const values = sumVectors(observation.vectors);
    return { vector: { symbol: vectorSymbol(values), values }, neighbours: await this.#options.vectors.nearest(head, values) };
  }

  #observeResult(session: Session, observation: Observation, learned: string | null, stem: string): ObserveResult {
    return {
      stmLength: session.stm.length,
      time: session.time,
      uniqueId: observation.uniqueId ?? newId(stem),
      autoLearnedPattern: learned,
    };
  }

  /** The learn of a session's STM; null when it holds fewer than two symbols. `accumulated`: with the session's emotives and metadata. */
  #learnOf(session: Session, accumulated: boolean): LearnCommit | null {
    const length = countSymbols(session);
    if (length < 2) return null;
    if (length > this.#options.symbolsPerPatternMax) {
      throw new EngineError(
        "ENGRAM_LIMIT_EXCEEDED",
        `A pattern may hold ${this.#options.symbolsPerPatternMax} symbols; the short-term memory holds ${length} and was kept. Clear it, or learn shorter stretches.`,
      );
    }
    this.#options.assertWritable(session.kb);
    return {
      kb: session.kb,
      pattern: toLearnPattern(session.stm),
      emotives: accumulated ? session.emotives : [],
      metadata: accumulated ? accumulateMetadata(session.observedMetadata.map((text) => JSON.parse(text))) : [],
      vectors: session.pendingVectors,
      persistence: this.config(session).persistence,
      atMs: Date.now(),
    };
  }
}

/** How far a sequence with an idempotency key has come. */
interface Progress {
  readonly index: number;
  /** "learn": the observation at `index` was taken (with its auto-learn), its learn_after_each was not yet. */
  readonly stage: "observe" | "learn";
  readonly autoName: string | null;
  readonly results: readonly ObserveResult[];
  readonly names: readonly string[];
  readonly initialStmLength: number;
}

function finish(session: Session, key: string, result: unknown): Session {
  const others = session.finished.filter((call) => call.key !== key);
  return { ...session, finished: [...others, { key, result }].slice(-FINISHED_CALLS_MAX) };
}

const conflict = (): EngineError =>
  new EngineError("ENGRAM_CONFLICT", "Other calls kept changing this session. What was learned stays; read the session and try again.");
const outboxFull = (): EngineError =>
  new EngineError("ENGRAM_OUTBOX_FULL", "Too many learns wait to be written to the pattern store. Nothing was learned; try again shortly.");
