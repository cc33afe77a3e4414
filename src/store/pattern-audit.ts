/** Contract of looking over the tables of a kb: what is missing, surplus or wrong in them, and making anew what can be made from patterns. */

/** One kind of difference. */
export interface Finding {
  /** What was checked: `names.missing`. docs/knowledge-bases.md lists them. */
  readonly check: string;
  readonly count: number;
  /** A few of them, as text. */
  readonly examples: readonly string[];
  /** `repair` mends it: it is made from what is not in doubt. */
  readonly derived: boolean;
}

/** What the state store says, which the tables must agree with. */
export interface ExpectedTables {
  readonly patterns: number;
  readonly patternCount: number;
  readonly symbolCount: number;
  readonly seq: number;
}

export interface PatternAudit {
  /** Differences within the tables, and between them and what is expected. A few queries over the whole kb, each with memory of its own. */
  findings(kb: string, generation: number, expected: ExpectedTables): Promise<readonly Finding[]>;
  /** Makes names, derived columns and postings anew, and removes rows of deleted patterns. May be repeated. */
  repair(kb: string, generation: number): Promise<void>;
  /** The same for kbs that hold the same patterns, whatever their order and ids: 16 hex digits. */
  checksum(kb: string, generation: number): Promise<string>;
}
