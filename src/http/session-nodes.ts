/**
 * Which node a session belongs to: answers of observe and others name it, the engine's results do not, and reading the session again
 * for it would double the cost of an observe. A session's node never changes and ids are never used twice, so a remembered one cannot be
 * wrong; that the session still lives is what the engine's own call finds out. Bounded: the oldest entry goes first.
 */
import type { Engine } from "../engine-types.ts";
import { EngineError } from "../errors.ts";

/** About 200 bytes each: 13 MB. A session beyond costs one more read when it comes back. */
const SESSIONS_MAX = 65_536;

export class SessionNodes {
  readonly #engine: Pick<Engine, "peekSession">;
  readonly #nodes = new Map<string, string>();

  constructor(engine: Pick<Engine, "peekSession">) {
    this.#engine = engine;
  }

  remember(id: string, nodeId: string): void {
    if (this.#nodes.size >= SESSIONS_MAX && !this.#nodes.has(id)) {
      for (const oldest of this.#nodes.keys()) {
        this.#nodes.delete(oldest);
        break;
      }
    }
    this.#nodes.set(id, nodeId);
  }

  forget(id: string): void {
    this.#nodes.delete(id);
  }

  /** Errors: ENGRAM_SESSION_UNKNOWN. */
  async find(id: string): Promise<string> {
    const session = await this.#engine.peekSession(id);
    if (session === undefined) throw unknownSession(id);
    this.remember(id, session.nodeId);
    return session.nodeId;
  }

  /** The remembered node, or undefined: then `find` it. Apart, so that the common case costs no promise. */
  known(id: string): string | undefined {
    return this.#nodes.get(id);
  }
}

export const unknownSession = (id: string): EngineError => new EngineError("ENGRAM_SESSION_UNKNOWN", `Session ${id} not found or expired`);
