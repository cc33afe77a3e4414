/** Contract of what archives need of the pattern store: parts of a kb's history, and the book of imports. */

export interface ArchivePart {
  /** As `archive-part.ts` packs it. */
  readonly bytes: Buffer;
  readonly events: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** An import as it is written down: before its first change, after each part, and when it is done. */
export interface ImportRecord {
  readonly id: string;
  readonly kb: string;
  /** Generation it went into, and number of the kb before it. */
  readonly generation: number;
  readonly seqBefore: number;
  /** The kb stands no further than this by the import's own changes. */
  readonly seqAfter: number;
  /** Into patterns that were there: it cannot be taken back. */
  readonly merged: boolean;
  readonly state: "running" | "done" | "rolledBack";
  /** Parts that are learned whole, counted from the first. */
  readonly parts: number;
  readonly atMs: number;
}

export interface ArchiveStore {
  /** Changes of a generation with numbers in (after, until], from the first on, as many as one part holds; undefined when there is none. */
  part(kb: string, generation: number, after: number, until: number, eventsMax?: number): Promise<ArchivePart | undefined>;
  saveImport(record: ImportRecord): Promise<void>;
  findImport(id: string): Promise<ImportRecord | undefined>;
  /** Newest first, 1,000 at most. */
  listImports(): Promise<readonly ImportRecord[]>;
}
