/**
 * Predict: state → query → candidates → kernels → the few that are left → counters → metrics → answer. Candidates stay bytes until the
 * ensemble is known; only its members become objects. A kb that is cleared in between is read anew.
 */

import type { OneSymbolCandidate, PartnerRatios, Winner } from "../aggregate/aggregate-input.ts";
import { ensembleKeyOf, ensembleLimit, keepByFrequency } from "../aggregate/ensemble-key.ts";
import { aggregateOneSymbol } from "../aggregate/one-symbol.ts";
import { type Aggregated, aggregate } from "../aggregate/predict-aggregate.ts";
import { TimeSlices } from "../aggregate/time-slices.ts";
import type { PatternFate, PredictionTrace, PredictOptions, PredictResult } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { bandRecall } from "../kernels/band-recall.ts";
import { type Event, flatten } from "../model/event.ts";
import type { EffectiveConfig } from "../model/session-config.ts";
import type { KernelPool, Partner, ScoreOptions } from "../pool/kernel-pool.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import { type KbHead, type StateStore, UNKNOWN_SYMBOL } from "../store/state-store.ts";
import type { DeletedPatterns } from "./deleted-patterns.ts";
import { type Kept, presentIds, readFacts } from "./facts.ts";
import type { FirstSymbols } from "./first-symbols.ts";
import { fateOf } from "./pattern-fate.ts";
import { type Found, KbChanged, type Plan, type Planner, type Question } from "./plan.ts";
import { Queries } from "./queries.ts";
import { readContent } from "./reads.ts";
import { StartGate } from "./start-gate.ts";
import type { SymbolCache, Texts } from "./symbol-cache.ts";

/** Predictions beside one a thread that are searched for or wait for the main thread: enough that neither ever waits for the other. */
const SPARE_PLACES = 2;
/** Times a kb may be cleared under one call before the caller is told to try again. */
const TRIES = 5;

export interface PredictorOptions {
  readonly state: StateStore;
  readonly patterns: PatternStore;
  readonly planner: Planner;
  readonly firstSymbols: FirstSymbols;
  readonly deleted: DeletedPatterns;
  readonly pool: KernelPool;
  readonly symbols: SymbolCache;
  readonly deadlineMs: number;
  /** Patterns a source with an index may read for one prediction. */
  readonly rowsMax: number;
  /** Predictions that wait to be started at most. */
  readonly queueMax: number;
}

const NO_IDS = new Uint32Array(0);

const NOTHING: PredictResult = {
  predictions: [],
  futurePotentials: [],
  trace: {
    source: "none",
    plan: [],
    exact: true,
    certified: true,
    rowsRead: 0,
    candidates: 0,
    stages: [],
    dropped: { filtered: 0, belowThreshold: 0, withoutBlocks: 0, pruned: 0, cut: 0 },
    microseconds: { total: 0, state: 0, read: 0, transfer: 0, kernel: 0, aggregate: 0 },
  },
};

