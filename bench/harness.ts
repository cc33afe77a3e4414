/**
 * What every bench shares. A bench is a named piece of work that knows its answer: `run` returns a sum over what it computed, and a run
 * whose sum is not `expected` fails, so a fast wrong kernel cannot look good. Inputs come from fixed seeds.
 *
 * Two modes: "full" for figures, "quick" for the tests (tiny inputs, a few repetitions), so that benches cannot rot.
 * Times are of one thread; on a shared machine trust medians and ratios inside one run, not nanoseconds across runs.
 */
import { Bench } from "tinybench";

export type BenchMode = "quick" | "full";

export interface BenchCase {
  /** `kernel/input`. */
  readonly name: string;
  /** What one item is: "pair", "hash" … */
  readonly unit: string;
  /** Items that one `run` handles. */
  readonly items: number;
  run(): number | Promise<number>;
  /** What `run` must return: computed by other means (the reference twin, or how the input was built). */
  readonly expected: number;
}

/** One module of benches: builds its inputs for a mode. `close` is called when its cases are done. */
export interface BenchSuite {
  readonly cases: readonly BenchCase[];
  close(): void | Promise<void>;
}

export type OpenSuite = (mode: BenchMode) => BenchSuite | Promise<BenchSuite>;

export interface BenchRow {
  readonly name: string;
  readonly unit: string;
  readonly items: number;
  /** Median and fastest nanoseconds an item. */
  readonly nanoseconds: number;
  readonly best: number;
  /** By the median. */
  readonly itemsPerSecond: number;
  readonly samples: number;
}

/** A size that is small in the tests and large in a real run. */
export function param(mode: BenchMode, quick: number, full: number): number {
  return mode === "quick" ? quick : full;
}

/** Runs the cases whose name contains `filter`, one after the other. Throws at the first wrong answer. */
export async function runSuite(open: OpenSuite, mode: BenchMode, filter = ""): Promise<BenchRow[]> {
  const suite = await open(mode);
  try {
    const rows: BenchRow[] = [];
    for (const entry of suite.cases) {
      if (!entry.name.includes(filter)) continue;
      const bench = new Bench({
        // Half a second and 10 samples: enough for the median to settle within a few percent on an idle core.
        time: param(mode, 0, 500),
        iterations: param(mode, 1, 10),
        // Optimised code replaces the first compilation within a few calls.
        warmupTime: param(mode, 0, 100),
        warmupIterations: param(mode, 0, 3),
        warmup: mode === "full",
        throws: true,
      });
      const check = (answer: number): void => {
        if (answer !== entry.expected) throw new Error(`bench ${entry.name} computed ${answer}, the answer is ${entry.expected}`);
      };
      bench.add(entry.name, () => {
        const answer = entry.run();
        return typeof answer === "number" ? check(answer) : answer.then(check);
      });
      await bench.run();
      const result = bench.tasks[0]!.result;
      if (!("latency" in result)) throw new Error(`bench ${entry.name} did not finish: ${result.state}`);
      const nanoseconds = (result.latency.p50 * 1e6) / entry.items;
      rows.push({
        name: entry.name,
        unit: entry.unit,
        items: entry.items,
        nanoseconds,
        best: (result.latency.min * 1e6) / entry.items,
        itemsPerSecond: 1e9 / nanoseconds,
        samples: result.latency.samplesCount,
      });
    }
    return rows;
  } finally {
    await suite.close();
  }
}

/** Sum of a list, as benches return it. */
export function sumOf(values: ArrayLike<number>): number {
  // A loop that has met several kinds of lists takes 5 ns an element: as long as a fast kernel.
  if (values instanceof Uint32Array) return sumOfWords(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}

function sumOfWords(values: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
