/**
 * The candidate source "resident": every pattern of the kb, scanned where it lies in memory, and its counters with them, so that an answer
 * reads no store. Exact. For kbs within the resident memory; a kb that is not there yet comes in while other sources answer, or, when it is small,
 * before this one does: loading it costs what reading it as a stream would.
 */
import type { KernelPool } from "../pool/kernel-pool.ts";
import { NoRoom, type ResidentKb, Superseded } from "../resident/resident-kb.ts";
import type { ResidentKbs } from "../resident/resident-kbs.ts";
import type { DeletedPatterns } from "./deleted-patterns.ts";
import { type CandidateSource, CannotServe, type Estimate, type Found, KbChanged, type Question, stageNs } from "./plan.ts";
import { NOTHING_SCORED, Tally } from "./scoring.ts";

/** Nanoseconds a pattern on one thread; only the order of magnitude counts (another index answers where this gets long). */
const ROW_NS = 8;
/** From this threshold on few patterns share enough to be looked at. */
const SELECTIVE_THRESHOLD = 0.4;
const SELECTIVE_ROW_NS = 2.5;
const FIXED_MICROSECONDS = 100;
/** Kbs up to this many patterns are loaded before the answer: some tens of milliseconds. */
const WAIT_PATTERNS = 50_000;
/** Reading a pattern from the store into memory; less than the stream source says, which reads as much and keeps nothing. */
const LOAD_ROW_NS = 300;
const LOAD_FIXED_MICROSECONDS = 1_500;
/** Rows of deleted patterns that are passed over; beyond it the kb is read anew. Each makes the kernels keep one match more. */
const GONE_MAX = 1_000;

export interface ResidentSourceOptions {
  readonly kbs: ResidentKbs;
  readonly pool: KernelPool;
  readonly deleted: DeletedPatterns;
}

export class ResidentSource implements CandidateSource {
  readonly name = "resident";
  readonly isExact = true;
  readonly #kbs: ResidentKbs;
  readonly #pool: KernelPool;
  readonly #deleted: DeletedPatterns;
  readonly #counted = new WeakSet<Question>();

  constructor({ kbs, pool, deleted }: ResidentSourceOptions) {
    this.#kbs = kbs;
    this.#pool = pool;
    this.#deleted = deleted;
  }

  estimate(question: Question): Estimate {
    const { head, isForced, config } = question;
    const rowNs = (config.recall_threshold >= SELECTIVE_THRESHOLD ? SELECTIVE_ROW_NS : ROW_NS) + stageNs(config);
    // A question is planned again when a source fails it: that is no second use.
    const standing = this.#kbs.use(head, this.#counted.has(question));
    this.#counted.add(question);
    if (standing.kind === "ready") {
      return { microseconds: FIXED_MICROSECONDS + (standing.kb.rows * rowNs) / 1_000 / this.#pool.threads };
    }
    if (standing.kind === "absent" && standing.reason !== undefined) return { refused: standing.reason };
    if (isForced || head.patternCount <= WAIT_PATTERNS) {
      return { microseconds: LOAD_FIXED_MICROSECONDS + (head.patternCount * LOAD_ROW_NS) / 1_000 };
    }
    if (standing.kind === "absent") this.#kbs.loadInBackground(head);
    const rows = standing.kind === "loading" ? standing.rows : 0;
    return { refused: `it is being loaded into memory (${rows} of ${head.patternCount} patterns)` };
  }

  async search(question: Question): Promise<Found> {
    const { head, prepare, keep, options } = question;
    const kb = await this.#ready(question);
    let pinned: ReturnType<ResidentKb["pin"]>;
    try {
      pinned = kb.pin();
    } catch (error) {
      throw this.#told(kb, error);
    }
    try {
      if (pinned.rows === 0) return { ...NOTHING_SCORED, certified: true, rowsRead: 0, counters: kb };
      const gone = kb.goneCount;
      const deleted = gone === 0 ? undefined : await this.#deleted.at(kb.head);
      // Deleted patterns may be among the best that the kernels keep: so many more are kept.
      const query = await prepare(Math.max(kb.head.symbolCount, head.symbolCount), pinned.rows, gone);
      const tally = new Tally(keep, deleted && ((patternId) => deleted.has(patternId)));
      const startedAt = performance.now();
      await this.#pool.scan(query, pinned.blocks, (block) => tally.take(block), { ...options, floor: () => tally.floor });
      const spentMs = performance.now() - startedAt;
      const scored = tally.scored({ readMs: 0, transferMs: 0 });
      return {
        ...scored,
        microseconds: { ...scored.microseconds, transfer: Math.max(0, spentMs * 1000 - scored.microseconds.kernel) },
        certified: true,
        rowsRead: pinned.rows,
        counters: kb,
      };
    } finally {
      pinned.release();
    }
  }

  /** The kb in memory, at the question's head or later. */
  async #ready({ head }: Question): Promise<ResidentKb> {
    for (;;) {
      let kb: ResidentKb | undefined;
      try {
        kb = await this.#kbs.load(head);
        await kb.freshen(head);
      } catch (error) {
        throw this.#told(kb, error);
      }
      if (kb.goneCount <= GONE_MAX) return kb;
      this.#kbs.leave(kb);
    }
  }

  #told(kb: ResidentKb | undefined, error: unknown): unknown {
    if (kb?.isDropped === true) this.#kbs.leave(kb);
    if (error instanceof Superseded) return new KbChanged();
    if (error instanceof NoRoom) return new CannotServe("the patterns do not fit the resident memory");
    return error;
  }
}
