/** Told what is being done, and how far: `of` 0 where nobody knows. */
export type OnProgress = (phase: string, done: number, of: number) => void;

/** `ranked`: the most similar patterns, most similar first. `kato`: KATO's ensemble, ranked by potential. */
export type EnsembleAsked = "ranked" | "kato";

/** What a stress run found: the record that is kept as JSON. Times in milliseconds, sizes in bytes, shares 0 to 1. */
export interface StressRecord {
  readonly what: "stress";
  readonly date: string;
  readonly commit: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memoryBytes: number; readonly node: string };
  readonly corpus: {
    readonly patterns: number;
    readonly stored: number;
    readonly seed: number;
    readonly vocabulary: number;
    readonly questions: number;
    /** Of them asked once before, of each row. */
    readonly warm: number;
  };
  /** null: the data folder had it already. */
  readonly load: {
    /** Whether it was written as learning would have left it, instead of being learned. */
    readonly isFilled: boolean;
    readonly seconds: number;
    readonly patternsPerSecond: number;
    /** Until the index had everything too, and what was written was merged. */
    readonly settledSeconds: number;
    readonly memoryPeakBytes: number;
  } | null;
  readonly ensemble: EnsembleAsked;
  readonly bytesPerPattern: Readonly<Record<string, number>>;
  readonly answers: readonly AnswerRow[];
  readonly throughput: readonly ThroughputRow[];
  /** Most memory of the serving process. */
  readonly serving: { readonly memoryPeakBytes: number | null };
  readonly baselines: readonly BaselineRow[];
}

/** The questions asked of one source at one threshold for so many answers. */
export interface AnswerRow {
  readonly source: string;
  readonly threshold: number;
  readonly answers: number;
  readonly questions: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly fastest: number;
  /** Answers that are proved to be those of a scan over everything. */
  readonly certified: number;
  /** Of the questions asked again of an exact scan: how many, the share of right names found, and certified answers that differed. */
  readonly checked: number;
  readonly recall: number;
  readonly certifiedWrong: number;
  /** Patterns read for an answer, on average. */
  readonly rowsRead: number;
}

export interface ThroughputRow {
  readonly source: string;
  readonly threshold: number;
  readonly answers: number;
  readonly clients: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p95: number;
  /** Refused with 503, which a client would repeat. */
  readonly refused: number;
}

/** Another way over the same patterns and questions. */
export interface BaselineRow {
  readonly name: string;
  readonly threshold: number;
  readonly questions: number;
  readonly patterns: number;
  readonly p50: number;
  readonly p95: number;
  /** Share of the best answers of an exact scan that are among its candidates. */
  readonly recall: number;
  readonly rowsRead: number | null;
  readonly bytesRead: number | null;
}

/** A row at a billion patterns: what is fixed stays, the rest grows with the count. */
export const EXTRAPOLATION =
  "p50(1e9) = F + (p50 - F) * 1e9 / N, F = the fastest question of the row, N = the patterns of the run; one node, everything in the page cache";

export const atBillion = (row: Pick<AnswerRow, "p50" | "fastest">, patterns: number): number =>
  row.fastest + ((row.p50 - row.fastest) * 1e9) / patterns;
