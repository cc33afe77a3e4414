/**
 * Patterns of a kb one by one: listing, updating, deleting. A list shows what is in the pattern store, so what waits is written first; an
 * edit is one commit for many patterns and counts at once, everywhere. Cost: a page of a list some milliseconds, an edit about 0.1 ms a
 * pattern besides one wait for the disk a commit.
 */
import type { CallOptions, EditReport, PatternQuery, PatternReplacement, PatternsPage, PatternView } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { toLearnPattern } from "../model/pattern.ts";
import type { ListedPattern, PatternFilter } from "../store/pattern-listing.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import type { KbHead, PatternEdit, StateStore } from "../store/state-store.ts";
import { UNKNOWN_SYMBOL } from "../store/state-store.ts";
import { newPatterns } from "../store/tail-columns.ts";
import { type BulkLearner, learnBatch } from "./bulk.ts";
import type { DeletedPatterns } from "./deleted-patterns.ts";
import type { SymbolCache } from "./symbol-cache.ts";

/** Edits a commit: tens of milliseconds of the state store, in which nothing else is committed. */
const COMMIT_EDITS = 500;
/** Patterns read at once for a page or a bulk delete. */
const READ_STEP = 1_000;
/** Patterns looked at for one page: beyond it the page ends early, with a cursor to go on from. */
const LOOKED_AT_MAX = 50_000;
/** Names a dry run shows. */
const SHOWN_NAMES = 100;

export interface PatternEditsOptions {
  readonly state: StateStore;
  readonly patterns: PatternStore;
  readonly symbols: SymbolCache;
  readonly deleted: DeletedPatterns;
  readonly learner: BulkLearner;
}

/** A page's patterns with what is needed to edit them. */
interface Found {
  readonly pattern: ListedPattern;
  readonly view: PatternView;
}

export class PatternEdits {
  readonly #options: PatternEditsOptions;

  constructor(options: PatternEditsOptions) {
    this.#options = options;
  }

  /** A page in the order of first learning. Errors: ENGRAM_BAD_REQUEST for a cursor of a kb that was cleared since. */
  async list(kb: string, query: PatternQuery, limit: number, cursor?: string): Promise<PatternsPage> {
    const head = await this.#flushedHead(kb);
    const { found, next } = await this.#page(head, query, limit, placeOf(cursor, head));
    return {
      patterns: found.map(({ view }) => view),
      ...(next !== undefined && { cursor: Buffer.from(`${head.generation}.${next}`).toString("base64url") }),
    };
  }

  /** Views of names (bare or with `PTRN|`), in their order; undefined where the kb does not know one. */
  async many(kb: string, names: readonly string[]): Promise<readonly (PatternView | undefined)[]> {
    const head = await this.#options.state.head(kb);
    const bare = names.map(bareName);
    const known = await this.#contents(head, bare);
    const views = await this.#views(head, [...known.values()]);
    const byName = new Map(views.map((found) => [found.pattern.name, found.view]));
    return bare.map((name) => byName.get(name));
  }

