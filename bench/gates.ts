/**
 * Measures every ratio that the kernels promise, on the frozen corpus, by interleaved rounds, and prints what was asked and what was found.
 *
 *   npm run bench:gates -- [words that a contest's name must contain] [--quick] [--rounds 11] [--ms 40] [--out bench/record/NAME.json]
 *
 * Exit code 1 when a ratio falls short, so that it can guard a release; a busy machine makes single ratios waver, the table shows by how much.
 */
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { contests } from "./contests.ts";
import { CORPUS_SHA256 } from "./corpus.ts";
import { machineOf, writeRecord } from "./machine.ts";
import { type ContestFigures, FULL, QUICK, runContest } from "./rounds.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string", default: String(FULL.rounds) },
    ms: { type: "string", default: String(FULL.sideMs) },
    out: { type: "string" },
  },
});

const figure = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const plainTable = (head: string[]) => new Table({ head, style: { head: [], border: [] } });
const machine = machineOf();
/** Below it a load average is that of a machine on which nobody works. */
const IDLE_LOAD = 0.3;
const isIdle = machine.loadAverage < IDLE_LOAD;
const options = values.quick ? QUICK : { rounds: Number(values.rounds), sideMs: Number(values.ms), isIdle };
const filter = positionals.join(" ");

const found: ContestFigures[] = [];
for (const [name, open] of contests) {
  if (!name.includes(filter)) continue;
  const contest = await open(values.quick ? "quick" : "full");
  try {
    const figures = await runContest(contest, options);
    found.push(figures);
    const table = plainTable([`${figures.name}`, `ns/${figures.unit}`, "best", "items a run"]);
    for (const side of figures.sides)
      table.push([side.name, figure.format(side.nanoseconds), figure.format(side.best), side.items.toLocaleString("en")]);
    console.log(table.toString());
  } finally {
    await contest.close?.();
  }
}
if (found.length === 0) throw new Error(`no contest has "${filter}" in its name; there are ${contests.map(([name]) => name).join(", ")}`);

const gates = found.flatMap((contest) => contest.gates).sort((a, b) => a.line.localeCompare(b.line));
const table = plainTable(["ratio", "asked", "aim", "measured", "middle half", "holds"]);
for (const gate of gates) {
  const sign = gate.atMost ? "≤" : "≥";
  table.push([
    gate.what,
    `${sign} ${gate.required}`,
    gate.ambitious === undefined ? "" : `${sign} ${gate.ambitious}`,
    gate.by === "median" ? figure.format(gate.measured) : `${figure.format(gate.measured)} (${gate.by})`,
    `${figure.format(gate.low)} – ${figure.format(gate.high)}`,
    gate.holds ? "yes" : "NO",
  ]);
}
console.log(table.toString());
const missed = gates.filter((gate) => !gate.holds).length;
console.log(`${gates.length - missed} of ${gates.length} ratios hold; load average ${machine.loadAverage} at the start.`);
if (values.out !== undefined)
  writeRecord(values.out, "ratios of the kernels", { corpusSha256: CORPUS_SHA256, ...options, contests: found }, machine);
if (missed > 0 && !values.quick) process.exitCode = 1;
