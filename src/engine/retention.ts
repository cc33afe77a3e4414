/**
 * Retention: patterns of a knowledge base that were not learned for longer than its time to live are deleted, in slices and through the same edits
 * as any delete, so counters, indexes and memory follow. Looked after in the background, each kb a few times in its time to live; several
 * processes may do it at once, since a pattern is deleted once. Cost of a round: one read of the kb's newer learns, and the deletes.
 */
import { EngineError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { RETENTION_SECONDS_MAX, RETENTION_SECONDS_MIN } from "../model/retention.ts";
import type { KbSettings } from "../store/kb-settings.ts";
import type { PatternEdits } from "./pattern-edits.ts";

const SETTING = "retention_seconds";
/** Patterns deleted between two looks at whether the engine closes. */
const SLICE = 5_000;
const TICK_MS = 5_000;
/** A kb is looked after so many times in its time to live, and every ten minutes at least. */
const ROUNDS_A_LIFE = 20;
const ROUND_MS_MAX = 600_000;

export class Retention {
  readonly #settings: KbSettings;
  readonly #edits: PatternEdits;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  /** When each kb was looked after. */
  readonly #done = new Map<string, number>();
  #round: Promise<unknown> = Promise.resolve();
  #isRunning = false;
  #isStopped = false;

  constructor({ settings, edits, log }: { settings: KbSettings; edits: PatternEdits; log: Logger }) {
    this.#settings = settings;
    this.#edits = edits;
    this.#log = log;
    this.#timer = setInterval(() => {
      if (this.#isRunning || this.#isStopped) return;
      this.#isRunning = true;
      this.#round = this.#look()
        .catch((error: unknown) => log.warn({ err: error }, "deleting patterns beyond their time to live failed; it is tried again"))
        .finally(() => {
          this.#isRunning = false;
        });
    }, TICK_MS);
    this.#timer.unref();
  }

  /** Seconds, or undefined where patterns are kept for good. */
  async get(kb: string): Promise<number | undefined> {
    const text = await this.#settings.get(kb, SETTING);
    return text === undefined ? undefined : Number(text);
  }

  /** undefined: for good. Errors: ENGRAM_BAD_REQUEST. */
  async set(kb: string, seconds: number | undefined): Promise<void> {
    if (seconds !== undefined && !(Number.isInteger(seconds) && seconds >= RETENTION_SECONDS_MIN && seconds <= RETENTION_SECONDS_MAX)) {
      throw new EngineError(
        "ENGRAM_BAD_REQUEST",
        `A time to live is a whole number of seconds from ${RETENTION_SECONDS_MIN} to ${RETENTION_SECONDS_MAX}.`,
      );
    }
    await this.#settings.set(kb, SETTING, seconds === undefined ? undefined : String(seconds));
    this.#done.delete(kb);
  }

  /** Of a kb that is deleted. Nothing is written where nothing was set. */
  async forget(kb: string): Promise<void> {
    if ((await this.get(kb)) !== undefined) await this.set(kb, undefined);
  }

  /** Deletes at once what is beyond its kb's time to live as of `nowMs`; answers how many patterns that were. */
  async apply(kb: string, nowMs = Date.now()): Promise<number> {
    const seconds = await this.get(kb);
    return seconds === undefined ? 0 : this.#apply(kb, seconds, nowMs);
  }

  async #apply(kb: string, seconds: number, nowMs: number): Promise<number> {
    let deleted = 0;
    for (;;) {
      const report = await this.#edits.deleteMatching(kb, { learnedBeforeMs: nowMs - seconds * 1_000 }, false, {}, SLICE);
      deleted += report.deleted;
      if (report.matched < SLICE || this.#isStopped) return deleted;
    }
  }

  async #look(): Promise<void> {
    const kbs = await this.#settings.list(SETTING);
    for (const kb of this.#done.keys()) if (!kbs.has(kb)) this.#done.delete(kb);
    for (const [kb, text] of kbs) {
      if (this.#isStopped) return;
      const seconds = Number(text);
      const now = Date.now();
      const last = this.#done.get(kb) ?? 0;
      if (now - last < Math.min(ROUND_MS_MAX, (seconds * 1_000) / ROUNDS_A_LIFE)) continue;
      this.#done.set(kb, now);
      const deleted = await this.#apply(kb, seconds, now);
      if (deleted > 0) this.#log.info({ kb, deleted, seconds }, "deleted patterns beyond their time to live");
    }
  }

  async close(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#round;
  }
}
