/**
 * Runs the benches and prints a table.
 *
 *   npm run bench -- [words that a name must contain] [--quick] [--out bench/record/NAME.json]
 *
 * --quick uses the tests' tiny inputs; --out keeps the figures with processor, Node and commit.
 */
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { type BenchRow, runSuite } from "./harness.ts";
import { machineOf, writeRecord } from "./machine.ts";
import { suites } from "./suites.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, out: { type: "string" } },
});

const figure = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const machine = machineOf();
const rows: BenchRow[] = [];
for (const open of suites) rows.push(...(await runSuite(open, values.quick ? "quick" : "full", positionals.join(" "))));
if (rows.length === 0) throw new Error(`no bench has "${positionals.join(" ")}" in its name`);

const table = new Table({ head: ["bench", "item", "ns/item", "best", "items/s", "samples"], style: { head: [], border: [] } });
for (const row of rows) {
  table.push([
    row.name,
    row.unit,
    figure.format(row.nanoseconds),
    figure.format(row.best),
    figure.format(row.itemsPerSecond),
    String(row.samples),
  ]);
}
console.log(table.toString());

if (values.out !== undefined) writeRecord(values.out, "kernels and pool", { rows }, machine);
