/** A stress record for people: Markdown tables, and a chart of the latencies as SVG. Pure. */
import { type AnswerRow, atBillion, type BaselineRow, EXTRAPOLATION, type StressRecord } from "./record.ts";

const ms = (value: number): string => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en-US"));
const share = (value: number): string => `${(100 * value).toFixed(value === 1 || value === 0 ? 0 : 1)} %`;
const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
const megabytes = (value: number | null): string => (value === null ? "unknown" : `${whole(value / 1e6)} MB`);

/** Below it what a question costs whatever is stored is most of its time, and a line through it says nothing. */
const EXTRAPOLATED_FROM = 1_000_000;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

export function stressMarkdown(record: StressRecord): string {
  const { corpus, machine, load } = record;
  const parts = [
    `# ${whole(corpus.stored)} patterns under stress`,
    `${record.date}, commit ${record.commit}; ${machine.cpu}, ${machine.cores} cores, ${megabytes(machine.memoryBytes)}, Node ${machine.node}. ` +
      `Seed ${corpus.seed}, ${whole(corpus.vocabulary)} symbols by Zipf, ${corpus.questions} questions, ${corpus.warm} of them asked once before. Times in milliseconds over HTTP, one client.`,
    record.ensemble === "kato" ? "## Answers: KATO's ensemble, by potential" : "## Answers: by similarity",
    table(
      ["source", "threshold", "answers", "p50", "p95", "p99", "certified", "recall", "certified but wrong", "patterns read", "p50 at 1e9"],
      record.answers.map((row) => [
        row.source,
        `${row.threshold}`,
        `${row.answers}`,
        ms(row.p50),
        ms(row.p95),
        ms(row.p99),
        share(row.certified),
        row.checked === 0 ? "not checked" : `${share(row.recall)} of ${row.checked}`,
        `${row.certifiedWrong}`,
        whole(row.rowsRead),
        corpus.stored < EXTRAPOLATED_FROM ? "too few" : ms(atBillion(row, corpus.stored)),
      ]),
    ),
    `The last column is arithmetic and was not run: ${EXTRAPOLATION}.`,
  ];
  if (record.throughput.length > 0) {
    parts.push(
      "## Answers a second",
      table(
        ["source", "threshold", "answers", "clients", "a second", "p50", "p95", "refused"],
        record.throughput.map((row) => [
          row.source,
          `${row.threshold}`,
          `${row.answers}`,
          `${row.clients}`,
          row.perSecond.toFixed(1),
          ms(row.p50),
          ms(row.p95),
          `${row.refused}`,
        ]),
      ),
    );
  }
  if (record.baselines.length > 0) {
    parts.push(
      "## Other ways over the same patterns",
      "Only their search is timed; KATO then scores in Python what its statement found. `times` is their p50 over that of the fastest source above, at the same threshold and for the most answers.",
      table(
        ["way", "threshold", "patterns", "questions", "p50", "p95", "times", "recall", "rows read", "MB read"],
        record.baselines.map((row) => [
          row.name,
          `${row.threshold}`,
          whole(row.patterns),
          `${row.questions}`,
          ms(row.p50),
          ms(row.p95),
          timesOf(record, row),
          share(row.recall),
          row.rowsRead === null ? "" : whole(row.rowsRead),
          row.bytesRead === null ? "" : whole(row.bytesRead / 1e6),
        ]),
      ),
    );
  }
  parts.push(
    "## Size, load, memory",
    table(
      ["table", "bytes a pattern"],
      Object.entries(record.bytesPerPattern).map(([name, bytes]) => [name, bytes.toFixed(1)]),
    ),
    [
      load === null
        ? "Loaded before this run."
        : `${load.isFilled ? "Filled (tables and counters written as learning would have left them)" : "Loaded"} at ${whole(load.patternsPerSecond)} patterns a second (${load.seconds.toFixed(1)} s, indexed and merged after ${load.settledSeconds.toFixed(1)} s), ${megabytes(load.memoryPeakBytes)} at most.`,
      `Serving took ${megabytes(record.serving.memoryPeakBytes)} at most.`,
    ].join(" "),
  );
  return `${parts.join("\n\n")}\n`;
}

/** How many times slower another way is than the fastest source at its threshold. */
function timesOf({ answers }: StressRecord, { threshold, p50 }: BaselineRow): string {
  const most = Math.max(...answers.map((row) => row.answers));
  const fastest = Math.min(...answers.filter((row) => row.threshold === threshold && row.answers === most).map((row) => row.p50));
  return Number.isFinite(fastest) ? `${(p50 / fastest).toFixed(1)}` : "";
}

const WIDTH = 720;
const LEFT = 190;
const BAR = 16;
/** Colours that stay apart in grey and for the colour-blind. */
const COLOURS = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377"];

/** Bars of p50 with a line to p95, a row each, on a logarithmic scale. */
export function stressChart(record: StressRecord): string {
  const label = (row: AnswerRow): string => `${row.source} at ${row.threshold}, ${row.answers} answers`;
  const bars = [
    ...record.answers.map((row) => ({ label: label(row), p50: row.p50, p95: row.p95, group: row.source })),
    ...record.baselines.map((row) => ({ label: `${row.name} at ${row.threshold}`, p50: row.p50, p95: row.p95, group: "other ways" })),
  ];
  const most = Math.max(10, ...bars.map((bar) => bar.p95));
  const decades = Math.ceil(Math.log10(most));
  const x = (value: number): number => LEFT + ((WIDTH - LEFT - 20) * Math.max(0, Math.log10(Math.max(value, 1)))) / decades;
  const groups = [...new Set(bars.map((bar) => bar.group))];
  const height = 40 + bars.length * (BAR + 6) + 30;
  const text = (at: number, y: number, value: string, anchor: string): string =>
    `<text x="${at.toFixed(1)}" y="${y}" text-anchor="${anchor}">${value.replace(/&/g, "&amp;").replace(/</g, "&lt;")}</text>`;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    text(10, 18, `Answer times over ${whole(record.corpus.stored)} patterns: bar p50, line p95, milliseconds`, "start"),
  ];
  for (let decade = 0; decade <= decades; decade++) {
    const at = x(10 ** decade).toFixed(1);
    lines.push(
      `<line x1="${at}" x2="${at}" y1="30" y2="${height - 26}" stroke="#ddd"/>`,
      text(Number(at), height - 10, `${10 ** decade}`, "middle"),
    );
  }
  bars.forEach((bar, i) => {
    const y = 36 + i * (BAR + 6);
    const colour = COLOURS[groups.indexOf(bar.group) % COLOURS.length]!;
    lines.push(
      text(LEFT - 6, y + 12, bar.label, "end"),
      `<rect x="${LEFT}" y="${y}" width="${(x(bar.p50) - LEFT).toFixed(1)}" height="${BAR}" fill="${colour}"/>`,
      `<line x1="${x(bar.p50).toFixed(1)}" x2="${x(bar.p95).toFixed(1)}" y1="${y + BAR / 2}" y2="${y + BAR / 2}" stroke="${colour}" stroke-width="2"/>`,
    );
  });
  return `${[...lines, "</svg>"].join("\n")}\n`;
}