/** Adds up wall time by purpose. */
class Stopwatch {
  readonly #start = performance.now();
  state = 0;
  aggregate = 0;
  async time<R>(purpose: "state" | "aggregate", work: () => R | Promise<R>): Promise<R> {
    const before = performance.now();
    try {
      return await work();
    } finally {
      this[purpose] += performance.now() - before;
    }
  }
  microseconds(scored: { read: number; transfer: number; kernel: number }): PredictionTrace["microseconds"] {
    return { total: (performance.now() - this.#start) * 1000, state: this.state * 1000, ...scored, aggregate: this.aggregate * 1000 };
  }
}

export class Predictor {
  readonly #options: PredictorOptions;
  readonly #gate: StartGate;

  constructor(options: PredictorOptions) {
    this.#options = options;
    this.#gate = new StartGate(options.pool.threads + SPARE_PLACES, options.queueMax);
  }

  /** Predictions for a state on the kb as the head says it is, or newer. */
  async predict(head: KbHead, state: readonly Event[], config: EffectiveConfig, call: PredictOptions): Promise<PredictResult> {
    const flat = flatten(state);
    if (flat.length === 0) return NOTHING;
    const options: ScoreOptions = { deadlineAt: performance.now() + this.#options.deadlineMs, ...(call.signal && { signal: call.signal }) };
    let current = head;
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        return flat.length === 1
          ? await this.#oneSymbol(current, flat[0]!, config, options, call)
          : await this.#general(current, state, flat, config, options, call);
      } catch (error) {
        if (!(error instanceof KbChanged)) throw error;
        current = await this.#options.state.head(head.kb);
      }
    }
    throw new EngineError("ENGRAM_CONFLICT", "The knowledge base was cleared again and again while it was read. Try again.");
  }

  async #general(
    head: KbHead,
    state: readonly Event[],
    flat: readonly string[],
    config: EffectiveConfig,
    options: ScoreOptions,
    call: PredictOptions,
  ): Promise<PredictResult> {
    const { symbols, planner } = this.#options;
    const watch = new Stopwatch();
    const ensemble = ensembleKeyOf(config);
    const limit = ensembleLimit(config.max_predictions);
    const symbolIds = await watch.time("state", () => symbols.ids(head.kb, head.generation, flat));
    const queries = new Queries(this.#options, head, flat, symbolIds, config, options);
    const question: Omit<Question, "isForced"> = {
      head,
      config,
      symbols: flat,
      symbolIds,
      ensemble,
      keep: ensemble.kind === "kernel" ? limit : Number.POSITIVE_INFINITY,
      prepare: (symbolCount, patternCount, spare) => watch.time("state", () => queries.prepare(symbolCount, patternCount, spare)),
      rowsMax: this.#options.rowsMax,
      options,
    };
    const pass = await this.#gate.enter(options);
    let searched: Awaited<ReturnType<Planner["search"]>>;
    let slices: TimeSlices;
    try {
      searched = await planner.search(question, call.source);
      pass.found();
      slices = await TimeSlices.begin(options);
    } finally {
      pass.leave();
    }
    const { plan, found: scored } = searched;
    if (scored.candidates === 0 && head.patternCount === 0) return NOTHING;
    const partners = queries.partners;
    const facts = await watch.time("state", () =>
      readFacts(
        this.#options.state,
        symbols,
        {
          head,
          kept: scored.kept,
          stateIds: symbolIds,
          countersOf: (_, at) => presentIds(scored.kept[at]!, head.finalizedBelow),
          affinity: config.affinity_emotive === undefined ? undefined : { emotive: config.affinity_emotive, of: "state" },
        },
        scored.counters,
      ),
    );
    const { snapshot } = facts;
    const ratios = partners && (await watch.time("state", () => this.#ratios(head, flat, partners)));
    const result = await watch.time("aggregate", async () => {
      let winners: Winner[] = [];
      for (const [at, match] of scored.kept.entries()) {
        const record = snapshot.patterns[at]!;
        // Spelled out: spreading objects together costs several times as much.
        winners.push({
          name: match.name,
          patternId: match.patternId,
          similarity: match.similarity,
          events: eventsOf(match, facts.texts),
          blocks: match.blocks,
          frequency: record.frequency,
          emotives: record.emotives,
        });
        if (slices.over) await slices.next();
      }
      if (ensemble.kind === "frequency" || ensemble.kind === "similarityTimesFrequency")
        winners = keepByFrequency(winners, ensemble.kind, limit);
      const answer = await aggregate(
        {
          state,
          winners,
          symbols: facts.figures,
          totals: snapshot.head.totals,
          symbolCount: snapshot.head.symbolCount - snapshot.head.goneSymbols,
          finalized: snapshot.finalized && {
            below: snapshot.head.finalizedBelow,
            totals: snapshot.finalized.totals,
            symbolCount: snapshot.finalized.symbolCount,
          },
          partners: ratios,
          config,
        },
        slices,
      );
      return { ...answer, ensembleSize: winners.length };
    });
    const pattern = call.fateOf === undefined ? undefined : await this.#fate(call.fateOf, head, queries, searched, result, options);
    return {
      predictions: result.predictions,
      futurePotentials: result.futurePotentials,
      trace: {
        source: plan.source.name,
        plan: plan.entries,
        exact: scored.rowsRead === scored.candidates && scored.certified,
        certified: scored.certified,
        rowsRead: scored.rowsRead,
        candidates: scored.candidates,
        ...(pattern && { pattern }),
        stages: scored.stages.map((stage) =>
          stage.name === "minhash" ? { ...stage, expectedRecall: bandRecall(config.minhash_threshold) } : stage,
        ),
        dropped: {
          filtered: scored.candidates - scored.belowThreshold - scored.withoutBlocks - scored.matched,
          belowThreshold: scored.belowThreshold,
          withoutBlocks: scored.withoutBlocks,
          pruned: scored.matched - result.ensembleSize,
          cut: result.cut,
        },
        microseconds: watch.microseconds(scored.microseconds),
      },
    };
  }

  async #fate(
    name: string,
    head: KbHead,
    queries: Queries,
    { plan, found: scored }: { readonly plan: Plan; readonly found: Found },
    { ranked, predictions }: Aggregated,
    options: ScoreOptions,
  ): Promise<PatternFate> {
    const { state, pool } = this.#options;
    const record = (await state.counters(head.kb, head.generation, [name], [])).patterns[0];
    const content = record && (await readContent(this.#options, head.kb, head.generation, name, record.patternId));
    const query = await queries.prepare(await this.#symbolCount(head), head.patternCount);
    const leastKey = scored.matched > scored.kept.length ? scored.kept.at(-1)?.key : undefined;
    // Ensembles by frequency leave out matches that were kept: nobody knows whether such a one was offered.
    const isKernelKey = scored.matched > scored.kept.length || ranked.length === scored.kept.length;
    const uncertain = scored.certified || !isKernelKey ? undefined : plan.source.name;
    return fateOf(pool, { name, content, query, ranked, answered: predictions.length, leastKey, uncertain }, options);
  }

  /** Symbols of the kb as it is now: a pattern that was learned meanwhile may have newer ones than the head. */
  async #symbolCount(head: KbHead): Promise<number> {
    const now = await this.#options.state.head(head.kb);
    if (now.generation !== head.generation) throw new KbChanged();
    return now.symbolCount;
  }

  /** The one-symbol path (semantics §10): patterns that begin with the symbol, no pipeline, no threshold. */
  async #oneSymbol(
    head: KbHead,
    symbol: string,
    config: EffectiveConfig,
    options: ScoreOptions,
    call: PredictOptions,
  ): Promise<PredictResult> {
    const watch = new Stopwatch();
    const [id] = await watch.time("state", () => this.#options.symbols.ids(head.kb, head.generation, [symbol]));
    if (id === UNKNOWN_SYMBOL) return NOTHING;
    // Without affinity the shortest win, so only as many are kept as can be answered; weights need every candidate.
    const keep = config.affinity_emotive === undefined ? config.max_predictions : Number.POSITIVE_INFINITY;
    const found = await this.#options.firstSymbols.find(head, id!, keep, options, call.source);
    const slices = await TimeSlices.begin(options);
    // Without affinity nothing but the patterns' own counters is asked for.
    const { affinity_emotive: emotive } = config;
    const facts = await watch.time("state", () =>
      readFacts(this.#options.state, this.#options.symbols, {
        head,
        kept: found.kept,
        stateIds: [id!],
        countersOf: (match) => (emotive === undefined ? NO_IDS : match.symbolIds),
        affinity: emotive === undefined ? undefined : { emotive, of: "all" },
      }),
    );
    const result = await watch.time("aggregate", () =>
      aggregateOneSymbol(
        {
          symbol,
          candidates: found.kept.map((match, at): OneSymbolCandidate => {
            const { frequency, emotives } = facts.snapshot.patterns[at]!;
            return { name: match.name, events: eventsOf(match, facts.texts), frequency, emotives };
          }),
          symbols: facts.figures,
          config,
        },
        slices,
      ),
    );
    const place = result.predictions.findIndex(({ name }) => name === call.fateOf) + 1;
    return {
      predictions: result.predictions,
      futurePotentials: [],
      trace: {
        source: found.source,
        plan: [{ source: found.source, microseconds: 0 }],
        exact: true,
        certified: true,
        rowsRead: found.candidates,
        candidates: found.candidates,
        ...(call.fateOf !== undefined && { pattern: oneSymbolFate(call.fateOf, place, symbol) }),
        stages: [],
        dropped: { filtered: 0, belowThreshold: 0, withoutBlocks: 0, pruned: 0, cut: found.candidates - result.predictions.length },
        microseconds: watch.microseconds({ read: found.readMicroseconds, transfer: 0, kernel: 0 }),
      },
    };
  }

  async #ratios(head: KbHead, flat: readonly string[], partners: readonly Partner[]): Promise<PartnerRatios> {
    const names = await this.#options.symbols.names(
      head.kb,
      head.generation,
      partners.map((partner) => partner.symbolId),
    );
    const ratios = new Map<string, Map<string, number>>();
    for (const { queryIndex, symbolId, ratio } of partners) {
      const observed = flat[queryIndex]!;
      const known = ratios.get(observed);
      if (known === undefined) ratios.set(observed, new Map([[names.get(symbolId)!, ratio]]));
      else known.set(names.get(symbolId)!, ratio);
    }
    return ratios;
  }
}

function oneSymbolFate(name: string, rank: number, symbol: string): PatternFate {
  if (rank > 0) return { name, outcome: "predicted", rank, reason: `It is prediction number ${rank}.` };
  const reason = `It does not begin with ${JSON.stringify(symbol)}, or shorter ones that do were enough.`;
  return { name, outcome: "filtered", stage: "first symbol", reason };
}

function eventsOf({ symbolIds, eventEnds }: Kept, texts: Texts): Event[] {
  const events: Event[] = [];
  let from = 0;
  for (const end of eventEnds) {
    // Most events hold one symbol: those are there already.
    if (end - from === 1) events.push(texts.event(symbolIds[from++]!)!);
    else {
      const event: string[] = [];
      while (from < end) event.push(texts.get(symbolIds[from++]!)!);
      events.push(event);
    }
  }
  return events;
}
