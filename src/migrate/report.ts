/** A migration's outcome for people and for scripts: pure. */
import type { KbRecord, MigrationRecord } from "./record.ts";
import { PROBLEM_KINDS, type ProblemKind } from "./source.ts";

export interface MigrationReport {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly dry_run: boolean;
  readonly finished: boolean;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly knowledge_bases: readonly KbReport[];
}

interface KbReport {
  readonly source: string;
  readonly node: string;
  readonly entries: number;
  readonly patterns: number;
  readonly learns: number;
  readonly left_out: number;
  readonly affinities: number;
  readonly checksum: string;
  readonly done: boolean;
  readonly problems: Readonly<Partial<Record<ProblemKind, number>>>;
  /** The first thousand, word for word. */
  readonly examples: KbRecord["problems"];
}

export function reportOf(record: MigrationRecord, target: string, dryRun: boolean): MigrationReport {
  return {
    id: record.id,
    source: record.source,
    target,
    dry_run: dryRun,
    finished: record.finishedAt !== undefined,
    started_at: record.startedAt,
    finished_at: record.finishedAt ?? null,
    knowledge_bases: record.kbs.map((kb) => ({
      source: kb.source,
      node: kb.node,
      entries: kb.entries,
      patterns: kb.migrated,
      learns: kb.learns,
      left_out: kb.entries - kb.migrated,
      affinities: kb.affinities,
      checksum: kb.checksum,
      done: kb.done,
      problems: kb.problemCounts,
      examples: kb.problems,
    })),
  };
}

/** True when anything of the source did not come along whole. */
export const hasProblems = (report: MigrationReport): boolean => report.knowledge_bases.some((kb) => Object.keys(kb.problems).length > 0);

/** Markdown: a table of the kbs, then what was wrong. */
export function reportText(report: MigrationReport): string {
  const lines = [
    `# Migration ${report.id}${report.dry_run ? " (dry run: nothing was written)" : ""}`,
    "",
    `From ${report.source} into ${report.target}. ${report.finished ? "Finished." : "Not finished: run the same command again."}`,
    "",
    "| source | node | entries | patterns | learns | left out | affinities | checksum |",
    "|---|---|---|---|---|---|---|---|",
  ];
  for (const kb of report.knowledge_bases) {
    lines.push(
      `| ${cell(kb.source)} | ${cell(kb.node)} | ${kb.entries} | ${kb.patterns} | ${kb.learns} | ${kb.left_out} | ${kb.affinities} | \`${kb.checksum}\` |`,
    );
  }
  for (const kb of report.knowledge_bases.filter(({ problems }) => Object.keys(problems).length > 0)) {
    lines.push("", `## What was not whole in ${cell(kb.source)}`, "");
    for (const [kind, count] of Object.entries(kb.problems)) lines.push(`- ${count} × ${kind}: ${PROBLEM_KINDS[kind as ProblemKind]}`);
    lines.push(
      "",
      ...kb.examples
        .slice(0, 20)
        .map(({ entry, kind, detail, leftOut }) => `- ${cell(entry)}: ${kind}${leftOut ? ", left out" : ""} (${cell(detail)})`),
    );
  }
  return `${lines.join("\n")}\n`;
}

/** A value in a table or list of Markdown: no line ends, no cell borders, no control characters. */
const cell = (text: string): string => text.replaceAll(/[\p{Cc}\u2028\u2029|]/gu, " ").slice(0, 200);
