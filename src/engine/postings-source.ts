/**
 * The candidate source "postings": finds the patterns that could be similar enough by the symbols they share with the state, fetches those
 * with the greatest bounds and scores them with the same kernels as every other source. For large kbs, token mode and a threshold
 * above 0; what is not indexed yet (at most about one step, and the unflushed tail) is scanned.
 *
 * Ranked by similarity it need not find everything: it asks for a high similarity first and goes down level by level until the best that
 * are asked for are certain: nothing that was not fetched can reach the last of them, or tie with it under a smaller name. Every other ranking needs all matches, so it
 * finds all of the threshold. What would pass the budget of rows or of fetches is left, and the answer says `certified: false`.
 *
 * Cost: some 10 ms a level (20-40 ns a posting row), and about 0.1 ms a pattern that is fetched: the fetch is what is dear.
 */
import type { KernelPool } from "../pool/kernel-pool.ts";
import type { PostingCandidates } from "../store/pattern-index.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import type { StateStore } from "../store/state-store.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";
import { bothOf } from "./both-of.ts";
import type { DeletedPatterns } from "./deleted-patterns.ts";
import type { Indexer } from "./indexer.ts";
import { type LengthShare, LengthShares } from "./length-shares.ts";
import type { CandidateSource, Estimate, Found, Question } from "./plan.ts";
import { type KnownSymbol, type PostingPlan, planPostings, weightsOf } from "./postings-plan.ts";
import { mergeScored, NOTHING_SCORED, type Scored, scoreStream } from "./scoring.ts";
import { FETCHED_MICROSECONDS, SCANNED_ROW_NS } from "./source-costs.ts";
import { openStream } from "./stream-source.ts";

/** Similarities tried one after the other, above the threshold, while fewer than enough are certain. */
const LEVELS = [0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1];
/**
 * A level of so few posting rows is not worth a higher one before it: asking costs some 10 ms whatever is read. Measured over a hundred million patterns: p50 at
 * 0.5 109 ms with 2 and 95 with 6 million; at 0.3 565 with 6 million and 629 with 300,000.
 */
const CHEAP_ROWS = 6_000_000;
const CHEAP_ROWS_LOW = 1_000_000;
const LOW_SIMILARITY = 0.3;
/** A level is tried where the next one has so many times its rows: about every second time it is enough. */
const WORTH_A_LEVEL = 2;
/** All rows of all symbols are read at once where they are not many more than the rows that must be: their bounds are closer, and a second list is saved. */
const WHOLE_NEAR = 1.25;
const WHOLE_NEAR_ROWS = 500_000;
/** Candidates that the last level lists for each that may be fetched: above it a scan is as good. */
const CANDIDATES_A_FETCH = 2;
/** Candidates that a level before the last lists: only the first of them are looked at. */
const CANDIDATES_ABOVE = 1_500;
/** What the last level lists at first where its rows are few enough to be read again: mostly enough, and the whole list costs up to two fifths more. */
const CANDIDATES_LAST = 4_000;
/**
 * Patterns fetched for one question, within what the question may read: two seconds at 0.1 ms each, or, of a kb whose scan takes longer than that, a
 * thousandth of its patterns, which is counted as a third of a scan (`source-costs.ts`).
 */
const FETCH_LEAST = 20_000;
const FETCH_MOST = 100_000;
const fetchMaxOf = (patterns: number): number => Math.min(FETCH_MOST, Math.max(FETCH_LEAST, Math.floor(patterns / 1_000)));
/** Posting rows read for one question: twenty for each pattern that it may read, 40 million by default, a second; some 125 ms always. */
const ROWS_A_PATTERN = 20;
const POSTING_ROWS_LEAST = 5_000_000;
/** Patterns a fetch: few at first, because the best bounds are often the answer, then as many as there were before. */
const FETCH_FIRST = 128;
const FETCH_STEP = 1_024;
/** So many where the first ones brought fewer matches than are asked: then every candidate has to be looked at, and in large fetches one costs less. */
const FETCH_WANTING = 256;
/** Distinct symbols of a state: each is a range of the key, and a query of more is slower than a scan. */
const SYMBOLS_MAX = 256;
/** Different similarities of patterns below 4,096 symbols differ by more than 1e-8; less is rounding. */
const ROUNDING = 1e-9;

