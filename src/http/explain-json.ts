/** How an answer came about, as `explain=true` asks for: source, candidates in and out a stage, what was dropped and why, and the time. */
import type { PatternFate, PredictionTrace } from "../engine-types.ts";

const whole = (microseconds: number): number => Math.round(microseconds);

const OUTCOMES: Readonly<Record<PatternFate["outcome"], string>> = {
  predicted: "predicted",
  cut: "cut",
  pruned: "pruned",
  filtered: "filtered",
  belowThreshold: "below_threshold",
  withoutBlocks: "without_blocks",
  unknown: "unknown",
};

export function explainText(trace: PredictionTrace): string {
  const { dropped, microseconds: spent } = trace;
  return JSON.stringify({
    source: trace.source,
    plan: trace.plan.map((entry) =>
      "refused" in entry
        ? { source: entry.source, refused: entry.refused }
        : { source: entry.source, expected_microseconds: whole(entry.microseconds) },
    ),
    exact: trace.exact,
    certified: trace.certified,
    rows_read: trace.rowsRead,
    candidates: trace.candidates,
    ...(trace.pattern && { pattern: { ...trace.pattern, outcome: OUTCOMES[trace.pattern.outcome] } }),
    stages: trace.stages.map((stage) => ({
      name: stage.name,
      candidates_in: stage.candidatesIn,
      candidates_out: stage.candidatesOut,
      microseconds: whole(stage.microseconds),
      ...(stage.expectedRecall !== undefined && { expected_recall: stage.expectedRecall }),
    })),
    dropped: {
      filtered: dropped.filtered,
      below_threshold: dropped.belowThreshold,
      without_blocks: dropped.withoutBlocks,
      pruned: dropped.pruned,
      cut: dropped.cut,
    },
    microseconds: {
      total: whole(spent.total),
      state: whole(spent.state),
      read: whole(spent.read),
      transfer: whole(spent.transfer),
      kernel: whole(spent.kernel),
      aggregate: whole(spent.aggregate),
    },
  });
}
