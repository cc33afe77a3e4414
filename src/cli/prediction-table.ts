/** Predictions as a table for people. */
import Table from "cli-table3";
import type { AnyPrediction } from "./memory.ts";
import { eventsText, shorten } from "./terminal.ts";

/** First characters of a name: enough to tell patterns apart on a screen. `--json` gives the whole. */
const NAME_CHARS = 10;
/** Widest text of a column; four of them and the numbers fit a wide terminal. */
const TEXT_CHARS = 36;

const column = (events: readonly (string | readonly string[])[]): string => shorten(eventsText(events), TEXT_CHARS);

export function predictionTable(predictions: readonly AnyPrediction[]): string {
  const table = new Table({
    head: ["#", "pattern", "similarity", "potential", "frequency", "past", "present", "future", "missing"],
    colAligns: ["right", "left", "right", "right", "right", "left", "left", "left", "left"],
    style: { head: [], border: [], compact: true },
  });
  for (const [at, prediction] of predictions.entries()) {
    table.push([
      at + 1,
      prediction.name.slice(0, NAME_CHARS),
      prediction.similarity.toFixed(3),
      prediction.potential.toFixed(3),
      prediction.frequency,
      column(prediction.past),
      column(prediction.present),
      column(prediction.future),
      // One list per present event: the empty ones say that nothing is missing there.
      column((prediction.missing as readonly (string | readonly string[])[]).filter((event) => event.length > 0)),
    ]);
  }
  return table.toString();
}
