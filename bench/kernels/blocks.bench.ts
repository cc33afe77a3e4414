/** Matching blocks: large vocabulary (mostly the greedy path), small vocabulary (block finding), long and degenerate pairs. */
import { Kernels } from "../../src/kernels/index.ts";
import { matchingBlocks } from "../../test/reference/blocks.ts";
import { type BenchCase, type BenchSuite, type OpenSuite, param, sumOf } from "../harness.ts";
import { columnOf, type IdColumn, idColumn } from "./inputs.ts";

export const openBlocksBench: OpenSuite = (mode): BenchSuite => {
  const cases: BenchCase[] = [];
  const opened: ReturnType<Kernels["query"]>[] = [];

  const add = (name: string, state: Uint32Array, input: IdColumn, twin = false): void => {
    const kernels = new Kernels();
    const column = kernels.column(input.flat, input.offsets);
    const query = kernels.query(state);
    opened.push(query);
    const blocksOf = (sequence: Uint32Array): number[] => matchingBlocks([...sequence], [...state]).flat();
    const expected = sumOf(input.sequences.map((sequence) => sumOf(blocksOf(sequence))));
    const items = input.sequences.length;
    cases.push({ name: `blocks/${name}`, unit: "pair", items, expected, run: () => sumOf(query.matchingBlocksOf(column).blocks) });
    if (!twin) return;
    cases.push({
      name: `blocks/${name}, twin`,
      unit: "pair",
      items,
      expected,
      run: () => sumOf(input.sequences.map((s) => sumOf(blocksOf(s)))),
    });
  };

  const column = (count: number, length: number, vocabulary: number, uniform: boolean, seed: number): IdColumn =>
    idColumn({ count, shortest: length, longest: length, vocabulary, seed, uniform });
  const count = param(mode, 20, 5_000);
  add("query 8, pattern 14, 50,000 symbols", column(1, 8, 50_000, false, 1).flat, column(count, 14, 50_000, false, 2));
  add("query 8, pattern 14, 40 symbols", column(1, 8, 40, true, 1).flat, column(count, 14, 40, true, 2), true);
  add("query 8, pattern 14, 8 symbols", column(1, 8, 8, true, 1).flat, column(count, 14, 8, true, 2));
  add("query 64, pattern 64, 40 symbols", column(1, 64, 40, true, 1).flat, column(param(mode, 5, 500), 64, 40, true, 2));
  add("query 65, pattern 64, 40 symbols", column(1, 65, 40, true, 1).flat, column(param(mode, 5, 500), 64, 40, true, 2));
  add("query 300, pattern 300, 4 symbols", column(1, 300, 4, true, 1).flat, column(param(mode, 1, 10), 300, 4, true, 2));
  const equal = (length: number): Uint32Array => new Uint32Array(length);
  add("all equal, query 64, pattern 200", equal(64), columnOf([equal(200)]));
  add("all equal, query 200, pattern 200", equal(200), columnOf([equal(200)]));
  return {
    cases,
    close: () =>
      opened.forEach((query) => {
        query.release();
      }),
  };
};