/* What a search costs, for the choice between sources. */
const FIXED_MICROSECONDS = 15_000;
const POSTING_ROW_NS = 25;
/** Posting rows that cost as much as one pattern that is fetched. */
const ROWS_A_FETCH = (FETCHED_MICROSECONDS * 1_000) / POSTING_ROW_NS;
/** Fetches that a certified search usually needs beyond what it keeps. */
const USUAL_FETCHES = 100;

interface Prepared {
  readonly known: readonly KnownSymbol[];
  readonly share: LengthShare;
  /** Ids below are indexed. */
  readonly below: number;
}

interface Level {
  readonly similarity: number;
  readonly plan: PostingPlan | undefined;
  /** As `plan`, with every symbol's rows; undefined where the plan has them. */
  readonly whole: PostingPlan | undefined;
}

export class PostingsSource implements CandidateSource {
  readonly name = "postings";
  /** Asking reads document frequencies: not worth it when memory answers sooner than any index can. */
  readonly leastMicroseconds = FIXED_MICROSECONDS;
  readonly #state: StateStore;
  readonly #patterns: PatternStore;
  readonly #deleted: DeletedPatterns;
  readonly #pool: KernelPool;
  readonly #indexer: Indexer;
  readonly #shares: LengthShares;
  /** Asked for by the estimate and used by the search. */
  readonly #prepared = new WeakMap<Question, Promise<Prepared>>();

  constructor(options: {
    state: StateStore;
    patterns: PatternStore;
    deleted: DeletedPatterns;
    pool: KernelPool;
    indexer: Indexer;
  }) {
    this.#state = options.state;
    this.#patterns = options.patterns;
    this.#deleted = options.deleted;
    this.#pool = options.pool;
    this.#indexer = options.indexer;
    this.#shares = new LengthShares(options.patterns.index);
  }

  async estimate(question: Question): Promise<Estimate> {
    const { head, config, keep } = question;
    if (!config.use_token_matching) return { refused: "in character mode every symbol can match every other" };
    if ((config.fuzzy_token_threshold ?? 0) > 0) return { refused: "with fuzzy tokens a pattern can match without a common symbol" };
    if (config.recall_threshold <= 0) return { refused: "at threshold 0 every pattern matches" };
    const { known, below, share } = await this.#prepare(question);
    if (known.length > SYMBOLS_MAX) return { refused: `the state has more than ${SYMBOLS_MAX} distinct symbols` };
    const levels = levelsOf(question, known, share);
    const rows = levels[0]?.plan?.rows ?? 0;
    const scanned = ((head.patternCount - below) * SCANNED_ROW_NS) / 1_000;
    const exhaustive = !stopsEarly(question);
    const fetchMax = fetchMaxOf(head.patternCount);
    // Rows of an exhaustive search are candidates until proved otherwise; a tenth of them survive the bounds.
    const fetches = below === 0 ? 0 : exhaustive ? Math.min(fetchMax, rows / 10) : Math.min(fetchMax, keep + USUAL_FETCHES);
    return {
      microseconds:
        FIXED_MICROSECONDS + scanned + (Math.min(rows, below * known.length) * POSTING_ROW_NS) / 1_000 + fetches * FETCHED_MICROSECONDS,
    };
  }

