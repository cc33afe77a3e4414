import { expect, it } from "vitest";
import { Indexer, type IndexerOptions } from "../../../src/engine/indexer.ts";
import { silentLogger } from "../../../src/log.ts";

it("puts a kb off while a load goes on, and indexes it when the load is over", async () => {
  const added: [from: number, to: number][] = [];
  let isLoading = true;
  const options = {
    state: {
      head: async (kb: string) => ({ kb, generation: 1, patternCount: 35 }),
      firstUnflushed: async () => undefined,
      listKbs: async () => [],
    },
    index: {
      mark: async () => 0,
      addPostings: async (_kb: string, _generation: number, from: number, to: number) => void added.push([from, to]),
      addFirstSymbols: async () => undefined,
      dropBefore: async () => undefined,
    },
    minhash: { recent: async () => undefined },
    buckets: {},
    log: silentLogger,
    step: 10,
    isLoading: () => isLoading,
  } as unknown as IndexerOptions;
  const indexer = new Indexer(options);
  indexer.notify("kb");
  await indexer.settle();
  expect(added).toEqual([]);
  isLoading = false;
  indexer.loaded();
  await indexer.settle();
  expect(added).toEqual([[0, 30]]);
  indexer.loaded();
  await indexer.settle();
  expect(added).toHaveLength(1);
  await indexer.close();
});
