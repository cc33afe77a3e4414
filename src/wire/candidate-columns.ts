/**
 * A range of candidates as columns, as the pattern store reads them: views over foreign bytes, not yet a sealed batch.
 * Offsets are ClickHouse's: for row r the end (not the start) of its items in the flat column, cumulative from `base` on.
 */
export interface CandidateColumns {
  readonly rows: number;
  /** u64 little endian, rows of them. */
  readonly patternIds: Uint8Array;
  /** 20 bytes a row: the pattern name. */
  readonly names: Uint8Array;
  /** u16 a row: how many distinct symbols. */
  readonly distinctCounts: Uint8Array;
  /** u64 a row: end of the row's symbols in `symbolIds`, counted from `symbolBase`. */
  readonly symbolEnds: Uint8Array;
  readonly symbolBase: number;
  /** u32 a symbol. */
  readonly symbolIds: Uint8Array;
  /** u64 a row: end of the row's entries in `eventEnds`, counted from `eventBase`. */
  readonly eventOffsets: Uint8Array;
  readonly eventBase: number;
  /** u16 an event: cumulative count of the row's symbols at the event's end. */
  readonly eventEnds: Uint8Array;
}
/** Where these arrays come from nothing is aligned: read them byte-wise or copy them as they are. */
