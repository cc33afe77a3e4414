/**
 * The patterns that resemble a window, with their matching blocks, from the kernels: one scan of the training columns, every match kept.
 * Matches come in the order of their pattern ids, so that sums over them do not depend on how the scan was cut.
 */
import type { KernelPool } from "../pool/kernel-pool.ts";
import type { QuerySpec } from "../wire/query-spec.ts";
import type { ScoreBlock } from "../wire/score-block.ts";
import type { TrainingSet } from "./training-set.ts";

/** Keeps every pattern that shares a symbol with the window: one in thousands of symbols still has a greater similarity. */
const ANY_SIMILARITY = 1e-6;

/** A pattern that resembles the window. Views into a score block: valid as long as the block is. */
export interface Match {
  /** Its row in the training set. */
  readonly row: number;
  readonly symbols: Uint32Array;
  /** 2 LCS / (pattern + window), above 0. */
  readonly similarity: number;
  /** Matching blocks, three numbers each: start in the pattern, start in the window, size. Ascending, at least one. */
  readonly blocks: Uint32Array;
}

/** Errors: those of KernelPool.prepare and score. */
export async function matchesOf(pool: KernelPool, training: TrainingSet, shown: Uint32Array, texts: readonly string[]): Promise<Match[]> {
  const spec: QuerySpec = {
    symbols: Array.from(shown, (symbol) => texts[symbol]!),
    symbolIds: shown,
    similarity: "token",
    recallThreshold: ANY_SIMILARITY,
    partners: null,
    stages: [],
    keep: training.columns.rows,
    keepBy: "similarity",
    table: null,
    symbolCount: training.symbolCount,
  };
  return inRowOrder(await pool.score(pool.prepare(spec), training.columns), training.columns.rows);
}

function inRowOrder(blocks: readonly ScoreBlock[], rows: number): Match[] {
  const byRow = new Array<Match | undefined>(rows);
  for (const block of blocks) {
    for (let entry = 0; entry < block.kept; entry++) {
      const row = block.patternIds[entry]!;
      byRow[row] = {
        row,
        symbols: block.symbolIds.subarray(block.symbolStarts[entry]!, block.symbolStarts[entry + 1]!),
        similarity: block.similarities[entry]!,
        blocks: block.blocks.subarray(3 * block.blockStarts[entry]!, 3 * block.blockStarts[entry + 1]!),
      };
    }
  }
  return byRow.filter((match) => match !== undefined);
}