  async search(question: Question): Promise<Found> {
    const { head, prepare, keep, options } = question;
    const { known, below, share } = await this.#prepare(question);
    const sources = { patterns: this.#patterns, deleted: this.#deleted };
    const rest = await openStream(this.#state, sources, head, { ...options, from: below });
    if (rest.patternCount === 0) return { ...NOTHING_SCORED, certified: true, rowsRead: 0 };
    const query = await prepare(rest.symbolCount, rest.patternCount);
    const score = (columns: AsyncIterable<CandidateColumns>): Promise<Scored> => scoreStream(this.#pool, query, columns, keep, options);
    const { index } = this.#patterns;
    const stateLength = question.symbolIds.length;
    const list = (similarity: number, plan: PostingPlan, limit: number): Promise<PostingCandidates> =>
      index.candidates(head.kb, head.generation, { stateLength, similarity, limit, idsBelow: below, ...plan }, options.signal);
    const levels = levelsOf(question, known, share);
    let rowsLeft = Math.max(POSTING_ROWS_LEAST, question.rowsMax * ROWS_A_PATTERN);
    const seen = new Set<number>();
    const fetchesMax = Math.min(fetchMaxOf(head.patternCount), question.rowsMax);
    const candidatesMax = CANDIDATES_A_FETCH * fetchMaxOf(head.patternCount);
    /** What is to be listed at first: those that were seen before stand in the list too. */
    const limitOf = (at: number, { rows }: PostingPlan): number => {
      if (at < levels.length - 1) return CANDIDATES_ABOVE + seen.size;
      return rows <= CHEAP_ROWS ? CANDIDATES_LAST + seen.size : candidatesMax;
    };
    const asksFirst = below > 0 && levels[0]!.plan !== undefined && levels[0]!.plan.rows <= rowsLeft;
    // The first list is read while the rest is scanned.
    let [scored, first] = await bothOf(
      score(rest.columns()),
      asksFirst ? list(levels[0]!.similarity, levels[0]!.plan!, limitOf(0, levels[0]!.plan!)) : Promise.resolve(undefined),
    );
    if (below === 0) return { ...scored, certified: true, rowsRead: scored.candidates };

    const deleted = await this.#deleted.at(head);
    const late = (): boolean => performance.now() > (options.deadlineAt ?? Number.POSITIVE_INFINITY) - FIXED_MICROSECONDS / 1_000;
    let unseen: Unseen = { bound: 1, nameByte: 0 };
    /** What is kept stands, whatever the unseen ones are. */
    const certain = (): boolean => stopsEarly(question) && scored.kept.length >= keep && isBetter(scored.kept.at(-1)!, unseen);
    for (const [at, level] of levels.entries()) {
      const { similarity, plan } = level;
      let { whole } = level;
      const last = at === levels.length - 1;
      if (plan === undefined) {
        unseen = { bound: Math.min(unseen.bound, similarity - 2 * ROUNDING), nameByte: 0 };
        if (last || certain()) return { ...scored, certified: true, rowsRead: scored.candidates };
        continue;
      }
      if (plan.rows > rowsLeft || late()) break;
      rowsLeft -= plan.rows;
      let limit = limitOf(at, plan);
      let read = plan;
      const found = first ?? (await list(similarity, plan, limit));
      first = undefined;
      const before = seen.size;
      const fetchMax = Math.min(fetchesMax, last ? fetchesMax : before + Math.max(2 * keep, FETCH_FIRST));
      const passedOver = (id: number): boolean => seen.has(id) || deleted.has(id);
      let open = new Bounds(found, limit, passedOver, similarity);
      unseen = open.unseen;
      while (!certain() && seen.size < fetchMax && !late()) {
        if (open.left === 0) {
          // A level above the last leaves what it has not listed to the next one.
          if (!last || !open.isCut || limit >= candidatesMax || read.rows > rowsLeft) break;
          rowsLeft -= read.rows;
          limit = candidatesMax;
          open = new Bounds(await list(similarity, read, limit), limit, passedOver, similarity);
          unseen = open.unseen;
          continue;
        }
        const fetched = seen.size - before;
        const least = fetched > 0 && scored.kept.length < keep ? FETCH_WANTING : FETCH_FIRST;
        const step = Math.max(least, Math.min(fetched, FETCH_STEP));
        const ids = open.take(Math.min(step, fetchMax - seen.size));
        for (const id of ids) seen.add(id);
        scored = mergeScored(scored, await score(index.fetch(head.kb, head.generation, ids, options.signal)), keep);
        unseen = open.unseen;
        const toLookAt = open.reaching(scored.kept.length < keep ? 0 : scored.kept.at(-1)!.key);
        if (whole === undefined || certain() || whole.rows > Math.min(rowsLeft, toLookAt * ROWS_A_FETCH)) continue;
        // So many are to be looked at that reading what their bits only promise costs less.
        rowsLeft -= whole.rows;
        limit = limitOf(at, whole);
        read = whole;
        open = new Bounds(await list(similarity, read, limit), limit, passedOver, similarity);
        whole = undefined;
        unseen = open.unseen;
      }
      if (certain() || (last && open.unseen.bound < similarity)) return { ...scored, certified: true, rowsRead: scored.candidates };
    }
    return { ...scored, certified: false, rowsRead: scored.candidates };
  }

  #prepare(question: Question): Promise<Prepared> {
    const known = this.#prepared.get(question);
    if (known !== undefined) return known;
    const prepared = this.#read(question);
    this.#prepared.set(question, prepared);
    return prepared;
  }

  async #read({ head, symbolIds }: Question): Promise<Prepared> {
    const weights = weightsOf(symbolIds);
    const below = await this.#indexer.postingsBelow(head.kb, head.generation, head.patternCount);
    if (below === 0 || weights.size === 0) return { known: [], below, share: () => 1 };
    const ids = [...weights.keys()];
    const [{ symbols }, share] = await Promise.all([
      this.#state.counters(head.kb, head.generation, [], ids),
      this.#shares.of(head.kb, head.generation, head.patternCount),
    ]);
    const known = ids.map((id, i) => ({ id, weight: weights.get(id)!, patterns: symbols[i]?.patternMemberFrequency ?? 0 }));
    return { known: known.sort((a, b) => a.patterns - b.patterns || a.id - b.id), below, share };
  }
}

/** Only what is kept by similarity can be bounded by the overlap; every other key needs all matches. */
function stopsEarly({ ensemble, keep }: Question): boolean {
  return ensemble.kind === "kernel" && ensemble.key === "similarity" && Number.isFinite(keep);
}

const isCheap = ({ similarity, plan }: Level): boolean => (plan?.rows ?? 0) <= (similarity < LOW_SIMILARITY ? CHEAP_ROWS_LOW : CHEAP_ROWS);

/** Levels from where to begin down to the threshold, which is the last. */
function levelsOf(question: Question, known: readonly KnownSymbol[], share: LengthShare): Level[] {
  const threshold = question.config.recall_threshold;
  const level = (similarity: number): Level => {
    const plan = planPostings(known, question.symbolIds.length, similarity, { share });
    const whole = planPostings(known, question.symbolIds.length, similarity, { whole: true, share });
    const isNear = plan !== undefined && whole !== undefined && whole.rows <= plan.rows * WHOLE_NEAR + WHOLE_NEAR_ROWS;
    return isNear ? { similarity, plan: whole, whole: undefined } : { similarity, plan, whole };
  };
  const floor = level(threshold);
  if (!stopsEarly(question) || isCheap(floor)) return [floor];
  const above = LEVELS.filter((similarity) => similarity > threshold).map(level);
  const cheap = above.filter(isCheap).length;
  const levels = [floor];
  for (const next of above.slice(Math.max(0, cheap - 1)).reverse()) {
    const rows = next.plan?.rows ?? 0;
    if (rows * WORTH_A_LEVEL <= (levels[0]!.plan?.rows ?? 0)) levels.unshift(next);
  }
  return levels;
}

/** What a pattern that is not among the scored ones can be at best: so similar, and named no smaller. */
interface Unseen {
  readonly bound: number;
  readonly nameByte: number;
}

/** More similar than every unseen pattern, or as similar as the best of them and with a smaller name. */
function isBetter({ key, name }: { readonly key: number; readonly name: string }, { bound, nameByte }: Unseen): boolean {
  return key > bound + ROUNDING || (key >= bound - ROUNDING && Number.parseInt(name.slice(0, 2), 16) < nameByte);
}

/** Candidates of a list that were not fetched yet, best first, and what may still be unseen. */
class Bounds {
  readonly #ids: number[] = [];
  readonly #bounds: number[] = [];
  readonly #nameBytes: number[] = [];
  /** What a pattern that is not listed can be at best. */
  readonly #unlisted: Unseen;
  /** Whether the list ended at its limit. */
  readonly isCut: boolean;
  #taken = 0;

