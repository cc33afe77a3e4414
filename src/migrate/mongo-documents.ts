/**
 * KATO 2 in MongoDB: one database a node, with the collections `patterns_kb` (name, pattern_data, frequency, emotives, metadata, length)
 * and `symbols_kb` (name, frequency, pattern_member_frequency, emotives as sums). How a document is read, whether it comes from a server or a file.
 */
import { type Checked, type CheckLimits, checkPattern, emotiveRecord, integerOf } from "./pattern-check.ts";
import type { SourceSymbol } from "./source.ts";

export const PATTERNS_COLLECTION = "patterns_kb";
export const SYMBOLS_COLLECTION = "symbols_kb";

export type MongoDocument = Readonly<Record<string, unknown>>;

export function checkDocument(document: MongoDocument, limits: CheckLimits): Checked {
  const { _id: id, name } = document;
  return checkPattern(
    {
      entry: typeof name === "string" ? name : `_id ${String(id)}`,
      name: document.name,
      events: document.pattern_data,
      frequency: document.frequency,
      emotives: document.emotives,
      metadata: document.metadata,
    },
    limits,
  );
}

/** A document of `symbols_kb`; undefined when it names no symbol. */
export function symbolOf(document: MongoDocument): SourceSymbol | undefined {
  if (typeof document.name !== "string" || !document.name.isWellFormed()) return undefined;
  return {
    symbol: document.name,
    frequency: integerOf(document.frequency),
    patternMemberFrequency: integerOf(document.pattern_member_frequency),
    affinity: emotiveRecord(document.emotives ?? {}) ?? [],
  };
}

/** The node a database stands for: KATO names databases after kb ids, which end in the service's name. */
export function nodeOf(database: string, serviceName: string): string {
  const suffix = `_${serviceName.replaceAll("-", "_")}`;
  return database.endsWith(suffix) && database.length > suffix.length ? database.slice(0, -suffix.length) : database;
}
