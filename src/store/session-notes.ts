/**
 * Contract of notes: a text a session that the processes of one store share, for what is nice to have and never needed. It ends by itself,
 * is not durable, and is no part of a session's save. Errors: those of the state store.
 */
export interface SessionNotes {
  /** Writes the note over the one before; an empty text removes it. */
  put(session: string, text: string, lifeMs: number): Promise<void>;
  get(session: string): Promise<string | undefined>;
}
