/**
 * The candidate source "buckets": for kbs that ask for MinHash, fetches the patterns of which a band of the signature equals the state's and scores
 * them with the same kernels as every other source; what is not indexed yet, and the unflushed tail, is scanned.
 *
 * A pattern that shares no band is missed, however similar it is: the answer is certified only where such a pattern could not be in it anyhow. That
 * is so when the pipeline has the stage minhash, which asks for an equal band itself, and the kb's bands are the stage's. Then, and only then, the
 * planner may choose it without being told (docs/decisions/0022-buckets.md). Unlike postings it needs neither token mode nor a threshold.
 *
 * Cost: 10 to 20 ms for the bands, and about 0.1 ms a pattern that is fetched.
 */
import { isStageSetting, StateBands } from "../kernels/band-keys.ts";
import { agreementOf, bandRecall } from "../kernels/band-recall.ts";
import { symbolHash } from "../kernels/sign.ts";
import type { MinhashSetting } from "../model/minhash.ts";
import type { EffectiveConfig } from "../model/session-config.ts";
import type { KernelPool } from "../pool/kernel-pool.ts";
import type { BucketCandidates } from "../store/bucket-index.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import type { StateStore } from "../store/state-store.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";
import { bothOf } from "./both-of.ts";
import { bandSpecOf } from "./buckets.ts";
import type { DeletedPatterns } from "./deleted-patterns.ts";
import type { Indexer } from "./indexer.ts";
import type { MinhashSettings } from "./minhash-settings.ts";
import { type CandidateSource, CannotServe, type Estimate, type Found, KbChanged, type Question } from "./plan.ts";
import { mergeScored, NOTHING_SCORED, type Scored, scoreStream } from "./scoring.ts";
import { FETCHED_MICROSECONDS, SCANNED_ROW_NS } from "./source-costs.ts";
import { openStream } from "./stream-source.ts";

/** Patterns fetched for one question, within what the question may read. At 0.1 ms each this is already a second. */
const FETCH_MAX = 10_000;
/** Patterns a fetch. */
const FETCH_STEP = 1_024;

/* What a search costs, for the choice between sources. */
const FIXED_MICROSECONDS = 15_000;
/** Patterns that share a band with a state, usually. */
const USUAL_FETCHES = 100;

interface Prepared {
  readonly setting: MinhashSetting | undefined;
  /** Ids below are indexed. */
  readonly below: number;
}

interface BucketsSourceOptions {
  readonly state: StateStore;
  readonly patterns: PatternStore;
  readonly deleted: DeletedPatterns;
  readonly pool: KernelPool;
  readonly indexer: Indexer;
  readonly minhash: MinhashSettings;
}

export class BucketsSource implements CandidateSource {
  readonly name = "buckets";
  readonly leastMicroseconds = FIXED_MICROSECONDS;
  readonly #options: BucketsSourceOptions;
  /** Asked for by the estimate and used by the search. */
  readonly #prepared = new WeakMap<Question, Promise<Prepared>>();
  #states: StateBands | undefined;

  constructor(options: BucketsSourceOptions) {
    this.#options = options;
  }

  async estimate(question: Question): Promise<Estimate> {
    const { head, isForced } = question;
    if (!isForced && !question.config.filter_pipeline.includes("minhash")) {
      return { refused: "what shares no band would be missed, and no stage minhash asks for one" };
    }
    const { setting, below } = await this.#prepare(question);
    if (setting === undefined) return { refused: "the knowledge base does not ask for MinHash (PUT /v1/kbs/{node}/minhash)" };
    if (!isForced && !isProof(question, setting)) return { refused: "the stage minhash asks for other bands than the knowledge base has" };
    const scanned = ((head.patternCount - below) * SCANNED_ROW_NS) / 1_000;
    return { microseconds: FIXED_MICROSECONDS + scanned + USUAL_FETCHES * FETCHED_MICROSECONDS };
  }

