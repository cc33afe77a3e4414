/** A flush batch as bytes, taken apart when somebody asks for what it says. */
import { decodeEntry } from "./outbox-entry.ts";
import type { EncodedEntries, FlushBatch, OutboxEntry } from "./state-store.ts";

export class EncodedBatch implements FlushBatch {
  readonly token: string;
  readonly encoded: readonly EncodedEntries[];
  #entries: readonly OutboxEntry[] | undefined;

  constructor(token: string, encoded: readonly EncodedEntries[]) {
    this.token = token;
    this.encoded = encoded;
  }

  get entries(): readonly OutboxEntry[] {
    this.#entries ??= [...decoded(this.encoded)];
    return this.#entries;
  }
}

/** One after another, so that none is held longer than it is looked at. `texts` as in `decodeEntry`. */
export function* decoded(encoded: readonly EncodedEntries[], texts: "all" | "new" = "all"): Generator<OutboxEntry> {
  for (const { kb, entries } of encoded) {
    for (const entry of entries) yield decodeEntry(kb, Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength), texts);
  }
}
