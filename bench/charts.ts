/**
 * Draws the charts of docs/performance.md out of the newest records and writes the tables beside them, between the page's marks.
 *
 *   npm run bench:charts
 *
 * Reads bench/record/*_gates.json, *_peers.json and *_score.json (of each the last by name) and changes nothing else. A record that is not there
 * leaves its part of the page as it was.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { ContestFigures, GateFigures } from "./rounds.ts";
import { type Bar, barChart } from "./svg.ts";

const RECORDS = "bench/record";
const CHARTS = "docs/charts";
const PAGE = "docs/performance.md";
const figure = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

interface Origin {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly commit: string;
  readonly loadAverage: number;
}
interface GatesRecord extends Origin {
  readonly contests: readonly ContestFigures[];
}
interface PeersRecord extends Origin {
  readonly python: string;
  readonly packages: Readonly<Record<string, string>>;
  readonly missing: readonly { readonly package: string }[];
  readonly rows: readonly {
    readonly ours: string;
    readonly peer: string;
    readonly nanoseconds: number;
    readonly peerNanoseconds: number;
    readonly ratio: number;
    readonly required?: number;
    readonly comparable: boolean;
    readonly answer: number;
    readonly peerAnswer: number;
  }[];
}
interface ScoreRecord extends Origin {
  readonly patterns: number;
  readonly queries: number;
  readonly ratio: number;
  readonly checked: number;
  readonly runs: readonly {
    readonly threads: number;
    readonly queries: number;
    readonly pairsPerSecond: number;
    readonly loadAverage: number;
  }[];
}

function newest<T extends Origin>(kind: string): { readonly name: string; readonly record: T } | undefined {
  const name = readdirSync(RECORDS)
    .filter((file) => file.endsWith(`_${kind}.json`))
    .sort()
    .at(-1);
  return name === undefined ? undefined : { name, record: JSON.parse(readFileSync(`${RECORDS}/${name}`, "utf8")) as T };
}

const origin = (name: string, { date, cpu, cores, node, commit, loadAverage }: Origin): string =>
  `[${name}](../${RECORDS}/${name}): ${date.slice(0, 10)}, ${cpu} with ${cores} cores, Node ${node}, commit ${commit}, load average ${loadAverage} at the start` +
  `${loadAverage > 0.3 ? " (a busy machine: threads had to share their cores, and single ratios waver)" : ""}.`;

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** Writes the part of the page between `<!-- name -->` and `<!-- /name -->`. */
function writePart(name: string, text: string): void {
  const page = readFileSync(PAGE, "utf8");
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(open), page.indexOf(close)];
  if (from < 0 || to < from) throw new Error(`${PAGE} has no part ${open} … ${close}`);
  writeFileSync(PAGE, `${page.slice(0, from + open.length)}\n${text}\n${page.slice(to)}`);
}

function writeChart(name: string, svg: string): string {
  mkdirSync(CHARTS, { recursive: true });
  writeFileSync(`${CHARTS}/${name}.svg`, svg);
  return `![${name}](charts/${name}.svg)`;
}

const gateRow = ({ what, required, ambitious, atMost, by, measured, low, high, holds }: GateFigures): string[] => {
  const sign = atMost ? "≤" : "≥";
  return [
    what,
    `${sign} ${required}`,
    ambitious === undefined ? "" : `${sign} ${ambitious}`,
    // Records from before two ways of comparing have none.
    by === "best rounds" ? `${figure.format(measured)} (best rounds)` : figure.format(measured),
    `${figure.format(low)} – ${figure.format(high)}`,
    holds ? "yes" : "no",
  ];
};

function drawGates(): void {
  const found = newest<GatesRecord>("gates");
  if (found === undefined) {
    console.log("no record of gates: its part of the page stays");
    return;
  }
  const gates = found.record.contests.flatMap((contest) => contest.gates);
  const speedups = gates
    .filter(({ atMost, required }) => !atMost && required > 1)
    .map(
      (gate): Bar => ({
        label: gate.what,
        value: gate.measured,
        range: [gate.low, gate.high],
        asked: gate.required,
        group: Number(gate.line) || 0,
      }),
    );
  const cutoffs = found.record.contests.flatMap((contest, group) =>
    contest.sides
      .filter(({ name }) => /^kernel(, cutoff|$)/.test(name) && contest.sides.some((side) => side.name.includes("cutoff")))
      .map((side): Bar => ({ label: `${contest.name.split(",").slice(0, 2).join(",")}: ${side.name}`, value: side.nanoseconds, group })),
  );
  writePart(
    "gates",
    [
      origin(found.name, found.record),
      "",
      writeChart("kernel-ratios", barChart("How many times as fast (red: asked for; line: the middle half of the rounds)", " ×", speedups)),
      "",
      writeChart("kernel-cutoffs", barChart("Nanoseconds a pair by cutoff", " ns", cutoffs)),
      "",
      table(["ratio", "asked", "aim", "measured", "middle half", "holds"], gates.map(gateRow)),
      "",
      table(
        ["contest", "side", "ns", "best", "a"],
        found.record.contests.flatMap(({ name, unit, sides }) =>
          sides.map((side) => [name, side.name, figure.format(side.nanoseconds), figure.format(side.best), unit]),
        ),
      ),
    ].join("\n"),
  );
}

function drawPeers(): void {
  const found = newest<PeersRecord>("peers");
  if (found === undefined) {
    console.log("no record of peers: its part of the page stays");
    return;
  }
  const { rows, packages, missing, python } = found.record;
  const bars = rows.map(
    (row, group): Bar => ({
      label: `${row.ours} / ${row.peer.split(",")[0]}`,
      value: row.ratio,
      group: group >> 1,
      ...(row.required !== undefined && { asked: row.required }),
    }),
  );
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  writePart(
    "peers",
    [
      `${origin(found.name, found.record)} Python ${python}, ${versions.join(", ")}.${missing.length > 0 ? ` Not to be had: ${missing.map((one) => one.package).join(", ")}.` : ""}`,
      "",
      writeChart("kernel-peers", barChart("How many times as fast as the Python packages' batch calls (red: asked for)", " ×", bars)),
      "",
      table(
        ["ours", "ns", "theirs", "ns", "ratio", "asked", "answers"],
        rows.map((row) => [
          row.ours,
          figure.format(row.nanoseconds),
          row.peer,
          figure.format(row.peerNanoseconds),
          figure.format(row.ratio),
          row.required === undefined ? "" : `≥ ${row.required}`,
          row.comparable ? (row.answer === row.peerAnswer ? "equal" : "differ") : "other functions",
        ]),
      ),
    ].join("\n"),
  );
}

function drawScore(): void {
  const found = newest<ScoreRecord>("score");
  if (found === undefined) {
    console.log("no record of score: its part of the page stays");
    return;
  }
  const { patterns, queries, ratio, checked, runs } = found.record;
  const count = (value: number): string => value.toLocaleString("en");
  writePart(
    "score",
    [
      `${origin(found.name, found.record)} ${count(queries)} states against ${count(patterns)} patterns, ${checked} answers compared with the plain table over every pattern. ` +
        `All threads score ${figure.format(ratio)} times the pairs a second of one (best of the rounds); asked for: 1.8 on two idle cores.`,
      "",
      table(
        ["threads", "states", "pairs/s", "load average"],
        runs.map((run) => [String(run.threads), count(run.queries), count(Math.round(run.pairsPerSecond)), String(run.loadAverage)]),
      ),
    ].join("\n"),
  );
}

drawGates();
drawPeers();
drawScore();
console.log(`charts are in ${CHARTS}, tables in ${PAGE}`);
