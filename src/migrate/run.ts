/**
 * A migration: batches out of a source into knowledge bases, each exactly once over any number of kills and restarts. The source is only read.
 * Memory: one batch being learned and one being read. Rate: that of bulk learning; naming and counting cost about 10 µs a pattern.
 */
import type { ImportedPattern, ImportRequest } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import type { EmotiveRecord } from "../model/emotives.ts";
import { compareSymbols } from "../model/event.ts";
import { addToChecksum, emptyKb, importId, type KbRecord, type MigrationRecord, type MigrationRecords, PROBLEMS_KEPT } from "./record.ts";
import type { MigrationSource, Problem, ProblemKind, SourceBatch, SourceKb } from "./source.ts";

/** Where patterns go: an engine in this process, or a running server. */
export interface MigrationTarget {
  readonly where: string;
  /** How many patterns the node's kb holds. */
  patternCount(node: string): Promise<number>;
  /** Distinct patterns of one part of an import; one that is sent again counts once. Durable when it resolves. */
  importPatterns(node: string, part: ImportRequest, patterns: readonly ImportedPattern[]): Promise<void>;
  /** Sets the sums of symbols that the kb knows; a repeat changes nothing. Answers how many are known. */
  setAffinities(
    node: string,
    affinities: readonly (readonly [symbol: string, sums: EmotiveRecord])[],
    part: ImportRequest,
  ): Promise<number>;
}

export interface MigrationRun {
  readonly source: MigrationSource;
  readonly target: MigrationTarget;
  readonly records: MigrationRecords;
  readonly record: MigrationRecord;
  /** Only these kbs of the source; all when empty. */
  readonly only: readonly string[];
  /** Another node for the single kb that is migrated. */
  readonly into: string | undefined;
  /** Into kbs that hold patterns already. */
  readonly merge: boolean;
  /** Reads and judges everything, and writes nothing at all. */
  readonly dryRun: boolean;
  readonly stopped: () => boolean;
  readonly onProgress: (progress: { kb: SourceKb; done: KbRecord }) => void;
}

/** The kbs meant, each with its node. Errors: ENGRAM_SETTINGS_INVALID for names the source does not have, or one node for several. */
export async function chooseKbs({ source, only, into }: Pick<MigrationRun, "source" | "only" | "into">): Promise<readonly SourceKb[]> {
  const all = await source.listKbs();
  const missing = only.filter((name) => !all.some((kb) => kb.name === name));
  if (missing.length > 0) {
    throw new EngineError(
      "ENGRAM_SETTINGS_INVALID",
      `${source.description} has no ${missing.join(", ")}. It has: ${all.map((kb) => kb.name).join(", ") || "none"}.`,
    );
  }
  const chosen = only.length === 0 ? all : all.filter((kb) => only.includes(kb.name));
  if (into === undefined) return chosen;
  if (chosen.length !== 1)
    throw new EngineError(
      "ENGRAM_SETTINGS_INVALID",
      `--into names one node, and ${chosen.length} knowledge bases are meant. Choose one with --kb.`,
    );
  return [{ ...chosen[0]!, node: into }];
}

/** Migrates what is left. Errors: those of source and target, ENGRAM_KB_NOT_EMPTY. The record says how far it came. */
export async function migrate(run: MigrationRun): Promise<MigrationRecord> {
  const kbs = await chooseKbs(run);
  let record: MigrationRecord = {
    ...run.record,
    kbs: kbs.map((kb) => run.record.kbs.find((known) => known.source === kb.name && known.node === kb.node) ?? emptyKb(kb.name, kb.node)),
  };
  const nodes = new Set(kbs.map((kb) => kb.node));
  if (nodes.size !== kbs.length)
    throw new EngineError(
      "ENGRAM_CONFLICT",
      "Two knowledge bases of the source would become one. Migrate them one by one with --kb and --into.",
    );
  if (!run.dryRun) {
    // Of a run that goes on it was looked at before: what was killed in its first batch may have learned of it. The target knows its import again.
    const begun = new Set(run.record.kbs.map(({ source, node }) => `${source}\0${node}`));
    for (const kb of record.kbs) if (!begun.has(`${kb.source}\0${kb.node}`)) await assertRoom(run, kb);
    // The run's id is part of every batch's key: it must outlive a crash of the very first.
    await run.records.save(record);
  }
  for (const [at, kb] of kbs.entries()) {
    let done = record.kbs[at]!;
    const put = async (next: KbRecord): Promise<void> => {
      done = next;
      record = { ...record, kbs: record.kbs.with(at, next) };
      if (!run.dryRun) await run.records.save(record);
      run.onProgress({ kb, done });
    };
    if (done.done) continue;
    for await (const batch of run.source.batches(kb, done.resume)) {
      const { patterns, problems } = uniqueOf(batch);
      if (!run.dryRun) await run.target.importPatterns(kb.node, partOf(run, record, at, done.parts), patterns);
      await put(added(done, batch, patterns, problems));
      if (run.stopped()) return record;
    }
    const last = partOf(run, record, at, done.parts);
    const affinities = await copyAffinities(run, kb, last);
    if (!run.dryRun) await run.target.importPatterns(kb.node, { ...last, last: true }, []);
    await put({ ...done, affinities, done: true });
  }
  record = { ...record, finishedAt: new Date().toISOString() };
  if (!run.dryRun) await run.records.save(record);
  return record;
}

