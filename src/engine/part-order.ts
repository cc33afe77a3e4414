/**
 * The order of an import's parts that are sent before the ones in front of them were answered: each waits here, unpacked, for its turn. What is remembered
 * is how far imports have come in this process; what another one has learned stands in the book of imports. A part that is not sent ahead does not wait.
 */
import { EngineError } from "../errors.ts";

/** Imports remembered; the oldest go first. */
const IMPORTS_MAX = 1_000;
/** How long a part waits for the one before it, in milliseconds. */
const WAIT_MS = 60_000;
/** Parts of an import that wait at a time: a sender has one or two ahead, and each is some ten megabytes unpacked. */
const AHEAD_MAX = 4;
/** How often the book of imports is asked meanwhile: another process may have the part before it. */
const ASK_MS = 500;

interface Progress {
  /** Parts learned, counted from the first. */
  parts: number;
  /** The part that failed last and was not sent again since. */
  failed: number | undefined;
  readonly waiting: Set<() => void>;
}

export class PartOrder {
  readonly #imports = new Map<string, Progress>();
  readonly #partsOf: (id: string) => Promise<number>;
  readonly #waitMs: number;
  #closed = false;

  /** `partsOf`: how many parts of an import are learned, by any process. */
  constructor(partsOf: (id: string) => Promise<number>, waitMs = WAIT_MS) {
    this.#partsOf = partsOf;
    this.#waitMs = waitMs;
  }

  /** A part has come. Errors: ENGRAM_OVERLOADED when as many wait as may. */
  begin(id: string, part: number): void {
    const progress = this.#of(id);
    if (progress.waiting.size >= AHEAD_MAX && progress.parts < part)
      throw new EngineError("ENGRAM_OVERLOADED", "Too many parts of this import are sent ahead. Send the next when one is answered.");
    if (progress.failed === part) progress.failed = undefined;
  }

  /** Resolves when the part before `part` is done. Errors: ENGRAM_CONFLICT when it failed or does not come, ENGRAM_CLOSED. */
  async turn(id: string, part: number): Promise<void> {
    const progress = this.#of(id);
    const until = performance.now() + this.#waitMs;
    while (progress.parts < part) {
      if (this.#closed) throw new EngineError("ENGRAM_CLOSED", "The server is shutting down. Send the part again later.");
      if (progress.failed !== undefined && progress.failed < part)
        throw new EngineError("ENGRAM_CONFLICT", `Part ${progress.failed} of the import ${id} failed. Send it, then this one again.`);
      if (performance.now() >= until)
        throw new EngineError("ENGRAM_CONFLICT", `Part ${part - 1} of the import ${id} has not come. Send it, then this one again.`);
      if (!(await change(progress))) progress.parts = Math.max(progress.parts, await this.#partsOf(id));
    }
  }

  /** Part `part` is learned. */
  done(id: string, part: number): void {
    const progress = this.#of(id);
    progress.parts = Math.max(progress.parts, part + 1);
    wake(progress);
  }

  /** Part `part` was not learned, and trying it again as it is would not help. */
  failed(id: string, part: number): void {
    const progress = this.#of(id);
    progress.failed = part;
    wake(progress);
  }

  /** The import is taken back: nobody waits any more. */
  over(id: string): void {
    this.done(id, Number.POSITIVE_INFINITY);
  }

  close(): void {
    this.#closed = true;
    for (const progress of this.#imports.values()) wake(progress);
  }

  #of(id: string): Progress {
    const progress = this.#imports.get(id) ?? { parts: 0, failed: undefined, waiting: new Set() };
    this.#imports.delete(id);
    this.#imports.set(id, progress);
    for (const [oldest, { waiting }] of this.#imports) {
      if (this.#imports.size <= IMPORTS_MAX) break;
      if (waiting.size === 0) this.#imports.delete(oldest);
    }
    return progress;
  }
}

/** True when something happened to the import here, false after a while. */
function change({ waiting }: Progress): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (changed: boolean): void => {
      clearTimeout(timer);
      waiting.delete(woken);
      resolve(changed);
    };
    const woken = (): void => end(true);
    const timer = setTimeout(() => end(false), ASK_MS);
    waiting.add(woken);
  });
}

function wake({ waiting }: Progress): void {
  for (const woken of [...waiting]) woken();
}