  /** Updates one pattern; undefined when it is unknown. New events make it another pattern, which gets its figures. */
  async update(kb: string, name: string, change: PatternReplacement, options: CallOptions): Promise<PatternView | undefined> {
    const { events, ...figures } = change;
    if (events !== undefined) return this.#replace(kb, bareName(name), events, figures, options.idempotencyKey);
    const head = await this.#options.state.head(kb);
    const pattern = (await this.#contents(head, [bareName(name)])).get(bareName(name));
    const edit = editOf(pattern, bareName(name), { kind: "update", persistence: this.#options.learner.persistence, ...figures });
    const [done] = await this.#commit(head, [edit], options.idempotencyKey);
    return done ? (await this.many(kb, [name]))[0] : undefined;
  }

  /** Deletes by name. Unknown names are reported, and the others are deleted all the same. */
  async deleteNamed(kb: string, names: readonly string[], dryRun: boolean, options: CallOptions): Promise<EditReport> {
    const head = await this.#options.state.head(kb);
    const report = { matched: 0, deleted: 0, names: [] as string[], unknown: [] as string[] };
    const bare = [...new Set(names.map(bareName))];
    // Looking through a long outbox once a commit would cost more than writing it.
    if (bare.length > COMMIT_EDITS) await this.#options.learner.flusher.drained();
    for (let from = 0; from < bare.length; from += COMMIT_EDITS) {
      const part = bare.slice(from, from + COMMIT_EDITS);
      const known = await this.#contents(head, part);
      const edits = part.map((name) => editOf(known.get(name), name, { kind: "delete" }));
      const key = options.idempotencyKey === undefined ? undefined : `${options.idempotencyKey} ${from}`;
      const done = dryRun ? part.map((name) => known.has(name)) : await this.#commit(head, edits, key);
      part.forEach((name, i) => {
        if (!done[i]) report.unknown.push(`PTRN|${name}`);
        else {
          report.matched += 1;
          if (!dryRun) report.deleted += 1;
          if (report.names.length < SHOWN_NAMES) report.names.push(`PTRN|${name}`);
        }
      });
    }
    return report;
  }

  /** Deletes what a filter passes, as of the call; ends early once `most` or more have matched. */
  async deleteMatching(
    kb: string,
    query: PatternQuery,
    dryRun: boolean,
    options: CallOptions,
    most = Number.POSITIVE_INFINITY,
  ): Promise<EditReport> {
    const head = await this.#flushedHead(kb);
    const report = { matched: 0, deleted: 0, names: [] as string[], unknown: [] as string[] };
    let from: number | undefined = 0;
    for (let step = 0; from !== undefined && report.matched < most; step++) {
      const page: { found: readonly Found[]; next: number | undefined } = await this.#page(head, query, COMMIT_EDITS, from);
      from = page.next;
      report.matched += page.found.length;
      for (const { view } of page.found) if (report.names.length < SHOWN_NAMES) report.names.push(view.name);
      if (dryRun || page.found.length === 0) continue;
      const edits = page.found.map(({ pattern }) => editOf(pattern, pattern.name, { kind: "delete" }));
      const key = options.idempotencyKey === undefined ? undefined : `${options.idempotencyKey} ${step}`;
      report.deleted += (await this.#commit(head, edits, key)).filter(Boolean).length;
    }
    return report;
  }

  async #replace(
    kb: string,
    name: string,
    events: readonly (readonly string[])[],
    figures: Omit<PatternReplacement, "events">,
    key: string | undefined,
  ): Promise<PatternView | undefined> {
    const { state, learner } = this.#options;
    const next = toLearnPattern(events);
    if (next.name === name) throw new EngineError("ENGRAM_BAD_REQUEST", "The events are those the pattern has: leave them out.");
    const head = await state.head(kb);
    const old = (await this.#contents(head, [name])).get(name);
    const { persistence } = learner;
    let edits = [editOf(old, name, { kind: "delete" }), editOf(undefined, next.name, { kind: "update", persistence })];
    if (old !== undefined) {
      const record = (await state.counters(kb, head.generation, [name], [])).patterns[0];
      const [learned] = await learnBatch(learner, kb, [{ events }], key === undefined ? undefined : `${key} events`);
      if (learned === "tooShort") throw new EngineError("ENGRAM_BAD_REQUEST", "A pattern holds two symbols at least.");
      const now = await state.head(kb);
      const created = (await this.#contents(now, [next.name])).get(next.name);
      const change = {
        kind: "update" as const,
        persistence,
        frequency: figures.frequency ?? learned!.frequency - 1 + (record?.frequency ?? 0),
        ...(learned!.isNew && { emotives: record?.emotives ?? [], metadata: record?.metadata ?? [] }),
        ...(figures.emotives && { emotives: figures.emotives }),
        ...(figures.metadata && { metadata: figures.metadata }),
      };
      edits = [editOf(old, name, { kind: "delete" }), editOf(created, next.name, change)];
    }
    const [done] = await this.#commit(head, edits, key);
    return done ? (await this.many(kb, [next.name]))[0] : undefined;
  }

  /** The head once everything learned before the call is in the pattern store. */
  async #flushedHead(kb: string): Promise<KbHead> {
    await this.#options.learner.flusher.drained();
    return this.#options.state.head(kb);
  }

  async #page(
    head: KbHead,
    query: PatternQuery,
    limit: number,
    start: number,
  ): Promise<{ found: readonly Found[]; next: number | undefined }> {
    const { patterns, deleted, state } = this.#options;
    const { frequencyMin = 0, frequencyMax = Number.POSITIVE_INFINITY, contains, ...filter } = query;
    const wanted: PatternFilter & { symbolId?: number } = { ...filter };
    if (contains !== undefined) {
      const [symbolId] = await state.symbolIds(head.kb, head.generation, [contains]);
      if (symbolId === UNKNOWN_SYMBOL) return { found: [], next: undefined };
      wanted.symbolId = symbolId!;
    }
    const gone = await deleted.at(head);
    const found: Found[] = [];
    let from = start;
    for (let looked = 0; looked < LOOKED_AT_MAX; looked += READ_STEP) {
      const rows = await patterns.listing.list(head.kb, head.generation, wanted, from, READ_STEP);
      const views = await this.#views(
        head,
        rows.filter(({ patternId }) => !gone.has(patternId)),
      );
      for (const one of views) {
        if (one.view.frequency < frequencyMin || one.view.frequency > frequencyMax) continue;
        if (found.length === limit) return { found, next: one.pattern.patternId };
        found.push(one);
      }
      if (rows.length < READ_STEP) return { found, next: undefined };
      from = rows.at(-1)!.patternId + 1;
    }
    return { found, next: from };
  }

  /** Patterns with their figures; those deleted meanwhile are left out. */
  async #views(head: KbHead, rows: readonly ListedPattern[]): Promise<Found[]> {
    const { state, symbols } = this.#options;
    const { kb, generation } = head;
    const names = await symbols.namesOf(
      kb,
      generation,
      rows.map(({ symbolIds }) => symbolIds),
    );
    const { patterns: records } = await state.counters(
      kb,
      generation,
      rows.map(({ name }) => name),
      [],
    );
    return rows.flatMap((pattern, i) => {
      const record = records[i];
      if (record === undefined || record.patternId !== pattern.patternId) return [];
      const flat = pattern.symbolIds.map((id) => names.get(id)!);
      const view: PatternView = {
        name: `PTRN|${pattern.name}`,
        patternData: pattern.eventEnds.map((end, e) => flat.slice(e === 0 ? 0 : pattern.eventEnds[e - 1], end)),
        length: flat.length,
        frequency: record.frequency,
        emotives: record.emotives,
        metadata: record.metadata,
      };
      return [{ pattern, view }];
    });
  }

  /** Contents of the patterns that the kb knows by name, from the outbox or the pattern store. */
  async #contents(head: KbHead, names: readonly string[]): Promise<ReadonlyMap<string, ListedPattern>> {
    const { state, patterns } = this.#options;
    const { kb, generation } = head;
    const { patterns: records } = await state.counters(kb, generation, names, []);
    const ids = new Map<string, number>();
    names.forEach((name, i) => {
      const record = records[i];
      if (record !== undefined) ids.set(name, record.patternId);
    });
    if (ids.size === 0) return new Map();
    const wanted = new Set(ids.values());
    const found = new Map<string, ListedPattern>();
    // The tail first: what leaves it meanwhile is in the pattern store by then.
    for (const entry of newPatterns(await state.tail(kb, generation))) {
      if (!wanted.has(entry.patternId)) continue;
      const { name, flat, eventEnds } = entry.pattern;
      found.set(name, { patternId: entry.patternId, name, symbolIds: flat.map((at) => entry.symbolIds[at]!), eventEnds });
    }
    const missing = [...ids].filter(([name]) => !found.has(name));
    const stored = await patterns.listing.byId(
      kb,
      generation,
      missing.map(([, id]) => id),
    );
    for (const [name, id] of missing) {
      const pattern = stored.get(id);
      // Deleted between the two reads, or its rows are lost: an edit of it would do the same as one of an unknown name.
      if (pattern !== undefined) found.set(name, pattern);
    }
    return found;
  }

