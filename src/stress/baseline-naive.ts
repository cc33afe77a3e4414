/**
 * The baseline "naive": what a document store forces. Each pattern is a JSON document that becomes an object for every question, and is compared by
 * the textbook table of the longest common subsequence over its strings. The documents are held in memory, so that no reading is counted
 * against it. One thread, like everything it is compared with but the pool's scans. For up to about a million patterns.
 */
import { openEmbedded } from "../store/clickhouse-client.ts";
import type { Baseline } from "./baseline-kato.ts";
import type { BaselineRow } from "./record.ts";
import { quantile } from "./served.ts";
import { storedRows } from "./stored-rows.ts";

/** Beyond it a question takes minutes. */
export const NAIVE_PATTERNS_MAX = 2_000_000;
const QUESTIONS_MAX = 5;

interface Document {
  readonly name: string;
  readonly pattern_data: readonly (readonly string[])[];
}

/** Length of the longest common subsequence by its definition: a table of (a + 1) × (b + 1). */
function lcsLength(a: readonly string[], b: readonly string[]): number {
  const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      table[i]![j] = a[i - 1] === b[j - 1] ? table[i - 1]![j - 1]! + 1 : Math.max(table[i - 1]![j]!, table[i]![j - 1]!);
    }
  }
  return table[a.length]![b.length]!;
}

function askNaively(documents: readonly string[], state: readonly string[], threshold: number): string[] {
  const matches: { name: string; similarity: number }[] = [];
  for (const text of documents) {
    const document = JSON.parse(text) as Document;
    const symbols = document.pattern_data.flat();
    const similarity = (2 * lcsLength(symbols, state)) / (symbols.length + state.length);
    if (similarity >= threshold - 1e-9) matches.push({ name: document.name, similarity });
  }
  return matches.sort((a, b) => b.similarity - a.similarity || (a.name < b.name ? -1 : 1)).map(({ name }) => name);
}

export async function naiveBaseline(folder: string, baseline: Baseline): Promise<BaselineRow[]> {
  const clickhouse = await openEmbedded(folder, 1);
  const documents: string[] = [];
  try {
    for await (const rows of storedRows(clickhouse)) {
      for (const { name, symbols } of rows) documents.push(JSON.stringify({ name, pattern_data: symbols.map((symbol) => [symbol]) }));
      baseline.onProgress("documents", documents.length, baseline.patterns);
    }
  } finally {
    await clickhouse.close();
  }
  const rows: BaselineRow[] = [];
  for (const [threshold, truth] of baseline.truth) {
    const times: number[] = [];
    let [wanted, found] = [0, 0];
    for (const [i, names] of truth.slice(0, QUESTIONS_MAX).entries()) {
      baseline.onProgress(`naive at ${threshold}`, i, Math.min(QUESTIONS_MAX, truth.length));
      const start = performance.now();
      const given = askNaively(documents, baseline.questions[i]!, threshold).slice(0, Math.max(1, names.length));
      times.push(performance.now() - start);
      wanted += names.length;
      found += names.filter((right) => given.includes(right)).length;
    }
    times.sort((a, b) => a - b);
    rows.push({
      name: "naive: every pattern an object",
      threshold,
      questions: times.length,
      patterns: documents.length,
      p50: quantile(times, 0.5),
      p95: quantile(times, 0.95),
      recall: wanted === 0 ? 1 : found / wanted,
      rowsRead: documents.length,
      bytesRead: null,
    });
  }
  return rows;
}
