/**
 * Ratios that hold on a noisy machine. The sides of a contest do the same work in different ways, in one process, in turn: each round gives
 * every side its time, in an order that turns from round to round, and the ratio of two sides is the median of the rounds' own ratios. A
 * neighbour who slows the machine slows both sides of a round. Every run's answer is compared with the known one.
 *
 * Slow sides (a plain table, a package that takes microseconds a pair) get a sample of the pairs, as many as their `items` say; nanoseconds are
 * per item, so sides of different size compare. Nanoseconds across machines or days do not.
 */
import type { BenchMode } from "./harness.ts";

export interface Side {
  readonly name: string;
  /** What one `run` handles. */
  readonly items: number;
  run(): number | Promise<number>;
  /** What `run` must return; null when nothing but the run itself is at stake (a memory stream). */
  readonly expected: number | null;
}

/** A demand on the ratio of two sides: `slow` takes at least (or, with `atMost`, at most) `required` times as long as `fast`, an item. */
export interface Gate {
  /** Which demand it belongs to, for the table's order: "1 token LCS". */
  readonly line: string;
  readonly what: string;
  readonly slow: string;
  readonly fast: string;
  readonly required: number;
  readonly ambitious?: number;
  readonly atMost?: boolean;
  /**
   * It needs every core: of a machine on which others work too the best rounds of both sides are compared, not the median of the rounds' ratios. So they are
   * where a side's own rounds say so (`STEADY`): the load average of a virtual machine does not tell what its neighbours do.
   */
  readonly needsIdle?: boolean;
}

export interface Contest {
  readonly name: string;
  readonly unit: string;
  readonly sides: readonly Side[];
  readonly gates: readonly Gate[];
  /** True: sides work on other threads, so only the wall's clock tells their time, and it takes more rounds to meet one that nobody disturbed. */
  readonly threads?: boolean;
  close?(): void | Promise<void>;
}

export type OpenContest = (mode: BenchMode) => Contest | Promise<Contest>;

export interface SideFigures {
  readonly name: string;
  readonly items: number;
  /** Median and best nanoseconds an item over the rounds. */
  readonly nanoseconds: number;
  readonly best: number;
}

export interface GateFigures extends Gate {
  /** What was compared: the median of the rounds' ratios, or each side's best round. */
  readonly by: "median" | "best rounds";
  readonly measured: number;
  /** The middle half of the rounds' ratios. */
  readonly low: number;
  readonly high: number;
  readonly holds: boolean;
}

export interface ContestFigures {
  readonly name: string;
  readonly unit: string;
  readonly rounds: number;
  readonly sides: readonly SideFigures[];
  readonly gates: readonly GateFigures[];
}

export interface RoundOptions {
  readonly rounds: number;
  /** A side's time in a round; a run that takes longer is done once. */
  readonly sideMs: number;
  /** Nobody else works on the machine, as far as it tells. */
  readonly isIdle: boolean;
}

export const QUICK: RoundOptions = { rounds: 1, sideMs: 0, isIdle: false };
/** Eleven rounds give a median with five on each side; 40 ms are hundreds of runs of a fast side. */
export const FULL: RoundOptions = { rounds: 11, sideMs: 40, isIdle: false };

/** A side whose median round takes less than so many times its best was left in peace. */
const STEADY = 1.05;
/** For contests of threads. */
const ROUNDS_OF_THREADS = 4;

/** The value below which `share` of the sorted list lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)]!;
  return low + (sorted[Math.ceil(at)]! - low) * (at - Math.floor(at));
}

function isSteady(rounds: readonly number[]): boolean {
  return quantile(rounds, 0.5) < STEADY * Math.min(...rounds);
}

/** Runs a contest. Throws at the first wrong answer, and for a gate whose sides are missing. */
export async function runContest(contest: Contest, options: RoundOptions): Promise<ContestFigures> {
  const { sides } = contest;
  const check = (side: Side, answer: number): void => {
    if (side.expected !== null && answer !== side.expected)
      throw new Error(`${contest.name}, ${side.name}: computed ${answer}, the answer is ${side.expected}`);
  };
  const timed = async (side: Side, runs: number): Promise<number> => {
    const wall = performance.now();
    const cpu = process.cpuUsage();
    for (let run = 0; run < runs; run++) {
      const answer = side.run();
      check(side, typeof answer === "number" ? answer : await answer);
    }
    const wallNs = (performance.now() - wall) * 1e6;
    const { user, system } = process.cpuUsage(cpu);
    // What the thread worked: less than the wall's time where others had the core, less than the process' where V8's own threads helped.
    return (contest.threads === true ? wallNs : Math.min(wallNs, Math.max(1, user + system) * 1e3)) / runs;
  };
  // The first runs are in code that is not optimised yet; what is left after them says how many runs fill a side's time.
  const runs: number[] = [];
  for (const side of sides) {
    let ns = await timed(side, 1);
    for (let spent = ns; spent < options.sideMs * 1e6; spent += ns) ns = await timed(side, 1);
    runs.push(Math.max(1, Math.round((options.sideMs * 1e6) / ns)));
  }
  const perRound: number[][] = sides.map(() => []);
  const rounds = options.rounds * (contest.threads === true ? ROUNDS_OF_THREADS : 1);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const at = (turn + round) % sides.length;
      perRound[at]!.push((await timed(sides[at]!, runs[at]!)) / sides[at]!.items);
    }
  }
  const indexOf = (name: string): number => {
    const at = sides.findIndex((side) => side.name === name);
    if (at < 0) throw new Error(`${contest.name} has no side "${name}"`);
    return at;
  };
  return {
    name: contest.name,
    unit: contest.unit,
    rounds,
    sides: sides.map((side, at) => ({
      name: side.name,
      items: side.items,
      nanoseconds: quantile(perRound[at]!, 0.5),
      best: Math.min(...perRound[at]!),
    })),
    gates: contest.gates.map((gate) => {
      const [slow, fast] = [perRound[indexOf(gate.slow)]!, perRound[indexOf(gate.fast)]!];
      const ratios = slow.map((ns, round) => ns / fast[round]!);
      const isQuiet = options.isIdle && isSteady(slow) && isSteady(fast);
      const by = gate.needsIdle && !isQuiet ? "best rounds" : "median";
      const measured = by === "median" ? quantile(ratios, 0.5) : Math.min(...slow) / Math.min(...fast);
      const holds = gate.atMost ? measured <= gate.required : measured >= gate.required;
      return { ...gate, by, measured, low: quantile(ratios, 0.25), high: quantile(ratios, 0.75), holds };
    }),
  };
}
