/**
 * The functions that the wasm exports, as JavaScript sees them: addresses and counts are numbers, u64 is bigint. What each one does,
 * costs and needs stands in assembly/. u32 results arrive signed: read them with `>>> 0` where they can pass 2^31.
 */
export interface KernelExports {
  bandKeysInto(signature: number, bands: number, rows: number, seed: number, out: number): void;
  readonly LAYOUT_VERSION: { readonly value: number };
  prepareQuery(ids: number, count: number, table: number, tableCount: number, query: number, capacity: number): number;
  queryBytes(count: number, classes: number): bigint;
  releaseQuery(query: number): void;
  lcsLength(candidate: number, count: number, query: number, carries: number): number;
  lcsLengthAtLeast(candidate: number, count: number, query: number, carries: number, needed: number): number;
  lcsLengthsInto(
    flat: number,
    offsets: number,
    from: number,
    to: number,
    query: number,
    carries: number,
    needed: number,
    out: number,
  ): void;
  prepareLanes(query: number, laneMasks: number): void;
  releaseLanes(query: number): void;
  laneLcsLengthsInto(lanes: number, starts: number, from: number, to: number, query: number, carries: number, out: number): void;
  narrowLanesInto(lanes: number, positions: number, out: number): void;
  narrowLcsLengthsInto(narrow: number, starts: number, from: number, to: number, query: number, out: number): void;
  laneLcsLengthsAtLeastInto(
    lanes: number,
    starts: number,
    lengths: number,
    bags: number,
    from: number,
    to: number,
    query: number,
    scratch: number,
    cutoff: number,
    out: number,
  ): void;
  lcsLengthPair(a: number, aCount: number, b: number, bCount: number, table: number, scratch: number): number;
  pairScratchBytes(count: number): number;
  neededLcs(total: number, cutoff: number): number;
  indelRatio(candidate: number, count: number, query: number, carries: number): number;
  indelRatioAtLeast(candidate: number, count: number, query: number, carries: number, cutoff: number): number;
  indelRatioPair(a: number, aCount: number, b: number, bCount: number, table: number, scratch: number): number;
  indelRatiosInto(
    flat: number,
    offsets: number,
    from: number,
    to: number,
    query: number,
    carries: number,
    cutoff: number,
    indices: number,
    ratios: number,
  ): number;
  textQueryBytes(count: number, classes: number): bigint;
  prepareText(points: number, count: number, table: number, query: number, capacity: number): number;
  textMatchesInto(
    table: number,
    from: number,
    to: number,
    query: number,
    cutoff: number,
    work: number,
    carries: number,
    capacity: number,
    ids: number,
    ratios: number,
  ): number;
  addToLanes(
    ids: number,
    count: number,
    index: number,
    table: number,
    tableCount: number,
    rows: number,
    distinct: number,
    classes: number,
  ): number;
  addLatinToLanes(points: number, count: number, index: number, rows: number): void;
  clearClasses(distinct: number, classes: number, table: number): void;
  /** `isNarrow`: 1 or 0. */
  queryLanesLcsInto(
    lanes: number,
    isNarrow: number,
    starts: number,
    from: number,
    to: number,
    table: number,
    rows: number,
    stride: number,
    out: number,
  ): void;
  queryLanesRatiosInto(
    table: number,
    texts: number,
    counts: number,
    latinRows: number,
    classes: number,
    rows: number,
    work: number,
    stride: number,
    out: number,
  ): void;
  intersectionScratchBytes(classes: number): number;
  intersectionCount(candidate: number, count: number, query: number, scratch: number): number;
  intersectionCountsInto(flat: number, offsets: number, from: number, to: number, query: number, scratch: number, out: number): void;
  laneBagsInto(lanes: number, starts: number, from: number, to: number, bags: number): void;
  laneIntersectionCountsInto(
    lanes: number,
    starts: number,
    lengths: number,
    distinct: number,
    from: number,
    to: number,
    query: number,
    hits: number,
    out: number,
  ): void;
  sharedCountsInto(starts: number, places: number, idLimit: number, count: number, query: number, out: number): void;
  markHits(query: number, hits: number, value: number): void;
  blocksScratchBytes(count: number, queryCount: number): number;
  matchingBlocks(candidate: number, count: number, query: number, scratch: number, out: number): number;
  matchingBlocksInto(
    flat: number,
    offsets: number,
    from: number,
    to: number,
    query: number,
    scratch: number,
    starts: number,
    blocks: number,
  ): void;
  signatureInto(hashes: number, count: number, permutations: number, groups: number, out: number): void;
  distinctHashesInto(ids: number, count: number, symbolHashes: number, seen: number, hashes: number): number;
  signaturesInto(hashes: number, offsets: number, from: number, to: number, permutations: number, groups: number, out: number): void;
  agreement(a: number, b: number, values: number): number;
  multiplyAddsInto(hashes: number, offsets: number, from: number, to: number, parameters: number, tiles: number, out: number): void;
  onePermutationsInto(hashes: number, offsets: number, from: number, to: number, values: number, scratch: number, out: number): void;
  tokenHashesInto(bytes: number, offsets: number, from: number, to: number, out: number): void;
  bytesOfSignatures(signatures: number, count: number, values: number, stride: number, out: number): void;
  byteAgreementsInto(
    signature: number,
    signatures: number,
    count: number,
    values: number,
    stride: number,
    scratch: number,
    out: number,
  ): void;
  streamSum(address: number, bytes: number): number;
  agreementsInto(signature: number, signatures: number, count: number, values: number, out: number): void;
  /** 1 or 0. */
  sharesBand(a: number, b: number, bands: number, rows: number): number;
}