  async search(question: Question): Promise<Found> {
    const { head, prepare, keep, options, isForced } = question;
    const { state, patterns, pool } = this.#options;
    const { setting, below } = await this.#prepare(question);
    if (setting === undefined) throw new CannotServe("the knowledge base does not ask for MinHash any more");
    const rest = await openStream(state, this.#options, head, { ...options, from: below });
    if (rest.patternCount === 0) return { ...NOTHING_SCORED, certified: true, rowsRead: 0 };
    const query = await prepare(rest.symbolCount, rest.patternCount);
    const score = (columns: AsyncIterable<CandidateColumns>): Promise<Scored> => scoreStream(pool, query, columns, keep, options);
    const startedAt = performance.now();
    let microseconds = 0;
    const list = async (): Promise<BucketCandidates> => {
      const found = await this.#list(question, setting, below);
      microseconds = (performance.now() - startedAt) * 1_000;
      return found;
    };
    // The bands are asked for while the rest is scanned.
    let [scored, listed] = await bothOf(score(rest.columns()), below > 0 ? list() : Promise.resolve({ patternIds: [], isCut: false }));

    const deleted = await this.#options.deleted.at(head);
    const ids = listed.patternIds.filter((id) => !deleted.has(id));
    const fetchMax = Math.min(FETCH_MAX, question.rowsMax);
    if (!isForced && (listed.isCut || ids.length > fetchMax))
      throw new CannotServe(`more than ${fetchMax} patterns share a band with the state`);
    const late = (): boolean => performance.now() > (options.deadlineAt ?? Number.POSITIVE_INFINITY) - FIXED_MICROSECONDS / 1_000;
    let taken = 0;
    while (taken < Math.min(ids.length, fetchMax) && !late()) {
      const part = ids.slice(taken, Math.min(taken + FETCH_STEP, fetchMax));
      taken += part.length;
      const fetched = await score(patterns.index.fetch(head.kb, head.generation, part, options.signal));
      if (fetched.candidates < part.length) await this.#assertUnchanged(question, deleted.count);
      scored = mergeScored(scored, fetched, keep);
    }
    const isWhole = !listed.isCut && taken === ids.length;
    const stage = {
      name: "buckets" as const,
      candidatesIn: below - deleted.countIn(0, below),
      candidatesOut: taken,
      microseconds,
      expectedRecall: bandRecall(leastAgreement(question.config), setting.bands, setting.rows),
    };
    return {
      ...scored,
      stages: below > 0 ? [stage, ...scored.stages] : scored.stages,
      certified: below === 0 || (isWhole && isProof(question, setting)),
      rowsRead: scored.candidates,
    };
  }

  #list({ head, symbols, rowsMax, options }: Question, setting: MinhashSetting, below: number): Promise<BucketCandidates> {
    this.#states ??= new StateBands();
    const hashes = Uint32Array.from(new Set(symbols), symbolHash);
    const keys = this.#states.keysOf(hashes, bandSpecOf(setting));
    const limit = Math.min(FETCH_MAX, rowsMax);
    const { signal } = options;
    return this.#options.patterns.buckets.candidates(head.kb, head.generation, keys, { below, limit, ...(signal && { signal }) });
  }

  /** Fewer patterns were there than have bands: a clear or a delete came in between, or rows are left of patterns that went before. */
  async #assertUnchanged({ head }: Question, deletedCount: number): Promise<void> {
    const now = await this.#options.state.head(head.kb);
    if (now.generation !== head.generation || now.deletedCount > deletedCount) throw new KbChanged();
  }

  #prepare(question: Question): Promise<Prepared> {
    const known = this.#prepared.get(question);
    if (known !== undefined) return known;
    const prepared = this.#read(question);
    this.#prepared.set(question, prepared);
    return prepared;
  }

  async #read({ head, isForced }: Question): Promise<Prepared> {
    const { minhash, indexer } = this.#options;
    // Who names the source may have asked for MinHash a moment ago, through another process.
    const setting = await (isForced ? minhash.get(head.kb) : minhash.recent(head.kb));
    if (setting === undefined) return { setting, below: 0 };
    return { setting, below: await indexer.bucketsBelow(head.kb, head.generation, head.patternCount, setting) };
  }
}

/** What share of its signature's values a pattern of an answer has in common with the state's, at least and as expected. */
function leastAgreement({ recall_threshold, filter_pipeline, minhash_threshold }: EffectiveConfig): number {
  const asked = filter_pipeline.includes("minhash") ? minhash_threshold : 0;
  return Math.max(asked, agreementOf(recall_threshold));
}

/** Whether a pattern without a common band can be in no answer: the pipeline asks for one, by the same values. */
function isProof({ config }: Question, setting: MinhashSetting): boolean {
  return config.filter_pipeline.includes("minhash") && isStageSetting(bandSpecOf(setting));
}
