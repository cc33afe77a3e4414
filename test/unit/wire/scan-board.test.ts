import { expect, test } from "vitest";
import { ScanBoard } from "../../../src/wire/scan-board.ts";

const slices = [
  [[64, 0, 8]],
  [[64, 8, 16]],
  [
    [64, 16, 20],
    [128, 0, 4],
  ],
  [[128, 4, 12]],
] as const;

test("a slice has one taker until it is released, and only its own task's slices are", () => {
  const board = ScanBoard.make(slices, 0, 1);
  const other = new ScanBoard(board.buffer);
  expect([board.take(0, 7), other.take(0, 8), other.take(1, 8), board.take(2, 7)]).toEqual([true, false, true, true]);
  expect([board.hasFree(0, 3), board.hasFree(0, 4)]).toEqual([false, true]);
  other.release(7);
  expect([0, 1, 2, 3].map((slice) => board.take(slice, 9))).toEqual([true, false, true, true]);
  expect(board.hasFree(0, 4)).toBe(false);
});

test("pieces that follow each other in a block are one", () => {
  const board = ScanBoard.make(slices, 0, 1);
  expect(board.pieces(0, 4)).toEqual([
    [64, 0, 20],
    [128, 0, 12],
  ]);
  expect(board.pieces(1, 2)).toEqual([[64, 8, 16]]);
  expect(board.pieces(2, 2)).toEqual([]);
});

test("the floor only rises, below zero too, and every view sees it", () => {
  const board = ScanBoard.make(slices, Number.NEGATIVE_INFINITY, 2);
  const other = new ScanBoard(board.buffer);
  const seen = [-3, -4, -0.5, 0, -1, 0.25, 1e300, 2].map((floor) => {
    board.raiseFloor(floor);
    return other.floor;
  });
  expect(seen).toEqual([-3, -3, -0.5, 0, 0, 0.25, 1e300, 1e300]);
});

test("what all sharers have their share of is a floor, however often they speak, and never lower than before", () => {
  const board = ScanBoard.make(slices, -2, 3);
  const views = [board, new ScanBoard(board.buffer), new ScanBoard(board.buffer)];
  const seen = (
    [
      [0, 0.5],
      [1, 0.25],
      [2, -1],
      [2, 0.75],
      [1, 0.125],
      [1, 0.625],
    ] as const
  ).map(([sharer, key]) => {
    views[sharer]!.raiseShare(sharer, key);
    return board.floor;
  });
  expect(seen).toEqual([-2, -2, -1, 0.25, 0.25, 0.5]);
  board.raiseFloor(0.9);
  board.raiseShare(0, 0.6);
  expect(board.floor).toBe(0.9);
});

test("stop and yield are seen by every view", () => {
  const board = ScanBoard.make([], 0, 3);
  const other = new ScanBoard(board.buffer);
  expect([other.slices, other.isStopped, other.isYielding]).toEqual([0, false, false]);
  board.isYielding = true;
  board.stop();
  expect([other.isStopped, other.isYielding]).toEqual([true, true]);
  board.isYielding = false;
  expect(other.isYielding).toBe(false);
});