  /** True for each edit that was done. A full outbox is waited for. */
  async #commit(head: KbHead, edits: readonly PatternEdit[], key: string | undefined): Promise<readonly boolean[]> {
    const { state, learner } = this.#options;
    const requestId = key === undefined ? undefined : `${head.kb} edit ${key}`;
    const commit = () => state.editPatterns(head.kb, head.generation, edits, Date.now(), requestId);
    let outcomes = await commit();
    while (outcomes === "outboxFull") {
      await learner.flusher.drained();
      outcomes = await commit();
    }
    learner.flusher.notify();
    return outcomes.map((outcome) => outcome === "done");
  }
}

const bareName = (name: string): string => name.replace(/^PTRN\|/, "");

/** An edit; of an unknown pattern one that cannot be done, so that a repeated request still meets its first answer. */
function editOf(pattern: ListedPattern | undefined, name: string, change: PatternEdit["change"]): PatternEdit {
  return pattern === undefined ? { name, patternId: -1, symbolIds: [], eventEnds: [], change } : { ...pattern, change };
}

/** Id to go on from. A cursor is `generation.id`, made unreadable so that nobody builds one. */
function placeOf(cursor: string | undefined, head: KbHead): number {
  if (cursor === undefined) return 0;
  const found = /^(\d{1,15})\.(\d{1,15})$/.exec(Buffer.from(cursor, "base64url").toString("latin1"));
  if (found === null) throw new EngineError("ENGRAM_BAD_REQUEST", "The cursor is not one that a page of this list ended with.");
  if (Number(found[1]) !== head.generation) {
    throw new EngineError("ENGRAM_BAD_REQUEST", "The knowledge base was cleared since this list was begun. Begin again, without a cursor.");
  }
  return Number(found[2]);
}
