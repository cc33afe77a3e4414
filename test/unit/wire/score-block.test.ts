/** A score block is what was sealed; foreign bytes are refused. */
import { expect, test } from "vitest";
import { SCORE_VERSION } from "../../../assembly/layout.ts";
import { type ScoreParts, sealScoreBlock, viewScoreBlock } from "../../../src/wire/score-block.ts";

const parts: ScoreParts = {
  candidates: 9,
  stages: [
    { name: "minhash", candidatesIn: 9, candidatesOut: 7, nanoseconds: 12.5 },
    { name: "match", candidatesIn: 7, candidatesOut: 4, nanoseconds: 2 ** 40 },
  ],
  belowThreshold: 2,
  withoutBlocks: 1,
  matched: 4,
  keys: Float64Array.of(2.5, -1, -1),
  similarities: Float64Array.of(1, 0, 0.1),
  patternIds: Float64Array.of(2 ** 52 + 1, 0, 7),
  names: Uint8Array.from({ length: 60 }, (_, i) => i * 4),
  symbolStarts: Uint32Array.of(0, 3, 5, 6),
  symbolIds: Uint32Array.of(0, 0xffff_fffe, 2, 3, 4, 5),
  eventStarts: Uint32Array.of(0, 1, 2, 3),
  eventEnds: Uint16Array.of(3, 2, 65535),
  blockStarts: Uint32Array.of(0, 1, 1, 2),
  // Longer than what is used.
  blocks: Uint32Array.of(0, 1, 2, 3, 4, 5, 99, 99, 99),
};

test("what was sealed is seen", () => {
  expect(viewScoreBlock(sealScoreBlock(parts))).toEqual({ ...parts, pruned: 1, kept: 3, blocks: Uint32Array.of(0, 1, 2, 3, 4, 5) });
});

test("a block that kept nothing", () => {
  const none = new Uint32Array(1);
  const empty = {
    ...parts,
    keys: new Float64Array(0),
    similarities: new Float64Array(0),
    patternIds: new Float64Array(0),
    names: new Uint8Array(0),
  };
  const lists = { symbolStarts: none, symbolIds: new Uint32Array(0), eventStarts: none, eventEnds: new Uint16Array(0), blockStarts: none };
  const block = viewScoreBlock(sealScoreBlock({ ...empty, ...lists, blocks: new Uint32Array(0) }));
  expect([block.kept, block.pruned, block.symbolIds.length]).toEqual([0, 4, 0]);
});

test("foreign bytes are refused", () => {
  const refused = expect.objectContaining({ code: "ENGRAM_LAYOUT_MISMATCH" });
  const sealed = sealScoreBlock(parts);
  expect(() => viewScoreBlock(new ArrayBuffer(200))).toThrow(refused);
  expect(() => viewScoreBlock(sealed.slice(0, -8))).toThrow(refused);
  const other = sealed.slice();
  new Uint8Array(other)[SCORE_VERSION]! ^= 1;
  expect(() => viewScoreBlock(other)).toThrow(refused);
});
