/**
 * Affinities set as a whole, as bytes: the body of an outbox entry (`outbox-entry.ts`), read by Lua too (`redis-affinity-script.ts`).
 *
 *   body     u32 n │ (u32 symbol id │ block record) × n
 */
import { type RecordReader, RecordWriter } from "./state-bytes.ts";
import { readEmotives, writeEmotives } from "./state-records.ts";
import type { SymbolSums } from "./state-store.ts";

export function encodeSums(sums: SymbolSums): Buffer {
  const writer = new RecordWriter().u32(sums.length);
  for (const [id, record] of sums) {
    writer.u32(id);
    writer.block(() => writeEmotives(writer, record));
  }
  return writer.finish();
}

export function decodeSums(reader: RecordReader): SymbolSums {
  return Array.from({ length: reader.u32() }, () => {
    const id = reader.u32();
    return [id, readEmotives(reader.block())] as const;
  });
}
