/**
 * Looks a kb over: its tables by themselves, every pattern's name against what it holds, and the state store against the history, which is
 * replayed into an empty store beside it. Nothing is changed without `repair`, which makes anew what is made from patterns. Costs what a
 * rebuild costs, and a temporary folder of the size of the kb's half of the state store. Not while the kb is learning: it is looked at anew then.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KbReport } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { patternName } from "../model/pattern.ts";
import { openLmdbState } from "../store/lmdb-open.ts";
import type { Finding } from "../store/pattern-audit.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import type { KbHead, StateStore } from "../store/state-store.ts";
import type { Buckets } from "./buckets.ts";
import type { Flusher } from "./flusher.ts";
import type { Indexer } from "./indexer.ts";

/** Patterns and symbols compared at a time. */
const SLICE = 1_000;
const EXAMPLES = 5;
/** Times a kb may change under one call. */
const TRIES = 3;

/** Gathers differences of one kind. */
class Differences {
  readonly #found = new Map<string, { count: number; examples: string[] }>();

  add(check: string, example: string): void {
    const known = this.#found.get(check) ?? { count: 0, examples: [] };
    known.count += 1;
    if (known.examples.length < EXAMPLES) known.examples.push(example);
    this.#found.set(check, known);
  }
  compare(check: string, example: string, is: unknown, wanted: unknown): void {
    if (JSON.stringify(is) !== JSON.stringify(wanted))
      this.add(check, `${example}: ${JSON.stringify(is)}, by its history ${JSON.stringify(wanted)}`);
  }
  list(): Finding[] {
    return [...this.#found].map(([check, { count, examples }]) => ({ check, count, examples, derived: false }));
  }
}

export class Verifier {
  readonly #state: StateStore;
  readonly #patterns: PatternStore;
  readonly #flusher: Flusher;
  readonly #buckets: Buckets;
  readonly #indexer: Indexer;

  constructor(parts: { state: StateStore; patterns: PatternStore; flusher: Flusher; buckets: Buckets; indexer: Indexer }) {
    this.#state = parts.state;
    this.#patterns = parts.patterns;
    this.#flusher = parts.flusher;
    this.#buckets = parts.buckets;
    this.#indexer = parts.indexer;
  }

  /** Errors: ENGRAM_CONFLICT when the kb keeps changing. */
  async verify(kb: string, repair: boolean): Promise<KbReport> {
    for (let tries = 0; tries < TRIES; tries++) {
      await this.#flusher.drained();
      const head = await this.#state.head(kb);
      if (repair) await this.#repair(head);
      const report = await this.#look(head);
      const now = await this.#state.head(kb);
      if (now.seq === head.seq) return report;
    }
    throw new EngineError("ENGRAM_CONFLICT", "The knowledge base kept changing while it was looked over. Try again when it is quiet.");
  }

  async #repair(head: KbHead): Promise<void> {
    const { kb, generation } = head;
    await this.#patterns.audit.repair(kb, generation);
    // Buckets are filled by the indexer, which goes on where it was stopped; until then a question scans.
    await this.#indexer.settle();
    await this.#buckets.drop(head);
    this.#indexer.forget(kb);
    this.#indexer.notify(kb);
    await this.#indexer.settle();
  }

