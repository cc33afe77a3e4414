/**
 * The formulas of single metrics, each as a pure function of plain numbers and counts. What they mean is in docs/metrics.md; source of every
 * formula: reference semantics §8. Counts are maps from symbol to occurrences; probabilities and weights are functions of a symbol.
 */

/** Stands for a probability that is zero or unknown in a product, so that one symbol does not wipe out the rest. KATO's figure. */
const LEAST_PROBABILITY = 1e-10;
/** Weight of a symbol without affinity or frequency, and added to every other weight. KATO's figure. */
const WEIGHT_FLOOR = 0.01;

export type SymbolCounts = ReadonlyMap<string, number>;

export function countSymbols(symbols: Iterable<string>): SymbolCounts {
  const counts = new Map<string, number>();
  for (const symbol of symbols) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
  return counts;
}

/** −p · log2 p; 0 for p <= 0. */
export function classicExpectation(probability: number): number {
  return probability > 0 ? -probability * Math.log2(probability) : 0;
}

/** −p · log_base p; 0 for p <= 0 or base <= 1. */
export function expectation(probability: number, base: number): number {
  return probability > 0 && base > 1 ? (-probability * Math.log(probability)) / Math.log(base) : 0;
}

/** Entropy in bits of a multiset of `length` symbols. §8.4 */
export function entropy(counts: SymbolCounts, length: number): number {
  let sum = 0;
  for (const count of counts.values()) sum += classicExpectation(count / length);
  return sum;
}

/** The same to the base of the kb's symbol count. §8.4 */
export function normalizedEntropy(counts: SymbolCounts, length: number, symbolCount: number): number {
  let sum = 0;
  for (const count of counts.values()) sum += expectation(count / length, symbolCount);
  return sum;
}

/** Sum of −pr · log_V pr over the distinct symbols; no true entropy, since the probabilities do not add up to 1. §8.4 */
export function globalNormalizedEntropy(symbols: Iterable<string>, probability: (symbol: string) => number, symbolCount: number): number {
  let sum = 0;
  for (const symbol of symbols) sum += expectation(probability(symbol), symbolCount);
  return sum;
}

/** Product of the probabilities, with repeats; 0 for no symbols. §8.3 */
export function conditionalProbability(symbols: readonly string[], probability: (symbol: string) => number): number {
  if (symbols.length === 0) return 0;
  let product = 1;
  for (const symbol of symbols) product *= probability(symbol) || LEAST_PROBABILITY;
  return product;
}

/** How much more often the pattern occurs than its present symbols would by chance; beyond 1 possible (Q9). §8.3 */
export function confluence(
  frequency: number,
  totalFrequencies: number,
  present: readonly string[],
  probability: (symbol: string) => number,
): number {
  if (present.length === 0 || totalFrequencies === 0) return 0;
  return (frequency / totalFrequencies) * (1 - conditionalProbability(present, probability));
}

/** Sum of squares of probability-weighted counts. */
export function squaredLength(counts: SymbolCounts, probability: (symbol: string) => number): number {
  let sum = 0;
  for (const [symbol, count] of counts) sum += (probability(symbol) * count) ** 2;
  return sum;
}

/** Cosine of the angle between probability-weighted counts of state and present; 0 where either is zero throughout. §8.2 */
export function cosine(
  state: SymbolCounts,
  stateSquaredLength: number,
  present: SymbolCounts,
  probability: (symbol: string) => number,
): number {
  const squares = stateSquaredLength * squaredLength(present, probability);
  if (squares === 0) return 0;
  let product = 0;
  for (const [symbol, count] of present) {
    const inState = state.get(symbol);
    if (inState !== undefined) product += probability(symbol) ** 2 * count * inState;
  }
  return product / Math.sqrt(squares);
}

/** 1 − (1 − cos) · f / F. §8.2 */
export function itfdfSimilarity(cos: number, frequency: number, ensembleFrequency: number): number {
  return ensembleFrequency === 0 ? 0 : 1 - ((1 - cos) * frequency) / ensembleFrequency;
}

/** Mean over the distinct symbols of relative frequency × (log2(U / d) + 1). `documents` answers d, at least 1. §8.5 */
export function tfidfScore(counts: SymbolCounts, length: number, patternCount: number, documents: (symbol: string) => number): number {
  if (length === 0 || patternCount === 0) return 0;
  let sum = 0;
  for (const [symbol, count] of counts) sum += (count / length) * (Math.log2(patternCount / documents(symbol)) + 1);
  return sum / counts.size;
}

/** Patterns a symbol stands in, as far as its probability tells: cut towards zero, which may lose one (Q16), and at least 1. §8.5 */
export function documentCount(probability: number, patternCount: number): number {
  return Math.max(1, Math.trunc(probability * patternCount));
}

/** Weight of a symbol under an emotive. §8.1 */
export function affinityWeight(affinity: number, frequency: number): number {
  return affinity !== 0 && frequency !== 0 ? Math.abs(affinity) / frequency + WEIGHT_FLOOR : WEIGHT_FLOOR;
}

export interface WeightedRatios {
  readonly weighted_similarity: number | null;
  readonly weighted_evidence: number;
  readonly weighted_confidence: number;
  readonly weighted_snr: number;
}

/** The basic ratios over weights instead of counts. snr has another shape than the unweighted one. §8.1 */
export function weightedRatios(weights: {
  readonly matches: number;
  readonly state: number;
  readonly pattern: number;
  readonly present: number;
  readonly extras: number;
}): WeightedRatios {
  const { matches, state, pattern, present, extras } = weights;
  const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
  return {
    weighted_similarity: state + pattern === 0 ? null : (2 * matches) / (state + pattern),
    weighted_evidence: ratio(matches, pattern),
    weighted_confidence: ratio(matches, present),
    weighted_snr: ratio(matches, matches + extras),
  };
}

/** 1 for a match in one piece, less for each break; 0 where nothing matches. §8.8 */
function unbrokenness(fragmentation: number): number {
  return fragmentation === -1 ? 0 : 1 / (fragmentation + 1);
}

/** (evidence + confidence) · snr + unbrokenness: what ranks matches before the ensemble is known, and the answer to one symbol. §5.4, §10 */
export function prePotential(evidence: number, confidence: number, snr: number, fragmentation: number): number {
  return (evidence + confidence) * snr + unbrokenness(fragmentation);
}

/** The default ranking metric. §8.8 */
export function potential(evidence: number, confidence: number, snr: number, itfdf: number, fragmentation: number): number {
  return (evidence + confidence) * snr + itfdf + unbrokenness(fragmentation);
}
