/**
 * Where a page of sessions ended, as one text: group (of a cluster), expiry and id. Made unreadable, so that nobody builds one.
 */
import { EngineError } from "../errors.ts";

export interface SessionPlace {
  readonly group: number;
  readonly expiresAtMs: number;
  readonly id: string;
}

export const noCursor = (): EngineError =>
  new EngineError("ENGRAM_BAD_REQUEST", "The cursor is none of this list. Begin without one, and take the next from the answer.");

export const writeCursor = ({ group, expiresAtMs, id }: SessionPlace): string =>
  Buffer.from(JSON.stringify([group, expiresAtMs, id])).toString("base64url");

/** Errors: ENGRAM_BAD_REQUEST. */
export function readCursor(text: string, groups: number): SessionPlace {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    throw noCursor();
  }
  if (!Array.isArray(value)) throw noCursor();
  const [group, expiresAtMs, id] = value as unknown[];
  if (!Number.isInteger(group) || (group as number) < 0 || (group as number) >= groups) throw noCursor();
  if (typeof expiresAtMs !== "number" || typeof id !== "string") throw noCursor();
  return { group: group as number, expiresAtMs, id };
}
