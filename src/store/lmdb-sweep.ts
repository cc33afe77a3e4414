/** Generations that are over in LMDB: noted by a clear, removed slice by slice, so that a clear is instant however much was learned. */
import type { Draft } from "./lmdb-commit.ts";
import { GENERATION_TAGS, GenerationKeys, generationOf, kbNumberOf, overKey, tagEnd, tagStart } from "./lmdb-keys.ts";

const NOTHING = Buffer.alloc(0);
/** Generations looked at in one sweep: one that holds little costs seven seeks. */
const OVER_A_SWEEP = 1_000;

export function markOver(draft: Draft, kbNumber: number, generation: number): void {
  draft.put(overKey(kbNumber, generation), NOTHING);
}

/** Removes at most `limit` records; answers how many. */
export function sweepOver(draft: Draft, limit: number): number {
  let removed = 0;
  for (const over of draft.keys(tagStart("G"), tagEnd("G"), OVER_A_SWEEP)) {
    const keys = new GenerationKeys(kbNumberOf(over), generationOf(over));
    for (const tag of GENERATION_TAGS) {
      for (const key of draft.keys(keys.start(tag), keys.end(tag), limit - removed)) {
        draft.remove(key);
        removed += 1;
      }
      if (removed === limit) return removed;
    }
    draft.remove(over);
  }
  return removed;
}
