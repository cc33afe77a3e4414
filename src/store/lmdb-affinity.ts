/** Affinities set as a whole, applied to a draft; `redis-affinity-script.ts` does the same in Lua. One write a symbol. */
import { EngineError } from "../errors.ts";
import { encodeSums } from "./affinity-entry.ts";
import type { Draft } from "./lmdb-commit.ts";
import { GenerationKeys } from "./lmdb-keys.ts";
import { encodeAffinityEntry } from "./outbox-entry.ts";
import { RecordWriter } from "./state-bytes.ts";
import { type HeadRecord, writeEmotives } from "./state-records.ts";
import type { SymbolSums } from "./state-store.ts";

/** Applies them as number `seq` and raises `head` (not its outbox positions). Answers the outbox entry. Errors: ENGRAM_STORE_REPLY. */
export function applyAffinities(draft: Draft, kbNumber: number, head: HeadRecord, seq: number, atMs: number, sums: SymbolSums): Buffer {
  const keys = new GenerationKeys(kbNumber, head.generation);
  for (const [id, record] of sums) {
    if (id >= head.symbolCount) throw unknownSymbol(id);
    if (record.length === 0) {
      draft.remove(keys.byId("a", id));
      continue;
    }
    const writer = new RecordWriter();
    writeEmotives(writer, record);
    draft.put(keys.byId("a", id), writer.finish());
  }
  head.seq = seq;
  return encodeAffinityEntry(head.generation, seq, atMs, encodeSums(sums));
}

const unknownSymbol = (id: number): EngineError =>
  new EngineError("ENGRAM_STORE_REPLY", `Symbol id ${id} was never given out in this generation.`);
