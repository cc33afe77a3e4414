/**
 * What one request may carry, and how many requests may be inside at once. Everything is checked at the door, so that what gets past
 * it has a bounded cost. A value beyond its limit is a 422 that names the limit, a body beyond it a 413, a full house a 503.
 */
export interface HttpLimits {
  readonly bodyBytesMax: number;
  /** Sum of the announced body sizes of all requests inside. A single request is always let in. */
  readonly bodyBytesInFlightMax: number;
  readonly requestsInFlightMax: number;
  /** Time for a whole request to arrive. */
  readonly requestTimeoutMs: number;
  readonly symbolsPerObservationMax: number;
  readonly symbolBytesMax: number;
  readonly vectorsPerObservationMax: number;
  /** Numbers in all vectors of one observation. */
  readonly vectorNumbersMax: number;
  readonly emotivesPerObservationMax: number;
  readonly metadataBytesMax: number;
  readonly metadataDepthMax: number;
  readonly observationsPerSequenceMax: number;
  readonly sequencesPerCallMax: number;
  readonly symbolsPerSequenceMax: number;
  /** Lines of one bulk learn. */
  readonly patternLinesMax: number;
  /** Items of a page when the call does not say, and at most. */
  readonly pageDefault: number;
  readonly pageMax: number;
  readonly eventsPerStateMax: number;
  readonly nodeIdBytesMax: number;
  readonly uniqueIdBytesMax: number;
  readonly idempotencyKeyCharsMax: number;
  readonly ttlSecondsMax: number;
}

export const HTTP_LIMITS: HttpLimits = {
  // KATO declares 100 MB and enforces nothing; `observe-sequence` is what needs it.
  bodyBytesMax: 100 * 1024 * 1024,
  // Five of the largest bodies; each costs a few times its size once it is parsed.
  bodyBytesInFlightMax: 512 * 1024 * 1024,
  // A prediction holds its candidates while it waits for the pool; more than this only lengthens the queue.
  requestsInFlightMax: 1_024,
  // Node's own default: 100 MB at 3 Mbit/s.
  requestTimeoutMs: 300_000,
  // As many as a pattern may hold: one more could never be learned.
  symbolsPerObservationMax: 4_096,
  symbolBytesMax: 65_536,
  vectorsPerObservationMax: 256,
  vectorNumbersMax: 65_536,
  emotivesPerObservationMax: 1_000,
  metadataBytesMax: 1024 * 1024,
  // Far beyond what people nest, far below what exhausts the stack.
  metadataDepthMax: 100,
  observationsPerSequenceMax: 10_000,
  sequencesPerCallMax: 10_000,
  symbolsPerSequenceMax: 4_096,
  patternLinesMax: 100_000,
  pageDefault: 100,
  pageMax: 1_000,
  // An STM keeps its newest 1,000 events; a state that is no session's has no right to more.
  eventsPerStateMax: 1_000,
  nodeIdBytesMax: 4_096,
  uniqueIdBytesMax: 1_024,
  idempotencyKeyCharsMax: 200,
  // 100 years: beyond it dates end before sessions do.
  ttlSecondsMax: 3_153_600_000,
};
