/**
 * The candidates of the one-symbol path, out of columns that hold only patterns which begin with the symbol. Without affinity the
 * shortest pattern is the best (potential 2 + 1/N), ties to the smaller name, so a bounded list of the best so far is enough.
 */
import { EngineError } from "../errors.ts";
import type { ScoreOptions } from "../pool/kernel-pool.ts";
import type { CandidateColumns } from "../wire/candidate-columns.ts";

export interface OneSymbolMatch {
  readonly name: string;
  readonly patternId: number;
  readonly symbolIds: Uint32Array;
  readonly eventEnds: Uint16Array;
}

export interface OneSymbolScan {
  /** The `keep` shortest, ties to the smaller name; in no order. */
  readonly kept: readonly OneSymbolMatch[];
  readonly candidates: number;
  readonly readMicroseconds: number;
}

const byLength = (a: OneSymbolMatch, b: OneSymbolMatch): number => a.symbolIds.length - b.symbolIds.length || (a.name < b.name ? -1 : 1);

/** A buffer of its own: Buffer's slice would share the block's, and the parts are not aligned in it. */
const copied = (bytes: Uint8Array, from: number, to: number): ArrayBuffer => Uint8Array.from(bytes.subarray(from, to)).buffer;

export async function matchesOf(columns: AsyncIterable<CandidateColumns>, keep: number, options: ScoreOptions): Promise<OneSymbolScan> {
  let kept: OneSymbolMatch[] = [];
  /** Longer patterns cannot be among the best any more. */
  let longest = Number.POSITIVE_INFINITY;
  let candidates = 0;
  let readMs = 0;
  let before = performance.now();
  for await (const part of columns) {
    readMs += performance.now() - before;
    if (options.signal?.aborted) throw new EngineError("ENGRAM_ABORTED", "The caller ended the request.");
    if (performance.now() > (options.deadlineAt ?? Number.POSITIVE_INFINITY)) {
      throw new EngineError("ENGRAM_DEADLINE", "The prediction took longer than the deadline allows. Try again, or raise deadlineMs.");
    }
    candidates += part.rows;
    const symbolEnds = new DataView(part.symbolEnds.buffer, part.symbolEnds.byteOffset);
    const eventOffsets = new DataView(part.eventOffsets.buffer, part.eventOffsets.byteOffset);
    const end = (view: DataView, row: number, base: number): number => (row < 0 ? 0 : Number(view.getBigUint64(row * 8, true)) - base);
    for (let row = 0; row < part.rows; row++) {
      const from = end(symbolEnds, row - 1, part.symbolBase);
      const to = end(symbolEnds, row, part.symbolBase);
      if (to - from > longest) continue;
      const eventFrom = end(eventOffsets, row - 1, part.eventBase);
      const eventTo = end(eventOffsets, row, part.eventBase);
      kept.push({
        name: Buffer.from(part.names.subarray(row * 20, row * 20 + 20)).toString("hex"),
        patternId: end(new DataView(part.patternIds.buffer, part.patternIds.byteOffset), row, 0),
        symbolIds: new Uint32Array(copied(part.symbolIds, from * 4, to * 4)),
        eventEnds: new Uint16Array(copied(part.eventEnds, eventFrom * 2, eventTo * 2)),
      });
      if (kept.length >= 2 * keep + 1_000) {
        kept = kept.sort(byLength).slice(0, keep);
        longest = kept.at(-1)!.symbolIds.length;
      }
    }
    before = performance.now();
  }
  return { kept: kept.length > keep ? kept.sort(byLength).slice(0, keep) : kept, candidates, readMicroseconds: readMs * 1000 };
}
