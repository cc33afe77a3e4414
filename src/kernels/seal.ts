/**
 * A candidate batch made into a resident block, on whichever thread this is called. Cost: about ten nanoseconds a symbol, once a block; some
 * milliseconds for 30,000 patterns of 14 symbols. No query stays loaded.
 */
import { BATCH_BYTES, SLOT_BYTES } from "../../assembly/layout.ts";
import { EngineError } from "../errors.ts";
import { viewCandidateBatch } from "../wire/candidate-batch.ts";
import type { PoolInstance } from "./instance.ts";

/**
 * Makes the batch at `batch` a resident block at `block` (8-byte aligned, outside the batch of at most SLOT_BYTES) and returns the block's bytes. `symbolCount`:
 * the kb's symbols, all ids are below. `withIndex`: worth its making from some hundred queries on. Errors: ENGRAM_STORE_REPLY for rows that are no patterns, ENGRAM_LIMIT_EXCEEDED if the block
 * is larger than `capacity`: then nothing was written.
 */
export function sealResidentBlock(
  instance: PoolInstance,
  batch: number,
  block: number,
  capacity: number,
  symbolCount: number,
  withIndex: boolean,
): number {
  const { kernels, scratch } = instance;
  const { rows } = viewCandidateBatch(instance.bytes, batch);
  const batchBytes = instance.words[(batch + BATCH_BYTES) / 4]!;
  if (batchBytes > SLOT_BYTES) {
    throw new EngineError("ENGRAM_LIMIT_EXCEEDED", `A batch of ${batchBytes} bytes is made a resident block; ${SLOT_BYTES} is the most.`);
  }
  const bad = kernels.firstBadRow(batch, 0, rows, symbolCount);
  if (bad !== 0) {
    throw new EngineError("ENGRAM_STORE_REPLY", `Row ${bad - 1} of a candidate batch is no pattern of a kb of ${symbolCount} symbols.`);
  }
  // The index is sorted in the room of a loaded query.
  instance.unloadQuery();
  const bytes = kernels.planResident(scratch, batch, withIndex) >>> 0;
  if (bytes > capacity) {
    throw new EngineError("ENGRAM_LIMIT_EXCEEDED", `A resident block of ${rows} rows takes ${bytes} bytes; ${capacity} are there for it.`);
  }
  kernels.sealResident(scratch, batch, block);
  return bytes;
}
