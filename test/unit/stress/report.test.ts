import { expect, it } from "vitest";
import { atBillion, type StressRecord } from "../../../src/stress/record.ts";
import { stressChart, stressMarkdown } from "../../../src/stress/report.ts";

const row = {
  source: "postings",
  threshold: 0.5,
  answers: 10,
  questions: 200,
  p50: 20,
  p95: 400,
  p99: 900,
  fastest: 10,
  certified: 0.995,
  checked: 20,
  recall: 1,
  certifiedWrong: 0,
  rowsRead: 812.4,
};
const record: StressRecord = {
  what: "stress",
  date: "2026-01-02",
  commit: "abc",
  machine: { cpu: "A <fast> one", cores: 2, memoryBytes: 16e9, node: "v20" },
  corpus: { patterns: 10_000_000, stored: 10_000_000, seed: 1, vocabulary: 500_000, questions: 200, warm: 20 },
  load: { isFilled: false, seconds: 100, patternsPerSecond: 100_000, settledSeconds: 130, memoryPeakBytes: 2e9 },
  ensemble: "ranked",
  bytesPerPattern: { patterns: 76.5, "in all": 263.6 },
  answers: [row],
  throughput: [{ source: "postings", threshold: 0.5, answers: 10, clients: 8, perSecond: 91.25, p50: 80, p95: 150, refused: 0 }],
  serving: { memoryPeakBytes: null },
  baselines: [
    {
      name: "bands",
      threshold: 0.5,
      questions: 20,
      patterns: 10_000_000,
      p50: 1_200,
      p95: 1_700,
      recall: 0.18,
      rowsRead: 1e7,
      bytesRead: 1.6e9,
    },
  ],
};

it("extrapolates by the formula that it prints", () => {
  expect(atBillion(row, 10_000_000)).toBe(10 + 10 * 100);
  expect(stressMarkdown(record)).toContain("p50(1e9) = F + (p50 - F) * 1e9 / N");
});

it("says what was measured, and what was not", () => {
  const page = stressMarkdown(record);
  expect(page).toContain("| postings | 0.5 | 10 | 20 | 400 | 900 | 99.5 % | 100 % of 20 | 0 | 812 | 1,010 |");
  expect(page).toContain("| bands | 0.5 | 10,000,000 | 20 | 1,200 | 1,700 | 60.0 | 18.0 % | 10,000,000 | 1,600 |");
  expect(page).toContain("Serving took unknown at most.");
  expect(stressMarkdown({ ...record, corpus: { ...record.corpus, stored: 1_000 } })).toContain("too few");
});

it("draws a row for each way, inside its frame", () => {
  const chart = stressChart(record);
  expect(chart).toMatch(/^<svg [^>]+>/);
  expect(chart.match(/<rect x="190"/g)).toHaveLength(2);
  for (const [, x] of chart.matchAll(/ x2="([\d.]+)"/g)) expect(Number(x)).toBeLessThanOrEqual(720);
});