  async #look(head: KbHead): Promise<KbReport> {
    const { kb, generation, totals } = head;
    const expected = {
      patterns: totals.total_unique_patterns,
      patternCount: head.patternCount,
      symbolCount: head.symbolCount,
      seq: head.seq,
    };
    const findings = [...(await this.#patterns.audit.findings(kb, generation, expected))];
    const names = await this.#names(head);
    findings.push(...names.list());
    // A history with holes cannot be replayed: they are the finding, and what follows from them would only hide it.
    const whole = !findings.some(({ check }) => /^(events|symbols)\.|^patterns\.(missing|duplicate|orphan|events|symbols)/.test(check));
    if (whole) findings.push(...(await this.#buckets.findings(head)), ...(await this.#counters(head)).list());
    return {
      kb,
      patterns: totals.total_unique_patterns,
      changes: head.seq,
      checksum: await this.#patterns.audit.checksum(kb, generation),
      countersCompared: whole,
      findings,
    };
  }

  /** Every pattern's name is the hash of what it holds, and symbols are the same in both stores. */
  async #names({ kb, generation, symbolCount }: KbHead): Promise<Differences> {
    const differences = new Differences();
    const symbols: string[] = [];
    for await (const rows of this.#state.listSymbols(kb, generation, 0, symbolCount)) for (const { symbol } of rows) symbols.push(symbol);
    let from = 0;
    for (;;) {
      const patterns = await this.#patterns.listing.list(kb, generation, {}, from, SLICE);
      for (const { patternId, name, symbolIds, eventEnds } of patterns) {
        const flat = symbolIds.map((id) => symbols[id] ?? "");
        const events = eventEnds.map((end, i) => flat.slice(i === 0 ? 0 : eventEnds[i - 1], end));
        if (patternName(events) !== name) differences.add("patterns.hash", `pattern ${patternId} is called ${name}`);
      }
      if (patterns.length < SLICE) return differences;
      from = patterns.at(-1)!.patternId + 1;
    }
  }

  /** The state store against the history. */
  async #counters(head: KbHead): Promise<Differences> {
    const differences = new Differences();
    const folder = mkdtempSync(join(tmpdir(), "engram-verify-"));
    const replayed = await openLmdbState({ path: folder, outboxMax: 1 });
    try {
      for await (const slice of this.#patterns.events(head.kb)) await replayed.replay(slice);
      await this.#compareHeads(head, await replayed.head(head.kb), differences);
      await this.#compareSymbols(head, replayed, differences);
      await this.#comparePatterns(head, replayed, differences);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "ENGRAM_STORE_REPLY") throw error;
      differences.add("events.replay", error.message);
    } finally {
      await replayed.close();
      rmSync(folder, { recursive: true, force: true });
    }
    return differences;
  }

  async #compareHeads(head: KbHead, wanted: KbHead, differences: Differences): Promise<void> {
    const figures = ["patternCount", "deletedCount", "symbolCount", "goneSymbols", "vectorDimension", "finalizedBelow"] as const;
    for (const figure of figures) differences.compare("counters.kb", figure, head[figure], wanted[figure]);
    for (const total of Object.keys(wanted.totals) as (keyof KbHead["totals"])[]) {
      differences.compare("counters.kb", total, head.totals[total], wanted.totals[total]);
    }
    const [is, ids] = await Promise.all([this.#state, this.#state].map((store) => store.listDeleted(head.kb, head.generation, 0)));
    if (is!.length !== ids!.length) differences.add("counters.kb", "deleted");
  }

  async #compareSymbols({ kb, generation, symbolCount }: KbHead, replayed: StateStore, differences: Differences): Promise<void> {
    const wanted = replayed.listSymbols(kb, generation, 0, symbolCount)[Symbol.asyncIterator]();
    for await (const rows of this.#state.listSymbols(kb, generation, 0, symbolCount)) {
      const ids = rows.map(({ id }) => id);
      const others = (await wanted.next()).value as typeof rows | undefined;
      const [is, was] = [await this.#state.affinities(kb, generation, ids), await replayed.affinities(kb, generation, ids)];
      rows.forEach((row, i) => {
        differences.compare("counters.symbol", `symbol ${row.id}`, row, others?.[i]);
        differences.compare("counters.affinity", `symbol ${row.id}`, is[i], was[i]);
      });
    }
    await wanted.return?.(undefined);
  }

  async #comparePatterns({ kb, generation }: KbHead, replayed: StateStore, differences: Differences): Promise<void> {
    let from = 0;
    for (;;) {
      const patterns = await this.#patterns.listing.list(kb, generation, {}, from, SLICE);
      const names = patterns.map(({ name }) => name);
      const [is, wanted] = [await this.#state.counters(kb, generation, names, []), await replayed.counters(kb, generation, names, [])];
      names.forEach((name, i) => {
        differences.compare("counters.pattern", `pattern ${name}`, is.patterns[i], wanted.patterns[i]);
      });
      if (patterns.length < SLICE) return;
      from = patterns.at(-1)!.patternId + 1;
    }
  }
}