async function assertRoom({ target, merge }: MigrationRun, kb: KbRecord): Promise<void> {
  if (merge) return;
  const count = await target.patternCount(kb.node);
  if (count === 0) return;
  throw new EngineError(
    "ENGRAM_KB_NOT_EMPTY",
    `The node ${kb.node} holds ${count} patterns. Choose another with --into, or add to it with --merge.`,
  );
}

/** What a batch is to the kb it goes to: a part of an import that can be taken back. */
const partOf = (run: MigrationRun, record: MigrationRecord, at: number, part: number): ImportRequest => ({
  id: importId(record.id, at),
  part,
  last: false,
  merge: run.merge,
});

/** The batch's patterns, each once: the same one twice adds up, and is told of. */
function uniqueOf(batch: SourceBatch): { patterns: readonly ImportedPattern[]; problems: readonly Problem[] } {
  const byName = new Map<string, ImportedPattern>();
  const problems = [...batch.problems];
  for (const one of batch.patterns) {
    const before = byName.get(one.pattern.name);
    if (before === undefined) byName.set(one.pattern.name, one);
    else {
      byName.set(one.pattern.name, {
        ...before,
        frequency: before.frequency + one.frequency,
        emotives: [...before.emotives, ...one.emotives],
        metadata: unionOf(before.metadata, one.metadata),
      });
      problems.push({ kind: "duplicate", entry: one.pattern.name, leftOut: false, detail: "frequencies were added up" });
    }
  }
  return { patterns: [...byName.values()], problems };
}

type Metadata = ImportedPattern["metadata"];

/** Each name once, with the values of both, sorted by code point. */
function unionOf(one: Metadata, other: Metadata): Metadata {
  const union = new Map(one.map(([name, values]) => [name, new Set(values)]));
  for (const [name, values] of other) union.set(name, new Set([...(union.get(name) ?? []), ...values]));
  return [...union].map(([name, values]) => [name, [...values].sort(compareSymbols)]);
}

function added(done: KbRecord, batch: SourceBatch, patterns: readonly ImportedPattern[], problems: readonly Problem[]): KbRecord {
  const problemCounts: Partial<Record<ProblemKind, number>> = { ...done.problemCounts };
  for (const { kind } of problems) problemCounts[kind] = (problemCounts[kind] ?? 0) + 1;
  let { checksum, learns } = done;
  for (const { pattern, frequency } of patterns) {
    checksum = addToChecksum(checksum, pattern.name, frequency);
    learns += frequency;
  }
  return {
    ...done,
    resume: batch.resume,
    parts: done.parts + 1,
    entries: done.entries + batch.entries,
    migrated: done.migrated + patterns.length,
    learns,
    problemCounts,
    problems: [...done.problems, ...problems].slice(0, PROBLEMS_KEPT),
    checksum,
  };
}

/** Sums of emotives by symbol cannot be told from the patterns (a window forgets): they are taken over as the source has them. */
async function copyAffinities(run: MigrationRun, kb: SourceKb, part: ImportRequest): Promise<number> {
  let count = 0;
  for await (const slice of run.source.symbols(kb)) {
    const affinities = slice.filter(({ affinity }) => affinity.length > 0).map(({ symbol, affinity }) => [symbol, affinity] as const);
    if (affinities.length === 0) continue;
    count += run.dryRun ? affinities.length : await run.target.setAffinities(kb.node, affinities, part);
  }
  return count;
}
