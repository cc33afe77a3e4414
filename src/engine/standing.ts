/**
 * Compares, at start and when another server process answers for the state store, where each kb stands in the state store and in the pattern store. A state store that is behind has lost changes
 * (it was removed, or is an old copy): learning on would reuse numbers, predicting would count wrongly, so both are refused by name.
 */
import { EngineError } from "../errors.ts";
import type { PatternStore } from "../store/pattern-store.ts";
import type { StateStore } from "../store/state-store.ts";

export class Standing {
  readonly #behind = new Map<string, { state: number; stored: number }>();

  static async check(state: StateStore, patterns: PatternStore): Promise<Standing> {
    const standing = new Standing();
    await standing.recheck(state, patterns);
    return standing;
  }

  /** Compares anew. A kb found behind stays so until this process ends: what it keeps of the kb may be of either past. */
  async recheck(state: StateStore, patterns: PatternStore): Promise<void> {
    for (const { kb, seq } of await patterns.listKbs()) {
      const head = await state.head(kb);
      if (head.seq < seq) this.#behind.set(kb, { state: head.seq, stored: seq });
    }
  }

  get behind(): readonly string[] {
    return [...this.#behind.keys()];
  }

  /** Throws ENGRAM_STATE_BEHIND for a kb whose state store has lost changes. */
  assert(kb: string): void {
    const found = this.#behind.get(kb);
    if (found === undefined) return;
    throw new EngineError(
      "ENGRAM_STATE_BEHIND",
      `The state store of ${kb} ends at change ${found.state}, the pattern store at ${found.stored}. Stop the server and run "engram rebuild".`,
    );
  }
}
