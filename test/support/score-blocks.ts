/** Score blocks as lists of readable entries. */
import type { ScoreBlock } from "../../src/wire/score-block.ts";

export interface KeptMatch {
  readonly key: number;
  readonly similarity: number;
  readonly patternId: number;
  readonly name: string;
  /** Symbol ids by event. */
  readonly events: readonly (readonly number[])[];
  readonly blocks: readonly (readonly [number, number, number])[];
}

/** Entries of one block, in its order. */
export function entriesOf(block: ScoreBlock): KeptMatch[] {
  return Array.from({ length: block.kept }, (_, e) => {
    const ids = [...block.symbolIds.subarray(block.symbolStarts[e], block.symbolStarts[e + 1])];
    let start = 0;
    return {
      key: block.keys[e]!,
      similarity: block.similarities[e]!,
      patternId: block.patternIds[e]!,
      name: Buffer.from(block.names.subarray(e * 20, (e + 1) * 20)).toString("hex"),
      events: [...block.eventEnds.subarray(block.eventStarts[e], block.eventStarts[e + 1])].map((end) => {
        const event = ids.slice(start, end);
        start = end;
        return event;
      }),
      blocks: Array.from({ length: block.blockStarts[e + 1]! - block.blockStarts[e]! }, (_, b) => {
        const at = (block.blockStarts[e]! + b) * 3;
        return [block.blocks[at]!, block.blocks[at + 1]!, block.blocks[at + 2]!] as const;
      }),
    };
  });
}

/** What all blocks kept together, greatest key first, then smaller name. */
export function keptOf(blocks: readonly ScoreBlock[]): KeptMatch[] {
  return blocks.flatMap(entriesOf).sort((a, b) => b.key - a.key || (a.name < b.name ? -1 : 1));
}
