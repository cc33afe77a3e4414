/** Rows of a flush batch: of a large one by another thread, while this one goes on; of a small one at once. */
import type { Packer } from "../pool/packer.ts";
import { type FlushRows, flushRows } from "../store/flush-rows.ts";
import type { EncodedEntries, FlushBatch } from "../store/state-store.ts";

/** From here on the thread's two messages cost less than what it takes off this one. */
const THREAD_FROM_ENTRIES = 500;

/** Errors: as `Packer.rows`. */
export function batchRows(packer: Packer, batch: FlushBatch): FlushRows | Promise<FlushRows> {
  const { encoded = [] } = batch;
  const count = encoded.reduce((sum, { entries }) => sum + entries.length, 0);
  return count < THREAD_FROM_ENTRIES ? flushRows(batch.entries) : packer.rows(encoded.map(joined));
}

function joined({ kb, entries }: EncodedEntries) {
  const ends = new Uint32Array(entries.length);
  let end = 0;
  entries.forEach(({ length }, at) => {
    end += length;
    ends[at] = end;
  });
  return { kb, bytes: Buffer.concat(entries, end), ends };
}
