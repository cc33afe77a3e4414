/**
 * The learned side of a fold: training sequences as candidate columns, each symbol an event of its own, and how often symbols occur in
 * them. A pattern's id is its row. Nothing of a test sequence is in here. Cost: one pass over the training symbols.
 */
import { EngineError } from "../errors.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";

/** Symbols a pattern may hold: what a learn refuses to pass, and what the kernels' regions are sized for. */
const PATTERN_SYMBOLS_MAX = 4096;
/** SHA-1. */
const NAME_BYTES = 20;
/** Added to every count of what follows, so that a symbol that was never seen to follow has a chance too (Jeffreys' prior). */
const PRIOR_COUNT = 0.5;

export interface TrainingSet {
  readonly patterns: readonly Uint32Array[];
  readonly columns: CandidateColumns;
  /** By symbol id: ln(patterns / patterns that hold the symbol), the weight of a match; 0 for a symbol that no pattern holds. */
  readonly rarity: Float64Array;
  /** By symbol id: natural logarithm of the chance to follow anything at all (positions past the first, smoothed). */
  readonly logPrior: Float64Array;
  readonly symbolCount: number;
}

/** Errors: ENGRAM_LIMIT_EXCEEDED for a sequence that a learn would refuse. */
export function trainingSetOf(patterns: readonly Uint32Array[], symbolCount: number): TrainingSet {
  const holders = new Float64Array(symbolCount);
  const follows = new Float64Array(symbolCount).fill(PRIOR_COUNT);
  let total = PRIOR_COUNT * symbolCount;
  for (const pattern of patterns) {
    if (pattern.length > PATTERN_SYMBOLS_MAX) {
      throw new EngineError("ENGRAM_LIMIT_EXCEEDED", `A sequence has ${pattern.length} symbols; a pattern holds ${PATTERN_SYMBOLS_MAX}.`);
    }
    for (const symbol of new Set(pattern)) holders[symbol]!++;
    for (let at = 1; at < pattern.length; at++) follows[pattern[at]!]!++;
    total += Math.max(0, pattern.length - 1);
  }
  return {
    patterns,
    columns: columnsOf(patterns),
    rarity: holders.map((count) => (count === 0 ? 0 : Math.log(patterns.length / count))),
    logPrior: follows.map((count) => Math.log(count / total)),
    symbolCount,
  };
}

function columnsOf(patterns: readonly Uint32Array[]): CandidateColumns {
  const rows = patterns.length;
  const symbols = patterns.reduce((sum, pattern) => sum + pattern.length, 0);
  const patternIds = new BigUint64Array(rows);
  const names = Buffer.alloc(rows * NAME_BYTES);
  const distinctCounts = new Uint16Array(rows);
  const ends = new BigUint64Array(rows);
  const symbolIds = new Uint32Array(symbols);
  const eventEnds = new Uint16Array(symbols);
  let at = 0;
  for (const [row, pattern] of patterns.entries()) {
    patternIds[row] = BigInt(row);
    // Names only have to differ: equal sequences stay separate patterns here, as separate votes.
    names.writeUInt32BE(row, row * NAME_BYTES);
    distinctCounts[row] = new Set(pattern).size;
    symbolIds.set(pattern, at);
    for (let place = 0; place < pattern.length; place++) eventEnds[at + place] = place + 1;
    at += pattern.length;
    ends[row] = BigInt(at);
  }
  const bytes = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return {
    rows,
    patternIds: bytes(patternIds),
    names,
    distinctCounts: bytes(distinctCounts),
    symbolEnds: bytes(ends),
    symbolBase: 0,
    symbolIds: bytes(symbolIds),
    eventOffsets: bytes(ends),
    eventBase: 0,
    eventEnds: bytes(eventEnds),
  };
}
