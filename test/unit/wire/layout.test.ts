/** Regions of a thread's scratch follow each other, hold what they are for, and start where their types want. */
import { expect, test } from "vitest";
import * as layout from "../../../assembly/layout.ts";

const PATTERN = layout.PATTERN_SYMBOLS_MAX;

/** Region, where it starts, bytes it needs. */
const REGIONS: readonly (readonly [name: string, at: number, bytes: number])[] = [
  ["context", layout.SCRATCH_CONTEXT, layout.CONTEXT_EPOCH + 4],
  ["survivors", layout.SCRATCH_SURVIVORS, layout.BATCH_ROWS_MAX * 4],
  ["similarities", layout.SCRATCH_SIMILARITIES, layout.BATCH_ROWS_MAX * 8],
  ["heap", layout.SCRATCH_HEAP, layout.BATCH_ROWS_MAX * layout.HEAP_ENTRY_BYTES],
  ["stamps", layout.SCRATCH_STAMPS, layout.QUERY_SYMBOLS_MAX * 4],
  ["blocks", layout.SCRATCH_BLOCKS, PATTERN * 12],
  // A bit row a level: 64 levels of a pattern's symbols; beside them less than 64 bytes a symbol.
  ["blocks work", layout.SCRATCH_BLOCKS_WORK, 64 * (PATTERN + 1) * 8 + PATTERN * 64],
  ["hashes", layout.SCRATCH_HASHES, PATTERN * 4],
  ["candidate signature", layout.SCRATCH_CANDIDATE_SIGNATURE, layout.SIGNATURE_VALUES * 4],
  ["query signature", layout.SCRATCH_QUERY_SIGNATURE, layout.SIGNATURE_VALUES * 4],
  ["carries", layout.SCRATCH_CARRIES, Math.max(layout.TEXT_POINTS_MAX, PATTERN)],
  ["text", layout.SCRATCH_TEXT, layout.TEXT_POINTS_MAX * 4],
  ["token query", layout.SCRATCH_TOKEN_QUERY, layout.SCRATCH_TOKEN_QUERY_BYTES],
  ["text query", layout.SCRATCH_TEXT_QUERY, layout.SCRATCH_TEXT_QUERY_BYTES],
  ["query block", layout.SCRATCH_QUERY_BLOCK, layout.SCRATCH_QUERY_BLOCK_BYTES],
  ["code point classes", layout.SCRATCH_POINT_CLASSES, layout.CODE_POINTS * 2],
  ["row", layout.SCRATCH_ROW, PATTERN * 4],
  ["lane lengths", layout.SCRATCH_LANE_LENGTHS, layout.RESIDENT_LANES * 20 + 16],
  ["end", layout.SCRATCH_BYTES, 0],
];

test("no region of the scratch reaches into the next", () => {
  REGIONS.slice(1).forEach(([name, at], i) => {
    const [previous, start, bytes] = REGIONS[i]!;
    expect([previous, start + bytes <= at, name, at % 8]).toEqual([previous, true, name, 0]);
  });
  expect(layout.SCRATCH_BYTES % 65536).toBe(0);
});

test("the token query holds a state of all different symbols", () => {
  const count = layout.QUERY_SYMBOLS_MAX;
  const words = Math.ceil(Math.ceil(count / 63) / 2) * 2;
  expect(layout.QUERY_HEADER_BYTES + count * 14 + 16 + (count + 1) * words * 8).toBeLessThanOrEqual(layout.SCRATCH_TOKEN_QUERY_BYTES);
});

test("a short state leaves the lane masks their room in the token query's", () => {
  const count = layout.SHORT_QUERY_MAX;
  const end = layout.SCRATCH_TOKEN_QUERY + layout.QUERY_HEADER_BYTES + count * 14 + 16 + (count + 1) * 8;
  expect(end).toBeLessThanOrEqual(layout.SCRATCH_LANE_MASKS);
  const room = layout.SCRATCH_TOKEN_QUERY + layout.SCRATCH_TOKEN_QUERY_BYTES;
  expect(layout.SCRATCH_LANE_MASKS + layout.LANE_MASKS * 8).toBeLessThanOrEqual(room);
});

test("the reserved page holds leases and permutations", () => {
  expect(layout.POOL_LEASES + layout.POOL_THREADS_MAX * 4).toBeLessThanOrEqual(layout.POOL_LEASES_DIRTY);
  expect(layout.POOL_LEASES_DIRTY + layout.POOL_THREADS_MAX * 4).toBeLessThanOrEqual(layout.POOL_PERMUTATIONS);
  expect(layout.POOL_PERMUTATIONS + (layout.SIGNATURE_VALUES / 4) * layout.PERMUTATION_GROUP_BYTES).toBeLessThanOrEqual(layout.POOL_SLOTS);
});

test("what a batch's index is sorted in has room for a slot full of symbols, behind the lane masks and within the token query's", () => {
  expect(layout.SCRATCH_SEAL_WORK).toBeGreaterThanOrEqual(layout.SCRATCH_LANE_MASKS + layout.LANE_MASKS * 8);
  const end = layout.SCRATCH_SEAL_WORK + layout.SCRATCH_SEAL_WORK_BYTES;
  expect(end).toBeLessThanOrEqual(layout.SCRATCH_TOKEN_QUERY + layout.SCRATCH_TOKEN_QUERY_BYTES);
  const symbols = layout.SLOT_BYTES / 4;
  expect(64 + 2048 * 4 + 2 * symbols * 8).toBeLessThanOrEqual(layout.SCRATCH_SEAL_WORK_BYTES);
  expect(layout.BATCH_ROWS_MAX + 16).toBeLessThanOrEqual(layout.SCRATCH_HEAP - layout.SCRATCH_SHARED);
});

test("what signs a slot of rows for their bands has room in the same place", () => {
  expect(layout.SCRATCH_BAND_PARAMETERS).toBe(layout.SCRATCH_SEAL_WORK);
  const parameterBytes = Math.max((layout.BAND_VALUES_MAX / 4) * layout.PERMUTATION_GROUP_BYTES, layout.BAND_VALUES_MAX * 8);
  expect(parameterBytes).toBeLessThanOrEqual(layout.SCRATCH_BAND_WORK - layout.SCRATCH_BAND_PARAMETERS);
  expect(layout.BAND_VALUES_MAX * 5).toBeLessThanOrEqual(layout.SCRATCH_BAND_KEYS - layout.SCRATCH_BAND_WORK);
  // A band has a row at least, and a setting offers 32 of them at most.
  const end = layout.SCRATCH_BAND_KEYS + layout.BATCH_ROWS_MAX * 32 * 4;
  expect(end).toBeLessThanOrEqual(layout.SCRATCH_SEAL_WORK + layout.SCRATCH_SEAL_WORK_BYTES);
});