  /** `limit`: as many were asked for. */
  constructor(
    { patternIds, bounds, nameBytes }: PostingCandidates,
    limit: number,
    passedOver: (id: number) => boolean,
    similarity: number,
  ) {
    // A list that is cut says nothing about what would stand behind its last one.
    this.isCut = patternIds.length >= limit;
    this.#unlisted = this.isCut
      ? { bound: bounds.at(-1)!, nameByte: nameBytes.at(-1)! }
      : { bound: similarity - 2 * ROUNDING, nameByte: 0 };
    patternIds.forEach((id, i) => {
      if (passedOver(id)) return;
      this.#ids.push(id);
      this.#bounds.push(bounds[i]!);
      this.#nameBytes.push(nameBytes[i]!);
    });
  }

  get left(): number {
    return this.#ids.length - this.#taken;
  }

  /** How many are left whose bound reaches a similarity. */
  reaching(similarity: number): number {
    let low = this.#taken;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#bounds[middle]! >= similarity - ROUNDING) low = middle + 1;
      else high = middle;
    }
    return low - this.#taken;
  }

  /** The list is in order, and what is not listed comes after it. */
  get unseen(): Unseen {
    if (this.left === 0) return this.#unlisted;
    return { bound: this.#bounds[this.#taken]!, nameByte: this.#nameBytes[this.#taken]! };
  }

  take(count: number): number[] {
    const ids = this.#ids.slice(this.#taken, this.#taken + count);
    this.#taken += ids.length;
    return ids;
  }
}
